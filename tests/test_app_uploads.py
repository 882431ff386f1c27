"""Uploads: each kind of file as the command line reads it, files that belong together, and those that are refused."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.ui.text import plain
from convncf.data import catalogue
from tests.app_pages import field, open_page, texts
from tests.archives import movielens_1m, movielens_100k
from tests.command_line import CommandLine

Files = Mapping[str, bytes]

TRAIN = "".join(f"{user}\t{item}\t{1 + (user + item) % 5}\t{1_000 + item}\n" for user in range(6) for item in range(8))
RATINGS = "user,item,rating,time\n" + "".join(
    f"u{n % 7},i{n % 11},{n % 5 + 1},{1_700_000_000 + n}\n" for n in range(60)
)
OBJECTS = "".join(
    json.dumps({"reviewerID": f"A{n % 5}", "asin": f"B{n % 6}", "overall": 4.0, "unixReviewTime": 1_300_000_000 + n})
    + "\n"
    for n in range(20)
)


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def parquet() -> bytes:
    frame = pd.DataFrame({"user_id": [7, 7, 8], "item_id": ["007", "b", "b"], "rating": [1.5, 2.0, np.nan]})
    return frame.to_parquet(index=False)


KINDS: dict[str, Files] = {
    "csv": {"sales 2024.csv": RATINGS.encode()},
    "excel's utf-16": {"sales.txt": RATINGS.replace(",", "\t").encode("utf-16")},
    "gzip": {"sales.csv.gz": gzip.compress(RATINGS.encode())},
    "zip": {"sales.zip": zipped({"readme.md": "x", "ratings.csv": RATINGS, "movies.csv": "item,title\ni1,Heat\n"})},
    "parquet": {"events.parquet": parquet()},
    "json lines": {"reviews.json": OBJECTS.encode()},
    "ratings and titles": {
        "movies.dat": "1::Heat (1995)::Crime\n2::Caf\u00e9 (1999)::\n".encode("latin-1"),
        "ratings.dat": b"1::1::5::978300760\n1::2::3::978302109\n2::1::4::978301968\n",
    },
    "recbole": {
        "x.inter": b"user_id:token\titem_id:token\trating:float\n1\ta\t5\n2\ta\t4\n2\tb\t1\n",
        "x.item": b"item_id:token\ttitle:token_seq\na\tHeat\nb\tAlien\n",
        "x.user": b"user_id:token\tage:float\n1\t3\n",
    },
    "ncf": {
        "m.train.rating": TRAIN.encode(),
        "m.test.rating": "".join(f"{user}\t{8 + user}\t4\t2000\n" for user in range(6)).encode(),
        "m.test.negative": "".join(f"({user},{8 + user})\t20\t21\t22\n" for user in range(6)).encode(),
    },
    "lightgcn": {"train.txt": b"0 1 2 3\n1 2 3 4\n2 1 4\n", "test.txt": b"0 4\n1 1\n2 2\n"},
}


def drop(at: AppTest, files: Files) -> AppTest:
    """Drop files on the field and run."""
    at.file_uploader[0].set_value([(name, content, "") for name, content in files.items()])
    return at.run()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_uploaded_is_what_the_command_line_adds(kind: str, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in KINDS[kind].items():
        (folder / name).write_bytes(content)
    convncf = CommandLine(tmp_path / "other")
    printed = convncf("datasets", "add", *map(str, sorted(folder.iterdir())), "--name", "own", "--json").object

    at = drop(open_page("data"), KINDS[kind])
    assert not at.exception
    assert not at.error
    assert f"Kept: {printed['interactions']:,}" in texts(at)
    field(at, "Name of the dataset").set_value("own")
    at.button(key="upload:save").click().run()
    assert not at.exception
    saved = catalogue.load("own", home)
    assert saved.report == printed["report"]
    assert saved.fingerprint == printed["fingerprint"]
    other = catalogue.load("own", tmp_path / "other")
    assert saved.items.titles == other.items.titles
    assert saved.source == other.source
    assert (saved.part is None) == (other.part is None)
    assert (saved.candidates is None) == (other.candidates is None)
    assert list((home / "uploads").iterdir()) == []


@pytest.mark.parametrize("make", [movielens_100k, movielens_1m])
def test_the_makers_own_archives(make: object, home: Path, tmp_path: Path) -> None:
    assert callable(make)
    archive = make(tmp_path / "films.zip")
    at = drop(open_page("data"), {archive.name: archive.read_bytes()})
    assert not at.exception
    assert "Café 1" in str([frame.value.to_dict() for frame in at.dataframe])
    at.button(key="upload:save").click().run()
    assert catalogue.load("films", home).items.n_titled == 18


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("ml-100k", ("ml-100k.inter", "ml-100k.item", "ml-100k.user")),
        ("movietweetings", ("movies.dat", "ratings.dat")),
        ("gowalla", ("train.txt", "test.txt")),
    ],
)
def test_real_files(folder: str, names: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    data = Path(os.environ.get("CONVNCF_SHARED_DATA", "")) / folder
    if not os.environ.get("CONVNCF_SHARED_DATA") or not data.is_dir():
        pytest.skip(f"CONVNCF_SHARED_DATA names no folder with {folder}")
    entry = catalogue.add([data / name for name in sorted(names)], "own", tmp_path / "other")
    at = drop(open_page("data"), {name: (data / name).read_bytes() for name in names})
    assert not at.exception
    field(at, "Name of the dataset").set_value("own")
    at.button(key="upload:save").click().run()
    saved = catalogue.load("own", home)
    assert (saved.fingerprint, len(saved.interactions)) == (entry.fingerprint, entry.n_interactions)


def test_first_rows_of_each_file_stand_under_its_name(home: Path) -> None:
    at = drop(open_page("data"), KINDS["recbole"])
    assert [tab.label for tab in at.tabs] == [plain("x.inter"), plain("x.item")]
    assert at.dataframe[1].value.iloc[0].tolist() == ["a", "Heat"]
    assert field(at, "Title").value == "title:token_seq"
    text = texts(at)
    assert re.search("x.inter .*RecBole atomic file, UTF-8, delimiter tab, user_id = 'user_id:token'", text)
    assert "Not read: x.user" in text


@pytest.mark.parametrize(
    ("kind", "name"),
    [("lightgcn", "uploaded"), ("ncf", "m"), ("recbole", "x"), ("csv", "sales-2024"), ("gzip", "sales")],
)
def test_the_name_that_is_proposed(kind: str, name: str, home: Path) -> None:
    assert field(drop(open_page("data"), KINDS[kind]), "Name of the dataset").value == name


def test_a_very_wide_file_is_shown_in_part(home: Path) -> None:
    header = ",".join(["user", "item", *(f"c{n}" for n in range(5000))])
    at = drop(open_page("data"), {"wide.csv": f"{header}\n1,2,{'x' * 1000}{',' * 4999}\n".encode()})
    assert not at.exception
    table = at.dataframe[0].value
    assert table.shape == (1, 60)
    assert len(str(table.iloc[0, 2])) == 202
    assert "and 60 of 5,002 columns" in texts(at)
    assert "Kept: 1" in texts(at)


def test_what_reading_asks_for_can_be_set_in_a_field(home: Path) -> None:
    at = drop(open_page("data"), {"s.csv": b"user,item,date\na,x,01/05/2014\na,y,02/05/2014\n"})
    assert len(at.error) == 1
    assert "--" not in texts(at).split("Add your own")[1].split("datasets add")[0].replace("---", "")
    assert "the field Date order" in texts(at)
    assert not any(button.key == "upload:save" for button in at.button)
    field(at, "Date order").select("day-first")
    at.run()
    assert not at.error
    assert "2014-05-01 to 2014-05-02" in texts(at)
    field(at, "Date order").select("month-first")
    at.run()
    assert "2014-01-05 to 2014-02-05" in texts(at)


def test_fields_change_how_it_is_read(home: Path) -> None:
    at = drop(open_page("data"), {"s.csv": b"user,item,rating,time\n7,x,5,1\n07,x,4,2\n7.0,y,3,3\n"})
    assert "Users: 3" in texts(at)
    field(at, "Ids").select("number")
    at.run()
    assert "Users: 1" in texts(at)
    assert "Merged: 1" in texts(at)
    field(at, "Rating").select("")
    field(at, "Duplicates").select("first")
    at.run()
    assert "the first" in texts(at)
    at.button(key="upload:save").click().run()
    saved = catalogue.load("s", home)
    assert saved.interactions.rating is None
    assert saved.interactions.timestamp is not None
    assert saved.interactions.timestamp.tolist() == [1, 3]


def test_a_first_line_can_be_data_or_names(home: Path) -> None:
    at = drop(open_page("data"), {"s.csv": b"user,item\n1,2\n1,3\n"})
    assert "Kept: 2" in texts(at)
    field(at, "Header").select(False)
    at.run()
    assert list(at.dataframe[0].value.columns) == ["1", "2"]
    assert "Kept: 3" in texts(at)


def test_an_encoding_can_be_set(home: Path) -> None:
    at = drop(open_page("data"), {"s.csv": "user,item,title\n1,2,Łódź\n".encode("iso-8859-2")})
    assert at.dataframe[0].value.iloc[0, 2] == "£ód¼"
    field(at, "Encoding").select("iso-8859-2")
    at.run()
    assert not at.exception
    assert at.dataframe[0].value.iloc[0, 2] == "Łódź"
    at.button(key="upload:save").click().run()
    assert catalogue.load("s", home).items.titles == ("Łódź",)


def test_another_drop_takes_the_place_of_the_first(home: Path) -> None:
    at = drop(open_page("data"), {"a.csv": b"user,item\n1,2\n"})
    first = at.query_params["upload"]
    drop(at, {"a.csv": b"user,item\n1,2\n", "items.csv": b"item,title\n2,Heat\n"})
    assert at.query_params["upload"] != first
    assert len(list((home / "uploads").iterdir())) == 1
    assert re.search("1 of 1 item .*items.csv", texts(at))


def test_a_failure_to_save_leaves_nothing_half_imported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = drop(open_page("data"), {"a.csv": b"user,item\n1,2\n"})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(catalogue, "write_folder", full)
    at.button(key="upload:save").click().run()
    assert not at.exception
    assert "is full" in texts(at)
    assert list((home / "datasets").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setenv("CONVNCF_HOME", str(home))
    at.button(key="upload:save").click().run()  # the files are still there
    assert catalogue.load("a", home).interactions.n_users == 1
