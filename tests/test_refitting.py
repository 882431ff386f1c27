"""Refitting: the chosen epochs on everything, said where each value came from; and what cannot be refitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf import jobs
from convncf.errors import ConfigError, RunError
from convncf.jobs.launching import refitted
from convncf.runs import RunStore
from convncf.workflow.loading import load_run
from tests.worlds import finished_run, make_run, save_dataset


def test_a_refit_trains_on_every_interaction_for_the_chosen_epochs(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    report = run.report()
    assert report is not None
    made = jobs.refit(run, "everything")
    assert made.settings()["train.epochs"] == report["best_epoch"]
    assert made.sources()["train.epochs"] == f"refit of {run.name}"
    assert made.sources()["data.ratios"] == f"refit of {run.name}"
    said = jobs.work(made)
    loaded = load_run(made)
    assert loaded.split.train.nnz == len(loaded.dataset.interactions)
    assert said["metrics"] == {}
    assert said["epochs"] == said["best_epoch"] == report["best_epoch"]
    assert RunStore(tmp_path).open(run.name).report() == report  # the run itself is as it was


def test_a_run_that_is_not_finished_is_not_refitted(tmp_path: Path) -> None:
    save_dataset(tmp_path)
    with pytest.raises(RunError, match="not finished"):
        jobs.refit(make_run(tmp_path, "new"), "all")


def test_a_schedule_that_depends_on_the_epochs_is_refused(tmp_path: Path) -> None:
    save_dataset(tmp_path)
    run = make_run(tmp_path, "falling", "mf-bpr", **{"train.schedule": "linear"})
    with pytest.raises(ConfigError, match=r"train\.schedule linear"):
        refitted(run, 2)


def test_a_computed_model_is_refitted_without_epochs(tmp_path: Path) -> None:
    save_dataset(tmp_path)
    run = make_run(tmp_path, "knn", "itemknn")
    resolved = refitted(run, 0)
    assert resolved.config.data.ratios == (1.0, 0.0, 0.0)
    assert resolved.sources["train.epochs"] != "refit of knn"
