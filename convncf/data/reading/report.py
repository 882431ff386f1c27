"""What reading files kept and dropped, and why; in sentences too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convncf.data.formats import DELIMITER_WORDS, UNIT_WORDS, TimeUnit
from convncf.data.reading.sources import Ignored

FIRST_LINES = 5
"""How many line numbers are given for each reason."""
_SHOWN_UNUSED = 12
Role = Literal["interactions", "training", "validation", "test", "titles", "candidates"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows dropped for one reason."""

    reason: str
    count: int
    first_lines: tuple[int, ...]
    """Physical line numbers, from 1, of the first of them."""
    file: str = ""
    """The file of the lines, where several were read."""

    def __str__(self) -> str:
        return f"{counted(self.count, 'row')}, {self.reason} ({on_lines(self.first_lines, self.count, self.file)})"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """How the times of a file were read."""

    unit: TimeUnit
    """The unit of the integers since 1970-01-01 UTC."""
    format: str
    first: str
    """Earliest date, YYYY-MM-DD in UTC."""
    last: str

    def __str__(self) -> str:
        return f"{self.format}: {self.first} to {self.last} (UTC)"


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file: how it was read, and that each of its lines is accounted for.

    The lines add up: lines = header + blank + continuation + records. A record holds one row; a list of a user's
    items holds as many rows as items, and in Parquet, which has no lines, a row is a line.
    """

    file: str
    role: Role
    format: str
    """A phrase, such as delimited text."""
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
    """Rows in the records: interactions, titles or candidate sets."""
    unused: tuple[str, ...] = ()
    """Columns that were not read; those that were are in `columns`."""

    def __post_init__(self) -> None:
        accounted = self.header + self.blank + self.continuation + self.records
        if accounted != self.lines:
            raise AssertionError(f"{self.file}: {accounted} of {self.lines} lines are accounted for")

    def __str__(self) -> str:
        phrases = [f"{self.file} ({self.role}): {self.format}"]
        phrases += [self.encoding] if self.encoding else []
        phrases += [f"delimiter {DELIMITER_WORDS.get(self.delimiter, repr(self.delimiter))}"] if self.delimiter else []
        phrases += [f"{role} = {column!r}" for role, column in self.columns.items()]
        if self.delimiter and not self.header:
            phrases.append("no header, columns by number")
        if self.unused:
            more = len(self.unused) - _SHOWN_UNUSED
            names = ", ".join(map(repr, self.unused[:_SHOWN_UNUSED]))
            phrases.append(f"not used: {names}{f' and {more} more' if more > 0 else ''}")
        return ", ".join(phrases)


@dataclass(frozen=True, slots=True)
class TitlesRead:
    """How many items have a title in a file of titles."""

    file: str
    items: int
    """Items that occur in interactions or candidates."""
    titled: int
    unused: int
    """Ids in the file that no interaction has."""


@dataclass(frozen=True, slots=True)
class CandidatesRead:
    """Stored candidate sets, as published, and their faults."""

    file: str
    sets: int
    smallest: int
    largest: int
    answer_copies: int
    """Negatives that equal the positive of their set."""
    repeats: int
    """Negatives that occur again in their set."""
    seen_in_training: int
    """Negatives that the user has in training, each counted once a set."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What reading kept and dropped, and why.

    The rows add up: rows of the files with interactions = kept + exact_duplicates + repeats + dropped; and each file's
    lines add up, as FileRead says.
    """

    file: str
    """The name of the file, or of the archive or the first of several, without its folder."""
    files: tuple[FileRead, ...]
    """Those with interactions first."""
    ignored: tuple[Ignored, ...]
    """Files that were not read, and why."""
    kept: int
    """Distinct user-item pairs that became interactions."""
    dropped: tuple[Dropped, ...]
    """Each reason with its count and first line numbers."""
    exact_duplicates: int
    """Rows equal to an earlier row in user, item, rating and time."""
    repeats: int
    """Rows of a pair that occurs again with another rating or time."""
    most_repeated: int
    """Rows of the pair that occurs most often; 1 where none repeats."""
    kept_row: str
    """'latest' or 'first': which row of a repeated pair was kept."""
    n_users: int
    n_items: int
    split: dict[str, int] | None
    """Interactions in training, validation and test of a predefined split; None where there is none."""
    time: TimeSpan | None
    titles: TitlesRead | None
    candidates: CandidatesRead | None
    warnings: tuple[str, ...]
    """What is probably wrong, each a sentence without its full stop."""
    notes: tuple[str, ...]
    """What else was done or detected, each a phrase."""

    def __post_init__(self) -> None:
        accounted = self.kept + self.merged + self.n_dropped
        if accounted != self.rows:
            raise AssertionError(f"{self.file}: {accounted} of {self.rows} rows are accounted for")

    @property
    def interaction_files(self) -> tuple[FileRead, ...]:
        """The files whose rows are interactions."""
        return tuple(file for file in self.files if file.role not in ("titles", "candidates"))

    @property
    def encoding(self) -> str:
        """The encoding in which the first file was read."""
        return self.files[0].encoding

    @property
    def delimiter(self) -> str:
        """The delimiter of the first file."""
        return self.files[0].delimiter

    @property
    def columns(self) -> dict[str, str]:
        """Role -> column of the first file."""
        return self.files[0].columns

    @property
    def lines(self) -> int:
        """Physical lines of the files with interactions, headers included."""
        return sum(file.lines for file in self.interaction_files)

    @property
    def header(self) -> int:
        """How many of the lines are headers."""
        return sum(file.header for file in self.interaction_files)

    @property
    def blank(self) -> int:
        """Lines that are empty or hold only blanks."""
        return sum(file.blank for file in self.interaction_files)

    @property
    def continuation(self) -> int:
        """Lines that belong to a quoted field which began on an earlier line."""
        return sum(file.continuation for file in self.interaction_files)

    @property
    def rows(self) -> int:
        """Rows that are not empty, without headers."""
        return sum(file.rows for file in self.interaction_files)

    @property
    def merged(self) -> int:
        """Rows of a pair that was kept already."""
        return self.exact_duplicates + self.repeats

    @property
    def n_dropped(self) -> int:
        """Dropped rows, for any reason."""
        return sum(dropped.count for dropped in self.dropped)

    def sentences(self) -> tuple[str, ...]:
        """The report in sentences, the most important first."""

        return sentences(self)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values, with the sums and the sentences."""
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
    of_file = f" of {file}" if file else ""
    return f"line{'' if count == 1 else 's'} {numbers}{', …' if count > len(first) else ''}{of_file}"


def sentences(report: ReadReport) -> tuple[str, ...]:
    """The report in sentences, the most important first."""
    sizes = f"{counted(report.n_users, 'user')} with {counted(report.n_items, 'item')}"
    lines = [f"From {counted(report.rows, 'row')}: {counted(report.kept, 'interaction')} of {sizes}."]
    lines += [f"Warning: {warning}{'' if warning.endswith('?') else '.'}" for warning in report.warnings]
    lines += [f"Dropped: {dropped}." for dropped in report.dropped]
    if report.merged:
        lines.append(
            f"Merged: {counted(report.exact_duplicates, 'exact duplicate')} and {counted(report.repeats, 'repeat')} "
            f"of a pair (at most {report.most_repeated:,} rows of one). Kept: the {report.kept_row}."
        )
    if report.split:
        parts = ", ".join(f"{count:,} for {part}" for part, count in report.split.items())
        lines.append(f"Predefined split: {parts}.")
    if report.time:
        lines.append(f"Times: {report.time}.")
    if report.titles:
        lines.append(_titles(report.titles))
    if report.candidates:
        lines.append(_candidates(report.candidates))
    lines += [f"{note}." for note in report.notes]
    if report.ignored:
        lines.append(f"Not read: {'; '.join(f'{file.file} ({file.why})' for file in report.ignored)}.")
    lines += [f"Read {file_read}." for file_read in report.files]
    return tuple(lines)


def _titles(titles: TitlesRead) -> str:
    unused = f"; {counted(titles.unused, 'id')} of the file occur in no interaction" if titles.unused else ""
    return f"Titles: {titles.titled:,} of {counted(titles.items, 'item')} have one in {titles.file}{unused}."


def _candidates(candidates: CandidatesRead) -> str:
    size = (
        f"{candidates.smallest:,} negatives each"
        if candidates.smallest == candidates.largest
        else f"{candidates.smallest:,} to {candidates.largest:,} negatives"
    )
    copies = "copy" if candidates.answer_copies == 1 else "copies"
    return (
        f"Candidates as published in {candidates.file}: {counted(candidates.sets, 'set')} with {size}; in them "
        f"{candidates.answer_copies:,} {copies} of the positive, {counted(candidates.repeats, 'repeat')}, "
        f"{candidates.seen_in_training:,} seen in training."
    )


Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Lines = npt.NDArray[np.int32] | Int64s


class DroppedRows:
    """The rows still kept, and those dropped, each once and with a reason."""

    def __init__(self, line: Lines, file: npt.NDArray[np.int16] | None = None, names: Sequence[str] = ("",)) -> None:
        """`line` (n,): the physical line of each row; `file` (n,): the index in `names` of its file."""
        self.line = line
        self.file = np.zeros(len(line), np.int16) if file is None else file
        self.rows: Int64s = np.arange(len(line))
        """Rows not dropped, in the order of the files."""
        self._names = names if len(names) > 1 else ("",)
        self._dropped: list[Dropped] = []

    def drop(self, reason: str, leaving: Bools) -> Bools:
        """Drop those of the `rows` that are `leaving` (m,); returns which stay (m,), by which columns are filtered."""
        if leaving.any():
            for file, name in enumerate(self._names):
                here = leaving & (self.file[self.rows] == file) if len(self._names) > 1 else leaving
                if here.any():
                    self._dropped.append(Dropped(reason, int(here.sum()), self.first_lines(here), name))
            self.rows = self.rows[~leaving]
        return ~leaving

    def note(self, dropped: Sequence[Dropped]) -> None:
        """Count rows that a reader has dropped already."""
        self._dropped.extend(dropped)

    def first_lines(self, among: Bools) -> tuple[int, ...]:
        """Physical lines of the first of the `rows` that are `among` (m,)."""
        return tuple(int(line) for line in self.line[self.rows[np.flatnonzero(among)[:FIRST_LINES]]])

    def where(self, among: Bools) -> str:
        """'lines 3, 5, … of b.csv': the first of the `rows` that are `among`, in the first file that has any."""
        file = self.file[self.rows]
        first = int(file[np.flatnonzero(among)[0]])
        here = among & (file == first)
        more = "" if here.sum() == among.sum() else " and others"
        return on_lines(self.first_lines(here), int(here.sum()), self._names[first]) + more

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """The reasons with their counts, the most frequent first."""
        return tuple(sorted(self._dropped, key=lambda dropped: -dropped.count))
