"""Whether a first line names the columns, and which column is which where none does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from convncf.data.reading.columns import guess_columns, match_name

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"\d+(\.0*)?")
_DATE = re.compile(r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}([./-])\d{1,2}\2\d{4})(,?[T ].*)?")
_EXPONENT = re.compile(r"\d+(\.\d*)?[eE]\+?\d{1,2}")
_EARLIEST_COUNT = 10**8  # seconds since 1970 are larger from 1973 on; ratings are not
_MOST = 0.9

Rows = Sequence[Sequence[str]]


def names_columns(first: Sequence[str], rows: Rows, named: Iterable[str] = ()) -> bool:
    """Whether `first` is a header above `rows`, a sample of the lines under it.

    It is, where a column of it is known by name; it is not, where one of its cells is a number, or looks like those
    under it (u1 above u2).
    """
    cells = [cell.strip() for cell in first]
    # A number among the `named` is a column's number: of a file without a header, in which it may stand as an id.
    if any(match_name(name, cells) is not None for name in named if not name.isdecimal()):
        return True
    known = guess_columns(cells)
    if {"user_id", "item_id"} <= known.keys() or {"item_id", "title"} <= known.keys():
        return True
    has_number = any(map(_NUMBER.fullmatch, cells)) or not all(cells)
    if known and not _NUMBER.fullmatch(cells[0]):
        return True
    return not (has_number or _alike(cells, rows))


def _alike(cells: list[str], rows: Rows) -> bool:
    for position, cell in enumerate(cells):
        if not re.search(r"\d", cell):
            continue
        below = [row[position].strip() for row in rows if len(row) > position]
        if not below or _shape(cell) in map(_shape, below):
            return True
    return False


def _shape(cell: str) -> str:
    """u17 and u2 -> u9."""
    return re.sub(r"\d+", "9", cell.casefold())


def roles_by_position(rows: Rows) -> dict[str, str]:
    """Role -> column number for rows of interactions without a header: user, item, then a rating and a time.

    Empty where the columns do not tell, so that they must be mapped.
    """
    width = max(map(len, rows), default=0)
    columns = [[row[position].strip() for row in rows if len(row) > position] for position in range(width)]
    if width < 2 or any(_mostly(_DATE.fullmatch, ids) or _mostly(_has_decimals, ids) for ids in columns[:2]):
        return {}
    if any(_mostly(_is_recent, ids) for ids in columns[:2]) and not any(_mostly(_is_time, c) for c in columns[2:]):
        return {}  # a time where an id is usual
    roles = {"user_id": "1", "item_id": "2"}
    for position in range(2, width):
        role = "timestamp" if _mostly(_is_time, columns[position]) else "rating"
        if role == "rating" and not _mostly(_NUMBER.fullmatch, columns[position]):
            if position == 2:  # a word where a rating is usual: these may be no interactions at all
                return {}
            continue
        roles.setdefault(role, str(position + 1))
    return roles


def title_by_position(rows: Rows) -> dict[str, str]:
    """Role -> column number for rows that name items, without a header: id, title and, divided by bars, genres."""
    width = max(map(len, rows), default=0)
    if width < 2:
        return {}
    roles = {"item_id": "1", "title": "2"}
    if width == 3 and any("|" in row[2] for row in rows if len(row) == 3):
        roles["genres"] = "3"
    if width == 24:  # MovieLens' u.item: id, title, date, video date, address, 19 flags
        roles["year"] = "3"
    return roles


def _mostly(test: Callable[[str], object], cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(bool(test(cell)) for cell in filled) >= _MOST * len(filled)


def _is_time(cell: str) -> bool:
    if _DATE.fullmatch(cell):
        return True
    number = _INTEGER.fullmatch(cell) or _EXPONENT.fullmatch(cell)
    return bool(number) and len(cell) <= 20 and float(cell) >= _EARLIEST_COUNT


def _is_recent(cell: str) -> bool:
    """A count of seconds between 1985 and 2033: likelier a time than an id."""
    return bool(_INTEGER.fullmatch(cell)) and len(cell) == 10 and 5e8 <= float(cell) <= 2e9


def _has_decimals(cell: str) -> bool:
    return bool(re.fullmatch(r"\d+[.,]\d*[1-9]\d*", cell))
