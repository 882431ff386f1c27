"""Cases 1, 3 and 8 tried on the product: nothing hangs, ties are told, and a mean says who is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.command_line import CommandLine
from tests.wording import values_in
from tests.written import write


def answer(convncf: CommandLine, *arguments: str) -> Any:
    said = convncf(*arguments, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def settings(*chosen: str) -> list[str]:
    return [word for setting in chosen for word in ("--set", setting)]


# ---------------------------------------------------------------- 1: a user who has seen everything

THREE_BY_FOUR = "user,item\nu1,a\nu1,b\nu1,c\nu1,d\nu2,a\nu2,b\nu2,c\nu3,b\nu3,c\nu3,d\n"


@pytest.mark.parametrize("negatives", ["uniform", "dns"])
def test_case_1_who_has_seen_everything_is_left_out_and_named(
    convncf: CommandLine, tmp_path: Path, negatives: str
) -> None:
    (path,) = write(tmp_path, {"x.csv": THREE_BY_FOUR})
    convncf("datasets", "add", str(path))
    chosen = settings("data.ratios=[1,0,0]", "train.epochs=2", f"train.negatives={negatives}")
    report = answer(convncf, "train", "--dataset", "x", "--model", "mf-bpr", "--name", "r", *chosen)
    assert any(note.startswith("1 user without negatives: u1 ") for note in report["notes"]), report["notes"]
    assert answer(convncf, "recommend", "r", "--user", "u1")["items"] == []
    assert [item["item_id"] for item in answer(convncf, "recommend", "r", "--user", "u2")["items"]] == ["d"]


def test_case_1_candidate_sets_shrink_to_what_exists_and_say_so(convncf: CommandLine, tmp_path: Path) -> None:
    rows = "".join(f"u{u},i{(7 * u + n) % 40}\n" for u in range(10) for n in range(12))
    everything = "".join(f"all,i{n}\n" for n in range(40))
    (path,) = write(tmp_path, {"x.csv": f"user,item\n{rows}{everything}"})
    convncf("datasets", "add", str(path))
    assert convncf("train", "--dataset", "x", "--model", "popularity", "--name", "r").code == 0
    report = answer(convncf, "evaluate", "r", "--protocol", "candidates", "--negatives", "999")
    assert "999 were asked" in report["protocol"]
    found = re.search(r"0 to (\d+) drawn a test item", report["protocol"])
    assert found, report["protocol"]
    assert int(found[1]) == 28, "40 items, without the 12 that a user of these has"
    assert report["not_evaluated"] == {"only candidate sets without negatives": 1}
    assert (report["n_users"], report["n_users_evaluated"]) == (11, 10)


# ---------------------------------------------------------------- 3: ties, and the list beside the rank

TIES: dict[str, str | bytes] = {"train.txt": "10 0\n11 1\n12 2\n13 3\n", "test.txt": "10 1\n11 0\n12 0\n13 0\n"}


def test_case_3_ties_count_against_the_positive_and_the_list_tells_them(convncf: CommandLine, tmp_path: Path) -> None:
    train, _ = write(tmp_path, TIES)
    convncf("datasets", "add", str(train), "--name", "ties")
    chosen = settings("eval.ks=[1,2,3]")
    metrics = answer(convncf, "train", "--dataset", "ties", "--model", "popularity", "--name", "r", *chosen)["metrics"]
    assert [metrics[f"HR@{k}"] for k in (1, 2, 3)] == [0, 0, 1]
    assert [metrics[f"NDCG@{k}"] for k in (1, 2, 3)] == [0, 0, 0.5]
    assert metrics["MRR@3"] == pytest.approx(1 / 3)
    inspected = answer(convncf, "inspect", "r", "--user", "10", "--item", "1")
    assert (inspected["rank"], inspected["candidates"], inspected["tied"]) == (3, 3, 2)
    assert values_in(inspected["rank_words"]) == ["3", "3", "2"]
    listed = answer(convncf, "recommend", "r", "--user", "10")["items"]
    assert [(item["item_id"], item["rank"], item["tied"]) for item in listed] == [("1", 3, 2), ("2", 3, 2), ("3", 3, 2)]
    ranks = pd.read_parquet(convncf.home / "runs" / "r" / "ranks.parquet")
    assert set(zip(ranks["user_id"], ranks["item_id"], ranks["rank"], strict=True)) == {
        ("10", "1", 3), ("11", "0", 3), ("12", "0", 3), ("13", "0", 3)
    }  # fmt: skip


# ---------------------------------------------------------------- 8: who is in the mean


def test_case_8_the_mean_says_who_is_in_it(convncf: CommandLine, tmp_path: Path) -> None:
    """i3 is the most popular and 3's test item; 1's i4 comes last, behind what is as popular; 2 has nothing to test."""
    parts: dict[str, str | bytes] = {
        "x.train.csv": "user,item\n1,i1\n2,i1\n2,i3\n2,i2\n3,i1\n3,i2\n4,i3\n5,i3\n4,i2\n",
        "x.valid.csv": "user,item\n4,i1\n",
        "x.test.csv": "user,item\n1,i4\n3,i3\n",
    }
    convncf("datasets", "add", *(str(path) for path in write(tmp_path, parts)), "--name", "x")
    chosen = ("--model", "popularity", "--name", "r", *settings("eval.ks=[1,2]"))
    trained = convncf("train", "--dataset", "x", *chosen)
    assert "2 of 5 users" in trained.err
    assert "3 of 5 " in trained.err
    assert "Recall@K equals HR@K" in trained.err
    report = answer(convncf, "evaluate", "r")
    assert (report["n_users"], report["n_users_evaluated"], report["not_evaluated"]) == (5, 2, {"no test item": 3})
    assert [report["metrics"][name] for name in ("Recall@1", "HR@1")] == [0.5, 0.5]
