"""Lists of items, one user a line -> Table: LightGCN's train.txt (user, then its items), or a count and then items."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading.dialect import read_text
from convncf.data.reading.options import Format, ReadOptions
from convncf.data.reading.report import DroppedRows, counted
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.errors import ReadError

_SAMPLE_LINES = 2000
_MOST, _NEARLY_ALL = 0.5, 0.9
_EARLIEST_COUNT = 10**8  # seconds since 1970 are larger from 1973 on
_NUMBERS = re.compile(r"[0-9]+(?:[ \t]+[0-9]+)*[ \t]*")
_PART = re.compile(r"(train|test|valid|validation|val)\.txt", re.IGNORECASE)
_WHOLE = r"^[0-9]+$"


def looks_like_lists(source: Source, options: ReadOptions) -> Format | None:
    """The kind of lists that a file holds by its beginning; None where it holds none.

    Lines must be whole numbers with blanks between them, and differ in length unless the file's name says what it is.
    """
    text = read_text(source, encoding=options.encoding, beginning=True)
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text.content)]
    lines = [line for line in (lines if text.whole else lines[:-1])[:_SAMPLE_LINES] if line]
    if not lines or not all(map(_NUMBERS.fullmatch, lines)):
        return None
    fields = [line.split() for line in lines]
    widths = {len(row) for row in fields}
    if max(widths) > 2 and all(int(row[0]) == len(row) - 1 for row in fields):
        return "counted-adjacency" if len(fields) > 1 or max(widths) > 4 else None
    if widths == {1}:
        return None
    by_blank = not any("\t" in line for line in lines)
    if by_blank and _PART.fullmatch(source.name):
        return "adjacency"
    return "adjacency" if len(widths) > 1 and not _is_a_table(fields, by_blank) else None


def _is_a_table(fields: list[list[str]], by_blank: bool) -> bool:
    """Whether lines of several lengths are a table of user, item, rating and time in which some are broken."""
    widths = np.asarray([len(row) for row in fields])
    usual_width = int(np.bincount(widths).argmax())
    share = float((widths == usual_width).mean())
    if usual_width not in (3, 4) or share <= _MOST:
        return False
    has_times = all(int(row[-1]) >= _EARLIEST_COUNT for row in fields if len(row) == usual_width)
    return has_times or share > _NEARLY_ALL or not by_blank


def read_lists(source: Source, options: ReadOptions, kind: Format) -> Table:
    """The pairs in the lists. Raises ReadError naming the line where there is none."""
    text = read_text(source, encoding=options.encoding)
    raw = re.split(r"\r\n|\r|\n", text.content)
    if raw[-1] == "":
        raw.pop()
    all_lines = pc.utf8_trim_whitespace(pa.array(raw, pa.large_string()))
    filled = np.asarray(pc.not_equal(all_lines, ""), bool)
    number = np.flatnonzero(filled) + 1
    lists = pc.split_pattern_regex(all_lines.filter(pa.array(filled)), pattern="[ \t]+")
    widths = np.asarray(pc.list_value_length(lists), np.int64)
    flat = lists.flatten().cast(pa.large_string())
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64)
    heads = flat.take(pa.array(starts))
    is_item = np.ones(len(flat), bool)
    is_item[starts] = False
    notes = list(text.notes)
    list_of = np.repeat(np.arange(len(widths)), widths)
    if kind == "counted-adjacency":
        users, wrong = _numbered_users(heads, widths)
        notes.append("the lists have no user ids; users are numbered 0, 1, 2 … in the order of the lines")
        is_item &= ~wrong[list_of]
        is_item[starts[wrong]] = True  # one row, dropped below
    else:
        users, wrong = heads, np.zeros(len(widths), bool)
    rows = np.flatnonzero(is_item)
    if not len(rows):
        raise ReadError(f"{source}, line {number[0]}: a user without an item, and no line has one. {_EXPECTED}")
    dropped_rows = DroppedRows(number[list_of[rows]])
    stays = dropped_rows.drop("the count is not that of the items", wrong[list_of[rows]])
    rows = rows[stays]
    items, row_users = flat.take(pa.array(rows)), users.take(pa.array(list_of[rows]))
    if options.format is None:  # detected by whole numbers: other text does not belong
        whole = np.asarray(
            pc.and_(pc.match_substring_regex(items, _WHOLE), pc.match_substring_regex(row_users, _WHOLE))
        )
        stays = dropped_rows.drop("not whole numbers, as in the other lists", ~whole)
        items, row_users = items.filter(pa.array(stays)), row_users.filter(pa.array(stays))
    empty = (widths == 1) & ~wrong
    if empty.any():
        notes.append(f"{counted(int(empty.sum()), 'line')} without an item (the first: line {number[empty][0]})")
    return Table(
        source=source,
        format=FORMAT_WORDS[kind],
        header=None,
        width=2,
        line=dropped_rows.line[dropped_rows.rows],
        column=lambda position: row_users if position == 0 else items,
        lines=len(raw),
        blank=int((~filled).sum()),
        encoding=text.encoding,
        header_line=int(number[0]),
        dropped=dropped_rows.dropped,
        notes=tuple(notes),
        guess={"user_id": "1", "item_id": "2"},
    )


_EXPECTED = "Each line should hold a user and then its items, with blanks between them."


def _numbered_users(
    heads: pa.LargeStringArray, widths: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[pa.LargeStringArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    counts = pc.cast(pc.if_else(pc.match_substring_regex(heads, "^[0-9]{1,9}$"), heads, "-1"), pa.int64())
    wrong = np.asarray(counts) != widths - 1
    return pc.cast(pa.array(np.arange(len(widths))), pa.large_string()), wrong
