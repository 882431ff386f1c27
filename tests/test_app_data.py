"""Data: the datasets, and the steps from a file to a dataset, with nothing half imported."""

from __future__ import annotations

import gc
import io
import os
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.ui import uploads
from app.views.data import add_dataset
from convncf.data import catalogue
from convncf.data.reading import api
from tests.app_pages import open_page, texts

CSV = (
    "customer no.;product;stars;when;name\n"
    "007;a_1;5;1700000001;Heat $1 *new*\n"
    "007;a_2;4;1700000002;Alien\n"
    "008;a_1;3;1700000003;Heat $1 *new*\n"
    "008;;3;1700000004;\n"
    "008;a_1;3;1700000003;Heat $1 *new*\n"
    "9;a_3;none;1700000006;Brazil\n"
)


def upload(at: AppTest, content: str | bytes, name: str = "shop.csv") -> AppTest:
    data = content.encode() if isinstance(content, str) else content
    at.file_uploader[0].upload(name, data, "text/csv")
    return at.run()


def test_the_embedded_data_is_shown_with_its_counts_and_terms() -> None:
    at = open_page("data")
    assert not at.exception
    text = texts(at)
    for expected in ("671", "9,066", "100,004", "1.64%", "Non-commercial use", "sha256:"):
        assert expected in text
    assert at.button(key="dataset:train").label == "Train on it"
    assert not any(button.key and button.key.startswith("dataset:delete") for button in at.button)


def test_a_file_becomes_a_dataset_and_leaves_no_upload_behind(home: Path) -> None:
    at = upload(open_page("data"), CSV)
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table.columns) == ["customer no.", "product", "stars", "when", "name"]
    assert table.iloc[0].tolist() == ["007", "a_1", "5", "1700000001", "Heat $1 *new*"]
    picked = {box.label: box.value for box in at.selectbox}
    assert picked["User"] == "customer no."
    assert picked["Item"] == "product"
    assert "delimiter semicolon" in texts(at)
    text = texts(at)
    assert "Rows read: 6" in text
    assert "Kept: 3" in text
    assert "Dropped: 2" in text
    assert "Merged: 1" in text
    reasons = at.dataframe[1].value
    assert list(reasons["On lines"]) == ["5", "7"]
    name = next(field for field in at.text_input if field.label == "Name of the dataset")
    assert name.value == "shop"
    assert at.query_params["upload"]

    at.button(key="upload:save").click().run()
    assert not at.exception
    saved = catalogue.load("shop", home)
    assert saved.interactions.users.ids == ("007", "008")
    assert saved.items.titles == ("Heat $1 *new*", "Alien")
    assert "shop is saved" in texts(at)
    assert at.query_params["dataset"] == "shop"
    assert "upload" not in at.query_params
    assert list((home / "uploads").iterdir()) == []
    assert {path.name for path in (home / "datasets").iterdir()} == {"shop"}


def test_an_upload_survives_a_reload(home: Path) -> None:
    first = upload(open_page("data"), CSV)
    again = open_page("data", upload=str(first.query_params["upload"]))
    assert not again.exception
    assert again.dataframe[0].value.iloc[0, 0] == "007"


def test_two_people_with_the_same_file_do_not_touch_each_other(home: Path) -> None:
    one, other = upload(open_page("data"), CSV), upload(open_page("data"), CSV)
    one.button(key="upload:save").click().run()
    other.run()
    assert not other.exception
    assert "Kept: 3" in texts(other)
    assert "exists already" in texts(other)  # the name that was free a moment ago


def test_a_file_without_a_header_keeps_its_first_row(home: Path) -> None:
    at = upload(open_page("data"), "7,9,4.5,1700000000\n8,9,3,1700000001\n")
    assert not at.exception
    assert "Kept: 2" in texts(at)
    assert {box.label: box.value for box in at.selectbox}["Item"] == "2"
    at.button(key="upload:save").click().run()
    assert catalogue.load("shop", home).interactions.users.ids == ("7", "8")


def test_a_file_of_which_most_is_left_out_is_a_warning(home: Path) -> None:
    at = upload(open_page("data"), "user,item\n1,a\n2,b,c\n3,d,e\n")
    assert len(at.warning) == 1
    assert "2 of 3 rows" in at.warning[0].value


def test_columns_that_are_not_guessed_are_asked_for(home: Path) -> None:
    at = upload(open_page("data"), "who,what\na,x\nb,y\n")
    assert not any(button.key == "upload:save" for button in at.button)
    boxes = {box.label: box for box in at.selectbox}
    boxes["User"].select("who")
    boxes["Item"].select("what")
    at.run()
    assert "Kept: 2" in texts(at)
    at.button(key="upload:save").click().run()
    assert catalogue.load("shop", home).interactions.n_users == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "shop.csv is empty"),
        (b"user,item\n", "a header and no row"),
        (b"PK\x03\x04rest", "ZIP archive"),
        (b"user,item\nJos\xe9\x81,1\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_message(content: bytes, message: str, home: Path) -> None:
    at = upload(open_page("data"), content)
    assert not at.exception
    assert message in texts(at)
    assert str(home) not in texts(at)
    assert not (home / "datasets").exists()
    at.button(key="upload:discard").click().run()
    assert not at.exception
    assert list((home / "uploads").iterdir()) == []


def test_a_taken_or_impossible_name_cannot_be_saved(home: Path) -> None:
    at = upload(open_page("data"), CSV)
    field = next(field for field in at.text_input if field.label == "Name of the dataset")
    for name, message in (("movielens-small", "exists already"), ("a/b", "cannot name a dataset")):
        field = next(field for field in at.text_input if field.label == "Name of the dataset")
        field.set_value(name).run()
        assert message in texts(at)
        assert at.button(key="upload:save").disabled


def test_an_own_dataset_can_be_deleted_and_a_damaged_one_is_reported(home: Path) -> None:
    at = upload(open_page("data"), CSV)
    at.button(key="upload:save").click().run()
    (home / "datasets" / "shop" / "interactions.parquet").unlink()
    at = open_page("data", dataset="shop")
    assert not at.exception
    assert "interactions.parquet" in texts(at)
    at.button(key="dataset:delete:shop").click().run()
    assert not at.exception
    assert "shop was deleted" in texts(at)
    assert catalogue.names(home) == ("movielens-small",)


def test_the_report_of_a_saved_dataset_stays_readable(home: Path) -> None:
    at = upload(open_page("data"), CSV)
    at.button(key="upload:save").click().run()
    at = open_page("data", dataset="shop")
    assert "Merged: 1 exact duplicate" in texts(at)


@pytest.mark.parametrize("odd", ["../../etc", "ABCDEF0123456789-01234567", "0123456789abcdef", ""])
def test_an_id_from_the_address_never_leaves_the_uploads(odd: str, home: Path) -> None:
    assert uploads.paths(odd) == ()
    at = open_page("data", upload=odd)
    assert not at.exception


def test_uploads_left_behind_go_after_a_day(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = uploads.store([("x.csv", io.BytesIO(b"user,item\n1,2\n"))])
    folder = home / "uploads" / old
    os.utime(folder, (time.time() - 90_000,) * 2)
    new = uploads.store([("../y.csv", io.BytesIO(b"user,item\n1,3\n"))])
    assert uploads.paths(old) == ()
    (kept,) = uploads.paths(new)
    assert kept.name == "y.csv"
    assert kept.parent.parent == home / "uploads"


@pytest.mark.parametrize("button", ["upload:save", "upload:discard"])
def test_what_was_read_is_freed_once_it_is_saved_or_discarded(
    button: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays: list[weakref.ref[Any]] = []

    def noted(*given: Any) -> Any:
        result = api.read(*given)
        arrays.append(weakref.ref(result.interactions.user))
        return result

    monkeypatch.setattr(add_dataset, "read", noted)
    at = upload(open_page("data"), b"user,item\nu1,a\nu1,b\nu2,a\n")
    at.run()
    assert len(arrays) == 1, "read once, then kept"
    assert arrays[0]() is not None
    at.button(key=button).click().run()
    gc.collect()
    assert arrays[0]() is None
