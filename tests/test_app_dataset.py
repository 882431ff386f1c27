"""A dataset's page: its statistics, its filters and split, its pictures, and its deletion."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convncf.data import catalogue, storage
from convncf.models.settings import resolve
from convncf.runs import RunStore
from tests.app_pages import field, figures_of, open_page, texts
from tests.command_line import CommandLine

OPEN = "dataset:open:settings"
ROWS = [
    (user, item, 1 + (user * item) % 5, 1_600_000_000 + 86_400 * item) for user in range(12) for item in range(user + 3)
]


@pytest.fixture
def shop(home: Path, tmp_path: Path) -> storage.DatasetEntry:
    file = tmp_path / "shop.csv"
    file.write_text("user,item,rating,time\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS))
    return catalogue.add(file, "shop", home)


def page(name: str, **parameters: str) -> AppTest:
    """The dataset's page, with Filters and split open."""
    return open_page("data", {OPEN: True}, dataset=name, **parameters)


def steps(at: AppTest) -> Any:
    return next(table.value for table in at.dataframe if "Filter" in table.value.columns)


def test_what_a_dataset_holds(shop: storage.DatasetEntry) -> None:
    at = open_page("data", dataset="shop")
    assert not at.exception
    text = texts(at)
    assert re.search("3 to 14 interactions.* 8\\.5", text)
    assert "Times: 2020-09-13T12:26:40Z to 2020-09-26T12:26:40Z." in text
    assert "Ratings: 1 to 5." in text
    assert "Lowest rating that counts, 4" in text
    assert not [table for table in at.dataframe if "Filter" in table.value.columns]  # nothing counted unasked


def test_the_filter_table_is_that_of_the_command_line(shop: storage.DatasetEntry, home: Path) -> None:
    at = page("shop")
    assert not at.exception
    assert steps(at)["Interactions"].tolist() == [len(ROWS)]
    field(at, ends=":data.min_user").set_value(5)
    field(at, ends=":data.min_rating").set_value(2)
    field(at, ends=":data.since").set_value("2020-09-15")
    at.run()
    assert not at.exception
    settings = ("--set", "data.min_rating=2", "--set", "data.min_user=5", "--set", "data.since=2020-09-15")
    printed = CommandLine(home)("datasets", "filter", "shop", *settings, "--json").object
    table = steps(at)
    assert table[["Users", "Items", "Interactions"]].to_numpy().tolist() == [
        [step["users"], step["items"], step["interactions"]] for step in printed["steps"]
    ]
    last = table.iloc[-1]
    assert last["Density"] == pytest.approx(100 * last["Interactions"] / (last["Users"] * last["Items"]))
    assert last["Left"] == pytest.approx(100 * last["Interactions"] / len(ROWS))
    text = texts(at)
    for label, part in (("Training", "train"), ("Validation", "validation"), ("Test", "test")):
        assert f"{label}: {printed['split'][part]:,} (" in text
    assert "convncf train --dataset shop --set data.min_rating=2" in text


def test_the_address_carries_the_settings_of_its_dataset(shop: storage.DatasetEntry) -> None:
    at = page("shop")
    field(at, ends=":data.min_user").set_value(6)
    field(at, ends=":data.split").select("leave-one-out")
    at.run()
    parameters = str(at.query_params["settings"])
    assert json.loads(parameters) == {"data.dataset": "shop", "data.min_user": 6, "data.split": "leave-one-out"}
    other = page("shop", settings=parameters)
    assert field(other, ends=":data.min_user").value == 6
    assert steps(other)["Users"].tolist() == steps(at)["Users"].tolist() == [12, 9]
    elsewhere = page("movielens-small", settings=parameters)
    assert not elsewhere.exception
    assert field(elsewhere, ends=":data.min_user").value == 0


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        '{"data.dataset": "shop", "data.min_user": -1}',
        '{"data.dataset": "shop", "train.epochs": 3}',
        '{"data.dataset": "shop", "data.min_rating": NaN}',
        '{"data.dataset": "shop", "data.min_rating": 1e999}',
        f'{{"data.dataset": "shop", "data.min_user": {10**30}}}',
        "[" * 9999,
    ],
)
def test_settings_of_the_address_that_cannot_be_are_reported(text: str, shop: storage.DatasetEntry) -> None:
    at = page("shop", settings=text)
    assert not at.exception
    assert field(at, ends=":data.min_user").value == 0
    assert ("cannot be used" in texts(at)) == (text != "[1]")


def test_settings_that_leave_nothing_or_cannot_be_are_reported(shop: storage.DatasetEntry) -> None:
    at = page("shop")
    field(at, ends=":data.min_user").set_value(500)
    at.run()
    assert not at.exception
    assert "leave nothing" in texts(at)
    field(at, ends=":data.min_user").set_value(0)
    field(at, ends=":data.ratios").set_value("0.5, 0.6, 0.7")
    at.run()
    assert not at.exception
    assert "0.5, 0.6, 0.7" in texts(at)


def test_two_people_set_and_see_their_own(shop: storage.DatasetEntry) -> None:
    one, other = page("shop"), page("shop")
    field(one, ends=":data.min_user").set_value(6)
    one.run()
    other.run()
    assert steps(one)["Users"].tolist() == [12, 9]
    assert steps(other)["Users"].tolist() == [12]


def test_pictures_are_drawn_when_they_are_opened(shop: storage.DatasetEntry) -> None:
    at = open_page("data", dataset="shop")
    assert not figures_of(at)
    for name, charts in (("tail", 2), ("activity", 3), ("density", 4)):
        at.session_state[f"dataset:open:{name}"] = True
        at.run()
        assert not at.exception
        assert len(figures_of(at)) == charts
    bars = figures_of(at)[2]["data"][0]
    assert len(bars["x"]) == 14


def test_a_dataset_without_times_says_so(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "bare.csv"
    file.write_text("user,item\n1,2\n1,3\n2,3\n")
    catalogue.add(file, "bare", home)
    at = open_page("data", dataset="bare")
    at.session_state["dataset:open:activity"] = True
    at.run()
    assert "no times" in texts(at)
    at = page("bare")
    field(at, ends=":data.min_rating").set_value(3.0)
    at.run()
    assert "ratings" in texts(at)


def test_deletion_says_which_runs_lose_their_data(shop: storage.DatasetEntry, home: Path) -> None:
    at = open_page("data", dataset="shop")
    assert "would lose" not in texts(at)
    store = RunStore(home)
    resolved = resolve(model="popularity", dataset="shop")
    store.create("mine", resolved, fingerprint=shop.fingerprint)
    store.create("of-another-shop", resolved, fingerprint="sha256:0123456789abcdef")
    store.create("films", resolve(model="popularity"), fingerprint=shop.fingerprint)
    broken = store.create("broken", resolved, fingerprint=shop.fingerprint)
    (broken.path / "config.json").write_text("{")
    at = open_page("data", dataset="shop")
    assert not at.exception
    text = texts(at)
    assert "1 run would lose" in text
    assert "longer possible: mine." in text
    at.button(key="dataset:delete:shop").click().run()
    assert not at.exception
    assert catalogue.names(home) == ("movielens-small",)


def test_a_dataset_added_again_shows_its_new_report(shop: storage.DatasetEntry, home: Path, tmp_path: Path) -> None:
    at = open_page("data", dataset="shop")
    assert f"Rows read: {len(ROWS)}" in texts(at)
    at.button(key="dataset:delete:shop").click().run()
    file = tmp_path / "shop.csv"
    file.write_text(file.read_text() + ",1,2,3\n")
    again = catalogue.add(file, "shop", home)
    assert again.fingerprint == shop.fingerprint
    at = open_page("data", dataset="shop")
    assert f"Rows read: {len(ROWS) + 1}" in texts(at)


def test_the_embedded_data_has_a_filter_table_too(home: Path) -> None:
    at = page("movielens-small")
    assert steps(at).iloc[0].tolist()[1:4] == [671, 9066, 100_004]
    assert np.isclose(steps(at).iloc[0]["Density"], 100 * 100_004 / (671 * 9066))
