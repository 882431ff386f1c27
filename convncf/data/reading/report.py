"""What reading a file kept, and what it left out and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from convncf.data.timestamps import UNIT_WORDS, TimeUnit

FIRST_LINES = 5
"""How many line numbers are named for each reason."""

DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank", "::": "double colon"}


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows left out for one reason."""

    reason: str
    count: int
    first_lines: tuple[int, ...]
    """Physical line numbers, from 1, of the first of them."""

    def __str__(self) -> str:
        return f"{counted(self.count, 'row')}, {self.reason} ({on_lines(self.first_lines, self.count)})"


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
class ReadReport:
    """What reading a file kept, and what it left out and why.

    The lines add up: lines = header (1) + blank + continuation + kept + exact_duplicates + repeats + dropped.
    """

    file: str
    """The file's name, without its folder."""
    encoding: str
    delimiter: str
    columns: dict[str, str]
    """Role -> name of the column that was read for it."""
    lines: int
    """Physical lines, header included."""
    blank: int
    """Lines with nothing on them, or only blanks."""
    continuation: int
    """Lines that belong to a quoted field which began on an earlier line."""
    kept: int
    """Distinct user-item pairs that became interactions."""
    dropped: tuple[Dropped, ...]
    """Each reason with its count and first line numbers."""
    exact_duplicates: int
    """Rows equal to an earlier one in user, item, rating and time."""
    repeats: int
    """Rows of a pair that occurs again with another rating or time: the latest is kept, without times the first."""
    most_repeated: int
    """Rows of the pair that occurs most often; 1 where none repeats."""
    n_users: int
    n_items: int
    time: TimeSpan | None
    notes: tuple[str, ...]
    """What else was done or seen, each in words."""

    def __post_init__(self) -> None:
        accounted = 1 + self.blank + self.continuation + self.kept + self.merged + self.n_dropped
        if accounted != self.lines:
            raise AssertionError(f"{self.file}: {self.lines} lines, of which {accounted} are accounted for")

    @property
    def rows(self) -> int:
        """Rows under the header that hold something."""
        return self.kept + self.merged + self.n_dropped

    @property
    def merged(self) -> int:
        """Rows of a pair that was kept already."""
        return self.exact_duplicates + self.repeats

    @property
    def n_dropped(self) -> int:
        """Rows left out, whatever the reason."""
        return sum(dropped.count for dropped in self.dropped)

    def _sizes(self) -> str:
        return f"{counted(self.n_users, 'user')} with {counted(self.n_items, 'item')}"

    def sentences(self) -> tuple[str, ...]:
        """The report in words, the most important first."""
        said = [
            f"From {counted(self.rows, 'row')}: {counted(self.kept, 'interaction')} of {self._sizes()}.",
            *(f"Left out: {dropped}." for dropped in self.dropped),
        ]
        if self.merged:
            kept = "latest" if self.time else "first"
            said.append(
                f"Merged: {counted(self.exact_duplicates, 'exact duplicate')} and {counted(self.repeats, 'repeat')} "
                f"of a pair (at most {self.most_repeated:,} rows of one). Kept: the {kept}."
            )
        if self.time:
            said.append(f"Times: {self.time}.")
        said.extend(f"{note}." for note in self.notes)
        delimiter = DELIMITER_WORDS.get(self.delimiter, repr(self.delimiter))
        roles = ", ".join(f"{role} = {column!r}" for role, column in self.columns.items())
        said.append(f"Read as {self.encoding}, delimiter {delimiter}, {roles}.")
        return tuple(said)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, with the sums, and in words."""
        plain = asdict(self)
        for dropped in plain["dropped"]:
            dropped["first_lines"] = list(dropped["first_lines"])
        plain["dropped"] = list(plain["dropped"])
        plain["notes"] = list(self.notes)
        if self.time:
            plain["time"]["unit_words"] = UNIT_WORDS[self.time.unit]
        sums = {"rows": self.rows, "merged": self.merged, "n_dropped": self.n_dropped}
        return plain | sums | {"sentences": list(self.sentences())}


def counted(n: int, noun: str) -> str:
    """'1 row', '2,000 rows'."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def on_lines(first: tuple[int, ...], count: int) -> str:
    """'line 3', 'lines 3, 5, …': where the first of `count` are."""
    numbers = ", ".join(str(line) for line in first)
    return f"line{'' if count == 1 else 's'} {numbers}{', …' if count > len(first) else ''}"
