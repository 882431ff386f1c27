"""Choosing columns and delimiters, looking at a file before reading it, and the errors that teach."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from convncf.data.reading.api import read_delimited
from convncf.data.reading.columns import guess_columns
from convncf.data.reading.delimited import preview
from convncf.errors import ReadError
from tests.written import rows

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write bytes or text (as UTF-8) to a file and return its path."""

    def write(content: bytes | str, name: str = "ratings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# ---------------------------------------------------------------- columns


@pytest.mark.parametrize(
    ("header", "guess"),
    [
        ("user_id,item_id,rating,timestamp", ["user_id", "item_id", "rating", "timestamp", None]),
        ("userId,movieId,title,rating", ["userId", "movieId", "rating", None, "title"]),
        (" USERID , Product ", ["USERID", "Product", None, None, None]),
        ("customer no.,article,date", ["customer no.", "article", None, "date", None]),
        (
            "reviewerID,asin,overall,reviewTime,unixReviewTime",
            ["reviewerID", "asin", "overall", "unixReviewTime", None],
        ),
        ("user_id,business_id,stars,date", ["user_id", "business_id", "stars", "date", None]),
        ("User-ID,ISBN,Book-Rating", ["User-ID", "ISBN", "Book-Rating", None, None]),
        ("user_id:token,item_id:token,rating:float", ["user_id:token", "item_id:token", "rating:float", None, None]),
        ("a,b", [None] * 5),
    ],
)
def test_columns_are_guessed_by_their_usual_names(header: str, guess: list[str | None]) -> None:
    roles = ("user_id", "item_id", "rating", "timestamp", "title")
    assert guess_columns(header.split(",")) == {role: name for role, name in zip(roles, guess, strict=True) if name}


def test_columns_can_be_mapped(write: Write) -> None:
    path = write("a,b,user,item\n1,2,3,4\n")
    assert rows(read_delimited(path, mapping={"user_id": "a", "item_id": "B"})) == [("1", "2")]
    assert rows(read_delimited(path, mapping={"user_id": "a"})) == [("1", "4")]


@pytest.mark.parametrize("nothing", ["", None])
def test_a_role_can_be_left_out(write: Write, nothing: str | None) -> None:
    path = write("user,item,rating\n1,2,good\n")
    assert rows(read_delimited(path, mapping={"rating": nothing})) == [("1", "2")]


def test_mapped_columns_help_to_find_the_delimiter(write: Write) -> None:
    path = write("Kunde, Nr|Artikel, Nr\n1, 2|3, 4\n")
    assert rows(read_delimited(path, mapping={"user_id": "Kunde, Nr", "item_id": "Artikel, Nr"})) == [("1, 2", "3, 4")]


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({"user_id": "usr"}, "'usr' among 'user', 'item', 'x', 'x'. Did"),
        ({"user": "user"}, "mean user_id?"),
        ({"user_id": "user", "item_id": "user"}, "both user_id and item_id"),
        ({"rating": "x"}, "named 'x'"),
        (
            {"user_id": None},
            "--user-column NAME.",
        ),
    ],
)
def test_wrong_mappings_are_refused(write: Write, mapping: dict[str, str | None], complaint: str) -> None:
    with pytest.raises(ReadError, match=re.escape(complaint)):
        read_delimited(write("user,item,x,x\n1,2,3,4\n"), mapping=mapping)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n  \n", "only blank lines"),
        (b"user,item\n", "no row"),
        (b"user,item\n\n\n", "no row"),
        (b"hello\nworld\n", "line 1: one column"),
        (b"\n\nhello\n", "line 3: one column"),
        (b"a,b,c\n1,2,3\n", "among 'a', 'b', 'c'"),
        (b"a,b,c\n1,2,3\n", "--item-column NAME"),
        (b"user,b,c\n1,2,3\n", "among 'user', 'b', 'c'"),
        (b"1,2014-05-01\n2,2014-05-02\n", "line 1 looks"),
        (b"1,2014-05-01\n2,2014-05-02\n", "--item-column NUMBER"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x1f\x8brest", "cut short or damaged"),
        (b"user,item\n1,\x002\n", "binary"),
        ("user,item\n1,é\n2,ü\n3,Caf".encode() + b"\xe9\n", "line 4: not UTF-8 text (byte 0xe9"),
        ("user,item\n1,é\n2,ü\n3,Caf".encode() + b"\xe9\n", "1 byte of it"),
        (b"user,item\n1,Caf\xe9\x81\n", "line 2: not UTF-8 text (byte 0xe9"),
        (b"user,item\n1,Caf\xe9\x81\n", "--encoding NAME"),
        (b"user,item,rating\n1,2,good\n1,3,bad\n", "not a number (lines 2, 3)"),
        (b"user,item,rating\n1,2,good\n1,3,bad\n", '--rating-column ""'),
        (b"user,item,time\n1,2,May\n", "--time-column NAME"),
        (b"user,item,time\n1,a,1400000000\n1,b,1400000001\n1,c,1400000000000\n", "mixes units"),
        (b"user,item,time\n1,a,1400000000\n1,b,1400000001\n1,c,1400000000000\n", "1 row (line 4)"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_teaches(write: Write, content: bytes, complaint: str) -> None:
    path = write(content)
    with pytest.raises(ReadError, match=re.escape(complaint)) as error:
        read_delimited(path)
    assert str(path) in str(error.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nowhere\.csv"):
        read_delimited(tmp_path / "nowhere.csv")
    with pytest.raises(ReadError, match="is a folder"):
        preview(tmp_path)


@pytest.mark.parametrize("delimiter", ["", '"', "\n"])
def test_what_cannot_divide_is_refused(write: Write, delimiter: str) -> None:
    with pytest.raises(ReadError, match="a delimiter"):
        read_delimited(write("user,item\n1,2\n"), delimiter=delimiter)


@pytest.mark.parametrize("spelled", ["tab", "\\t", "\t", "TAB"])
def test_a_delimiter_can_be_spelled(write: Write, spelled: str) -> None:
    assert rows(read_delimited(write("user\titem\n1,5\t2\n"), delimiter=spelled)) == [("1,5", "2")]


def test_an_unusual_delimiter_can_be_given(write: Write) -> None:
    assert rows(read_delimited(write("user^item\n1^2\n"), delimiter="^")) == [("1", "2")]


def test_the_wrong_delimiter_shows_the_one_column(write: Write) -> None:
    with pytest.raises(ReadError, match="among 'user,item'"):
        read_delimited(write("user,item\n1,2\n"), delimiter=";")


# ---------------------------------------------------------------- preview


def test_preview(write: Write) -> None:
    path = write("\ufeffuser;film;stars\n" + "".join(f"{n};f{n};5\n" for n in range(50)) + "odd\n")
    seen = preview(path, 3)
    assert seen.header == ["user", "film", "stars"]
    assert seen.rows == [["0", "f0", "5"], ["1", "f1", "5"], ["2", "f2", "5"]]
    assert (seen.delimiter, seen.encoding) == (";", "UTF-8 with byte-order mark")
    assert seen.guess == {"user_id": "user", "item_id": "film", "rating": "stars"}
    assert preview(path, 100).rows[-1] == ["odd"]


def test_preview_reads_only_the_beginning(write: Write) -> None:
    # The sample ends within a character and within a row: neither may show.
    path = write("user,item\n" + "ééééé,ééééé\n" * 20_000)
    seen = preview(path, 100_000)
    assert 1_000 < len(seen.rows) < 20_000
    assert all(row == ["ééééé", "ééééé"] for row in seen.rows)


def test_preview_serves_files_whose_columns_are_not_known(write: Write) -> None:
    assert preview(write("a,b\n1,2\n")).guess == {}
