"""The readers: for each format a record of how it is recognised, how its columns are named, and what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from convncf.data.reading import delimited, jsonlines, parquet
from convncf.data.reading.candidate_lists import holds_candidates
from convncf.data.reading.delimited import preview_source, read_delimited_table
from convncf.data.reading.first_rows import FirstRows, first_lines
from convncf.data.reading.item_lists import looks_like_lists, read_lists
from convncf.data.reading.jsonlines import looks_like_json, read_json_lines
from convncf.data.reading.options import Format, ReadOptions
from convncf.data.reading.parquet import column_names, read_parquet
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table

Columns = tuple[list[str], dict[str, str]]
"""Names of columns, and role -> column where the format says more than the names do."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How files of one format are read."""

    name: Format
    """One of FORMAT_WORDS."""
    recognises: Callable[[Source, ReadOptions], bool]
    """Whether a file shows, by its beginning, that it is of this format."""
    read: Callable[[Source, ReadOptions], Table]
    """The table that a file holds."""
    columns: Callable[[Source, ReadOptions], Columns]
    """What the columns of a file are called."""
    first_rows: Callable[[Source, ReadOptions, int], FirstRows]
    """So many rows of a file's beginning, unchanged."""
    read_titles: Callable[[Source, ReadOptions], Table] | None = None
    """The table of a file with titles of items, where that is read in another way."""
    as_lists: bool = False
    """Whether a line is a list of items, so that it has no columns and no titles."""


def _lists(name: Format) -> Reader:
    return Reader(
        name,
        lambda source, options: _names_no_columns(options) and looks_like_lists(source, options) == name,
        lambda source, options: read_lists(source, options, name),
        lambda source, options: ([], {"user_id": "1", "item_id": "2"}),
        lambda source, options, n: first_lines(source, n),
        as_lists=True,
    )


def _names_no_columns(options: ReadOptions) -> bool:
    return options.delimiter is None and options.header is None and not options.columns


def _columns_of_json(source: Source, options: ReadOptions) -> Columns:
    return re.findall(r'"([^"\\]+)"\s*:', source.start.decode("utf-8", "replace")), {}


def _columns_of_text(source: Source, options: ReadOptions) -> Columns:
    shown = preview_source(source, 50, delimiter=options.delimiter, encoding=options.encoding)
    return shown.header, shown.guess


READERS: Final = (
    Reader(
        "parquet",
        lambda source, options: source.start.startswith(b"PAR1"),
        read_parquet,
        lambda source, options: (column_names(source), {}),
        lambda source, options, n: parquet.first_rows(source, n),
    ),
    Reader(
        "json-lines",
        lambda source, options: looks_like_json(source),
        read_json_lines,
        _columns_of_json,
        lambda source, options, n: jsonlines.first_rows(source, n),
    ),
    _lists("adjacency"),
    _lists("counted-adjacency"),
    Reader(
        "delimited",
        lambda source, options: True,
        lambda source, options: read_delimited_table(source, options, titles=False),
        _columns_of_text,
        delimited.first_rows,
        lambda source, options: read_delimited_table(source, options, titles=True),
    ),
)
"""In the order in which they are tried; the last one accepts every text."""
_BY_NAME: Final = {reader.name: reader for reader in READERS}


def reader_of(name: Format) -> Reader:
    """The reader of a format."""
    return _BY_NAME[name]


def detect_format(source: Source, options: ReadOptions) -> Format:
    """The format in the options, else the first that recognises the file."""
    if options.format is not None:
        return options.format
    return next(reader.name for reader in READERS if reader.recognises(source, options))


def first_rows(source: Source, options: ReadOptions, n: int) -> FirstRows:
    """The first n rows of a file, by its reader; of candidate sets its first lines. Raises as reading does."""
    if options.format is None and holds_candidates(source):
        return first_lines(source, n)
    return _BY_NAME[detect_format(source, options)].first_rows(source, options, n)


def read_table(source: Source, kind: Format, options: ReadOptions, *, titles: bool = False) -> Table:
    """The table that a file holds; `titles` for a file with titles of items, which is never a list."""
    reader = _BY_NAME["delimited"] if titles and _BY_NAME[kind].as_lists else _BY_NAME[kind]
    return (reader.read_titles if titles and reader.read_titles else reader.read)(source, options)
