"""Titles of items: a table of titles, years and genres joined to the items of the interactions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.items import ItemTable
from convncf.data.reading.assembly import example_ids, likely_cause
from convncf.data.reading.columns import as_number, first_titles, guess_columns, normalised_name, resolve_columns
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.report import TitlesRead, counted
from convncf.data.reading.tables import EncodedColumn, Table
from convncf.data.vocabulary import Vocabulary

_FEW = 0.5
_GENRES = ("genres", "genre", "class", "categories", "category", "genrelist")
_YEARS = ("year", "releaseyear", "yearofpublication", "movieyear", "publicationyear", "published", "releasedate")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_NO_GENRES = ("(no genres listed)", "unknown", "")
# MovieLens' u.item ends in flags, in this order.
_FLAGS = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)


@dataclass(frozen=True, eq=False)
class JoinedTitles:
    """The items with their titles, and how many have one."""

    items: ItemTable
    columns: dict[str, str]
    report: TitlesRead
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def join_titles(table: Table, items: Vocabulary, options: ReadOptions) -> JoinedTitles:
    """Titles by the items' raw ids; where no column holds titles, only years and genres, which is noted.

    Raises ReadError where the file has no column for ids, nor one for titles though the file or column was named.
    """
    mapping: dict[str, str | None] = {"item_id": options.titles_key} if options.titles_key else {}
    if "title" in options.columns:
        mapping["title"] = options.columns["title"]
    names = table.names
    plain_id = next((name for name in names if normalised_name(name) == "id"), None)
    if plain_id and "item_id" not in mapping and "item_id" not in guess_columns(names):
        mapping["item_id"] = plain_id
    is_required = options.titles is not None or bool(mapping.get("title"))
    needed = ("item_id", "title") if is_required else ("item_id",)
    positions = resolve_columns(names, {"user_id": None, **mapping}, table.where, table.guess, needed)
    columns = {role: names[position] for role, position in positions.items() if role in ("item_id", "title")}
    keys = _keys(table, positions["item_id"], options)
    notes = list(table.notes)
    texts, n_contested = ("",) * len(items), 0
    if "title" in positions:
        texts, n_contested = first_titles(
            EncodedColumn.of(keys), EncodedColumn.of(table.column(positions["title"])), items
        )
    else:
        notes.append(f"{table.source.file} has no title column, so items show their ids; --title-column NAME names one")
    if n_contested:
        notes.append(
            f"{counted(n_contested, 'item')} with more than one title in {table.source.file}; the first is used"
        )
    notes += [f"in {table.source.file}: {dropped} dropped" for dropped in table.dropped]
    row = _first_rows(keys, items)
    years, year_column = _years(table, row)
    genres, genre_columns = _genres(table, row)
    columns |= {"year": year_column} if year_column else {}
    columns |= {"genres": genre_columns} if genre_columns else {}
    in_file = {str(key) for key in pc.unique(keys).to_pylist()}
    n_matching = sum(raw in in_file for raw in items.ids)
    n_titled = sum(bool(text.strip()) for text in texts)
    report = TitlesRead(table.source.file, len(items), n_titled, len(in_file) - n_matching)
    warnings = _warnings(table, items, in_file, n_matching, positions["item_id"], options)
    return JoinedTitles(ItemTable(items, texts, years, genres), columns, report, tuple(notes), warnings)


def titles_within(
    item_ids: EncodedColumn, titles: EncodedColumn, items: Vocabulary, *, asked: bool
) -> tuple[ItemTable, tuple[str, ...]]:
    """Titles from a column of the interactions themselves, unless it is guessed and holds something else."""
    untitled = ItemTable.untitled(items)
    texts, n_contested = first_titles(item_ids, titles, items)
    n_with_several_rows = int((item_ids.counts() > 1).sum())
    if not asked and n_contested * 2 > n_with_several_rows and n_contested > 2:
        note = (
            f"the title column was not read: {n_contested:,} of {counted(n_with_several_rows, 'item')} with several "
            "rows have several titles, so it holds something else, such as reviews; --title-column NAME reads it "
            "nevertheless"
        )
        return untitled, (note,)
    notes = [f"{counted(n_contested, 'item')} with more than one title in the file; the first is shown"]
    return ItemTable(items, texts, untitled.years, untitled.genres), tuple(notes if n_contested else ())


def names_items(names: Sequence[str]) -> bool:
    """Whether columns of these names are a table of items: an id and a title, and no user."""
    guess = guess_columns(names)
    return {"item_id", "title"} <= guess.keys() and "user_id" not in guess


def _keys(table: Table, position: int, options: ReadOptions) -> pa.LargeStringArray:
    keys = pc.utf8_trim_whitespace(table.column(position))
    return as_number(keys) if options.ids == "number" else keys


def _warnings(
    table: Table, items: Vocabulary, in_file: set[str], n_matching: int, key: int, options: ReadOptions
) -> tuple[str, ...]:
    """A warning where few items are in the file: ids of both sides, with the likely cause."""
    if n_matching >= _FEW * len(items):
        return ()
    sentence = (
        f"{n_matching:,} of {counted(len(items), 'item')} have a title in {table.source.file}; your ids: "
        f"{example_ids(raw for raw in items.ids if raw not in in_file)}; the file's: "
        f"{example_ids(sorted(in_file, key=_natural))}"
    )
    cause = likely_cause(set(items.ids), in_file)
    if cause:
        return (f"{sentence}; {cause}",)
    item_ids = set(items.ids)
    for position, name in enumerate(table.names):
        if position == key:
            continue
        n_here = len(item_ids & {str(raw) for raw in pc.unique(_keys(table, position, options)).to_pylist()})
        if n_here >= _FEW * len(items) and n_here > n_matching:
            return (f"{sentence}; column {name!r} has {n_here:,} of them: --titles-key {name!r} uses it",)
    return (f"{sentence}; --titles-key NAME uses another column",)


def _natural(raw: str) -> tuple[int, str]:
    return len(raw), raw


def _first_rows(keys: pa.LargeStringArray, items: Vocabulary) -> list[int | None]:
    """The first row of the file for each item."""
    first: dict[str, int] = {}
    for row, raw in enumerate(keys.to_pylist()):
        first.setdefault(raw, row)
    return [first.get(raw) for raw in items.ids]


def _named(table: Table, usual_names: Sequence[str], role: str) -> int | None:
    if table.guess is not None:
        number = table.guess.get(role)
        return int(number) - 1 if number else None
    column_names = [normalised_name(name) for name in table.names]
    return next((column_names.index(name) for name in usual_names if name in column_names), None)


def _years(table: Table, row: list[int | None]) -> tuple[tuple[int | None, ...], str]:
    position = _named(table, _YEARS, "year")
    if position is None:
        return (None,) * len(row), ""
    matches = [_YEAR.search(text) for text in table.column(position).to_pylist()]
    years = [None if year is None else int(year[0]) for year in matches]
    return tuple(None if r is None else years[r] for r in row), table.names[position]


def _genres(table: Table, row: list[int | None]) -> tuple[tuple[tuple[str, ...], ...], str]:
    if table.guess is not None and table.width == 5 + len(_FLAGS):
        flags = [table.column(5 + n).to_pylist() for n in range(len(_FLAGS))]
        genres = [
            tuple(name for name, column in zip(_FLAGS, flags, strict=True) if r is not None and column[r] == "1")
            for r in row
        ]
        return tuple(tuple(name for name in names if name not in _NO_GENRES) for names in genres), "6 to 24"
    position = _named(table, _GENRES, "genres")
    if position is None:
        return ((),) * len(row), ""
    texts = table.column(position).to_pylist()
    delimiter = _genre_delimiter(texts, table.names[position])
    genres = [tuple(dict.fromkeys(genre.strip() for genre in re.split(delimiter, text))) for text in texts]
    named_genres = [tuple(genre for genre in row_genres if genre not in _NO_GENRES) for row_genres in genres]
    return tuple(() if r is None else named_genres[r] for r in row), table.names[position]


def _genre_delimiter(texts: list[str], name: str) -> str:
    """The delimiter between two genres: a bar, else a semicolon, else a comma; blanks in RecBole's token_seq."""
    if name.endswith(":token_seq"):
        return " +"
    return next((re.escape(sign) for sign in "|;" if any(sign in text for text in texts)), ",")
