"""Delimited text, with or without a header line -> Table; and a look at the beginning of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convncf.data.reading.columns import guess_columns
from convncf.data.reading.dialect import Text, detect_delimiter, read_text, spelled_delimiter
from convncf.data.reading.header import names_columns, roles_by_position, title_by_position
from convncf.data.reading.ledger import Ledger
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.report import counted
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.errors import ReadError

_RAGGED = 0.2  # so many lines of another length are no broken rows
_SAMPLE = 500  # rows to tell a header and the roles of columns by


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file, to choose columns by."""

    header: list[str]
    """Names of the columns; their numbers from 1 where no line names them."""
    rows: list[list[str]]
    """First rows as they stand; one may have more or fewer fields than the header."""
    delimiter: str
    encoding: str
    guess: dict[str, str]
    """Role -> column name."""


def preview(path: Path | str, n: int = 20, *, delimiter: str | None = None, encoding: str | None = None) -> Preview:
    """The header and first n rows, reading only the beginning of the file. Raises ReadError as reading it does."""
    return preview_source(Source(Path(path)), n, delimiter=delimiter, encoding=encoding)


def preview_source(source: Source, n: int, *, delimiter: str | None = None, encoding: str | None = None) -> Preview:
    """As `preview`, of a file wherever it lies."""
    text = read_text(source, encoding=encoding, beginning=True)
    divider = detect_delimiter(text.content, source) if delimiter is None else spelled_delimiter(delimiter, source)
    records = split_records(text.content, divider)
    complete = len(records) if text.whole else max(len(records) - 1, 1)  # the last one may be cut in two
    sample = [records.record(row) for row in range(min(complete, max(_SAMPLE, n) + 1))]
    if names_columns(sample[0], sample[1:]):
        header = [name.strip() for name in sample[0]]
        return Preview(header, sample[1 : n + 1], divider, text.encoding, guess_columns(header))
    numbers = [str(number + 1) for number in range(len(sample[0]))]
    return Preview(numbers, sample[:n], divider, text.encoding, roles_by_position(sample))


def read_delimited_table(source: Source, options: ReadOptions, *, titles: bool = False) -> Table:
    """The table in a file of delimited text; `titles` where its rows name items. Raises ReadError naming the line."""
    text = read_text(source, encoding=options.encoding)
    asked = (options.titles_key, options.columns.get("title")) if titles else options.columns.values()
    named = [name for name in asked if name]
    divider = (
        detect_delimiter(text.content, source, named)
        if options.delimiter is None
        else spelled_delimiter(options.delimiter, source)
    )
    records = split_records(text.content, divider)
    sample = [records.record(row) for row in range(min(len(records), _SAMPLE + 1))]
    headed = names_columns(sample[0], sample[1:], named) if options.header is None else options.header
    if headed and len(records) == 1:
        raise ReadError(f"{source} holds a header and no row. At least one row under it is needed.")
    rows_of = title_by_position if titles else roles_by_position
    widths = records.widths[int(headed) :]
    width = len(sample[0]) if headed else _usual(widths)
    ledger = Ledger(records.line[int(headed) :])
    fields = f"not the header's {width} fields" if headed else f"not the usual {width} fields"
    ledger.drop(fields, widths != width)
    nameless = not headed or not guess_columns(sample[0])
    if nameless and divider == " " and not named and float((widths != width).mean()) > _RAGGED:
        raise ReadError(
            f"{source}, line {records.line[0]}: lines of {widths.min()} to {widths.max()} fields divided by blanks, "
            "and no header that names a user and an item. Lists of a user and then its items are read with "
            "--format adjacency."
        )
    kept = ledger.rows + int(headed)
    return Table(
        source=source,
        format=format_words(source.name, sample[0] if headed else []),
        header=tuple(sample[0]) if headed else None,
        width=width,
        line=records.line[kept],
        column=lambda position: records.column(position, kept),
        lines=records.lines,
        blank=records.blank,
        continuation=records.continuation,
        encoding=text.encoding,
        delimiter=divider,
        header_line=int(records.line[0]),
        dropped=ledger.dropped,
        notes=tuple(_notes(text, records, divider, sample[0] if headed else [])),
        guess=None if headed else rows_of([row for row in sample if len(row) == width]),
    )


def format_words(name: str, header: list[str]) -> str:
    """What a file of delimited text is known as, by its name and header."""
    lower = name.lower()
    if any(cell.rstrip().endswith((":token", ":float", ":token_seq", ":float_seq")) for cell in header):
        return "RecBole atomic file"
    if lower.endswith(".rating"):
        return "NCF rating file"
    if lower in ("u.data", "u.item", "ratings.dat", "movies.dat", "ratings.csv", "movies.csv"):
        return f"MovieLens {lower}"
    return "delimited text"


def _usual(widths: npt.NDArray[np.int64]) -> int:
    """The most frequent number of fields."""
    return int(np.bincount(widths).argmax())


def _notes(text: Text, records: Records, delimiter: str, header: list[str]) -> list[str]:
    notes = list(text.notes)
    if format_words("", header) == "RecBole atomic file" and delimiter != "\t":
        notes.append("RecBole's atomic files are divided by tabs, this one is not; it was read as it stands")
    if records.continuation:
        notes.append(
            f"{counted(records.continuation, 'line')} within a quoted field that began above "
            f"(the first: line {records.first_continuation})"
        )
    if records.plain_quotes:
        notes.append(
            f"{counted(records.plain_quotes, 'field')} beginning with a quote that does not enclose it, kept as it "
            f"stands (the first: line {records.first_plain_quote})"
        )
    if records.escaped:
        notes.append(f"{counted(records.escaped, 'quoted field')} with backslashes before quotes, which were taken off")
    return notes
