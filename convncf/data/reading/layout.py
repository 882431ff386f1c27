"""How a file of delimited text is laid out, by its beginning: what divides it, its header, which column is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convncf.data.reading.columns import guess_columns
from convncf.data.reading.dialect import detect_delimiter, spelled_delimiter
from convncf.data.reading.header import names_columns, roles_by_position, title_by_position
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.report import counted
from convncf.data.reading.sources import Source
from convncf.errors import ReadError

SAMPLE = 500
"""Rows under the first line to tell a header and the roles of columns by."""
_RAGGED = 0.2  # so many lines of another length are no broken rows

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """What all rows have in common."""

    delimiter: str
    header: tuple[str, ...] | None
    width: int
    """Fields of a well-formed row."""
    guess: Mapping[str, str] | None
    """Role -> column number where position tells the roles; None to guess by names."""
    line: int
    """Where the header stands, or the first row."""
    may_be_lists: bool
    """Divided by blanks with no column known by name: where lengths differ much, these are lists of items."""

    @property
    def headed(self) -> bool:
        """Whether the first record names the columns."""
        return self.header is not None

    @property
    def names(self) -> list[str]:
        """Names of the columns; their numbers from 1 where no header names them."""
        if self.header is None:
            return [str(number) for number in range(1, self.width + 1)]
        return [name.strip() for name in self.header]

    @property
    def wanted_fields(self) -> str:
        """Why a record of another width is no row."""
        whose = "header's" if self.headed else "usual"
        return f"not the {whose} {self.width} fields"

    def ragged(self, width_counts: Int64s) -> bool:
        """Whether so many records have another width that these are rather lists; counts by width."""
        rows = int(width_counts.sum())
        return self.may_be_lists and rows - int(width_counts[self.width]) > _RAGGED * rows


def lay_out(content: str, source: Source, options: ReadOptions, *, titles: bool = False) -> tuple[Layout, Records]:
    """The layout of a text, or of the beginning of one, and its records. Raises ReadError naming file and line."""
    asked = (options.titles_key, options.columns.get("title")) if titles else options.columns.values()
    named = [name for name in asked if name]
    divider = (
        detect_delimiter(content, source, named)
        if options.delimiter is None
        else spelled_delimiter(options.delimiter, source)
    )
    records = split_records(content, divider)
    sample = [records.record(row) for row in range(min(len(records), SAMPLE + 1))]
    headed = names_columns(sample[0], sample[1:], named) if options.header is None else options.header
    if headed and len(records) == 1:
        raise ReadError(f"{source} holds a header and no row. At least one row under it is needed.")
    width = len(sample[0]) if headed else int(np.bincount(records.widths).argmax())
    rows_of = title_by_position if titles else roles_by_position
    layout = Layout(
        delimiter=divider,
        header=tuple(sample[0]) if headed else None,
        width=width,
        guess=None if headed else rows_of([row for row in sample if len(row) == width]),
        line=int(records.line[0]),
        may_be_lists=divider == " " and not named and (not headed or not guess_columns(sample[0])),
    )
    return layout, records


def refuse_lists(source: Source, line: int, shortest: int, longest: int) -> ReadError:
    """The error for lists of items that are read as rows."""
    return ReadError(
        f"{source}, line {line}: lines of {shortest} to {longest} fields divided by blanks, and no header that names a "
        "user and an item. Lists of a user and then its items are read with --format adjacency."
    )


def format_words(name: str, header: tuple[str, ...]) -> str:
    """What a file of delimited text is known as, by its name and header."""
    lower = name.lower()
    if any(cell.rstrip().endswith((":token", ":float", ":token_seq", ":float_seq")) for cell in header):
        return "RecBole atomic file"
    if lower.endswith(".rating"):
        return "NCF rating file"
    if lower in ("u.data", "u.item", "ratings.dat", "movies.dat", "ratings.csv", "movies.csv"):
        return f"MovieLens {lower}"
    return "delimited text"


@dataclass(slots=True)
class Oddities:
    """What is to be said of quotes and lines, for a file or the pieces of one."""

    lines: int = 0
    blank: int = 0
    continuation: int = 0
    first_continuation: int | None = None
    plain_quotes: int = 0
    first_plain_quote: int | None = None
    escaped: int = 0

    def add(self, records: Records) -> None:
        """The next records of the file, whose lines begin after those that are counted already."""
        if self.first_continuation is None and records.first_continuation is not None:
            self.first_continuation = self.lines + records.first_continuation
        if self.first_plain_quote is None and records.first_plain_quote is not None:
            self.first_plain_quote = self.lines + records.first_plain_quote
        self.lines += records.lines
        self.blank += records.blank
        self.continuation += records.continuation
        self.plain_quotes += records.plain_quotes
        self.escaped += records.escaped

    def notes(self, layout: Layout) -> list[str]:
        """In words."""
        notes = []
        if format_words("", layout.header or ()) == "RecBole atomic file" and layout.delimiter != "\t":
            notes.append("RecBole's atomic files are divided by tabs, this one is not; it was read as it stands")
        if self.continuation:
            notes.append(
                f"{counted(self.continuation, 'line')} within a quoted field that began above "
                f"(the first: line {self.first_continuation})"
            )
        if self.plain_quotes:
            notes.append(
                f"{counted(self.plain_quotes, 'field')} beginning with a quote that does not enclose it, kept as it "
                f"stands (the first: line {self.first_plain_quote})"
            )
        if self.escaped:
            notes.append(
                f"{counted(self.escaped, 'quoted field')} with backslashes before quotes, which were taken off"
            )
        return notes
