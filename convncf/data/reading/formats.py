"""The format of a file: by its first bytes, its name and its lines."""

from __future__ import annotations

from convncf.data.reading.adjacency import looks_like_lists, read_lists
from convncf.data.reading.delimited import read_delimited_table
from convncf.data.reading.jsonlines import looks_like_json, read_json_lines
from convncf.data.reading.options import Format, ReadOptions
from convncf.data.reading.parquet import read_parquet
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table


def detect_format(source: Source, options: ReadOptions) -> Format:
    """The format that is asked for, else the one that the file shows."""
    if options.format is not None:
        return options.format
    if source.start.startswith(b"PAR1"):
        return "parquet"
    if looks_like_json(source):
        return "json-lines"
    if options.delimiter is None and options.header is None and not options.columns:
        lists = looks_like_lists(source, options)
        if lists is not None:
            return lists
    return "delimited"


def read_table(source: Source, kind: Format, options: ReadOptions, *, titles: bool = False) -> Table:
    """The table that a file holds; `titles` where its rows name items."""
    match kind:
        case "parquet":
            return read_parquet(source, options)
        case "json-lines":
            return read_json_lines(source, options)
        case "adjacency" | "counted-adjacency":
            return read_lists(source, options, kind)
        case "delimited":
            return read_delimited_table(source, options, titles=titles)
