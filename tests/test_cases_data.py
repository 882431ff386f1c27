"""Files that other tools stumbled over, each tried on the product as it was reported: group 2 of the cases, and 15.

Beside these, the readers' own tests hold the cases: reading_beside (26), written_times (17, 19), reading_titles (22,
28), reading_text (23), reading_records and reading_containers (27), facts (15).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convncf.config import DataConfig
from convncf.data import catalogue
from convncf.data.catalogue import as_dataset
from convncf.data.dataset import Dataset
from convncf.data.filtering import apply_filters
from convncf.data.reading.api import read
from convncf.data.reading.options import ReadOptions
from convncf.data.splitting import leave_one_out, split
from convncf.errors import ReadError
from convncf.models.settings import resolve
from tests.command_line import CommandLine
from tests.wording import values_in
from tests.written import dropped, parts, rows, said, write


def dataset(folder: Path, content: str, **options: Any) -> Dataset:
    """The dataset in a file of that content."""
    (path,) = write(folder, {"x.csv": content})
    return as_dataset("x", read(path, ReadOptions(**options)))


def held_out(data: Dataset, config: DataConfig) -> list[str]:
    """Raw ids of the test items."""
    made = split(data, config, 1)
    return [data.interactions.items.id(int(item)) for item in made.test.indices]


# ---------------------------------------------------------------- 10: no test part, and what training never saw

UNKNOWN: dict[str, str | bytes] = {
    "x.train.csv": "user,item\n1,1\n1,2\n1,3\n2,1\n2,4\n2,3\n3,2\n3,4\n",
    "x.test.csv": "user,item\n1,4\n2,77\n99,1\n",
}


def test_case_10_users_and_items_that_training_never_saw_are_counted_and_named(tmp_path: Path) -> None:
    result = read(write(tmp_path, UNKNOWN))
    assert parts(result)["test"] == [("1", "4"), ("2", "77"), ("99", "1")]
    words = said(result)
    assert "not in training: '99'." in words
    assert "not in training: '77'." in words


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (("data.ratios=[1,0,0]",), "no test part"),
        (("data.ratios=[0.9,0,0.1]",), "no validation part"),
        ((), "training never saw"),
    ],
)
def test_case_10_three_ways_to_lack_a_part_end_and_recommend(
    convncf: CommandLine, tmp_path: Path, settings: tuple[str, ...], told: str
) -> None:
    files = [str(path) for path in write(tmp_path, UNKNOWN)]
    convncf("datasets", "add", *(files if not settings else files[:1]), "--name", "x", "--alone")
    chosen = [word for setting in (*settings, "train.epochs=2") for word in ("--set", setting)]
    trained = convncf("train", "--dataset", "x", "--model", "mf-bpr", "--name", "r", *chosen)
    assert trained.code == 0
    assert told in trained.err
    if settings:
        assert "epoch 2: the last" in trained.err
    listed = convncf("recommend", "r", "--user", "3", "--json")
    assert listed.code == 0
    assert json.loads(listed.out)["items"]


# ---------------------------------------------------------------- 15: low ratings


def test_case_15_what_was_rated_low_does_not_come_back_to_its_rater(convncf: CommandLine, tmp_path: Path) -> None:
    likes = "".join(f"u{u},i{i},5\n" for u in range(6) for i in range(8) if (u + i) % 3)
    (path,) = write(tmp_path, {"x.csv": f"user,item,rating\n{likes}u7,i9,5\nu7,i1,5\nu7,i2,5\nu7,i3,5\nu1,i9,1\n"})
    added = convncf("datasets", "add", str(path))
    assert re.search(r"\d\.\d% of the positives .* 2 .* 5: .*--set data\.min_rating=4", added.err)
    asked = ("train", "--dataset", "x", "--model", "popularity", "--set", "data.min_rating=4")
    trained = convncf(*asked, "--name", "hidden")
    assert "1 pairs rated lower" in trained.err
    assert "i9" not in items_for(convncf, "hidden", "u1")
    assert "i9" in items_for(convncf, "hidden", "u2")
    convncf(*asked, "--name", "unseen", "--set", "data.low_rated=unseen")
    assert "i9" in items_for(convncf, "unseen", "u1")


def items_for(convncf: CommandLine, run: str, user: str) -> list[str]:
    return [item["item_id"] for item in json.loads(convncf("recommend", run, "--user", user, "--json").out)["items"]]


# ---------------------------------------------------------------- 17: time keeps its precision


@pytest.mark.parametrize(("unit", "zeros"), [("ms", ""), ("us", "000"), ("ns", "000000")])
def test_case_17_the_latest_row_is_the_test_row_however_fine_the_times(tmp_path: Path, unit: str, zeros: str) -> None:
    base = 1_700_000_000_000
    times = {
        "c": base + 2,
        "e": base + 4,
        "a": base,
        "d": base + 3,
        "b": base + 1,
    }  # a unit apart; 32-bit floats: 131,072
    data = dataset(tmp_path, "user,item,time\n" + "".join(f"u,{item},{t}{zeros}\n" for item, t in times.items()))
    assert data.interactions.time_unit == unit
    assert data.interactions.timestamp is not None
    assert data.interactions.timestamp.tolist() == [int(f"{t}{zeros}") for t in times.values()]
    assert held_out(data, DataConfig(split="leave-one-out")) == ["e"]
    entry = catalogue.save(data)
    again = catalogue.load(entry.name)
    assert again.interactions.timestamp is not None
    assert np.array_equal(again.interactions.timestamp, data.interactions.timestamp)
    assert "2023-11-14 to 2023-11-14 (UTC)" in " ".join((data.report or {})["sentences"])


# ---------------------------------------------------------------- 19: the zoo of dates


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (["2014-05-01 12:00:00", "2014-05-01T12:00:00+02:00", "2016-01-01"], ["2", "2014-05-01", "2016-01-01"]),
        (["20140501120000", "20160501"], ["20140501120000", "2014-05-01", "2016-05-01"]),
        (["-62135596800", "1400000000"], ["1970", "0001-01-01", "2014-05-13"]),
    ],
)
def test_case_19_each_form_is_said_with_its_range(tmp_path: Path, times: list[str], told: list[str]) -> None:
    content = "user,item,time\n" + "".join(f"u,i{n},{time}\n" for n, time in enumerate(times))
    words = (dataset(tmp_path, content).report or {})["sentences"]
    (said,) = [sentence for sentence in words if sentence.startswith("Times: ")]
    assert (values_in(said), "UTC" in said) == (told, True)
    assert any("kept (line 2)" in sentence for sentence in words) == times[0].startswith("-")


def test_case_19_seconds_and_milliseconds_in_one_column_are_refused_with_the_lines(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"'time' mixes units: .*1 row \(line 3\)"):
        dataset(tmp_path, "user,item,time\nu,a,1400000000\nu,b,1400000000000\nv,b,1400000001\n")


# ---------------------------------------------------------------- 25: header or data


@pytest.mark.parametrize(
    ("content", "pairs"),
    [
        ("u1,i1,5\nu2,i1,4\n", ["u1 i1", "u2 i1"]),
        ("1,10\n2,10\n", ["1 10", "2 10"]),
        ("\ufeffuserId,itemId\nu1,i1\nu2,i1\n", ["u1 i1", "u2 i1"]),
        ("userId,itemId\nu1,i1\nuserId,itemId\nu2,i1\n", ["u1 i1", "u2 i1"]),
        (" User ID , Item Id \nu1,i1\n", ["u1 i1"]),
        ("USERID,ITEMID\nu1,i1\n", ["u1 i1"]),
        ("customer no.,article\nu1,i1\n", ["u1 i1"]),
    ],
)
def test_case_25_the_first_row_is_neither_lost_nor_a_user(tmp_path: Path, content: str, pairs: list[str]) -> None:
    (path,) = write(tmp_path, {"x.csv": content})
    result = read(path)
    assert [f"{row[0]} {row[1]}" for row in rows(result)] == pairs
    again = content.count("userId") > 1
    assert dropped(result) == ({"the header again": (1, (3,))} if again else {})


def test_case_25_a_guess_of_columns_can_be_corrected(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": " User ID ,customer no.,item\na,b,c\n"})
    assert rows(read(path)) == [("a", "c")]
    assert rows(read(path, ReadOptions(columns={"user_id": "customer no."}))) == [("b", "c")]


# ---------------------------------------------------------------- 29: repeats and counts

REPEATED = "user,item,time\nu1,i1,1\nu1,i1,5\nu1,i1,9\nu1,i2,7\nu1,i2,7\n"


@pytest.mark.parametrize(("keep", "test_item"), [("latest", "i1"), ("first", "i2")])
def test_case_29_the_choice_of_a_repeat_decides_what_is_held_out(tmp_path: Path, keep: str, test_item: str) -> None:
    data = dataset(tmp_path, REPEATED, keep=keep)
    (merged,) = [text for text in (data.report or {})["sentences"] if text.startswith("Merged: ")]
    assert (values_in(merged), f"the {keep}" in merged) == (["1", "2", "3"], True)
    by_time = resolve(settings={"data.split": "ratio", "data.order": "time", "data.ratios": [0.9, 0, 0.1]}).config.data
    assert held_out(data, by_time) == [test_item]
    with_third = dataset(tmp_path, f"{REPEATED}u1,i0,0\n", keep=keep)
    items = with_third.interactions.items
    assert [items.id(int(item)) for item in leave_one_out(with_third.interactions).test.indices] == [test_item]


def test_case_29_a_core_counts_distinct_pairs(tmp_path: Path) -> None:
    data = dataset(tmp_path, f"{REPEATED}u2,i1,3\nu2,i2,3\nu2,i3,3\n")
    ledger = apply_filters(data, DataConfig(min_user=3)).steps
    assert [(step.users, step.interactions) for step in ledger] == [(2, 5), (1, 3)], "u1 has 5 rows and 2 items"
    assert "distinct items" in (DataConfig.model_fields["min_user"].description or "")
