"""Every format: what is written comes back, and what is cut or scratched is a report that adds up or one ReadError."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data import catalogue
from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.test_reading_any_bytes import adds_up
from tests.written import parts, rows, titles, write

FIRST = 978_300_000  # seconds since 1970, in 2000


@dataclass(frozen=True)
class Data:
    """Rows of user, item, stars, seconds, and how many of them, from the end, are for validation and test."""

    rows: list[tuple[int, int, int, int]]
    validation: int
    test: int

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(str(user), str(item)) for user, item, _, _ in self.rows]

    def parts(self) -> dict[str, list[tuple[int, int, int, int]]]:
        n = len(self.rows)
        ends = {"train": n - self.validation - self.test, "valid": n - self.test, "test": n}
        starts = {"train": 0, "valid": ends["train"], "test": ends["valid"]}
        return {name: self.rows[starts[name] : end] for name, end in ends.items()}


@st.composite
def data(draw: st.DrawFn, *, smallest: int = 4) -> Data:
    pairs = draw(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=smallest, max_size=14, unique=True)
    )
    marks = st.tuples(st.integers(1, 5), st.integers(FIRST, FIRST + 9999))
    rest = draw(st.lists(marks, min_size=len(pairs), max_size=len(pairs)))
    return Data([(*pair, *more) for pair, more in zip(pairs, rest, strict=True)], draw(st.integers(0, 1)), 1)


def table(given: list[tuple[int, int, int, int]], delimiter: str, header: str = "") -> str:
    return header + "".join(delimiter.join(map(str, row)) + "\n" for row in given)


INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def whole(data: Data) -> dict[str, dict[str, str | bytes]]:
    """Each format of one undivided file and what belongs to it: the files, the first of which is given."""
    items = sorted({item for _, item, _, _ in data.rows})
    frame = pd.DataFrame(data.rows, columns=["user_id", "item_id", "rating", "timestamp"])
    stream = io.BytesIO()
    frame.to_parquet(stream)
    named = ("user_id", "item_id", "rating", "timestamp")
    return {
        "ratings.csv": {
            "ratings.csv": table(data.rows, ",", "userId,movieId,rating,timestamp\n"),
            "movies.csv": "movieId,title,genres\n" + "".join(f'{i},"Film, {i}",Drama\n' for i in items),
        },
        "ratings.dat": {
            "ratings.dat": table(data.rows, "::"),
            "movies.dat": "".join(f"{i}::Film, {i}::Drama|War\n" for i in items),
        },
        "u.data": {
            "u.data": table(data.rows, "\t"),
            "u.item": "".join(f"{i}|Film, {i}|01-Jan-1995||http://x|{'|'.join('0' * 19)}\n" for i in items),
        },
        "x.inter": {
            "x.inter": table(data.rows, "\t", INTER),
            "x.item": "item_id:token\tmovie_title:token_seq\n" + "".join(f"{i}\tFilm, {i}\n" for i in items),
        },
        "x.tsv": {"x.tsv": table(data.rows, "\t", "user\titem\trating\ttime\n")},
        "x.csv": {"x.csv": table(data.rows, ";", "user;item;rating;time\n").encode("utf-16")},
        "x.parquet": {"x.parquet": stream.getvalue()},
        "x.jsonl": {
            "x.jsonl": "".join(json.dumps(dict(zip(named, row, strict=True))) + "\n" for row in data.rows),
        },
    }


def files_of_parts(data: Data) -> dict[str, dict[str, str | bytes]]:
    """Each format of a predefined split."""
    part = data.parts()
    lists = {name: _lists(rows) for name, rows in part.items()}
    answer = part["test"][0]
    negative = f"({answer[0]},{answer[1]})\t{answer[1] + 20}\t{answer[1] + 21}\n"
    return {
        "x.train.inter": {f"x.{name}.inter": table(rows, "\t", INTER) for name, rows in part.items() if rows},
        "x.train.rating": {
            "x.train.rating": table(part["train"] + part["valid"], "\t"),
            "x.test.rating": table(part["test"], "\t"),
            "x.test.negative": negative,
        },
        "train.txt": {f"{name}.txt": text for name, text in lists.items() if text},
    }


def _lists(given: list[tuple[int, int, int, int]]) -> str:
    items: dict[int, list[str]] = {}
    for user, item, _, _ in given:
        items.setdefault(user, []).append(str(item))
    return "".join(f"{user} {' '.join(listed)}\n" for user, listed in items.items())


WHOLE = ("ratings.csv", "ratings.dat", "u.data", "x.inter", "x.tsv", "x.csv", "x.parquet", "x.jsonl")
DIVIDED = ("x.train.inter", "x.train.rating", "train.txt")


def packed(folder: Path, files: dict[str, str | bytes], how: str) -> Path:
    """The files in an empty folder, each by itself, compressed, or in a .zip with clutter; what is to be given."""
    for old in folder.iterdir():
        old.unlink()
    content = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    if how == "zip":
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            for name, raw in content.items():
                archive.writestr(f"set/{name}", raw)
            archive.writestr("__MACOSX/set/._x", b"\0\1")
            archive.writestr("set/README.txt", "about 3 users, 4 items")
        return folder / "all.zip"
    if how == "gz":
        content = {f"{name}.gz": gzip.compress(raw) for name, raw in content.items()}
    return write(folder, {**content})[0]


HOW = st.sampled_from(["plain", "gz", "zip"])


@given(data=data(), kind=st.sampled_from(WHOLE), how=HOW)
def test_what_is_written_in_any_format_comes_back(tmp_path: Path, data: Data, kind: str, how: str) -> None:
    files = whole(data)[kind]
    result = read(packed(tmp_path, files, how))
    adds_up(result)
    assert rows(result) == [(str(user), str(item), float(stars), time) for user, item, stars, time in data.rows]
    if len(files) > 1:
        assert titles(result) == {item: f"Film, {item}" for item in dict.fromkeys(item for _, item in data.pairs)}


@given(data=data(), kind=st.sampled_from(DIVIDED), how=HOW)
def test_a_ready_split_comes_back_as_it_was(tmp_path: Path, data: Data, kind: str, how: str) -> None:
    result = read(packed(tmp_path, files_of_parts(data)[kind], how))
    adds_up(result)
    part = {name: [(str(user), str(item)) for user, item, _, _ in given] for name, given in data.parts().items()}
    if kind == "x.train.rating":
        part = {"train": part["train"] + part["valid"], "valid": [], "test": part["test"]}
        assert result.candidates is not None
        assert len(result.candidates.negatives) == 2
    wanted = {"training": part["train"], "validation": part["valid"], "test": part["test"]}
    found = parts(result)
    assert {name: sorted(pairs) for name, pairs in found.items()} == {n: sorted(p) for n, p in wanted.items() if p}


@given(data=data(smallest=5))
def test_lists_with_a_count_come_back(tmp_path: Path, data: Data) -> None:
    lists = [line.split()[1:] for line in _lists(data.rows).splitlines()]
    (path,) = write(tmp_path, {"x.txt": "".join(f"{len(items)} {' '.join(items)}\n" for items in lists)})
    result = read(path, ReadOptions(format="counted-adjacency"))
    adds_up(result)
    assert [row[:2] for row in rows(result)] == [(str(n), item) for n, items in enumerate(lists) for item in items]


# ---------------------------------------------------------------- cut and scratched


def told(work: Callable[[], ReadResult], folder: Path) -> None:
    """A report that adds up, or a ReadError that names a file."""
    refusal = ""
    try:
        adds_up(work())
    except ReadError as error:
        refusal = str(error)
    assert not refusal or str(folder) in refusal


@given(
    data=data(), kind=st.sampled_from(WHOLE + DIVIDED), how=HOW, share=st.floats(0, 1), scratch=st.binary(max_size=3)
)
def test_a_file_that_was_cut_or_scratched(
    tmp_path: Path, data: Data, kind: str, how: str, share: float, scratch: bytes
) -> None:
    path = packed(tmp_path, (whole(data) | files_of_parts(data))[kind], how)
    raw = path.read_bytes()
    at = int(share * len(raw))
    path.write_bytes(raw[:at] + (scratch + raw[at + len(scratch) :] if scratch else b""))
    told(lambda: read(path), tmp_path)


@given(data=data(), kind=st.sampled_from(WHOLE + DIVIDED), share=st.floats(0, 1))
def test_what_is_refused_leaves_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory, data: Data, kind: str, share: float
) -> None:
    folder, home = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("home")
    path = packed(folder, (whole(data) | files_of_parts(data))[kind], "gz")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    try:
        catalogue.add([path], "cut", home)
    except ReadError:
        assert not [file for file in home.rglob("*") if file.is_file()]
