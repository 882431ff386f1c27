"""A report says so where the network added nothing to what it began with."""

from __future__ import annotations

from pathlib import Path

from convncf import jobs
from convncf.evaluation.report import KEPT_THE_START
from convncf.workflow.reporting import evaluate_run
from tests.worlds import make_run


def test_a_network_that_cannot_learn_keeps_its_start_and_the_report_says_so(home: Path) -> None:
    # steps so small that no rank changes, and an epoch has to do better than the start
    run = make_run(home, train__lr_embedding=1e-12, train__lr_network=1e-12)
    report = jobs.work(run)
    assert report["best_epoch"] == 0
    assert report["notes"].count(KEPT_THE_START) == 1
    assert evaluate_run(run)["notes"] == report["notes"]


def test_other_models_and_epochs_are_not_told(home: Path) -> None:
    learned = jobs.work(make_run(home, "learned", train__lr_embedding=2e-2, train__epochs=8))
    assert learned["best_epoch"] > 0, "or this proves nothing"
    assert KEPT_THE_START not in learned["notes"]
    stuck = jobs.work(make_run(home, "mf", "mf-bpr", train__lr_embedding=1e-12))
    assert stuck["best_epoch"] == 0
    assert KEPT_THE_START not in stuck["notes"]
    computed = jobs.work(make_run(home, "popular", "popularity"))
    assert KEPT_THE_START not in computed["notes"]
