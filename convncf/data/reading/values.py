"""Columns of text -> ratings, titles, and which rows of a pair are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.interactions import Vocabulary
from convncf.data.reading.options import Decimal, Keep
from convncf.data.reading.report import counted

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_DECIMAL_COMMA = r"^[+-]?[0-9]*,[0-9]+$"
_DECIMAL_POINT = r"^[+-]?[0-9]*\.[0-9]+"
_AS_NUMBER = r"^0*([0-9]+?)(?:\.0*)?$"
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class ParsedRatings:
    """A column of ratings."""

    values: npt.NDArray[np.float64]
    """(n,) 0 where not understood."""
    understood: Bools
    empty: Bools
    notes: tuple[str, ...]


def as_number(ids: pa.LargeStringArray) -> pa.LargeStringArray:
    """Ids that are whole numbers in their shortest form: 007 and 7.0 become 7; others stay."""
    return pc.replace_substring_regex(ids, pattern=_AS_NUMBER, replacement=r"\1")


@dataclass(frozen=True, eq=False)
class Merged:
    """Rows after each pair is kept once."""

    kept: Int64s
    """Rows that stay, in the order of the file."""
    exact_duplicates: int
    repeats: int
    most_repeated: int


def parse_ratings(texts: pa.LargeStringArray, decimal: Decimal | None = None) -> ParsedRatings:
    """Numbers with a decimal point, or with a decimal comma, which is said; `decimal` allows only the one."""
    plain = pc.utf8_trim_whitespace(texts)
    notes = []
    with_comma = pc.match_substring_regex(plain, _DECIMAL_COMMA)
    n_comma = 0 if decimal == "." else int(np.asarray(with_comma, bool).sum())
    with_point = pc.match_substring_regex(plain, _DECIMAL_POINT)
    n_point = int(np.asarray(with_point, bool).sum()) if n_comma or decimal == "," else 0
    if decimal == ",":  # then a point is no decimal sign, and a number that has one is none
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
    n_zero = int(((values == 0) & understood).sum())
    if n_zero * 4 >= len(values) > 0:
        notes.append(f"{counted(n_zero, 'rating')} of 0, which often means 'not rated'; each counts as an interaction")
    n_negative = int((values < 0).sum())
    if n_negative:
        notes.append(
            f"{counted(n_negative, 'rating')} below 0, which often means a return or a dislike; each counts as an "
            "interaction"
        )
    return ParsedRatings(values, understood, np.asarray(pc.equal(plain, ""), bool), tuple(notes))


def merge_repeats(
    user: npt.NDArray[np.integer[Any]],
    item: npt.NDArray[np.integer[Any]],
    times: Int64s | None,
    ratings: npt.NDArray[np.float64] | None,
    keep: Keep = "latest",
) -> Merged:
    """Keep each pair once: its latest (or first) row by time, without times or at equal times its first in the file."""
    n = len(user)
    row = np.arange(n)
    time = np.zeros(n, np.int64) if times is None else times
    rating = np.zeros(n) if ratings is None else ratings
    pair = user.astype(np.int64) * (int(item.max()) + 1) + item
    occurrences = np.unique(pair, return_counts=True)[1]
    if len(occurrences) == n:
        return Merged(row, 0, 0, 1)
    # Within a pair the last is the one to keep: at equal times the first in the file.
    order = np.lexsort((-row, time if keep == "latest" else -time, pair))
    last = np.append(pair[order][1:] != pair[order][:-1], True)
    kept = np.sort(order[last])
    alike = np.lexsort((rating, time, pair))
    same = np.ones(n - 1, bool)
    for column in (pair, time, rating):
        same &= column[alike][1:] == column[alike][:-1]
    exact = int(same.sum())
    return Merged(kept, exact, n - len(kept) - exact, int(occurrences.max()))


def first_titles(
    item_ids: pa.LargeStringArray, titles: pa.LargeStringArray, items: Vocabulary
) -> tuple[tuple[str, ...], int]:
    """The first title of each item that is not blank, '' where there is none, and how many items have several."""
    given = np.asarray(pc.not_equal(pc.utf8_trim_whitespace(titles), ""), bool)
    item_codes, title_codes = pc.dictionary_encode(item_ids), pc.dictionary_encode(titles)
    item, title = np.asarray(item_codes.indices)[given], np.asarray(title_codes.indices)[given]
    if not len(item):
        return ("",) * len(items), 0
    with_title, first = np.unique(item, return_index=True)
    raw, words = item_codes.dictionary.to_pylist(), title_codes.dictionary.to_pylist()
    titled = {raw[code]: words[title[row]] for code, row in zip(with_title, first, strict=True)}
    pairs = np.unique(item.astype(np.int64) * len(words) + title) // len(words)
    contested = int((np.unique(pairs, return_counts=True)[1] > 1).sum())
    return tuple(titled.get(known, "") for known in items.ids), contested
