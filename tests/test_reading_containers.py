"""Files within .gz and .zip, folders, and what lies beside a file: found, given roles, or named as not read."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from pathlib import Path

import pytest

from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from tests.written import dropped, parts, rows, said, titles, write

RATINGS = "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n2,32,4,1260759145\n"
MOVIES = "movieId,title,genres\n31,Dangerous Minds (1995),Drama\n32,Twelve (1995),Sci-Fi|War\n"
CLUTTER: dict[str, str | bytes] = {
    "__MACOSX/data/._ratings.csv": b"\0\x05\x16\x07",
    "data/.DS_Store": b"\0\0\0\1",
    "data/README.txt": "read, me\n",
}


def packed(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def ignored(paths: Path | list[Path]) -> dict[str, str]:
    return {entry.file: entry.why for entry in read(paths).report.ignored}


def test_a_zip_from_a_mac(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"my.zip": packed(CLUTTER | {"data/ratings.csv": RATINGS, "data/movies.csv": MOVIES})})
    result = read(path)
    assert rows(result) == [("1", "31", 2.5, 1260759144), ("2", "32", 4.0, 1260759145)]
    assert titles(result) == {"31": "Dangerous Minds (1995)", "32": "Twelve (1995)"}
    assert [(entry.file, entry.role) for entry in result.report.files] == [
        ("data/ratings.csv", "interactions"),
        ("data/movies.csv", "titles"),
    ]
    assert result.report.file == "my.zip"
    assert ignored(path) == {
        "__MACOSX/data/._ratings.csv": "written by macOS",
        "data/.DS_Store": "written by macOS",
        "data/README.txt": "a document",
    }
    assert "__MACOSX/data/._ratings.csv (written by macOS); data/.DS_Store" in said(result)


@pytest.mark.parametrize("inner", ["ratings.csv.gz", "deep/er/ratings.csv.gz"])
def test_gzip_within_zip(tmp_path: Path, inner: str) -> None:
    (path,) = write(tmp_path, {"my.zip": packed({inner: gzip.compress(RATINGS.encode())})})
    assert len(read(path).interactions) == 2


def test_gzip_is_known_by_its_bytes_and_lines_are_those_of_the_text(tmp_path: Path) -> None:
    for name in ("ratings.csv.gz", "ratings.csv"):
        (path,) = write(tmp_path, {name: gzip.compress((RATINGS + "3,33,x,1\n").encode())})
        assert dropped(read(path)) == {"rating not a number": (1, (4,))}


def test_ml_100k_as_its_makers_pack_it(tmp_path: Path) -> None:
    data = "196\t242\t3\t881250949\n186\t302\t3\t891717742\n"
    files: dict[str, str | bytes] = {
        f"ml-100k/{name}": content
        for name, content in {
            "README": "SUMMARY\n",
            "u.data": data,
            "u.genre": "unknown|0\nAction|1\n",
            "u.info": "943 users\n",
            "u.item": "|".join(["242", "Kolya (1996)", "24-Jan-1997", "", "", *"0" * 19]) + "\n",
            "u.user": "1|24|M|technician|85711\n",
            "u1.base": data,
            "u1.test": data,
            "ua.base": data,
            "ua.test": data,
            "mku.sh": "#!/bin/sh\n",
            "allbut.pl": "#!/usr/local/bin/perl\n",
        }.items()
    }
    (path,) = write(tmp_path, {"ml-100k.zip": packed(files)})
    result = read(path)
    assert rows(result) == [("196", "242", 3.0, 881250949), ("186", "302", 3.0, 891717742)]
    assert titles(result) == {"242": "Kolya (1996)", "302": ""}
    assert set(ignored(path)) == set(files) - {"ml-100k/u.data", "ml-100k/u.item"}
    assert "another file" in ignored(path)["ml-100k/ua.test"]


def test_book_crossing_as_its_makers_pack_it(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "BX-Users.csv": '"User-ID";"Location";"Age"\r\n"8";"timmins, ontario, canada";NULL\r\n',
        "BX-Books.csv": '"ISBN";"Book-Title";"Year-Of-Publication"\r\n"0002005018";"Clara &amp; \\"C\\"";"2001"\r\n',
        "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\r\n"8";"0002005018";"5"\r\n',
    }
    (path,) = write(tmp_path, {"bx.zip": packed(files)})
    result = read(path)
    assert rows(result) == [("8", "0002005018", 5.0)]
    assert titles(result) == {"0002005018": 'Clara &amp; "C"'}
    assert result.items.years == (2001,)
    assert {file: "no item column" in why for file, why in ignored(path).items()} == {"BX-Users.csv": True}


def test_hetrec_files_given_one_by_one(tmp_path: Path) -> None:
    plays = "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n"
    paths = write(tmp_path, {"user_artists.dat": plays, "artists.dat": "id\tname\turl\n51\tDuran Duran\thttp://x\n"})
    result = read(paths)
    assert rows(result) == [("2", "51", 13883.0), ("2", "52", 11690.0)]
    assert titles(result) == {"51": "Duran Duran", "52": ""}


def test_the_file_called_ratings_is_taken_before_others_with_users_and_items(tmp_path: Path) -> None:
    other = "user,item,tag\n1,31,x\n"
    (path,) = write(tmp_path, {"my.zip": packed({"ratings.csv": RATINGS, "a_labels.csv": other})})
    assert len(read(path).interactions) == 2
    assert {file: "ratings.csv was read" in why for file, why in ignored(path).items()} == {"a_labels.csv": True}


def test_ones_own_titles_come_before_those_that_lie_beside(tmp_path: Path) -> None:
    ratings, _, own = write(
        tmp_path, {"ratings.csv": RATINGS, "movies.csv": MOVIES, "own.csv": "item,title\n31,Mine\n"}
    )
    for result in (read([ratings, own]), read(ratings, ReadOptions(titles=own))):
        assert titles(result) == {"31": "Mine", "32": ""}
        assert "movies.csv" not in said(result)


def test_a_tar_is_told(tmp_path: Path) -> None:
    import tarfile

    (inner,) = write(tmp_path, {"ratings.csv": RATINGS})
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(inner, "ratings.csv")
    with pytest.raises(ReadError, match=r"x\.tar\.gz .*: tar -xf x\.tar\.gz;"):
        read(tmp_path / "x.tar.gz")


def test_a_folder_is_read_as_an_archive_is(tmp_path: Path) -> None:
    write(tmp_path, {"ratings.csv": RATINGS, "movies.csv": MOVIES, "picture.png": b"\x89PNG\0", "notes.md": "x"})
    result = read(tmp_path)
    assert len(result.interactions) == 2
    assert result.items.n_titled == 2
    assert ignored(tmp_path).keys() == {"notes.md", "picture.png"}


def test_what_lies_beside_a_compressed_file(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        f"{name}.gz": gzip.compress(text) for name, text in (("train.txt", b"0 1 2\n"), ("test.txt", b"0 3 4\n"))
    }
    write(tmp_path, files)
    assert parts(read(tmp_path / "train.txt.gz")) == {
        "training": [("0", "1"), ("0", "2")],
        "test": [("0", "3"), ("0", "4")],
    }


def test_nothing_else_that_lies_beside_a_file_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"sales.csv": RATINGS, "movies.csv": MOVIES, "test.csv": RATINGS})
    assert [entry.file for entry in read(tmp_path / "sales.csv").report.files] == ["sales.csv"]
    alone = read(write(tmp_path, {"ratings.csv": RATINGS})[0], ReadOptions(companions=False))
    assert [entry.file for entry in alone.report.files] == ["ratings.csv"]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "holds nothing"),
        ({"README.md": "x", ".DS_Store": b"\0"}, ".DS_Store, README.md"),
        ({"a.csv": RATINGS, "b.csv": RATINGS}, "a.csv and b.csv"),
        ({"movies.csv": MOVIES, "users.dat": "1::F\n"}, "my.zip: movies.csv, line 1"),
        ({"a.bin": b"\0\1", "b.csv": "name,price\nx,1\n"}, "among: nothing"),
        ({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}, "Excel workbook"),
    ],
)
def test_an_archive_without_one_set_of_interactions_is_one_error(
    tmp_path: Path, files: dict[str, str | bytes], complaint: str
) -> None:
    (path,) = write(tmp_path, {"my.zip": packed(files)})
    with pytest.raises(ReadError, match=re.escape(complaint)):
        read(path)


def test_a_folder_with_several_sets_is_named_itself(tmp_path: Path) -> None:
    write(tmp_path, {"in/a.csv": RATINGS, "in/b.csv": RATINGS})
    with pytest.raises(ReadError, match=r"/in .*: a\.csv and b\.csv"):
        read(tmp_path / "in")


def test_containers_cut_short_are_one_error(tmp_path: Path) -> None:
    whole = packed({"ratings.csv": RATINGS * 50})
    compressed = gzip.compress(RATINGS.encode() * 50)
    for name, content in {
        "a.zip": whole[:-30],
        "b.zip": whole[:60],
        "c.csv.gz": compressed[:-9],
        "d.gz": compressed[:3],
    }.items():
        (path,) = write(tmp_path, {name: content})
        with pytest.raises(ReadError, match=f"{re.escape(name)}.*damaged"):
            read(path)


def test_an_error_within_an_archive_names_the_member_and_its_line(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"my.zip": packed({"in/ratings.csv": "user,item,time\n1,2,May\n"})})
    with pytest.raises(ReadError, match=r"my\.zip: in/ratings\.csv: .* 1 row.*\(line 2\)"):
        read(path)
