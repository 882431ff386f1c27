"""convncf evaluate into files and within sets of another seed; and how much of a report convncf train prints."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from convncf import jobs
from tests.command_line import CommandLine
from tests.worlds import checkerboard, make_run, save_dataset


@pytest.fixture(autouse=True)
def popular(home: Path) -> None:
    """A finished Popularity run on the checkerboard, whose users are 000, 001 …"""
    frame = checkerboard()
    save_dataset(home, "toy", frame.assign(user_id=frame["user_id"].str[1:].str.zfill(3)))
    jobs.work(make_run(home, "popular", "popularity"))


def read(file: Path) -> pd.DataFrame:
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    return pd.read_csv(file, dtype={"user_id": str, "item_id": str})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_values_of_each_user_and_the_ranks_are_written_under_the_protocol_asked_for(
    convncf: CommandLine, tmp_path: Path, ending: str
) -> None:
    users, ranks = tmp_path / f"users.{ending}", tmp_path / f"ranks.{ending}"
    asked = ["evaluate", "popular", "--protocol", "candidates", "--negatives", "5", "--seed", "9", "--k", "1,3"]
    files = ["--per-user", str(users), "--ranks", str(ranks)]
    answer = convncf(*asked, *files, "--json")
    values, ranked = read(users), read(ranks)
    assert set(values["protocol"]) == {f"candidates: 5 drawn a {part} item, seed 9" for part in ("validation", "test")}
    of_test = values[values["part"] == "test"]
    assert sorted(of_test["user_id"]) == [f"{user:03}" for user in range(30)], "ids with their zeros"
    for name, mean in json.loads(answer.out)["metrics"].items():
        assert of_test[name].mean() == pytest.approx(mean)
    # a user's HR@1 is the mean over their sets, one a test item
    first = ranked.assign(hit=ranked["rank"] == 1).groupby("user_id")["hit"].mean()
    assert first.to_dict() == pytest.approx(of_test.set_index("user_id")["HR@1"].to_dict())
    assert set(ranked["candidates"]) == {6}
    assert f"wrote {users}: {len(values)} rows" in answer.err

    assert "exists already" in convncf.refused(*asked, *files)
    assert convncf(*asked, *files, "--force").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--per-user", "users.xlsx"], ".parquet nor in .csv"),
        (["--ranks", "nowhere/ranks.csv"], "folder nowhere"),
        (["--ranks", "a.csv", "--per-user", "a.csv"], "name a.csv"),
        (["--seed", "7"], "--protocol candidates --sets drawn"),
    ],
)
def test_files_and_seeds_that_cannot_be_are_refused_before_any_work(
    convncf: CommandLine, options: list[str], said: str
) -> None:
    assert said in " ".join(convncf.refused("evaluate", "popular", *options).split())


def test_one_seed_draws_the_same_sets_for_runs_of_several(convncf: CommandLine) -> None:
    for seed in ("3", "4"):
        chosen = ["--set", "data.split=leave-one-out", "--seed", seed, "--name", f"seed{seed}"]
        convncf("train", "--dataset", "toy", "--model", "popularity", *chosen)
    asked = ["--protocol", "candidates", "--negatives", "5", "--json"]
    found = {
        (run, seed): json.loads(convncf("evaluate", run, *asked, *(["--seed", seed] if seed else [])).out)
        for run in ("seed3", "seed4")
        for seed in ("", "9")
    }
    sets = {key: report["candidate_fingerprint"] for key, report in found.items()}
    assert sets["seed3", "9"] == sets["seed4", "9"]
    assert len(set(sets.values())) == 3
    assert found["seed3", "9"]["metrics"] == found["seed4", "9"]["metrics"], "the same model within the same sets"


def test_train_prints_the_metrics_at_the_monitored_cut_off_and_says_where_the_rest_is(convncf: CommandLine) -> None:
    asked = ["train", "--dataset", "toy", "--model", "popularity", "--device", "cpu"]
    said = convncf(*asked, "--name", "brief", "--set", "eval.monitor=HR@5")
    firsts = [line.split()[0] for line in said.out.splitlines()]
    assert [first for first in firsts if "@" in first or first == "AUC"] == [
        *(f"{name}@5" for name in ("HR", "NDCG", "MRR", "Recall", "Precision", "MAP")),
        "AUC",
        *(f"{name}@5" for name in ("Coverage", "Gini", "Popularity")),
    ]
    assert "convncf evaluate brief" in said.err
    whole = convncf("evaluate", "brief")
    assert {"HR@5", "HR@10", "HR@20", "Gini@20"} <= {line.split()[0] for line in whole.out.splitlines()}
    assert "too: convncf evaluate" not in whole.err
    lone = convncf(*asked, "--name", "lone", "--set", "eval.monitor=HR@7")
    assert {"HR@5", "HR@7", "HR@20"} <= {line.split()[0] for line in lone.out.splitlines()}, "7 is no cut-off: all"
