"""A file of pairs to be scored: each row a user and an item, by id or by title, read as every table is."""

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
from convncf.data.reading.sources import Source, files_at
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError

_COLUMNS: Final = ("user_id", "item_id", "title")
_YEAR: Final = re.compile(r"\s*\(\d{4}\)$")


@dataclass(frozen=True, slots=True)
class PairRow:
    """One row of the file, unchanged."""

    line: int
    """Physical line, from 1."""
    user: str
    item: str
    """An id or a title."""


@dataclass(frozen=True, slots=True)
class PairFile:
    """The rows of a file of pairs."""

    rows: tuple[PairRow, ...]
    dropped: tuple[Dropped, ...]
    """Lines that are no rows, since they have another number of fields."""
    description: str
    """How the file was read."""


def read_pairs(path: Path, options: ReadOptions | None = None) -> PairFile:
    """Read a user column and an item column (or, without one, a title column) of a file of delimited text.

    Of the options count columns, delimiter, header and encoding. Raises ReadError naming file and line.
    """
    options = options or ReadOptions()
    sources = files_at(path).sources
    if len(sources) > 1:
        raise ReadError(f"{path} holds {len(sources)} files. Give the one with the pairs.")
    source = sources[0]
    mapping = {role: name for role, name in options.columns.items() if role in _COLUMNS}
    table = read_whole(source, replace(options, columns=mapping))
    positions = resolve_columns(table.names, mapping, table.where, table.guess, needed=("user_id",))
    item = positions.get("item_id", positions.get("title"))
    if item is None:  # says which columns there are, and what to do
        resolve_columns(table.names, mapping, table.where, table.guess)
        raise AssertionError("a file without an item column is refused above")
    users, items = (table.column(position).to_pylist() for position in (positions["user_id"], item))
    rows = tuple(map(PairRow, table.line.tolist(), users, items))
    return PairFile(rows, table.dropped, _description(source, table.names, positions["user_id"], item, table.delimiter))


def _description(source: Source, names: list[str], user: int, item: int, delimiter: str) -> str:
    delimiter_name = DELIMITER_WORDS.get(delimiter, repr(delimiter))
    return (
        f"{source.file}: delimiter {delimiter_name}, users in column {names[user]!r}, items in column {names[item]!r}"
    )


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """A row of the file with the indices of its user and item in the data."""

    row: PairRow
    user: int | None
    item: int | None
    note: str
    """Why one of them is None; empty where both are known."""


class NameIndex:
    """Users and items of a dataset, by id and by title."""

    def __init__(self, users: Vocabulary, items: ItemTable) -> None:
        self._users = users
        self._items = items
        self._by_title: dict[str, list[int]] = {}
        for index, title in enumerate(items.titles):
            if title.strip():
                label = fold(items.label(index)).strip()
                for form in {label, _YEAR.sub("", label)}:
                    self._by_title.setdefault(form, []).append(index)

    def match(self, row: PairRow) -> tuple[MatchedPair, tuple[str, ...]]:
        """The row with its indices, and each reason why one is missing, as a phrase by which rows are counted.

        An item goes by its id, else by its whole title, with or without year; case and accents do not matter.
        """
        user = self._index_of(self._users, row.user)
        item = self._index_of(self._items.items, row.item)
        same_title = [] if item is not None else self._by_title.get(fold(row.item).strip(), [])
        if len(same_title) == 1:
            item = same_title[0]
        reasons: list[tuple[str, str]] = []
        if user is None:
            reasons.append(_missing("user", row.user, "a user id that the data lacks"))
        if item is None and len(same_title) > 1:
            ids = ", ".join(repr(self._items.items.id(index)) for index in same_title[:5])
            reasons.append(
                (f"{len(same_title)} items have the title {row.item!r}: ids {ids}", "a title of several items")
            )
        elif item is None:
            reasons.append(_missing("item", row.item, "neither an item id of the data nor a title"))
        return MatchedPair(row, user, item, "; ".join(note for note, _ in reasons)), tuple(kind for _, kind in reasons)

    @staticmethod
    def _index_of(ids: Vocabulary, text: str) -> int | None:
        index = ids.get(text)
        return ids.get(text.strip()) if index is None else index


def _missing(kind: str, text: str, unknown: str) -> tuple[str, str]:
    if not text.strip():
        return f"no {kind} is given", f"no {kind} given"
    return f"no {kind} {text!r} in the data", unknown


def unscored_rows(matches: list[tuple[MatchedPair, tuple[str, ...]]]) -> tuple[Dropped, ...]:
    """Rows that cannot be scored, by reason, the most frequent first; a row with two reasons counts under each."""
    lines: dict[str, list[int]] = {}
    for match, reasons in matches:
        for reason in reasons:
            lines.setdefault(reason, []).append(match.row.line)
    counts = [Dropped(reason, len(numbers), tuple(numbers[:FIRST_LINES])) for reason, numbers in lines.items()]
    return tuple(sorted(counts, key=lambda dropped: -dropped.count))
