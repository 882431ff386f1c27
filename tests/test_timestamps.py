"""Times: text in any usual form becomes an exact integer, or is said not to be a time."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data import timestamps
from convncf.data.formats import TimeUnit
from convncf.data.timestamps import ParsedTimes, date_words, detect_unit, implausible, parse_times, to_seconds
from convncf.errors import DataError


def parse(*texts: str) -> ParsedTimes:
    return parse_times(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1700000000", 1_700_000_000, "s"),
        ("1700000004000", 1_700_000_004_000, "ms"),
        ("1700000004000001", 1_700_000_004_000_001, "us"),
        ("1700000004000000001", 1_700_000_004_000_000_001, "ns"),
        ("+1112486027", 1_112_486_027, "s"),
        ("1112486027.0", 1_112_486_027, "s"),  # an integer that pandas has written as a float
        ("1112486027.", 1_112_486_027, "s"),
        ("1112486027.5", 1_112_486_027_500, "ms"),
        ("1112486027.123456", 1_112_486_027_123_456, "us"),
        ("-1.25", -1250, "ms"),
        ("-62135596800", -62_135_596_800, "s"),
        ("5", 5, "s"),
        ("2014-05-01", 1_398_902_400, "s"),
        ("2014-05-01 12:00:00", 1_398_945_600, "s"),
        ("2014-05-01T12:00", 1_398_945_600, "s"),
        ("2014-05-01T12:00:00Z", 1_398_945_600, "s"),
        ("2014-05-01T14:00:00+02:00", 1_398_945_600, "s"),
        ("2014-05-01T06:30:00-0530", 1_398_945_600, "s"),
        ("2014-05-01 12:00:00 UTC", 1_398_945_600, "s"),
        ("2014-05-01 12:00:00.25", 1_398_945_600_250, "ms"),
        ("2014-05-01 12:00:00.000000001", 1_398_945_600_000_000_001, "ns"),
        ("2014/05/01", 1_398_902_400, "s"),
        ("1969-12-31 23:59:59", -1, "s"),
        ("0001-01-01", -62_135_596_800, "s"),
        ("2016-02-29", 1_456_704_000, "s"),
        ("20140501", 1_398_902_400, "s"),
        ("20140501120000", 1_398_945_600, "s"),
    ],
)
def test_one_time(text: str, value: int, unit: str) -> None:
    times = parse(text)
    assert times.understood.tolist() == [True]
    assert times.values.tolist() == [value]
    assert times.values.dtype == np.int64
    assert times.unit == unit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2014-02-30",
        "2015-02-29",
        "2014-13-01",
        "2014-05-01 25:00:00",
        "2014-05-01 12:60",
        "2014-05-01 12:00 CET",
        "2014-05-01T12:00:00+99:00",
        "01/05/2014",  # May or January
        "12:00",
        "1e-9",
        "1e99",
        "1,5",
        "0x10",
        "nan",
        "99999999999999999999",
    ],
)
def test_what_is_no_time_is_said(text: str) -> None:
    times = parse(text, "1700000000", "1700000001")
    assert times.understood.tolist() == [False, True, True]
    assert not parse(text).understood.any()


def test_fractions_of_one_row_make_the_whole_column_finer() -> None:
    times = parse("1112486027", "1112486027.5")
    assert times.values.tolist() == [1_112_486_027_000, 1_112_486_027_500]
    assert "fractions" in times.format


def test_a_fraction_finer_than_a_nanosecond_is_not_rounded() -> None:
    assert parse("1112486027.5", "1112486027.1234567891").understood.tolist() == [True, False]


def test_numbers_that_could_be_dates_are_only_where_all_are() -> None:
    assert parse("20140501", "20141399").unit == "s"
    assert parse("20140501", "20141399").values.tolist() == [20_140_501, 20_141_399]


def test_naive_times_are_told() -> None:
    assert "read as UTC" in parse("2014-05-01 12:00").format
    assert "read as UTC" not in parse("2014-05-01 12:00Z").format
    assert "for 1 that" in parse("2014-05-01 12:00Z", "2014-05-01").format


def test_a_mix_of_units_is_marked() -> None:
    times = parse("1400000000", "1400000000000", "1400000001", "7")
    assert times.unit == "s"
    assert times.other_unit.tolist() == [False, True, False, False]
    with pytest.raises(DataError, match="seconds and milliseconds"):
        detect_unit(np.array([1_400_000_000, 1_400_000_000_000]))


@given(st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)), st.sampled_from([" ", "T"]))
def test_every_date_of_the_calendar_is_read_as_python_reads_it(when: dt.datetime, between: str) -> None:
    times = parse(when.isoformat(between))
    expected = (when - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    per_unit = {"s": 10**6, "ms": 10**3, "us": 1}[times.unit]
    assert times.values.tolist() == [expected // per_unit]
    assert expected % per_unit == 0


@given(st.integers(10**8, 2**63 - 1))
def test_integers_stay_exact(value: int) -> None:
    times = parse(str(value))
    if not times.format.startswith("packed"):
        assert times.values.tolist() == [value]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    times = parse(*texts)
    assert len(times.values) == len(times.understood) == len(times.other_unit) == len(texts)


def test_display() -> None:
    assert date_words(1_700_000_000) == "2023-11-14"
    assert date_words(-62_135_596_800) == "0001-01-01"
    assert to_seconds(np.array([-1, 1_700_000_000_999]), "ms").tolist() == [-1, 1_700_000_000]
    assert implausible(np.array([-62_135_596_800, 0, 1_700_000_000, 4_200_000_000]), "s").tolist() == [
        True,
        False,
        False,
        True,
    ]


TIMES = st.one_of(
    st.integers(0, 2 * 10**9).map(str),
    st.sampled_from(
        ["", "1.5", "-1.25", "2014-05-01", "2014-05-01T12:00:00.125Z", "2014-05-01 12:00+02:00", "x", "1e9"]
    ),
)


@given(texts=st.lists(TIMES, min_size=1, max_size=12), chunk=st.integers(1, 5))
def test_a_column_is_read_the_same_in_chunks(texts: list[str], chunk: int) -> None:
    at_once = parse(*texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timestamps, "_CHUNK", chunk)
        in_pieces = parse(*texts)
    assert (in_pieces.unit, in_pieces.format) == (at_once.unit, at_once.format)
    for name in ("values", "understood", "other_unit"):
        np.testing.assert_array_equal(getattr(in_pieces, name), getattr(at_once, name))


@pytest.mark.parametrize("unit", [None, "s", "ms"])
@given(counts=st.lists(st.integers(0, 10**18 - 1), min_size=1, max_size=8))
def test_integers_are_read_as_their_digits(unit: TimeUnit | None, counts: list[int]) -> None:
    numbers = parse_times(np.asarray(counts), unit)
    texts = parse_times(pa.array(map(str, counts), pa.large_string()), unit)
    assert (numbers.unit, numbers.format) == (texts.unit, texts.format)
    for name in ("values", "understood", "other_unit"):
        np.testing.assert_array_equal(getattr(numbers, name), getattr(texts, name))
