"""A file of pairs to be scored: each row a user and an item, by id or by title, read in the manner of all tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from convncf.data.formats import DELIMITER_WORDS
from convncf.data.items import ItemTable, fold
from convncf.data.reading.columns import resolve_columns
from convncf.data.reading.delimited import read_whole
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.report import FIRST_LINES, Dropped
from convncf.data.reading.sources import Source, find
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError

_COLUMNS: Final = ("user_id", "item_id", "title")
_YEAR: Final = re.compile(r"\s*\(\d{4}\)$")


@dataclass(frozen=True, slots=True)
class Asked:
    """One row of the file, as it stands."""

    line: int
    """Physical line, from 1."""
    user: str
    item: str
    """An id or a title."""


@dataclass(frozen=True, slots=True)
class PairFile:
    """What a file of pairs holds."""

    rows: tuple[Asked, ...]
    dropped: tuple[Dropped, ...]
    """Lines that are no rows, since they have another number of fields."""
    words: str
    """How the file was read."""


def read_pairs(path: Path, options: ReadOptions | None = None) -> PairFile:
    """Read a user column and an item column (or, without one, a title column) of a file of delimited text.

    Of the options count columns, delimiter, header and encoding. Raises ReadError naming file and line.
    """
    options = options or ReadOptions()
    sources = find(path).sources
    if len(sources) > 1:
        raise ReadError(f"{path} holds {len(sources)} files. Give the one with the pairs.")
    source = sources[0]
    asked = {role: name for role, name in options.columns.items() if role in _COLUMNS}
    table = read_whole(source, replace(options, columns=asked))
    places = resolve_columns(table.names, asked, table.where, table.guess, needed=("user_id",))
    item = places.get("item_id", places.get("title"))
    if item is None:  # says which columns there are, and what to do
        resolve_columns(table.names, asked, table.where, table.guess)
        raise AssertionError("a file without an item column is refused above")
    users, items = (table.column(place).to_pylist() for place in (places["user_id"], item))
    rows = tuple(map(Asked, table.line.tolist(), users, items))
    return PairFile(rows, table.dropped, _words(source, table.names, places["user_id"], item, table.delimiter))


def _words(source: Source, names: list[str], user: int, item: int, delimiter: str) -> str:
    divided = DELIMITER_WORDS.get(delimiter, repr(delimiter))
    return f"{source.file}: divided by {divided}, users in column {names[user]!r}, items in column {names[item]!r}"


@dataclass(frozen=True, slots=True)
class Met:
    """A row of the file with the indices that its ids have in the data."""

    row: Asked
    user: int | None
    item: int | None
    note: str
    """Why one of them is None; empty where both are known."""


class Names:
    """Users and items of a dataset by what a file may call them."""

    def __init__(self, users: Vocabulary, items: ItemTable) -> None:
        self._users = users
        self._items = items
        self._titled: dict[str, list[int]] = {}
        for index, title in enumerate(items.titles):
            if title.strip():
                label = fold(items.label(index)).strip()
                for form in {label, _YEAR.sub("", label)}:
                    self._titled.setdefault(form, []).append(index)

    def meet(self, row: Asked) -> tuple[Met, tuple[str, ...]]:
        """The row with its indices, and each reason for which one is missing, in words that rows can be counted by.

        An item goes by its id, else by its whole title, with or without year; case and accents do not matter.
        """
        user = self._known(self._users, row.user)
        item = self._known(self._items.items, row.item)
        alike = [] if item is not None else self._titled.get(fold(row.item).strip(), [])
        if len(alike) == 1:
            item = alike[0]
        reasons: list[tuple[str, str]] = []
        if user is None:
            reasons.append(_missing("user", row.user, "a user id that the data lacks"))
        if item is None and len(alike) > 1:
            ids = ", ".join(repr(self._items.items.id(index)) for index in alike[:5])
            reasons.append((f"{len(alike)} items have the title {row.item!r}: ids {ids}", "a title of several items"))
        elif item is None:
            reasons.append(_missing("item", row.item, "neither an item id of the data nor a title"))
        return Met(row, user, item, "; ".join(note for note, _ in reasons)), tuple(kind for _, kind in reasons)

    @staticmethod
    def _known(ids: Vocabulary, text: str) -> int | None:
        found = ids.get(text)
        return ids.get(text.strip()) if found is None else found


def _missing(kind: str, text: str, unknown: str) -> tuple[str, str]:
    if not text.strip():
        return f"no {kind} is given", f"no {kind} given"
    return f"no {kind} {text!r} in the data", unknown


def left_aside(met: list[tuple[Met, tuple[str, ...]]]) -> tuple[Dropped, ...]:
    """Rows that cannot be scored, by reason, the most frequent first; a row with two reasons counts in both."""
    lines: dict[str, list[int]] = {}
    for each, reasons in met:
        for reason in reasons:
            lines.setdefault(reason, []).append(each.row.line)
    counts = [Dropped(reason, len(where), tuple(where[:FIRST_LINES])) for reason, where in lines.items()]
    return tuple(sorted(counts, key=lambda dropped: -dropped.count))
