"""Records that are no lines of fields: JSON lines and Parquet."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.written import dropped, rows, said, titles, write

AMAZON = [
    {
        "reviewerID": "A1",
        "asin": "0000031852",
        "overall": 5.0,
        "unixReviewTime": 1252800000,
        "reviewTime": "09 13, 2009",
    },
    {"reviewerID": "A2", "asin": "0000031852", "helpful": [1, 2], "overall": 4.0, "unixReviewTime": 1252886400},
    {"asin": "B000", "reviewerID": "A1", "overall": 1.0, "unixReviewTime": 1252972800, "summary": "Bad"},
]
YELP = [
    {
        "review_id": "r1",
        "user_id": "u-1",
        "business_id": "b_1",
        "stars": 4.0,
        "useful": 0,
        "date": "2018-07-07 22:09:11",
    },
    {"review_id": "r2", "user_id": "u-2", "business_id": "b_1", "stars": 2, "useful": 1, "date": "2018-07-08 00:00:00"},
    {"review_id": "r3", "user_id": "u-1", "business_id": "b_2", "stars": 5, "useful": 0, "date": "2018-07-09 00:00:00"},
]


def lines(objects: list[dict[str, object]]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in objects)


# ---------------------------------------------------------------- JSON lines


@pytest.mark.parametrize("name", ["reviews.jsonl", "reviews.json", "reviews.jsonl.gz"])
def test_amazon_reviews(tmp_path: Path, name: str) -> None:
    text = lines(AMAZON).encode()
    (path,) = write(tmp_path, {name: gzip.compress(text) if name.endswith("gz") else text})
    result = read(path)
    assert rows(result) == [
        ("A1", "0000031852", 5.0, 1252800000),
        ("A2", "0000031852", 4.0, 1252886400),
        ("A1", "B000", 1.0, 1252972800),
    ]
    assert "user_id = 'reviewerID', item_id = 'asin', rating = 'overall'" in said(result)


def test_yelp_reviews(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"review.jsonl": lines(YELP)})
    result = read(path)
    assert rows(result)[0] == ("u-1", "b_1", 4.0, 1531001351)
    assert len(result.interactions) == 3


def test_amazon_reviews_of_2023_have_titles_of_reviews_not_of_items(tmp_path: Path) -> None:
    objects = [
        {"user_id": f"u{n}", "asin": f"b{n % 4}", "title": f"Opinion {n}", "rating": 4, "timestamp": 1588687728923 + n}
        for n in range(12)
    ]
    (path,) = write(tmp_path, {"x.jsonl": lines(objects)})
    result = read(path)
    assert result.items.n_titled == 0
    assert "4 of 4 items" in said(result)
    assert read(path, ReadOptions(columns={"title": "title"})).items.titles[0] == "Opinion 0"


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    text = '{"user": 9007199254740993, "item": 7.50}\n\n{"user": "07", "item": 7}\r\n{"user": null, "item": 1}\n'
    (path,) = write(tmp_path, {"x.jsonl": text})
    result = read(path)
    assert rows(result) == [("9007199254740993", "7.50"), ("07", "7")]
    assert dropped(result) == {"user id empty": (1, (4,))}
    assert (result.report.lines, result.report.blank, result.report.rows) == (4, 1, 3)


def test_what_is_no_object_is_counted_with_its_line(tmp_path: Path) -> None:
    (path,) = write(
        tmp_path, {"x.jsonl": '{"user": "a", "item": "x"}\n[1]\n{"user": "b",\n7\n{"user":"\\ud800","item":"y"}\n'}
    )
    result = read(path)
    assert dropped(result) == {"not a JSON object": (3, (2, 3, 4))}
    assert rows(result) == [("a", "x"), ("?", "y")]


def test_columns_can_be_mapped(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.jsonl": '{"who": "a", "what": "x"}\n'})
    assert rows(read(path, ReadOptions(columns={"user_id": "who", "item_id": "WHAT"}))) == [("a", "x")]
    with pytest.raises(ReadError, match="among 'who', 'what'"):
        read(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            '[{"user": 1, "item": 2}]',
            "x.jsonl, line 1: not",
        ),
        ("\n{'user': 1, 'item': 2}\n", "x.jsonl, line 2: not"),
        ('{\n "user": 1,\n "item": 2\n}\n', "jq -c ."),
        ('{"user": 1, "item"\n', "Readable are"),
        ('{"user": {"id": 1}, "item": 2}\n', "'user' is an object"),
    ],
)
def test_json_that_is_not_lines_is_one_error_with_the_conversion(tmp_path: Path, content: str, complaint: str) -> None:
    (path,) = write(tmp_path, {"x.jsonl": content})
    with pytest.raises(ReadError, match=re.escape(complaint)):
        read(path)


# ---------------------------------------------------------------- Parquet


def parquet(folder: Path, columns: dict[str, pa.Array], name: str = "x.parquet") -> ReadResult:
    pq.write_table(pa.table(columns), folder / name)
    return read(folder / name)


def test_types_survive(tmp_path: Path) -> None:
    when = [dt.datetime(2023, 11, 14, 22, 13, 20, 7), dt.datetime(2023, 11, 14, 22, 13, 20, 6)]
    result = parquet(
        tmp_path,
        {
            "userId": pa.array([2**53 + 1, 7]),
            "movieId": pa.array(["007", "é"]).dictionary_encode(),
            "rating": pa.array([3.5, 4], pa.float32()),
            "timestamp": pa.array(when, pa.timestamp("us")),
        },
    )
    assert rows(result) == [
        ("9007199254740993", "007", 3.5, 1_700_000_000_000_007),
        ("7", "é", 4.0, 1_700_000_000_000_006),
    ]
    assert result.interactions.time_unit == "us"
    assert (result.report.lines, result.report.rows, result.report.header) == (2, 2, 0)


def test_times_in_a_type_keep_its_unit_whatever_their_size(tmp_path: Path) -> None:
    moments = pa.array([dt.datetime(1970, 1, 2), dt.datetime(1970, 1, 3)], pa.timestamp("ms"))
    result = parquet(tmp_path, {"user": pa.array(["a", "b"]), "item": pa.array(["x", "y"]), "time": moments})
    assert result.report.time is not None
    assert (result.report.time.first, result.interactions.time_unit) == ("1970-01-02", "ms")


def test_dates_and_plain_counts(tmp_path: Path) -> None:
    days = pa.array([dt.date(2024, 5, 1)])
    assert rows(parquet(tmp_path, {"user": pa.array(["a"]), "item": pa.array(["x"]), "date": days})) == [
        ("a", "x", 1714521600)
    ]
    ms = pa.array([1_700_000_000_123])
    assert (
        parquet(tmp_path, {"user": pa.array(["a"]), "item": pa.array(["x"]), "time": ms}).interactions.time_unit == "ms"
    )


def test_a_gap_that_made_ids_decimals_is_mended_and_told(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user": [7.0, None, 1e15], "item": ["x", "y", "z"]})
    frame.to_parquet(tmp_path / "x.parquet")
    result = read(tmp_path / "x.parquet")
    assert rows(result) == [("7", "x"), ("1000000000000000", "z")]
    assert dropped(result) == {"user id empty": (1, (2,))}
    assert "7.0 was read as" in said(result)


def test_what_parquet_itself_says_was_not_asked_for(tmp_path: Path) -> None:
    ms = pa.array([1_700_000_000_000], pa.timestamp("ms"))
    columns = {"user": pa.array(["a"]), "item": pa.array(["x"]), "time": ms}
    assert "as the file says: 2023-11-14" in said(parquet(tmp_path, columns))
    asked = read(tmp_path / "x.parquet", ReadOptions(time_unit="ms"))
    assert "as set: 2023-11-14" in said(asked)


def test_titles_from_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"asin": ["b", "a"], "title": ["Beta", None]}), tmp_path / "items.parquet")
    pq.write_table(pa.table({"user": ["1", "1"], "item": ["a", "b"]}), tmp_path / "sales.parquet")
    assert titles(read([tmp_path / "sales.parquet", tmp_path / "items.parquet"])) == {"a": "", "b": "Beta"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"PAR1", "Parquet that cannot"), (b"PAR1" + b"x" * 50, "Parquet that cannot")],
)
def test_damaged_parquet_is_one_error(tmp_path: Path, content: bytes, complaint: str) -> None:
    (path,) = write(tmp_path, {"x.parquet": content})
    with pytest.raises(ReadError, match=complaint):
        read(path)


def test_parquet_without_rows_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"\(user, item\) and no row"):
        parquet(tmp_path, {"user": pa.array([], pa.string()), "item": pa.array([], pa.string())})
