"""Whom runs serve: known bands from hand-written ranks, held together by raw id."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convncf.errors import RunBrokenError, RunError
from convncf.evaluation.metrics import parse
from convncf.evaluation.user_groups import by_activity, by_popularity, keeps_ranks
from convncf.runs import Run, RunStore
from convncf.workflow.loading import data_of

pytest_plugins = ["tests.app_home"]


@pytest.fixture
def run(copied_home: Path) -> Run:
    return RunStore(copied_home).open("tiny-mf")


def copy_of(run: Run, name: str) -> Run:
    shutil.copytree(run.path, run.path.parent / name)
    return RunStore(run.path.parents[1]).open(name)


def test_bands_of_activity_hold_the_reports_mean(run: Run, copied_home: Path) -> None:
    _, split = data_of(run)
    report = run.report()
    assert report is not None
    found = by_activity([run], split, "HR@10")
    bands = found.groups
    weighted = float((bands.means["tiny-mf"] * bands.n).sum() / bands.n.sum())
    assert weighted == pytest.approx(report["metrics"]["HR@10"])
    assert bands.n.sum() == report["n_users_evaluated"]
    counts = np.diff(split.train.indptr)
    assert (bands.low[0], bands.high[-1]) == (counts.min(), counts.max())
    assert found.excluded == 0


def test_users_are_held_together_by_raw_id_not_by_row(run: Run, copied_home: Path) -> None:
    _, split = data_of(run)
    other = copy_of(run, "turned")
    other.write_frame("per_user", other.read_frame("per_user").iloc[::-1])
    found = by_activity([run, other], split, "HR@10").groups.means
    np.testing.assert_array_equal(found["tiny-mf"], found["turned"])


def test_bands_of_popularity_from_ranks_written_by_hand(run: Run, copied_home: Path) -> None:
    """Items are hit if, and only if, they are among the most popular half: the last band is 1, the first 0."""
    _, split = data_of(run)
    ids = split.interactions.items
    popular = np.bincount(split.train.indices, minlength=split.train.shape[1])
    frame = run.read_frame("ranks")
    count = np.array([popular[ids.index(item)] for item in frame["item_id"]])
    frame["rank"] = pd.array(np.where(count >= np.median(count), 10, 11), dtype="Int64")
    run.write_frame("ranks", frame)
    means = by_popularity([run], split, 10).groups.means["tiny-mf"]
    assert (means[0], means[-1]) == (0.0, 1.0)
    assert by_popularity([run], split, 11).groups.means["tiny-mf"].tolist() == [1.0] * len(means)


def test_a_miss_has_no_rank_and_is_no_hit(run: Run, copied_home: Path) -> None:
    _, split = data_of(run)
    frame = run.read_frame("ranks")
    frame["rank"] = pd.array([None] * len(frame), dtype="Int64")
    run.write_frame("ranks", frame)
    assert not by_popularity([run], split, 10**9).groups.means["tiny-mf"].any()


def test_what_only_one_run_was_judged_on_is_counted(run: Run, copied_home: Path) -> None:
    _, split = data_of(run)
    other = copy_of(run, "fewer")
    other.write_frame("ranks", other.read_frame("ranks").iloc[3:])
    found = by_popularity([run, other], split, 10)
    assert found.excluded == 3
    assert found.groups.n.sum() == len(run.read_frame("ranks")) - 3


def test_a_run_without_ranks_says_what_to_do(run: Run, copied_home: Path) -> None:
    _, split = data_of(run)
    assert keeps_ranks(run)
    (run.path / "ranks.parquet").unlink()
    assert not keeps_ranks(run)
    with pytest.raises(RunError, match="tiny-mf --ranks FILE"):
        by_popularity([run], split, 10)


def test_a_frame_without_its_columns_and_a_metric_that_is_not_there_are_named(run: Run, copied_home: Path) -> None:
    _, split = data_of(run)
    run.write_frame("ranks", run.read_frame("ranks").drop(columns=["rank"]))
    with pytest.raises(RunBrokenError, match="rank"):
        by_popularity([run], split, 10)
    assert str(parse("HR@7")) == "HR@7"
    with pytest.raises(RunError, match=r"tiny-mf .* HR@7"):
        by_activity([run], split, "HR@7")
