"""Times as people write them -> the writing that `timestamps` reads: dates with the year last, numbers with exponents.

Shapes: n rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DateOrder = Literal["day-first", "month-first"]
Bools: TypeAlias = npt.NDArray[np.bool_]
Int8s: TypeAlias = npt.NDArray[np.int8]
Int64s: TypeAlias = npt.NDArray[np.int64]

READ_AS_TIMES: Final = (
    "Times that are read: counts since 1970 in s, ms, us or ns; 2014-05-31 or 2014/05/31, each also with 12:30:00, a "
    "fraction and a zone; 20140531 or 20140531123000; 31/05/2014, 05/31/2014 or 31.5.2014, each also with 12:30."
)

_YEAR_LAST = r"^(?P<first>[0-9]{1,2})(?P<sign>[./-])(?P<second>[0-9]{1,2})[./-](?P<year>[0-9]{4}),?(?P<clock>[Tt ].*)?$"
_EXPONENT = r"^[+-]?[0-9]+(?:\.[0-9]*)?[eE]\+?[0-9]{1,2}$"
_ORDERED: Final[dict[DateOrder, str]] = {"day-first": r"\4-\3-\1\5", "month-first": r"\4-\1-\3\5"}
_MONTHS, _DAYS = 12, 31
_PIECE = 2**20


def year_first(
    texts: pa.LargeStringArray, order: DateOrder | None
) -> tuple[pa.LargeStringArray, DateOrder | None, Bools | None]:
    """31/05/2014 12:30 as 2014-05-31 12:30; other texts as they are.

    Without an `order`, a number above 12 tells which is the day, and dots do: 1.5.2014 is the first of May. Returns the
    texts (n,), the order where some date needed one, and, where none can be told, the dates that leave it open or
    contradict another (n,).
    """
    concerned = pc.match_substring_regex(texts, _YEAR_LAST)
    if not pc.any(concerned).as_py():
        return texts, None, None
    if order is None:
        order, unclear = _told(texts, np.asarray(concerned, bool))
        if order is None:
            return texts, None, unclear
    return pc.replace_substring_regex(texts, pattern=_YEAR_LAST, replacement=_ORDERED[order]), order, None


def _told(texts: pa.LargeStringArray, concerned: Bools) -> tuple[DateOrder | None, Bools]:
    first, second, dotted = (np.concatenate(parts) for parts in zip(*map(_parts, _pieces(texts)), strict=True))
    day_first = (first > _MONTHS) & (first <= _DAYS) & (second <= _MONTHS)
    month_first = (second > _MONTHS) & (second <= _DAYS) & (first <= _MONTHS)
    if day_first.any() and month_first.any():
        return None, day_first | month_first
    if day_first.any() or month_first.any():
        return ("day-first" if day_first.any() else "month-first"), concerned
    return ("day-first" if dotted[concerned].all() else None), concerned


def _pieces(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Some rows at a time: what a pattern finds takes many times the memory of what it means."""
    for start in range(0, len(texts), _PIECE):
        yield texts.slice(start, _PIECE)


def _parts(texts: pa.LargeStringArray) -> tuple[Int8s, Int8s, Bools]:
    """(n,) the first and the second number of dates with the year last, else 0, and whether dots divide them."""
    found = pc.extract_regex(texts, pattern=_YEAR_LAST)
    first, second = (
        np.asarray(pc.cast(pc.fill_null(pc.struct_field(found, name), "0"), pa.int8())) for name in ("first", "second")
    )
    return first, second, np.asarray(pc.equal(pc.fill_null(pc.struct_field(found, "sign"), ""), "."), bool)


def without_exponents(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, str]:
    """1.7e+09 as 1700000000; other texts as they are. Returns them (n,), and in words how many and what they lack."""
    concerned = pc.match_substring_regex(texts, _EXPONENT)
    n = int(pc.sum(concerned).as_py() or 0)
    if not n:
        return texts, ""
    found = pc.dictionary_encode(texts)
    plain: list[str] = []
    coarsest, such_as = 0, ""
    has_exponent = np.asarray(pc.match_substring_regex(found.dictionary, _EXPONENT), bool)
    for text, meant in zip(found.dictionary.to_pylist(), has_exponent, strict=True):
        if not meant:
            plain.append(text)
            continue
        number = Decimal(text)
        plain.append(f"{number:f}")
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and (exponent > coarsest or not such_as):
            coarsest, such_as = max(exponent, 0), text
    lost = f", and so exact only to steps of {10**coarsest:,}" if coarsest else ""
    words = f"{n:,} written with an exponent, such as {such_as!r}{lost}"
    return pa.array(plain, pa.large_string()).take(found.indices), words


def days_since_1970(year: Int64s, month: Int64s, day: Int64s) -> tuple[Int64s, Bools]:
    """Days since 1970 of a date in the Gregorian calendar, and whether it exists (no 30 February)."""
    inside = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (year - 1970) * 12 + np.where(inside, month, 1) - 1
    dates = months.astype("datetime64[M]").astype("datetime64[D]") + np.where(inside, day - 1, 0)
    same_month = dates.astype("datetime64[M]").astype(np.int64) == months
    return dates.astype(np.int64), inside & same_month
