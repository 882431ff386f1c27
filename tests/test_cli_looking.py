"""convncf recommend, inspect and compare: nothing to list, to rank or to compare, and items by their title."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from convncf import jobs
from convncf.data import catalogue
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from tests.command_line import CommandLine
from tests.worlds import checkerboard, make_run, save_dataset


def popularity(home: Path, name: str, dataset: str, frame: pd.DataFrame, **settings: Any) -> None:
    """A finished Popularity run on a frame."""
    save_dataset(home, dataset, frame)
    jobs.work(make_run(home, name, "popularity", data__dataset=dataset, **settings))


def test_a_user_who_has_seen_everything_is_told_so(convncf: CommandLine, home: Path) -> None:
    frame = checkerboard()
    everything = pd.DataFrame({"user_id": "glutton", "item_id": frame["item_id"].unique(), "timestamp": 1_800_000_000})
    popularity(home, "all", "full", pd.concat([frame, everything]), data__ratios=[1, 0, 0])
    said = convncf("recommend", "all", "--user", "glutton")
    assert said.out == ""
    assert "for user glutton" in said.err
    assert "40 training and 0" in said.err
    assert json.loads(convncf("recommend", "all", "--user", "glutton", "--json").out)["items"] == []
    assert "nothing to recommend" not in convncf("recommend", "all", "--user", "u1").err


def test_an_item_that_was_rated_lower_is_not_called_seen(convncf: CommandLine, home: Path) -> None:
    frame = checkerboard().assign(rating=5.0)
    low = frame.index[frame["user_id"] == "u1"][0]
    frame.loc[low, "rating"] = 2.0
    popularity(home, "high", "rated", frame, data__min_rating=3.5)
    item = str(frame.loc[low, "item_id"])
    said = convncf("inspect", "high", "--user", "u1", "--item", item)
    assert ", rated lower by" in said.out
    assert "seen" not in said.out
    told = json.loads(convncf("inspect", "high", "--user", "u1", "--item", item, "--json").out)
    assert told["rank_words"].startswith("rated lower ")

    popularity(home, "unseen", "rated2", frame, data__min_rating=3.5, data__low_rated="unseen")
    told = json.loads(convncf("inspect", "unseen", "--user", "u1", "--item", item, "--json").out)
    assert (told["standing"], told["rank_words"][:5]) == ("rated lower", "rank "), "it is ranked like any other"


def test_an_item_of_training_is_called_seen(convncf: CommandLine, home: Path) -> None:
    popularity(home, "all", "toy", checkerboard(), data__ratios=[1, 0, 0])
    item = str(checkerboard().query("user_id == 'u1'")["item_id"].iloc[0])
    assert "already seen, would" in convncf("inspect", "all", "--user", "u1", "--item", item).out


def test_comparing_with_an_unfinished_run_says_its_state_and_what_to_do(convncf: CommandLine, home: Path) -> None:
    popularity(home, "done", "toy", checkerboard())
    make_run(home, "waiting", "popularity")
    said = convncf.refused("compare", "done", "waiting")
    assert ("'waiting'" in said, "runs show waiting" in said) == (True, True)
    (home / "runs" / "waiting" / "report.json").write_text("{", encoding="utf-8")
    assert "report.json" in convncf.refused("compare", "done", "waiting")


def test_an_item_is_found_by_its_title_and_the_answer_says_which(convncf: CommandLine, home: Path) -> None:
    interactions = Interactions.from_frame(checkerboard())
    n = interactions.n_items
    titles = tuple(f"Thing {raw}" for raw in interactions.items.ids)
    table = ItemTable(interactions.items, titles, (None,) * n, ((),) * n)
    catalogue.save(Dataset("titled", interactions, table, "generated for a test"), home)
    jobs.work(make_run(home, "named", "popularity", data__dataset="titled"))
    said = convncf("inspect", "named", "--user", "u1", "--item", "thing I7", "--json")
    assert (json.loads(said.out)["item_id"], json.loads(said.out)["title"]) == ("i7", "Thing i7")
    assert "Thing i7, id i7" in said.err
    assert "taken for" not in convncf("inspect", "named", "--user", "u1", "--item", "i7").err
    assert f"{n} items" in convncf.refused("inspect", "named", "--user", "u1", "--item", "ng")


def test_a_model_without_an_inside_shows_no_empty_tables(convncf: CommandLine, home: Path) -> None:
    popularity(home, "plain", "toy", checkerboard())
    item = str(checkerboard()["item_id"].iloc[0])
    said = convncf("inspect", "plain", "--user", "u1", "--item", item)
    assert "in plain (epoch 0)" in said.out
    assert "of the score" not in said.out
    assert "look into" in said.err
