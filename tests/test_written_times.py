"""Dates with the year last and numbers with an exponent: what decides how they are meant, and what is said."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.formats import DateOrder
from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.data.timestamps import parse_times
from convncf.errors import ReadError
from tests.wording import values_in
from tests.written import dropped, rows, said, write

A_DAY = 86400
MAY_31 = int(dt.datetime(2014, 5, 31, tzinfo=dt.UTC).timestamp())


def texts(*times: str) -> pa.LargeStringArray:
    return pa.array(times, pa.large_string())


def seconds_of(folder: Path, *times: str, options: ReadOptions | None = None, header: bool = True) -> list[int]:
    """The times of rows u0, u1, … with these texts."""
    (path,) = write(folder, {"x.csv": ("user,item,date\n" if header else "") + lines(*times)})
    return [row[2] for row in rows(read(path, options))]


def lines(*times: str) -> str:
    return "".join(f'u{n},i{n},"{text}"\n' for n, text in enumerate(times))


@pytest.mark.parametrize("sign", ["/", "-", "."])
@pytest.mark.parametrize("header", [True, False])
def test_case_19_a_number_above_12_tells_which_is_the_day(tmp_path: Path, sign: str, header: bool) -> None:
    one, other = f"31{sign}05{sign}2014", f"01{sign}06{sign}2014 12:30"
    days = [MAY_31, MAY_31 + A_DAY + 45000]
    assert seconds_of(tmp_path, one, other, header=header) == days
    one, other = f"05{sign}31{sign}2014", f"6{sign}1{sign}2014, 12:30:00"
    assert seconds_of(tmp_path, one, other, header=header) == days
    assert "month first: 2014-05-31 to" in said(read(tmp_path / "x.csv"))


def test_dots_mean_the_day_first(tmp_path: Path) -> None:
    assert seconds_of(tmp_path, "1.6.2014") == [MAY_31 + A_DAY]


def test_case_19_days_that_might_be_months_are_refused_until_it_is_said_which(tmp_path: Path) -> None:
    ambiguous = ("01/06/2014", "02/06/2014")
    with pytest.raises(ReadError) as refusal:
        seconds_of(tmp_path, *ambiguous)
    assert "x.csv: column 'date'" in str(refusal.value)
    assert values_in(str(refusal.value).partition("'date'")[2]) == ["'01/06/2014'", "'02/06/2014'", "2", "3"]
    assert "--date-order day-first or month-first" in str(refusal.value)
    asked = ReadOptions(date_order="day-first")
    assert seconds_of(tmp_path, *ambiguous, options=asked) == [MAY_31 + A_DAY, MAY_31 + 2 * A_DAY]
    assert "set day first" in said(read(tmp_path / "x.csv", asked))
    asked = ReadOptions(date_order="month-first")
    assert seconds_of(tmp_path, *ambiguous, options=asked) == [
        int(dt.datetime(2014, month, 6, tzinfo=dt.UTC).timestamp()) for month in (1, 2)
    ]


def test_dates_that_contradict_each_other_are_refused_with_both(tmp_path: Path) -> None:
    both = ("31/05/2014", "01/06/2014", "05/30/2014")
    with pytest.raises(ReadError, match=re.escape("'31/05/2014' and '05/30/2014' (lines 2, 4)")):
        seconds_of(tmp_path, *both)
    assert seconds_of(tmp_path, *both, options=ReadOptions(date_order="day-first")) == [MAY_31, MAY_31 + A_DAY]
    assert dropped(read(tmp_path / "x.csv", ReadOptions(date_order="day-first"))) == {"time not understood": (1, (4,))}


@given(
    st.lists(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), min_size=1),
    st.sampled_from(["day-first", "month-first"]),
)
def test_every_date_is_read_in_the_order_that_is_asked(days: list[dt.date], order: DateOrder) -> None:
    form = "%d/%m/%Y" if order == "day-first" else "%m/%d/%Y"
    times = parse_times(texts(*(day.strftime(form) for day in days)), None, order)
    assert times.unclear is None
    assert times.values.tolist() == [(day - dt.date(1970, 1, 1)).days * A_DAY for day in days]


def test_what_is_no_time_is_refused_with_the_forms_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as refusal:
        seconds_of(tmp_path, "May 3 2014", "May 4 2014")
    words = str(refusal.value)
    assert "not understood (lines 2, 3)" in words
    assert ("'May 3 2014'" in words, "2014-05-31" in words) == (True, True)
    assert '--time-column ""' in words


@pytest.mark.parametrize("header", [True, False])
def test_case_17_exponents_are_read_and_what_they_cut_off_is_said(tmp_path: Path, header: bool) -> None:
    written = ("1.7e9", "1.7e+09", "1.700000001E9", "1700000002")
    exact = [1_700_000_000, 1_700_000_000, 1_700_000_001, 1_700_000_002]
    assert seconds_of(tmp_path, *written, header=header) == exact
    (times,) = [text for text in read(tmp_path / "x.csv").report.sentences() if text.startswith("Times: ")]
    assert values_in(times) == ["1970", "3", "'1.7e9'", "100,000,000", "2023-11-14", "2023-11-14"]


def test_an_exponent_that_cuts_nothing_off_is_exact(tmp_path: Path) -> None:
    assert seconds_of(tmp_path, "1.700000000001e12", "1.7000000000025e12") == [1_700_000_000_001]
    assert dropped(read(tmp_path / "x.csv")) == {"time not understood": (1, (3,))}
    assert "exact only" not in said(read(tmp_path / "x.csv"))
