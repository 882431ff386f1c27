"""Refused uploads: archives that unpack to too much, hostile names, damaged files; nothing of them stays."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from app.ui import uploads
from app.views.data import add_dataset
from convncf.errors import ReadError
from tests.app_pages import open_page, texts
from tests.test_app_uploads import RATINGS, Files, drop, zipped


def bomb() -> bytes:
    """A CSV of zeros: 3 MB that unpack to 12."""
    return zipped({"ratings.csv": b"user,item\n" + b"1,2\n" * 3_000_000})


def bomb_of_gzip() -> bytes:
    return gzip.compress(b"user,item\n" + b"1,2\n" * 3_000_000)


def bomb_of_parquet() -> bytes:
    return pd.DataFrame({"user": [1] * 3_000_000, "item": [2] * 3_000_000}).to_parquet(index=False)


@pytest.mark.parametrize(
    ("name", "made"),  # made by the test: else by every worker as it collects
    [
        ("b.zip", bomb),
        ("b.csv.gz", bomb_of_gzip),
        ("b.zip", lambda: zipped({"inner.csv.gz": bomb_of_gzip()})),
        ("b.parquet", bomb_of_parquet),
    ],
)
def test_what_unpacks_to_too_much_is_refused_before_it_is_kept(
    name: str, made: Callable[[], bytes], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "UNPACKED_MB", 10)
    at = drop(open_page("data"), {name: made()})
    assert not at.exception
    assert "more than 10 MB" in texts(at)
    assert str(home) not in texts(at)
    assert list((home / "uploads").iterdir()) == []
    assert "upload" not in at.query_params
    at.run()  # still shown at the next rerun, and gone with the next file
    assert "more than 10 MB" in texts(at)
    at.file_uploader[0].clear().run()
    assert "10 MB" not in texts(at)
    drop(at, {"s.csv": b"user,item\n1,2\n"})
    assert "10 MB" not in texts(at)
    assert "Kept: 1" in texts(at)


def test_too_many_files_too_many_bytes_and_the_same_name_twice(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = b"user,item\n1,2\n"

    def store(*names: str) -> str:
        return uploads.store([(name, io.BytesIO(row)) for name in names])

    with pytest.raises(ReadError, match=r"two of the files are called 'A\.csv'"):
        store("A.csv", "../a.csv")
    with pytest.raises(ReadError, match=r"^21 files are more than the 20"):
        store(*(f"{n}.csv" for n in range(21)))
    monkeypatch.setattr(uploads, "_MEMBERS", 2)
    with pytest.raises(ReadError, match=r"^z\.zip holds 3 files"):
        uploads.store([("z.zip", io.BytesIO(zipped(dict.fromkeys("abc", row))))])
    monkeypatch.setattr(uploads, "TOTAL_MB", 0)
    with pytest.raises(ReadError, match="the limit is 0"):
        store("a.csv")
    assert list((home / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\r.csv", "r.csv"),
        ("..", "upload"),
        ("\x00", "_"),
        (".hidden", "hidden"),
        ("x" * 400 + ".train.rating", "x" * 187 + ".train.rating"),
        ("\ud800.csv", "?.csv"),
    ],
)
def test_names_of_files_stay_within_their_folder(name: str, kept: str, home: Path) -> None:
    (path,) = uploads.paths(uploads.store([(name, io.BytesIO(b"user,item\n1,2\n"))]))
    assert path.name == kept
    assert path.parent.parent == home / "uploads"


def damaged_zip() -> bytes:
    whole = zipped({"ratings.csv": RATINGS})
    return whole[: len(whole) // 2]


def encrypted_zip() -> bytes:
    whole = bytearray(zipped({"ratings.csv": RATINGS}))
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = whole.index(sign) + place
        struct.pack_into("<H", whole, at, 1)
    return bytes(whole)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x.zip": damaged_zip()}, "cut short or damaged"),
        ({"x.zip": encrypted_zip()}, "cannot be unpacked"),
        ({"x.zip": zipped({"../../evil.csv": "a", "readme.md": "b"})}, "evil.csv"),
        ({"x.gz": gzip.compress(RATINGS.encode())[:40]}, "cut short or damaged"),
        ({"x.parquet": b"PAR1" + b"\x00" * 40 + b"PAR1"}, "Parquet that cannot be read"),
        ({"x.xlsx": zipped({"[Content_Types].xml": "x"})}, "Excel workbook"),
        ({"x.jsonl": b'[{"user": 1},\n{"user": 2}]'}, "not one JSON object a line"),
        ({"x.csv": bytes(range(256)) * 40}, "x.csv"),
        ({"x.test.negative": b"(0,5)\t1\t2\n"}, "no interactions"),
        ({"a.csv": b"", "b.csv": b""}, "a.csv is empty"),
        ({"x.csv": zlib.compress(RATINGS.encode())}, "x.csv"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_a_message(files: Files, message: str, home: Path) -> None:
    at = drop(open_page("data"), files)
    assert not at.exception
    assert at.error
    assert message in texts(at)
    assert str(home) not in texts(at)
    assert not any(button.key == "upload:save" for button in at.button)
    at.button(key="upload:discard").click().run()
    assert not at.exception
    assert not at.error
    assert list((home / "uploads").iterdir()) == []
    assert not (home / "datasets").exists()


def test_files_that_no_memory_holds_are_refused_with_a_message(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(add_dataset, "read", greedy)
    at = drop(open_page("data"), {"s.csv": b"user,item\n1,2\n"})
    assert not at.exception
    assert "memory" in texts(at)
    assert not any(button.key == "upload:save" for button in at.button)
