"""Runs whose drawn candidate sets differ by the seed alone are told how to be judged within the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convncf import jobs
from convncf.evaluation import comparison
from convncf.runs import Run
from tests.worlds import make_run


def judged(home: Path, name: str, **settings: Any) -> Run:
    asked = {"eval__protocol": "candidates", "eval__negatives": 5, "data__split": "leave-one-out"} | settings
    run = make_run(home, name, "popularity", **asked)
    jobs.work(run)
    return run


def test_sets_of_another_seed_come_with_a_way_out(home: Path) -> None:
    one, other = judged(home, "one", seed=1), judged(home, "other", seed=2)
    (said,) = comparison.compare([one, other]).unlike
    assert "different candidate sets" in said
    assert "one --seed" in said
    assert comparison.compare([one, judged(home, "again", seed=1)]).unlike == ()


def test_another_split_is_not_told_so(home: Path) -> None:
    split = {"data__split": "ratio"}
    found = comparison.compare([judged(home, "one", seed=1, **split), judged(home, "other", seed=2, **split)])
    assert len(found.unlike) == 2
    assert not any("--seed" in sentence for sentence in found.unlike)
