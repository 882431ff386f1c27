"""With or without a header, the first row is never lost and never counted as a user; MovieLens' own files."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import pytest

from convncf.data.reading.api import read
from convncf.data.reading.delimited import preview
from convncf.data.reading.options import ReadOptions, known_encoding
from convncf.errors import ReadError
from tests.written import dropped, rows, said, titles, write

U_DATA = "196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t242\t1\t878887116\n"
RATINGS_DAT = "1::0054890::9::1381945744\n2::1408101::10::1382400295\n"


@pytest.mark.parametrize(
    ("name", "content", "first"),
    [
        ("u.data", U_DATA, ("196", "242", 3.0, 881250949)),
        ("ratings.dat", RATINGS_DAT, ("1", "0054890", 9.0, 1381945744)),
        ("own.csv", "u1,i1,5\nu2,i2,4\n", ("u1", "i1", 5.0)),
        ("own.csv", "u1,i1\nu2,i2\n", ("u1", "i1")),
        ("own.csv", "ann,x1,2024-05-01\nbob,x2,2024-05-02\n", ("ann", "x1", 1714521600)),
        ("own.csv", "7,9,1700000000,4.5\n8,9,1700000001,3\n", ("7", "9", 4.5, 1700000000)),
        ("own.csv", "7,9,good,1700000000\n", None),
        ("own.txt", "7 9 4\n8 9 3\n", ("7", "9", 4.0)),
        ("big.csv", "76561197970982479,1700000001,5\n76561197970982479,1700000002,4\n", None),
        ("ids.csv", "345451041,5151234560,5\n345451042,5151234561,4\n", ("345451041", "5151234560", 5.0)),
    ],
)
def test_without_a_header_the_first_row_is_a_row(
    tmp_path: Path, name: str, content: str, first: tuple[object, ...] | None
) -> None:
    (path,) = write(tmp_path, {name: content})
    if first is None:  # a word where a rating stands, or a time where an item does: not for the program to guess
        with pytest.raises(ReadError, match=r"line 1 .*--user-column NUMBER"):
            read(path)
        return
    result = read(path)
    assert rows(result)[0] == first
    assert result.report.lines == result.report.rows == len(content.splitlines())
    assert result.report.header == 0
    assert "columns by number" in said(result)


def test_columns_without_names_are_mapped_by_number(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "2024-05-01,7,x,9\n2024-05-02,8,y,9\n"})
    columns = {"user_id": "2", "item_id": "4", "timestamp": "1"}
    assert rows(read(path, ReadOptions(columns=columns))) == [("7", "9", 1714521600), ("8", "9", 1714608000)]
    with pytest.raises(ReadError, match="'5' among '1', '2', '3', '4'"):
        read(path, ReadOptions(columns={"user_id": "5", "item_id": "4"}))


def test_a_column_number_is_no_name_even_where_the_first_row_holds_it(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "1,2,3\n4,5,3\n"})
    columns = {"user_id": "2", "item_id": "1", "rating": "3"}
    assert rows(read(path, ReadOptions(columns=columns))) == [("2", "1", 3.0), ("5", "4", 3.0)]


def test_a_matrix_of_users_and_items_is_refused(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"matrix.csv": "user,1193,1194\nann,5,3\nbob,2,1\n"})
    with pytest.raises(ReadError, match=r"line 1: .*'user', '1193', '1194'"):
        read(path)


@pytest.mark.parametrize("header", [" User ID ,Item", "USERID,movieId", "customer no.,article", "\ufeffuserId,itemId"])
def test_headers_as_people_write_them(tmp_path: Path, header: str) -> None:
    (path,) = write(tmp_path, {"own.csv": f"{header}\n7,9\n8,9\n"})
    assert rows(read(path)) == [("7", "9"), ("8", "9")]


def test_a_header_can_be_insisted_on_or_denied(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "7,9\n8,9\n"})
    assert len(read(path).interactions) == 2
    with pytest.raises(ReadError, match="among '7', '9'"):
        read(path, ReadOptions(header=True))
    (words,) = write(tmp_path, {"words.csv": "ann,heat\nbob,alien\n"})
    with pytest.raises(ReadError, match="among 'ann', 'heat'"):
        read(words)
    assert rows(read(words, ReadOptions(header=False))) == [("ann", "heat"), ("bob", "alien")]


def test_a_header_in_the_middle_of_joined_files(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"joined.csv": "userId,movieId\n1,2\nuserId,movieId\n3,4\n"})
    result = read(path)
    assert rows(result) == [("1", "2"), ("3", "4")]
    assert dropped(result) == {"the header again": (1, (3,))}
    assert "userId" not in result.interactions.users.ids


def test_a_broken_line_without_a_header_is_counted(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"u.data": U_DATA + "1\t2\n"})
    assert dropped(read(path)) == {"not the usual 4 fields": (1, (4,))}


def test_a_file_of_which_most_is_left_out_is_a_loud_line(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"own.csv": "user,item\n1,a\n" + "2,b,c\n" * 2})
    loud = "Warning: 2 of 3 rows were dropped: are the delimiter and the columns the right ones?"
    assert loud in read(path).report.sentences()


def test_u_data_with_u_item(tmp_path: Path) -> None:
    flags = ["0"] * 19
    item = "|".join(
        ["242", "Café Noir (1996)", "24-Jan-1997", "", "http://x", *flags[:5], "1", *flags[6:8], "1", *flags[9:]]
    )
    unknown = "|".join(["302", "unknown", "", "", "", "1", *flags[1:]])
    write(
        tmp_path, {"u.data": U_DATA, "u.item": f"{item}\n{unknown}\n".encode("latin-1"), "u.user": "1|24|M|x|85711\n"}
    )
    result = read(tmp_path / "u.data")
    assert titles(result) == {"242": "Café Noir (1996)", "302": "unknown"}
    assert result.items.genres == (("Comedy", "Drama"), ())
    assert result.items.years == (1997, None)
    assert "read with u.item" in said(result)
    assert read(tmp_path / "u.data", ReadOptions(companions=False)).report.titles is None


def test_ratings_dat_with_movies_dat(tmp_path: Path) -> None:
    movies = '0054890::"Great Performances" Cats (1998)::Drama|Music\n1408101::Up: 2::\n7::Other::War\n'
    write(tmp_path, {"ratings.dat": RATINGS_DAT, "movies.dat": movies})
    result = read(tmp_path / "ratings.dat")
    assert titles(result) == {"0054890": '"Great Performances" Cats (1998)', "1408101": "Up: 2"}
    assert result.items.genres == (("Drama", "Music"), ())
    assert result.report.titles is not None
    assert (result.report.titles.titled, result.report.titles.unused) == (2, 1)


def test_ratings_csv_with_movies_csv(tmp_path: Path) -> None:
    ratings = "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n2,32,4,1260759145\n"
    movies = 'movieId,title,genres\n31,"Minds, Dangerous (1995)",Drama\n32,Twelve (1995),(no genres listed)\n'
    write(
        tmp_path, {"ratings.csv": ratings, "movies.csv": movies, "tags.csv": "userId,movieId,tag,timestamp\n1,31,x,1\n"}
    )
    result = read(tmp_path / "ratings.csv")
    assert titles(result) == {"31": "Minds, Dangerous (1995)", "32": "Twelve (1995)"}
    assert result.items.genres == (("Drama",), ())
    assert [entry.role for entry in result.report.files] == ["interactions", "titles"]


def test_the_preview_numbers_columns_that_have_no_name(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"u.data": U_DATA})
    seen = preview(path, 2)
    assert seen.header == ["1", "2", "3", "4"]
    assert seen.rows == [["196", "242", "3", "881250949"], ["186", "302", "3", "891717742"]]
    assert seen.guess == {"user_id": "1", "item_id": "2", "rating": "3", "timestamp": "4"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"format": "xml"}, "'xml'. Known: delimited, parquet"),
        ({"decimal": ";"}, "called ';'"),
        ({"time_unit": "min"}, "called 'min'"),
        ({"encoding": "klingon"}, "called 'klingon'"),
        ({"encoding": "base64"}, "called 'base64'"),
        ({"ids": "numbers"}, "mean number?"),
        ({"keep": "last"}, "mean latest?"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, str], complaint: str) -> None:
    with pytest.raises(ReadError, match=re.escape(complaint)):
        ReadOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["utf-16", "UTF-8", "latin-1", "windows-1252", "cp932"])
def test_an_encoding_that_is_proposed_is_taken(name: str) -> None:
    assert known_encoding(name) == codecs.lookup(name).name
