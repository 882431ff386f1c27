"""Times as exact integers: their unit, and the formats of text that are read as such integers.

A time is never a float: 32-bit floats step by 128 s around the year 2020, and 64-bit ones lose nanoseconds, so
the order within a session, by which leave-one-out holds out, would be lost.

Shapes: n rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.formats import UNIT_WORDS, UNITS, DateOrder, TimeUnit
from convncf.errors import DataError

Bools = npt.NDArray[np.bool_]
Int8s: TypeAlias = npt.NDArray[np.int8]
Int64s = npt.NDArray[np.int64]
READ_AS_TIMES: Final = (
    "Formats of times: counts since 1970 in s, ms, us or ns; 2014-05-31 or 2014/05/31, each also with 12:30:00, a "
    "fraction and a zone; 20140531 or 20140531123000; 31/05/2014, 05/31/2014 or 31.5.2014, each also with 12:30."
)
_YEAR_LAST = r"^(?P<first>[0-9]{1,2})(?P<sign>[./-])(?P<second>[0-9]{1,2})[./-](?P<year>[0-9]{4}),?(?P<clock>[Tt ].*)?$"
_EXPONENT = r"^[+-]?[0-9]+(?:\.[0-9]*)?[eE]\+?[0-9]{1,2}$"
_ORDERED: Final[dict[DateOrder, str]] = {"day-first": r"\4-\3-\1\5", "month-first": r"\4-\1-\3\5"}
_MONTHS, _DAYS = 12, 31
_CHUNK = 2**20


def year_first(
    texts: pa.LargeStringArray, order: DateOrder | None
) -> tuple[pa.LargeStringArray, DateOrder | None, Bools | None]:
    """31/05/2014 12:30 as 2014-05-31 12:30; other texts as they are.

    Without an `order`, a number above 12 shows which is the day, and so do dots: 1.5.2014 is the first of May. Returns
    the texts (n,), the order where some date needed one, and, where none can be detected, the dates that leave it open
    or contradict another (n,).
    """
    is_year_last = pc.match_substring_regex(texts, _YEAR_LAST)
    if not pc.any(is_year_last).as_py():
        return texts, None, None
    if order is None:
        order, unclear = _detected_order(texts, np.asarray(is_year_last, bool))
        if order is None:
            return texts, None, unclear
    return pc.replace_substring_regex(texts, pattern=_YEAR_LAST, replacement=_ORDERED[order]), order, None


def _detected_order(texts: pa.LargeStringArray, is_year_last: Bools) -> tuple[DateOrder | None, Bools]:
    first, second, has_dots = (
        np.concatenate(parts) for parts in zip(*map(_day_and_month, _date_chunks(texts)), strict=True)
    )
    day_first = (first > _MONTHS) & (first <= _DAYS) & (second <= _MONTHS)
    month_first = (second > _MONTHS) & (second <= _DAYS) & (first <= _MONTHS)
    if day_first.any() and month_first.any():
        return None, day_first | month_first
    if day_first.any() or month_first.any():
        return ("day-first" if day_first.any() else "month-first"), is_year_last
    return ("day-first" if has_dots[is_year_last].all() else None), is_year_last


def _date_chunks(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Some rows at a time: the matches of a pattern need many times the memory of the values."""
    for start in range(0, len(texts), _CHUNK):
        yield texts.slice(start, _CHUNK)


def _day_and_month(texts: pa.LargeStringArray) -> tuple[Int8s, Int8s, Bools]:
    """(n,) the first and the second number of dates with the year last, else 0, and whether dots separate them."""
    match = pc.extract_regex(texts, pattern=_YEAR_LAST)
    first, second = (
        np.asarray(pc.cast(pc.fill_null(pc.struct_field(match, name), "0"), pa.int8())) for name in ("first", "second")
    )
    return first, second, np.asarray(pc.equal(pc.fill_null(pc.struct_field(match, "sign"), ""), "."), bool)


def without_exponents(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, str]:
    """1.7e+09 as 1700000000; other texts as they are. Returns them (n,), and a note of their number and exactness."""
    has_exponent = pc.match_substring_regex(texts, _EXPONENT)
    n = int(pc.sum(has_exponent).as_py() or 0)
    if not n:
        return texts, ""
    encoded = pc.dictionary_encode(texts)
    plain: list[str] = []
    coarsest, example = 0, ""
    distinct_has_exponent = np.asarray(pc.match_substring_regex(encoded.dictionary, _EXPONENT), bool)
    for text, is_exponent in zip(encoded.dictionary.to_pylist(), distinct_has_exponent, strict=True):
        if not is_exponent:
            plain.append(text)
            continue
        number = Decimal(text)
        plain.append(f"{number:f}")
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and (exponent > coarsest or not example):
            coarsest, example = max(exponent, 0), text
    precision = f", and so exact only to steps of {10**coarsest:,}" if coarsest else ""
    note = f"{n:,} written with an exponent, such as {example!r}{precision}"
    return pa.array(plain, pa.large_string()).take(encoded.indices), note


def days_since_1970(year: Int64s, month: Int64s, day: Int64s) -> tuple[Int64s, Bools]:
    """Days since 1970 of a date in the Gregorian calendar, and whether it exists (no 30 February)."""
    inside = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (year - 1970) * 12 + np.where(inside, month, 1) - 1
    dates = months.astype("datetime64[M]").astype("datetime64[D]") + np.where(inside, day - 1, 0)
    same_month = dates.astype("datetime64[M]").astype(np.int64) == months
    return dates.astype(np.int64), inside & same_month


PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
# In the right unit, times from 1973 on are in ranges that do not overlap: 1e8 to 1e11 for seconds (the year 5138),
# each finer unit a thousand times higher. Below 1e8 a number does not show its unit.
_LOWER_BOUNDS = (10**8, 10**11, 10**14, 10**17)
_INTEGER = r"^(?P<whole>[+-]?[0-9]{1,19})(?:\.(?P<fraction>[0-9]*))?$"
_ISO = (
    r"^(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})[-/](?P<day>[0-9]{1,2})"
    r"(?:[Tt ]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    r" ?(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?$"
)
_EARLIEST, _LATEST = -2208988800, 4102444800  # 1900-01-01 and 2100-01-01 in seconds


@dataclass(frozen=True, slots=True)
class ParsedTimes:
    """A column of times as integers."""

    values: Int64s
    """(n,) counts of `unit` since 1970-01-01 UTC; 0 where `understood` is false."""
    understood: Bools
    """(n,) whether the text was a time."""
    unit: TimeUnit
    format: str
    """How the column was read, such as 'seconds since 1970'."""
    other_unit: Bools
    """(n,) counts whose size shows another unit than the column's: a mix, which the caller refuses."""
    unclear: Bools | None = None
    """(n,) dates whose day and month cannot be distinguished, where there are some; the caller refuses them too."""


def unit_indices(values: Int64s) -> npt.NDArray[np.int8]:
    """The unit that each value's size shows, as an index into UNITS; -1 where it shows none."""
    index: npt.NDArray[np.int8] = np.full(len(values), -1, np.int8)
    size = np.abs(values)
    for lower_bound in _LOWER_BOUNDS:
        index += size >= lower_bound
    return index


def detect_unit(values: Int64s) -> TimeUnit:
    """The unit of a column of counts since 1970, by their size; small counts are read as seconds.

    Raises DataError when the column mixes units.
    """
    indices = np.unique(unit_indices(values))
    indices = indices[indices >= 0]
    if len(indices) > 1:
        mixed = " and ".join(UNIT_WORDS[UNITS[index]] for index in indices)
        raise DataError(f"the times mix {mixed} since 1970: {int(values.min())} to {int(values.max())}. Use one unit.")
    return UNITS[int(indices[0])] if len(indices) else "s"


def to_seconds(values: Int64s, unit: TimeUnit) -> Int64s:
    """Whole seconds since 1970, for display; order within a second is lost, so never for splitting."""
    return values if unit == "s" else values // PER_SECOND[unit]


def date_words(seconds: int) -> str:
    """A time in seconds since 1970 as a UTC date, in any year: -62135596800 -> 0001-01-01."""
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))


def implausible(values: Int64s, unit: TimeUnit) -> Bools:
    """(n,) times before 1900 or after 2100."""
    seconds = to_seconds(values, unit)
    return (seconds < _EARLIEST) | (seconds > _LATEST)


def parse_times(
    column: pa.LargeStringArray | Int64s,
    unit: TimeUnit | None = None,
    order: DateOrder | None = None,
    *,
    whose: str = "as set",
) -> ParsedTimes:
    """Read a column of times: counts since 1970 in any unit, dates with the year first or last, or packed ones.

    A date without a zone is read as UTC. Fractions of a second are kept exactly, by counting in a finer unit. Given a
    `unit`, numbers are counts of it whatever their size, and `whose` says where it comes from; `order` is that of
    dates with the year last. A column of integers is one of their digits.
    """
    note = ""
    if not isinstance(column, np.ndarray):
        column, note = without_exponents(column)
    times = _parse(column, unit, order, whose)
    return replace(times, format=f"{times.format}; {note}") if note else times


def _parse(
    column: pa.LargeStringArray | Int64s, unit: TimeUnit | None, order: DateOrder | None, whose: str
) -> ParsedTimes:
    if isinstance(column, np.ndarray):
        is_integer = np.ones(len(column), bool)
        parsed = _Numbers(column, is_integer, np.zeros(len(column), np.int8), np.zeros(1, np.int32), ~is_integer)
    else:
        parsed = _Numbers.joined([_numbers(chunk) for chunk in _chunks(column)])
    numbers = _as_counts(parsed, unit, whose)
    if int(numbers.understood.sum()) * 2 >= len(numbers.understood) and numbers.understood.any():
        return (None if unit else _packed_dates(numbers)) or numbers
    if isinstance(column, np.ndarray):
        return numbers
    column, order_found, unclear = year_first(column, order)
    dates = _parse_iso(column)
    if order_found is not None:
        dates = replace(
            dates, format=f"{dates.format}, {'as set' if order else 'read'} {order_found.replace('-', ' ')}"
        )
    if unclear is not None:
        return replace(dates, unclear=unclear)
    return dates if dates.understood.any() else numbers


def _chunks(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Some rows at a time, at least once: the matches of a pattern need many times the memory of the values."""
    for start in range(0, max(len(texts), 1), _CHUNK):
        yield texts.slice(start, _CHUNK)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers, or seconds of dates, as integers (n,)."""

    whole: Int64s
    understood: Bools
    places: npt.NDArray[np.int8]
    """Decimal places in use."""
    nanoseconds: npt.NDArray[np.int32]
    """The fraction behind the decimal sign, in 1e-9."""
    marked: Bools
    """Negative numbers; dates without a zone."""

    @classmethod
    def joined(cls, chunks: Sequence[_Numbers]) -> _Numbers:
        """The rows of all chunks, one after the other."""
        if len(chunks) == 1:
            return chunks[0]
        names = ("whole", "understood", "places", "nanoseconds", "marked")
        return cls(*(np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in names))

    def fraction(self, unit: TimeUnit) -> Int64s:
        """Counts of the unit behind the decimal sign."""
        counts: Int64s = self.nanoseconds.astype(np.int64) // 10 ** (9 - _DIGITS[unit])
        return counts


def _numbers(texts: pa.LargeStringArray) -> _Numbers:
    whole, fraction = (_group(texts, _INTEGER, name) for name in ("whole", "fraction"))
    values, fits = _to_int64(whole)
    places = _places(fraction)
    understood = ~_nulls(whole) & fits & (places <= _DIGITS["ns"])
    negative = np.asarray(pc.starts_with(pc.fill_null(whole, ""), "-"))
    return _Numbers(values, understood, places, _nanoseconds(fraction), negative)


def _as_counts(numbers: _Numbers, set_unit: TimeUnit | None, whose: str) -> ParsedTimes:
    values, understood, places = numbers.whole, numbers.understood, numbers.places
    unit_index = np.where(understood, unit_indices(values), np.int8(-1))
    rows_by_unit = np.bincount(unit_index[unit_index >= 0], minlength=len(UNITS))
    unit = set_unit or UNITS[int(rows_by_unit.argmax())]
    other_unit = np.zeros(len(values), bool) if set_unit else (unit_index >= 0) & (unit_index != rows_by_unit.argmax())
    if unit != "s":
        understood = understood & (places == 0)  # with a fraction of a finer unit it is probably not a time
    finer = _unit_for(int(places[understood].max(initial=0)))
    if unit != "s" or finer == "s":
        format_name = f"{UNIT_WORDS[unit]} since 1970{f', {whose}' if set_unit else ''}"
        return ParsedTimes(values, understood, unit, format_name, other_unit)
    # A negative time with a fraction counts away from zero: -1.5 is -1 s and -500 ms.
    sign = np.where(numbers.marked, -1, 1)
    values, fits = _scaled(values, sign * numbers.fraction(finer), PER_SECOND[finer])
    format_name = f"seconds since 1970 with fractions, as {UNIT_WORDS[finer]}"
    return ParsedTimes(values, understood & fits, finer, format_name, other_unit)


def _packed_dates(numbers: ParsedTimes) -> ParsedTimes | None:
    """The column read as YYYYMMDD or YYYYMMDDhhmmss, when every understood value can be one."""
    values = numbers.values[numbers.understood]
    if not len(values) or numbers.unit not in ("s", "ms"):
        return None
    with_clock = (values >= 10**13) & (values < 10**14)
    if not (with_clock | (values >= 10**7) & (values < 10**8)).all():
        return None
    day_part, clock = np.where(with_clock, values // 10**6, values), np.where(with_clock, values % 10**6, 0)
    year, month, day = day_part // 10**4, day_part // 100 % 100, day_part % 100
    hour, minute, second = clock // 10**4, clock // 100 % 100, clock % 100
    days, valid = days_since_1970(year, month, day)
    if not (valid & (year >= 1900) & (year <= 2100) & (hour < 24) & (minute < 60) & (second < 60)).all():
        return None
    seconds = np.zeros(len(numbers.values), np.int64)
    seconds[numbers.understood] = days * 86400 + hour * 3600 + minute * 60 + second
    example = int(values[0])
    format_name = f"packed dates such as {example}, read as UTC"
    return ParsedTimes(seconds, numbers.understood, "s", format_name, np.zeros(len(seconds), bool))


def _parse_iso(texts: pa.LargeStringArray) -> ParsedTimes:
    dates = _Numbers.joined([_dates(chunk) for chunk in _chunks(texts)])
    unit = _unit_for(int(dates.places[dates.understood].max(initial=0)))
    values, fits = _scaled(dates.whole, dates.fraction(unit), PER_SECOND[unit])
    understood = dates.understood & fits
    naive = int((dates.marked & understood).sum())
    zone_texts = {int(understood.sum()): "without a time zone, read as UTC", 0: "with a time zone"}
    zone_text = zone_texts.get(naive, f"with a time zone, but for {naive:,} that are read as UTC")
    values, other_unit = np.where(understood, values, 0), np.zeros(len(values), bool)
    return ParsedTimes(values, understood, unit, f"dates {zone_text}, as {UNIT_WORDS[unit]}", other_unit)


def _dates(texts: pa.LargeStringArray) -> _Numbers:
    parts = pc.extract_regex(texts, pattern=_ISO)
    field = {name: pc.struct_field(parts, name) for name in ("year", "month", "day", "hour", "minute", "second")}
    year, month, day, hour, minute, second = (_to_int64(field[name])[0] for name in field)
    days, valid = days_since_1970(year, month, day)
    zone = pc.fill_null(pc.struct_field(parts, "zone"), "")
    offset, offset_valid = _zone_seconds(zone)
    understood = ~_nulls(parts) & valid & (hour < 24) & (minute < 60) & (second < 60) & offset_valid
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    fraction = pc.struct_field(parts, "fraction")
    return _Numbers(seconds, understood, _places(fraction), _nanoseconds(fraction), np.asarray(pc.equal(zone, "")))


def _zone_seconds(zone: pa.LargeStringArray) -> tuple[Int64s, Bools]:
    """+02:00 -> 7200; Z, UTC and nothing -> 0."""
    digits = pc.replace_substring_regex(zone, r"^[+-]([0-9]{2}):?([0-9]{2})?$", r"\1\2")
    is_offset = np.asarray(pc.match_substring_regex(digits, r"^[0-9]+$"))
    counts, _ = _to_int64(pc.if_else(pa.array(is_offset), digits, pa.scalar("0", pa.large_string())))
    short = np.asarray(pc.utf8_length(digits)) == 2
    hours, minutes = np.where(short, counts, counts // 100), np.where(short, 0, counts % 100)
    sign = np.where(np.asarray(pc.starts_with(zone, "-")), -1, 1)
    return sign * (hours * 3600 + minutes * 60), (hours < 24) & (minutes < 60)


def _group(texts: pa.LargeStringArray, pattern: str, name: str) -> pa.LargeStringArray:
    return pc.struct_field(pc.extract_regex(texts, pattern=pattern), name)


def _nulls(values: pa.Array) -> Bools:
    return np.asarray(pc.is_null(values))


def _to_int64(texts: pa.LargeStringArray) -> tuple[Int64s, Bools]:
    """Digits with an optional sign as int64; null and empty become 0, numbers that do not fit become 0 and false."""
    plain = pc.replace_substring_regex(pc.fill_null(texts, "0"), r"^\+", "")
    plain = pc.if_else(pc.equal(plain, ""), pa.scalar("0", pa.large_string()), plain)
    try:
        return np.asarray(pc.cast(plain, pa.int64())), np.ones(len(plain), bool)
    except pa.ArrowInvalid:
        exact = [int(text) for text in plain.to_pylist()]
        fits = np.asarray([-(2**63) <= value < 2**63 for value in exact])
        return np.asarray([value if fit else 0 for value, fit in zip(exact, fits, strict=True)], np.int64), fits


def _places(fraction: pa.LargeStringArray) -> npt.NDArray[np.int8]:
    """(n,) decimal places in use: the length of the fraction without its trailing zeros; 100 means more."""
    length = np.asarray(pc.utf8_length(pc.utf8_rtrim(pc.fill_null(fraction, ""), "0")), np.int64)
    return np.minimum(length, 100).astype(np.int8)


def _unit_for(places: int) -> TimeUnit:
    return next((unit for unit in UNITS if _DIGITS[unit] >= places), "ns")


def _nanoseconds(fraction: pa.LargeStringArray) -> npt.NDArray[np.int32]:
    """'.25' -> 250,000,000; digits after the ninth place are cut off."""
    padded = pc.utf8_rpad(pc.utf8_rtrim(pc.fill_null(fraction, ""), "0"), 9, "0")
    return _to_int64(pc.utf8_slice_codeunits(padded, 0, 9))[0].astype(np.int32)


def _scaled(seconds: Int64s, fraction: Int64s, per_second: int) -> tuple[Int64s, Bools]:
    """seconds · per_second + fraction, and where that fits int64."""
    limit = (2**63 - 1) // per_second
    fits = (seconds > -limit) & (seconds < limit)
    return np.where(fits, seconds, 0) * per_second + np.where(fits, fraction, 0), fits
