"""What reading files kept, and what it left out and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from convncf.data.reading.sources import Ignored
from convncf.data.timestamps import UNIT_WORDS, TimeUnit

FIRST_LINES = 5
"""How many line numbers are named for each reason."""

_SHOWN_UNUSED = 12

DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank", "::": "double colon"}

Role = Literal["interactions", "training", "validation", "test", "titles", "candidates"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows left out for one reason."""

    reason: str
    count: int
    first_lines: tuple[int, ...]
    """Physical line numbers, from 1, of the first of them."""
    file: str = ""
    """Which file the lines are of, where several were read."""

    def __str__(self) -> str:
        return f"{counted(self.count, 'row')}, {self.reason} ({on_lines(self.first_lines, self.count, self.file)})"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """How the times of a file were read."""

    unit: TimeUnit
    """What the integers count since 1970-01-01 UTC."""
    format: str
    first: str
    """Earliest date, YYYY-MM-DD in UTC."""
    last: str

    def __str__(self) -> str:
        return f"{self.format}: {self.first} to {self.last} (UTC)"


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file: how it was read, and that each of its lines is accounted for.

    The lines add up: lines = header + blank + continuation + records. A record names one row; in a list of a user's
    items it names as many rows as items, and in Parquet, which has no lines, a row is a line.
    """

    file: str
    role: Role
    format: str
    """In words."""
    encoding: str
    delimiter: str
    columns: dict[str, str]
    """Role -> name of the column that was read for it; numbers from 1 where no header names them."""
    header: int
    """1 where the first line names the columns, else 0."""
    lines: int
    """Physical lines."""
    blank: int
    continuation: int
    records: int
    rows: int
    """What the records name: interactions, titles or candidate sets."""
    unused: tuple[str, ...] = ()
    """Columns that nothing was read from, whatever they hold; those of the ids and so on are in `columns`."""

    def __post_init__(self) -> None:
        accounted = self.header + self.blank + self.continuation + self.records
        if accounted != self.lines:
            raise AssertionError(f"{self.file}: {self.lines} lines, of which {accounted} are accounted for")

    def __str__(self) -> str:
        told = [f"{self.file} ({self.role}): {self.format}"]
        told += [self.encoding] if self.encoding else []
        told += [f"delimiter {DELIMITER_WORDS.get(self.delimiter, repr(self.delimiter))}"] if self.delimiter else []
        told += [f"{role} = {column!r}" for role, column in self.columns.items()]
        if self.delimiter and not self.header:
            told.append("no header, columns by number")
        if self.unused:
            more = len(self.unused) - _SHOWN_UNUSED
            names = ", ".join(map(repr, self.unused[:_SHOWN_UNUSED]))
            told.append(f"not used: {names}{f' and {more} more' if more > 0 else ''}")
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class TitlesRead:
    """How a file of titles met the items."""

    file: str
    items: int
    """Items that occur in interactions or candidates."""
    titled: int
    unused: int
    """Ids in the file that no interaction has."""


@dataclass(frozen=True, slots=True)
class CandidatesRead:
    """Stored candidate sets, as published, and what is wrong with them."""

    file: str
    sets: int
    smallest: int
    largest: int
    answer_copies: int
    """Places where a set holds its own answer among the negatives."""
    repeats: int
    """Places where a set holds a negative for the second time or more."""
    seen_in_training: int
    """Negatives that the user has in training, each counted once a set."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What reading kept, and what it left out and why.

    The rows add up: rows of the files with interactions = kept + exact_duplicates + repeats + dropped; and each file's
    lines add up, as FileRead says.
    """

    file: str
    """The name of the file, or of the archive or the first of several, without its folder."""
    files: tuple[FileRead, ...]
    """Those with interactions first."""
    ignored: tuple[Ignored, ...]
    """Files that were there and not read."""
    kept: int
    """Distinct user-item pairs that became interactions."""
    dropped: tuple[Dropped, ...]
    """Each reason with its count and first line numbers."""
    exact_duplicates: int
    """Rows equal to an earlier one in user, item, rating and time."""
    repeats: int
    """Rows of a pair that occurs again with another rating or time."""
    most_repeated: int
    """Rows of the pair that occurs most often; 1 where none repeats."""
    kept_row: str
    """'latest' or 'first': which row of a repeated pair stayed."""
    n_users: int
    n_items: int
    split: dict[str, int] | None
    """Interactions in training, validation and test where the data came divided; None where it did not."""
    time: TimeSpan | None
    titles: TitlesRead | None
    candidates: CandidatesRead | None
    warnings: tuple[str, ...]
    """What is likely to be wrong, each a sentence without its full stop."""
    notes: tuple[str, ...]
    """What else was done or seen, each in words."""

    def __post_init__(self) -> None:
        accounted = self.kept + self.merged + self.n_dropped
        if accounted != self.rows:
            raise AssertionError(f"{self.file}: {self.rows} rows, of which {accounted} are accounted for")

    @property
    def interaction_files(self) -> tuple[FileRead, ...]:
        """The files whose rows are interactions."""
        return tuple(read for read in self.files if read.role not in ("titles", "candidates"))

    @property
    def encoding(self) -> str:
        """In which encoding the first file was read."""
        return self.files[0].encoding

    @property
    def delimiter(self) -> str:
        """What divides the first file's fields."""
        return self.files[0].delimiter

    @property
    def columns(self) -> dict[str, str]:
        """Role -> column of the first file."""
        return self.files[0].columns

    @property
    def lines(self) -> int:
        """Physical lines of the files with interactions, headers included."""
        return sum(read.lines for read in self.interaction_files)

    @property
    def header(self) -> int:
        """How many of the lines are headers."""
        return sum(read.header for read in self.interaction_files)

    @property
    def blank(self) -> int:
        """Lines with nothing on them, or only blanks."""
        return sum(read.blank for read in self.interaction_files)

    @property
    def continuation(self) -> int:
        """Lines that belong to a quoted field which began on an earlier line."""
        return sum(read.continuation for read in self.interaction_files)

    @property
    def rows(self) -> int:
        """Rows that hold something, headers left out."""
        return sum(read.rows for read in self.interaction_files)

    @property
    def merged(self) -> int:
        """Rows of a pair that was kept already."""
        return self.exact_duplicates + self.repeats

    @property
    def n_dropped(self) -> int:
        """Rows left out, whatever the reason."""
        return sum(dropped.count for dropped in self.dropped)

    def sentences(self) -> tuple[str, ...]:
        """The report in words, the most important first."""
        from convncf.data.reading.wording import sentences

        return sentences(self)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, with the sums, and in words."""
        plain = asdict(self)
        for dropped in plain["dropped"]:
            dropped["first_lines"] = list(dropped["first_lines"])
        plain |= {name: list(plain[name]) for name in ("files", "ignored", "dropped", "warnings", "notes")}
        if self.time:
            plain["time"]["unit_words"] = UNIT_WORDS[self.time.unit]
        names = ("encoding", "delimiter", "columns", "lines", "header", "blank", "continuation", "rows", "merged")
        sums = {name: getattr(self, name) for name in (*names, "n_dropped")}
        return plain | sums | {"sentences": list(self.sentences())}


def counted(n: int, noun: str) -> str:
    """'1 row', '2,000 rows'."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def on_lines(first: tuple[int, ...], count: int, file: str = "") -> str:
    """'line 3', 'lines 3, 5, … of b.csv': where the first of `count` are."""
    numbers = ", ".join(str(line) for line in first)
    of = f" of {file}" if file else ""
    return f"line{'' if count == 1 else 's'} {numbers}{', …' if count > len(first) else ''}{of}"
