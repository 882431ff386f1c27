"""Text as people save it: encodings, backslashes, decimal commas, zeros (the Book-Crossing kind)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.written import dropped, rows, said, titles, write

BOOK_CROSSING = '"User-ID";"ISBN";"Book-Rating"\r\n"8";"0002005018";"5"\r\n"8";"034545104X";"0"\r\n'
TITLES = '"034545104X";"Caf\xe9 \\"Noir\\"; a novel"\n'.encode("latin-1")


def test_book_crossing_as_it_comes(tmp_path: Path) -> None:
    ratings, books = write(tmp_path, {"BX-Book-Ratings.csv": BOOK_CROSSING, "BX-Books.csv": TITLES})
    result = read([ratings, books])
    assert rows(result) == [("8", "0002005018", 5.0), ("8", "034545104X", 0.0)]
    assert titles(result) == {"0002005018": "", "034545104X": 'Café "Noir"; a novel'}
    words = said(result)
    assert "1 rating of 0" in words
    assert "1 quoted field" in words
    assert "latin-1, delimiter semicolon" in words
    assert "read as latin-1" in words


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (r'"a \"b\" c"', 'a "b" c'),
        (r'"\"b\""', '"b"'),
        (r'"a \"b\"; c\\d"', r'a "b"; c\d'),
        (r'"a ""b"" \"c\""', 'a "b" "c"'),
    ],
)
def test_backslashes_before_quotes(tmp_path: Path, written: str, read_as: str) -> None:
    (path,) = write(tmp_path, {"own.csv": f'user;item;title\n1;2;{written}\n1;3;plain\n1;4;"x \\"y\\" z"\n'})
    assert titles(read(path))["2"] == read_as


def test_a_backslash_that_ends_a_field_is_a_backslash(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": 'user,item,title\n1,2,"C:\\"\n1,3,"D:\\""x"""\n'})
    assert titles(read(path)) == {"2": "C:\\", "3": 'D:\\"x"'}


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with byte-order mark"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("latin-1", "latin-1"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_encodings_are_found_out(tmp_path: Path, encoding: str, words: str) -> None:
    title = "Café" + ("’s" if encoding not in ("latin-1",) else "")
    (path,) = write(tmp_path, {"own.csv": f"user,item,title\n1,2,{title}\n".encode(encoding)})
    result = read(path)
    assert titles(result) == {"2": title}
    assert result.report.encoding == words


def test_an_encoding_can_be_insisted_on(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "user,item,title\n1,2,Čapek\n".encode("cp1250")})
    assert titles(read(path))["2"] == "Èapek"  # what no program can know
    result = read(path, ReadOptions(encoding="windows-1250"))
    assert titles(result)["2"] == "Čapek"
    assert result.report.encoding == "cp1250, as set"
    with pytest.raises(ReadError, match=r"own\.csv, line 2: not ascii"):
        read(path, ReadOptions(encoding="ascii"))


def test_one_broken_byte_does_not_make_utf8_another_encoding(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "user,item,title\n1,2,Léon\n1,3,Amélie\n1,4,".encode() + b"\xe9\n"})
    with pytest.raises(ReadError, match=r"own\.csv, line 4: .*: 1 byte"):
        read(path)
    result = read(path, ReadOptions(encoding="utf-8"))
    assert titles(result) == {"2": "Léon", "3": "Amélie", "4": "�"}
    assert "by � (the first: line 4)" in said(result)


def test_decimal_commas_and_points(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "user;item;rating\nu1;i1;3,5\nu1;i2;2.5\nu1;i3;4\n"})
    result = read(path)
    assert [row[2] for row in rows(result)] == [3.5, 2.5, 4.0]
    assert "a decimal comma" in said(result)
    assert "both signs" in said(result)
    comma, point = (read(path, ReadOptions(decimal=sign)) for sign in (",", "."))
    assert ([row[2] for row in rows(comma)], dropped(comma)) == ([3.5, 4.0], {"rating not a number": (1, (3,))})
    assert ([row[2] for row in rows(point)], dropped(point)) == ([2.5, 4.0], {"rating not a number": (1, (2,))})


def test_returns_are_told(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"sales.csv": "customer,sku,quantity\na,x,2\na,y,-1\n"})
    result = read(path)
    assert rows(result) == [("a", "x", 2.0), ("a", "y", -1.0)]
    assert "1 rating below 0" in said(result)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"BZh91AY", "compressed with bzip2"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x01\x02\x03\x04\x05\x06\x07", "control characters"),
        (b"user,item\n\0,1\n", "zero byte"),
    ],
)
def test_what_is_no_text_is_refused_with_what_is_readable(tmp_path: Path, content: bytes, complaint: str) -> None:
    (path,) = write(tmp_path, {"own.csv": content})
    with pytest.raises(ReadError, match=re.escape(complaint) + r".*Readable are: delimited text"):
        read(path)
