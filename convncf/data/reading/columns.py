"""The role of each column, guessed by the usual names or mapped by the user; and columns of text as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.reading.options import ROLES, Decimal, Keep
from convncf.data.reading.report import counted
from convncf.data.reading.tables import EncodedColumn
from convncf.data.vocabulary import Vocabulary
from convncf.errors import ReadError, did_you_mean

OPTIONS = {role: f"--{words.option}" for role, words in ROLES.items()}
_ROLE_WORDS = {"user_id": "user column", "item_id": "item column", "title": "title column"}
# Names as `normalised_name` returns them, the surest first.
_USUAL = {
    "user_id": "userid user uid usr usrid customerid customer customerno customernumber custid memberid member "
    "reviewerid reviewer readerid visitorid accountid clientid client personid person subscriberid playerid listenerid "
    "username",
    "item_id": "itemid item iid movieid movie filmid film asin parentasin productid product productno productnumber "
    "sku stockcode articleid article isbn bookid book businessid business trackid track songid song artistid artist "
    "gameid game appid videoid newsid recipeid venueid placeid poiid locationid courseid",
    "rating": "rating ratings stars star starrating score overall bookrating reviewrating userrating preference "
    "playcount plays listencount quantity qty weight count",
    "timestamp": "timestamp time unixreviewtime unixtime unixtimestamp datetime date ts tstamp createdat created "
    "eventtime ratedat reviewtime reviewdate purchasedate orderdate invoicedate",
    "title": "title itemtitle movietitle filmtitle booktitle producttitle name itemname moviename filmname bookname "
    "productname trackname songname",
}
_COUNTS = (
    *("playcount", "plays", "listencount", "listens", "views", "clicks"),
    *("quantity", "qty", "amount", "pieces", "weight", "count", "counts"),
)
_TYPED = re.compile(r":(token|float|token_seq|float_seq)$")


def guess_columns(header: Sequence[str]) -> dict[str, str]:
    """Role -> column name, for the roles whose usual names occur; a column plays one role only."""
    by_name: dict[str, str] = {}
    for name in header:
        by_name.setdefault(normalised_name(name), name.strip())
    guess: dict[str, str] = {}
    for role in ROLES:
        column = next((by_name[usual] for usual in _USUAL[role].split() if usual in by_name), None)
        if column is not None:
            guess[role] = column
    return guess


def holds_counts(name: str) -> bool:
    """Whether a rating column of that name holds counts, such as plays or quantities."""
    return normalised_name(name) in _COUNTS


def match_name(column: str, header: Sequence[str]) -> str | None:
    """The header's spelling of a name: exact, else the same but for case and surrounding blanks."""
    names = [name.strip() for name in header]
    if column.strip() in names:
        return column.strip()
    return next((name for name in names if name.casefold() == column.strip().casefold()), None)


def resolve_columns(
    header: Sequence[str],
    mapping: Mapping[str, str | None],
    where: str,
    guess: Mapping[str, str] | None = None,
    needed: tuple[str, ...] = ("user_id", "item_id"),
) -> dict[str, int]:
    """Role -> position of its column. Roles that are not mapped are guessed; a role mapped to None or "" is not read.

    `where` is the file and line of the header, `guess` replaces the guess by name where no header names the columns,
    and `needed` are the roles that must have a column. Raises ReadError where a role or column does not exist, is
    ambiguous or used twice, or a needed role has no column.
    """
    names = [name.strip() for name in header]
    chosen: dict[str, str] = {}
    for role, column_name in mapping.items():
        if role not in ROLES:
            raise ReadError(f"{role!r} is not a role of a column. {did_you_mean(role, ROLES)}")
        if not column_name:
            continue
        column = match_name(column_name, names)
        if column is None:
            raise ReadError(
                f"{where}: no column {column_name!r} among {_listed(names)}. {did_you_mean(column_name, names)}"
            )
        chosen[role] = column
    mapped = set(chosen.values())
    by_name = guess_columns([name for name in names if name not in mapped])
    guessed = by_name if guess is None else {role: name for role, name in guess.items() if name not in mapped}
    chosen |= {role: name for role, name in guessed.items() if role not in mapping}
    _refuse_unusable(names, chosen, where, needed, headless=guess is not None)
    return {role: names.index(chosen[role]) for role in ROLES if role in chosen}


def _refuse_unusable(
    names: list[str], chosen: dict[str, str], where: str, needed: tuple[str, ...], *, headless: bool
) -> None:
    missing = [role for role in needed if role not in chosen]
    if missing:
        options = " and ".join(f"{OPTIONS[role]} NAME" for role in missing)
        if headless:
            raise ReadError(
                f"{where} looks like data, not like a header, and nothing shows which of its {len(names)} columns is "
                f"which. Map them by number: {options.replace('NAME', 'NUMBER')}; or add a header line, such as "
                "user_id,item_id,rating,timestamp; or give --header where the line is one."
            )
        roles = " and no ".join(_ROLE_WORDS[role] for role in missing)
        data = " If that line is data, give --no-header." if len(missing) == len(needed) else ""
        raise ReadError(f"{where}: no {roles} among {_listed(names)}. Map columns with {options}.{data}")
    for role, name in chosen.items():
        if names.count(name) > 1:
            raise ReadError(
                f"{where}: {names.count(name)} columns are named {name!r}. Rename all but the {role} column."
            )
        second = next((other for other in chosen if other != role and chosen[other] == name), None)
        if second:
            raise ReadError(
                f"{where}: column {name!r} is mapped to both {role} and {second}. Map one of the two to another column."
            )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def normalised_name(name: str) -> str:
    """' User-ID ' and 'user_id:token' -> 'userid'."""
    return re.sub(r"[\W_]+", "", _TYPED.sub("", name.strip()).casefold())


Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_DECIMAL_COMMA = r"^[+-]?[0-9]*,[0-9]+$"
_DECIMAL_POINT = r"^[+-]?[0-9]*\.[0-9]+"
_AS_NUMBER = r"^0*([0-9]+?)(?:\.0*)?$"
_AT_ONCE = 2**20
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class ParsedRatings:
    """A column of ratings."""

    values: npt.NDArray[np.float64]
    """(n,) 0 where the text is not a number."""
    understood: Bools
    empty: Bools
    notes: tuple[str, ...]


def as_number(ids: pa.LargeStringArray) -> pa.LargeStringArray:
    """Ids that are whole numbers in their shortest form: 007 and 7.0 become 7; others stay."""
    return pc.replace_substring_regex(ids, pattern=_AS_NUMBER, replacement=r"\1")


@dataclass(frozen=True, eq=False)
class MergedRows:
    """The rows that were merged so that each pair is kept once."""

    exact_duplicates: int
    repeats: int
    most_repeated: int
    kept: Int64s | None = None
    """Rows that stay, in the order of the file; None where all do."""


def parse_ratings(column: EncodedColumn, decimal: Decimal | None = None) -> ParsedRatings:
    """Numbers with a decimal point, or with a decimal comma, which is noted; `decimal` allows only one of the two."""
    rows = column.counts()
    plain = pc.utf8_trim_whitespace(column.values)
    notes = []
    with_comma = pc.match_substring_regex(plain, _DECIMAL_COMMA)
    n_comma = 0 if decimal == "." else int(rows[np.asarray(with_comma, bool)].sum())
    with_point = pc.match_substring_regex(plain, _DECIMAL_POINT)
    n_point = int(rows[np.asarray(with_point, bool)].sum()) if n_comma or decimal == "," else 0
    if decimal == ",":  # then text with a point is not a number
        plain = pc.if_else(with_point, pc.replace_substring(plain, ".", "?"), plain)
    if n_comma:
        plain = pc.if_else(with_comma, pc.replace_substring(plain, ",", "."), plain)
        notes.append(f"{counted(n_comma, 'rating')} with a decimal comma, as 3,5 for 3.5")
        if n_point and decimal is None:
            notes.append(f"{counted(n_point, 'rating')} with a decimal point among them: the file mixes both signs")
    understood = np.asarray(pc.match_substring_regex(plain, _NUMBER), bool)
    digits = pc.if_else(pa.array(understood), pc.replace_substring_regex(plain, r"^\+", ""), "0")
    values = np.fromiter(map(float, digits.to_pylist()), np.float64, len(digits))
    understood &= np.abs(values) <= _LARGEST
    values[~understood] = 0
    n_zero = int(rows[(values == 0) & understood].sum())
    if n_zero * 4 >= len(column) > 0:
        notes.append(f"{counted(n_zero, 'rating')} of 0, which often means 'not rated'; each counts as an interaction")
    n_negative = int(rows[values < 0].sum())
    if n_negative:
        notes.append(
            f"{counted(n_negative, 'rating')} below 0, which often means a return or a dislike; each counts as an "
            "interaction"
        )
    empty = np.asarray(pc.equal(plain, ""), bool)
    return ParsedRatings(values[column.codes], column.rows_with(understood), column.rows_with(empty), tuple(notes))


def merge_repeats(
    user: npt.NDArray[np.integer[Any]],
    item: npt.NDArray[np.integer[Any]],
    times: Int64s | None,
    ratings: npt.NDArray[np.float64] | None,
    keep: Keep = "latest",
) -> MergedRows:
    """Keep each pair once: its latest (or first) row by time, without times or at equal times its first in the file."""
    pair = user.astype(np.int64)  # (n,) one number a pair
    pair *= int(item.max()) + 1
    pair += item
    in_order = np.sort(pair)
    repeats = in_order[1:] == in_order[:-1]
    if not repeats.any():
        return MergedRows(0, 0, 1)
    repeated = np.unique(in_order[1:][repeats])
    del in_order, repeats
    # Only rows of repeated pairs, which are few in large files, are sorted below.
    is_repeated = np.empty(len(pair), bool)
    for start in range(0, len(pair), _AT_ONCE):
        chunk = pair[start : start + _AT_ONCE]
        position = np.minimum(np.searchsorted(repeated, chunk), len(repeated) - 1)
        is_repeated[start : start + _AT_ONCE] = repeated[position] == chunk
    row = np.flatnonzero(is_repeated)
    pair = pair[row]
    time = np.zeros(len(row), np.int64) if times is None else times[row]
    rating = np.zeros(len(row)) if ratings is None else ratings[row]
    # Within a pair the last is the one to keep: at equal times the first in the file.
    order = np.lexsort((-row, time if keep == "latest" else -time, pair))
    last = np.append(pair[order][1:] != pair[order][:-1], True)
    stays = ~is_repeated
    stays[row[order[last]]] = True
    by_row_content = np.lexsort((rating, time, pair))
    same = np.ones(len(row) - 1, bool)
    for column in (pair, time, rating):
        same &= column[by_row_content][1:] == column[by_row_content][:-1]
    exact = int(same.sum())
    most = int(np.bincount(np.searchsorted(repeated, pair)).max())
    return MergedRows(exact, len(row) - len(repeated) - exact, most, np.flatnonzero(stays))


def first_titles(item_ids: EncodedColumn, titles: EncodedColumn, items: Vocabulary) -> tuple[tuple[str, ...], int]:
    """The first title of each item that is not blank, '' where there is none, and how many items have several."""
    has_title = titles.rows_with(np.asarray(pc.not_equal(pc.utf8_trim_whitespace(titles.values), ""), bool))
    item, title = item_ids.codes[has_title], titles.codes[has_title]
    if not len(item):
        return ("",) * len(items), 0
    with_title, first = np.unique(item, return_index=True)
    raw, texts = item_ids.values.to_pylist(), titles.values.to_pylist()
    title_of = {raw[code]: texts[title[row]] for code, row in zip(with_title, first, strict=True)}
    pairs = np.unique(item.astype(np.int64) * len(texts) + title) // len(texts)
    n_contested = int((np.unique(pairs, return_counts=True)[1] > 1).sum())
    return tuple(title_of.get(item_id, "") for item_id in items.ids), n_contested
