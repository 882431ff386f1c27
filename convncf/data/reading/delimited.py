"""Delimited text, with or without a header line -> Table; and a preview of the beginning of a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from convncf.data.reading.chunks import NeedsWholeFileError, read_in_chunks
from convncf.data.reading.columns import guess_columns
from convncf.data.reading.dialect import (
    SAMPLE,
    LineCounts,
    detect_delimiter,
    detect_layout,
    format_words,
    is_header,
    read_text,
    refuse_lists,
    roles_by_position,
    spelled_delimiter,
)
from convncf.data.reading.first_rows import FirstRows
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.records import split_records
from convncf.data.reading.report import DroppedRows
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file, to choose columns by."""

    header: list[str]
    """Names of the columns; their numbers from 1 where no line names them."""
    rows: list[list[str]]
    """First rows, unchanged; one may have more or fewer fields than the header."""
    delimiter: str
    encoding: str
    guess: dict[str, str]
    """Role -> column name."""


def preview(path: Path | str, n: int = 20, *, delimiter: str | None = None, encoding: str | None = None) -> Preview:
    """The header and first n rows, reading only the beginning of the file. Raises ReadError as reading it does."""
    return preview_source(Source(Path(path)), n, delimiter=delimiter, encoding=encoding)


def preview_source(source: Source, n: int, *, delimiter: str | None = None, encoding: str | None = None) -> Preview:
    """As `preview`, of a file in a folder or an archive."""
    text = read_text(source, encoding=encoding, beginning=True)
    separator = detect_delimiter(text.content, source) if delimiter is None else spelled_delimiter(delimiter, source)
    records = split_records(text.content, separator)
    complete = len(records) if text.whole else max(len(records) - 1, 1)  # the last one may be cut short
    sample = [records.record(row) for row in range(min(complete, max(SAMPLE, n) + 1))]
    if is_header(sample[0], sample[1:]):
        header = [name.strip() for name in sample[0]]
        return Preview(header, sample[1 : n + 1], separator, text.encoding, guess_columns(header))
    numbers = [str(number + 1) for number in range(len(sample[0]))]
    return Preview(numbers, sample[:n], separator, text.encoding, roles_by_position(sample))


def read_delimited_table(source: Source, options: ReadOptions, *, titles: bool = False) -> Table:
    """The table in a file of delimited text; `titles` where its rows name items. Raises ReadError naming the line.

    A large file is read in chunks, unless its quotes can be read only with the whole file.
    """
    try:
        in_chunks = None if titles else read_in_chunks(source, options)
    except NeedsWholeFileError as error:
        slower = (
            f"{source.file} was read as a whole, which takes longer and about thirty times its size of memory: {error}"
        )
        table = read_whole(source, options)
        return replace(table, notes=(*table.notes, slower))
    return in_chunks or read_whole(source, options, titles=titles)


def read_whole(source: Source, options: ReadOptions, *, titles: bool = False) -> Table:
    """As `read_delimited_table`, the whole file at once."""
    text = read_text(source, encoding=options.encoding)
    layout, records = detect_layout(text.content, source, options, titles=titles)
    widths = records.widths[int(layout.has_header) :]
    dropped_rows = DroppedRows(records.line[int(layout.has_header) :])
    dropped_rows.drop(layout.width_reason, widths != layout.width)
    if layout.is_ragged(np.bincount(widths, minlength=layout.width + 1)):
        raise refuse_lists(source, layout.line, int(widths.min()), int(widths.max()))
    kept = dropped_rows.rows + int(layout.has_header)
    counts = LineCounts()
    counts.add(records)
    return Table(
        source=source,
        format=format_words(source.name, layout.header or ()),
        header=layout.header,
        width=layout.width,
        line=records.line[kept],
        column=lambda position: records.column(position, kept),
        lines=records.lines,
        blank=records.blank,
        continuation=records.continuation,
        encoding=text.encoding,
        delimiter=layout.delimiter,
        header_line=layout.line,
        dropped=dropped_rows.dropped,
        notes=(*text.notes, *counts.notes(layout)),
        guess=layout.guess,
    )


def first_rows(source: Source, options: ReadOptions, n: int) -> FirstRows:
    """The first n rows as they would be read, with or without a header line."""
    beginning = preview_source(source, n, delimiter=options.delimiter, encoding=options.encoding)
    numbers = [str(number + 1) for number in range(len(beginning.header))]
    if options.header is True and beginning.header == numbers and beginning.rows:
        header = [name.strip() for name in beginning.rows[0]]
        return FirstRows(source.file, header, beginning.rows[1:], guess_columns(header))
    if options.header is False and beginning.header != numbers:
        rows = [beginning.header, *beginning.rows]
        return FirstRows(source.file, numbers, rows[:n], roles_by_position(rows))
    return FirstRows(source.file, beginning.header, beginning.rows, beginning.guess)
