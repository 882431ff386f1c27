"""Garbage in any format: a report that adds up, or one ReadError; and round trips through every format."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data import catalogue
from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import FORMATS, ReadOptions
from convncf.errors import ReadError
from tests.written import parts, rows, write

NAMES = [
    "x.csv",
    "x.inter",
    "u.data",
    "ratings.dat",
    "train.txt",
    "x.train.rating",
    "x.jsonl",
    "x.parquet",
    "x.gz",
    "x.zip",
]
GARBAGE = st.one_of(
    st.binary(max_size=120),
    st.text(st.sampled_from('07.,;:|\t "\n\r{}[]()ué'), max_size=120).map(str.encode),
    st.text(st.sampled_from("0123 \t\n"), max_size=80).map(str.encode),
    st.text(st.sampled_from('{}[]":,ui1\n'), max_size=80).map(lambda text: b'{"user": 1, "item": 2}\n' + text.encode()),
    st.binary(max_size=60).map(lambda raw: b"PAR1" + raw),
    st.binary(max_size=60).map(lambda raw: b"PK\x03\x04" + raw),
    st.binary(max_size=60).map(lambda raw: gzip.compress(raw)),
    st.binary(max_size=60).map(lambda raw: gzip.compress(b"user,item\n1,2\n")[: len(raw)]),
)


def adds_up(result: ReadResult) -> None:
    """FileRead and ReadReport refuse what does not add up; here what a reader of the report relies on besides."""
    report = result.report
    assert report.rows == report.kept + report.merged + report.n_dropped
    assert report.kept == len(result.interactions) > 0
    assert len(result.items) == result.interactions.n_items
    for entry in report.files:
        assert entry.lines == entry.header + entry.blank + entry.continuation + entry.records
    for drop in report.dropped:
        assert len(drop.first_lines) == min(drop.count, 5)
        assert all(0 < line <= report.lines for line in drop.first_lines)
    json.dumps(report.to_json(), allow_nan=False)


@given(content=GARBAGE, name=st.sampled_from(NAMES), kind=st.sampled_from([None, *FORMATS]))
def test_any_bytes_under_any_name(tmp_path: Path, content: bytes, name: str, kind: str | None) -> None:
    (path,) = write(tmp_path, {name: content})
    refusal = ""
    try:
        adds_up(read(path, ReadOptions(format=kind, companions=False)))
    except ReadError as error:
        refusal = str(error)
    assert not refusal or str(path) in refusal


@given(negative=GARBAGE, item=GARBAGE)
def test_any_bytes_beside_a_good_file(tmp_path: Path, negative: bytes, item: bytes) -> None:
    triple: dict[str, str | bytes] = {"x.train.rating": "0\t7\t1\n1\t8\t1\n", "x.test.rating": "0\t8\t1\n"}
    write(tmp_path, triple | {"x.test.negative": negative, "x.item": item})
    try:
        result = read(tmp_path / "x.train.rating")
    except ReadError:
        return
    adds_up(result)


def test_what_cannot_be_read_leaves_nothing(tmp_path: Path, home: Path) -> None:
    paths = write(
        tmp_path, {"x.train.rating": "0\t7\t1\n", "x.test.rating": "0\t8\t1\n", "x.test.negative": "nonsense\n"}
    )
    with pytest.raises(ReadError, match=r"x\.test\.negative, line 1"):
        catalogue.add(paths, "half", home)
    assert not (home / "datasets").exists()


# ---------------------------------------------------------------- round trips

IDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=6).filter(
    lambda raw: raw.strip() == raw and raw not in ("user_id", "item_id")
)
TABLES = st.lists(st.tuples(IDS, IDS, st.integers(0, 10**18)), min_size=1, max_size=8, unique_by=lambda row: row[:2])


def as_json_lines(table: list[tuple[str, str, int]]) -> bytes:
    return "".join(json.dumps({"user_id": u, "item_id": i, "note": n}) + "\n" for u, i, n in table).encode()


def as_parquet(table: list[tuple[str, str, int]]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(table, columns=["user_id", "item_id", "note"]).to_parquet(stream)
    return stream.getvalue()


def as_csv(table: list[tuple[str, str, int]]) -> bytes:
    fields = [["user_id", "item_id", "note"], *([user, item, str(note)] for user, item, note in table)]
    return "".join(",".join('"' + f.replace('"', '""') + '"' for f in row) + "\n" for row in fields).encode()


@given(
    table=TABLES,
    kind=st.sampled_from([("x.jsonl", as_json_lines), ("x.parquet", as_parquet), ("x.csv", as_csv)]),
    container=st.sampled_from(["plain", "gz", "zip"]),
)
def test_what_is_written_comes_back(
    tmp_path: Path, table: list[tuple[str, str, int]], kind: tuple[str, object], container: str
) -> None:
    name, writer = kind
    assert callable(writer)
    content = writer(table)
    if container == "gz":
        name, content = f"{name}.gz", gzip.compress(content)
    if container == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(f"in/{name}", content)
        name, content = "x.zip", stream.getvalue()
    (path,) = write(tmp_path, {name: content})
    result = read(path)
    assert [row[:2] for row in rows(result)] == [row[:2] for row in table]
    adds_up(result)


@given(
    train=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8, unique=True),
    test=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8, unique=True),
)
def test_parts_are_disjoint_and_together_all(
    tmp_path: Path, train: list[tuple[int, int]], test: list[tuple[int, int]]
) -> None:
    lines = ["".join(f"{user}\t{item}\n" for user, item in part) for part in (train, test)]
    write(tmp_path, {"x.train.rating": lines[0], "x.test.rating": lines[1]})
    result = read(tmp_path / "x.train.rating")
    found = parts(result)
    assert found["training"] == [(str(user), str(item)) for user, item in train]
    held_out = [pair for pair in test if pair not in train]
    assert found.get("test", []) == [(str(user), str(item)) for user, item in held_out]
    adds_up(result)
