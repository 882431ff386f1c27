"""Reading: every line is accounted for, and text survives to the character."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading.api import read_delimited
from convncf.data.reading.options import FORMATS
from convncf.data.reading.readers import READERS
from convncf.errors import ReadError
from tests.wording import values_in
from tests.written import dropped, rows

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write bytes or text (as UTF-8) to a file and return its path."""

    def write(content: bytes | str, name: str = "ratings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# ---------------------------------------------------------------- what is kept


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "::", " "])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_same_file_in_every_dialect(write: Write, delimiter: str, bom: bytes, end: str) -> None:
    lines = [
        ["userId", "movieId", "rating", "timestamp"],
        ["007", "7.0", "3.5", "1700000000"],
        ["7", "07", "4", "1700000001"],
    ]
    text = end.join(delimiter.join(line) for line in lines) + end
    result = read_delimited(write(bom + text.encode()))
    assert rows(result) == [("007", "7.0", 3.5, 1_700_000_000), ("7", "07", 4.0, 1_700_000_001)]
    assert result.report.delimiter == delimiter
    assert result.report.encoding == ("UTF-8 with byte-order mark" if bom else "UTF-8")
    assert result.report.lines == 3
    assert result.report.dropped == ()
    assert result.report.columns == {
        "user_id": "userId",
        "item_id": "movieId",
        "rating": "rating",
        "timestamp": "timestamp",
    }


def test_blanks_around_ids_are_taken_off_and_counted(write: Write) -> None:
    result = read_delimited(write("user,item\n 7 ,a\n7,b \n8,c\n"))
    assert rows(result) == [("7", "a"), ("7", "b"), ("8", "c")]
    assert any("user id" in note and "1 row" in note for note in result.report.notes)
    assert any("item id" in note and "1 row" in note for note in result.report.notes)


def test_titles_come_to_the_character(write: Write) -> None:
    text = 'user,item,title\n1,a,"Léon: ""The"" Pro, <b>*x*</b>"\n1,b, Up \n1,c,\n2,a,Other\n1,d,"two\r\nlines"\n'
    result = read_delimited(write(text))
    assert result.items.titles == ('Léon: "The" Pro, <b>*x*</b>', " Up ", "", "two\r\nlines")
    assert result.items.label(2) == "c"
    assert any(note.startswith("1 item with") for note in result.report.notes)


def test_a_quote_that_encloses_nothing_is_text(write: Write) -> None:
    text = 'userId::movieId::title\n1::2::"Great Performances" Cats (1998)\n1::3::"Weird Al\n1::4::Up\n'
    result = read_delimited(write(text))
    assert result.items.titles == ('"Great Performances" Cats (1998)', '"Weird Al', "Up")
    assert any(note.startswith("2 fields") and "line 2" in note for note in result.report.notes)


def test_decimal_commas(write: Write) -> None:
    result = read_delimited(write("user;item;rating\nu1;i1;3,5\nu1;i2;4\n"))
    assert [row[2] for row in rows(result)] == [3.5, 4.0]
    assert ["1", "3,5", "3.5"] in [values_in(note) for note in result.report.notes]


def test_many_zero_ratings_are_flagged(write: Write) -> None:
    text = '"User-ID";"ISBN";"Book-Rating"\r\n"8";"0002005018";"5"\r\n"8";"034545104X";"0"\r\n'
    result = read_delimited(write(text))
    assert rows(result) == [("8", "0002005018", 5.0), ("8", "034545104X", 0.0)]
    assert any("not rated" in note for note in result.report.notes)


def test_times_stay_exact(write: Write) -> None:
    text = "user,item,time\n" + "".join(f"u,i{n},{1_700_000_000_000 + 1000 * n}\n" for n in (3, 1, 4, 0, 2))
    result = read_delimited(write(text))
    assert [row[2] for row in rows(result)] == [1_700_000_000_000 + 1000 * n for n in (3, 1, 4, 0, 2)]
    assert result.interactions.time_unit == "ms"
    assert result.report.time is not None
    assert (result.report.time.first, result.report.time.last) == ("2023-11-14", "2023-11-14")


def test_dates_become_seconds_and_the_assumption_is_said(write: Write) -> None:
    result = read_delimited(write("user,item,date\n1,a,2014-05-01 12:00:00\n1,b,2016-01-01\n"))
    assert [row[2] for row in rows(result)] == [1_398_945_600, 1_451_606_400]
    (times,) = [text for text in result.report.sentences() if text.startswith("Times: ")]
    assert ("UTC" in times, values_in(times)) == (True, ["2014-05-01", "2016-01-01"])


def test_an_implausible_time_is_kept_and_told(write: Write) -> None:
    result = read_delimited(write("user,item,time\n1,a,1400000000\n1,b,-62135596800\n"))
    assert ["1", "1900", "2100", "3"] in [values_in(note) for note in result.report.notes]


# ---------------------------------------------------------------- what is left out


def test_each_reason_with_count_and_physical_lines(write: Write) -> None:
    text = (
        "user,item,title,rating,time\n"  # 1
        'u1,i1,"over\n'  # 2
        "three\n"  # 3
        'lines",4,1700000000\n'  # 4
        "\n"  # 5
        ",i1,x,4,1700000000\n"  # 6
        "u1,  ,x,4,1700000000\n"  # 7
        "u1,i2,x\n"  # 8
        "u1,i2,x,good,1700000000\n"  # 9
        "u1,i2,x,,1700000000\n"  # 10
        "u1,i2,x,4,soon\n"  # 11
        "u1,i2,x,4,\n"  # 12
        "user,item,title,rating,time\n"  # 13
        "u2,i1,x,nan,1700000000\n"  # 14
        "u2,i1,x,1e39,1700000000\n"  # 15
        "u2,i1,x,5,1700000001"  # 16
    )
    result = read_delimited(write(text))
    report = result.report
    assert dropped(result) == {
        "rating not a number": (3, (9, 14, 15)),
        "the header again": (1, (13,)),
        "user id empty": (1, (6,)),
        "item id empty": (1, (7,)),
        "not the header's 5 fields": (1, (8,)),
        "rating empty": (1, (10,)),
        "time not understood": (1, (11,)),
        "time empty": (1, (12,)),
    }
    assert rows(result) == [("u1", "i1", 4.0, 1_700_000_000), ("u2", "i1", 5.0, 1_700_000_001)]
    assert (report.lines, report.blank, report.continuation, report.kept, report.n_dropped) == (16, 1, 2, 2, 10)
    assert ["2", "3"] in [values_in(note) for note in report.notes]


def test_only_the_first_lines_are_named(write: Write) -> None:
    result = read_delimited(write("user,item\nu,i\n" + ",x\n" * 1000))
    assert dropped(result) == {"user id empty": (1000, (3, 4, 5, 6, 7))}
    assert str(result.report.dropped[0]).endswith("(lines 3, 4, 5, 6, 7, …)")


def test_columns_that_are_not_used_never_fail(write: Write) -> None:
    assert len(read_delimited(write("user,item,price\n1,a,—\n1,b,\n")).interactions) == 2


REPEATS = "user,item,time\nu1,i1,1\nu1,i1,5\nu1,i1,9\nu1,i2,7\nu1,i2,7\n"


def test_a_pair_is_kept_once_at_its_latest_time(write: Write) -> None:
    report = read_delimited(write(REPEATS)).report
    assert rows(read_delimited(write(REPEATS))) == [("u1", "i1", 9), ("u1", "i2", 7)]
    assert (report.exact_duplicates, report.repeats, report.most_repeated) == (1, 2, 3)
    assert report.merged == 3


def test_without_times_the_first_is_kept(write: Write) -> None:
    result = read_delimited(write("user,item,rating\nu1,i1,1\nu1,i1,5\nu1,i1,1\n"))
    assert rows(result) == [("u1", "i1", 1.0)]
    assert (result.report.exact_duplicates, result.report.repeats) == (1, 1)


def test_the_report_is_strict_json(write: Write) -> None:
    report = read_delimited(write(REPEATS)).report
    said = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert said["lines"] == 6
    assert said["rows"] == 5
    assert said["merged"] == 3
    assert said["file"] == "ratings.csv"
    assert said["time"]["unit"] == "s"


# ---------------------------------------------------------------- properties

# Any text that UTF-8 holds, but no zero byte: that makes a file binary.
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
IDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=6).filter(
    lambda raw: raw.strip() == raw and raw not in ("user_id", "item_id")
)
TABLES = st.lists(st.tuples(IDS, IDS, TEXT), min_size=1, max_size=8, unique_by=lambda row: row[:2])


ENCODINGS = {"UTF-8 with byte-order mark": "utf-8-sig", "Windows-1252": "cp1252"}


def decoded(content: bytes, encoding: str) -> str:
    """As Python knows the encoding that a report names."""
    return content.decode(ENCODINGS.get(encoding, encoding.lower()))


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


@given(
    table=TABLES,
    delimiter=st.sampled_from([",", ";", "\t", "|", "::", " ", "^", "--"]),
    bom=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last_end=st.booleans(),
    blank_before=st.integers(0, 2),
)
def test_what_is_written_with_quotes_comes_back(
    tmp_path: Path,
    table: list[tuple[str, str, str]],
    delimiter: str,
    bom: bool,
    end: str,
    last_end: bool,
    blank_before: int,
) -> None:
    lines = [delimiter.join(("user_id", "item_id", "title"))]
    lines += [delimiter.join(quoted(field) for field in row) for row in table]
    text = end * blank_before + end.join(lines) + (end if last_end else "")
    path = tmp_path / "written.csv"
    path.write_bytes(b"\xef\xbb\xbf" * bom + text.encode())
    result = read_delimited(path, delimiter=delimiter)
    assert [row[:2] for row in rows(result)] == [row[:2] for row in table]
    first_title: dict[str, str] = {}
    for _, item, title in table:
        if title.strip():
            first_title.setdefault(item, title)
    assert {
        item: title for item, title in zip(result.items.items.ids, result.items.titles, strict=True) if title
    } == first_title
    assert result.report.n_dropped == 0
    assert result.report.lines == len(re.findall(r"\r\n|\r|\n", text)) + (not last_end)


@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(st.sampled_from('ab1, ;"\r\n\t|:é'), max_size=120).map(str.encode),
        st.text(st.sampled_from('ab1,"\n'), max_size=120).map(lambda text: b"user,item,rating\n" + text.encode()),
        st.text(st.sampled_from('ab1,"\n \r'), max_size=120).map(lambda text: b"user,item\n" + text.encode()),
    ),
    delimiter=st.sampled_from([None, ",", " ", "::"]),
)
def test_any_bytes_give_a_report_that_adds_up_or_a_read_error(
    tmp_path: Path, content: bytes, delimiter: str | None
) -> None:
    path = tmp_path / "garbage.csv"
    path.write_bytes(content)
    try:
        result = read_delimited(path, delimiter=delimiter)
    except ReadError:
        return
    report = result.report
    text = decoded(content, report.encoding)
    lines = len(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text))
    assert report.lines == lines
    assert lines == report.header + report.blank + report.continuation + report.kept + report.merged + report.n_dropped
    assert report.kept == len(result.interactions) > 0
    for drop in report.dropped:
        assert all(report.header < line <= lines for line in drop.first_lines)
        assert len(drop.first_lines) == min(drop.count, 5)
    json.dumps(report.to_json(), allow_nan=False)


@given(
    times=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 3)), min_size=1, max_size=12)
)
def test_merging_keeps_the_first_of_the_latest(tmp_path: Path, times: list[tuple[str, str, int]]) -> None:
    path = tmp_path / "repeats.csv"
    path.write_text("user,item,time\n" + "".join(f"{user},{item},{time}\n" for user, item, time in times))
    result = read_delimited(path)
    latest: dict[tuple[str, str], tuple[int, int]] = {}
    for row, (user, item, time) in enumerate(times):
        if (user, item) not in latest or time > latest[user, item][0]:
            latest[user, item] = (time, row)
    expected = [(*pair, time) for pair, (time, _) in sorted(latest.items(), key=lambda entry: entry[1][1])]
    assert rows(result) == expected
    assert result.report.exact_duplicates == len(times) - len(set(times))


def test_every_format_has_a_reader_and_the_last_takes_any_text() -> None:
    assert {reader.name for reader in READERS} == set(FORMAT_WORDS) == set(FORMATS)
    assert len(READERS) == len(FORMAT_WORDS)
    assert [reader.name for reader in READERS].index("delimited") == len(READERS) - 1
