"""The demo: three runs, queued once, in an order that works."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.data import catalogue
from convncf.errors import ConfigError
from convncf.models.settings import resolve
from convncf.runs import RunStore, Status
from tests.concurrency import Started, start_no_workers
from tests.worlds import finished_run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    return start_no_workers(monkeypatch)


def test_the_demo_is_three_runs_queued_in_order_once(home: Path, started: Started) -> None:
    runs = jobs.demo(home, overrides={"train.epochs": 2, "train.lr_network": 0.002, "train.device": "cpu"})
    assert [run.name for run in runs] == started.names == ["demo-mf", "demo-4x4", "demo-2x2"]
    mf, wide, narrow = (run.config() for run in runs)
    assert mf.model.name == "mf-bpr"
    assert wide.model["pre_model_path"] == narrow.model["pre_model_path"] == "demo-mf"
    assert (wide.model["cnn_kernels"], narrow.model["cnn_kernels"]) == ((4, 4, 2), (2,) * 5)
    assert [config.train.epochs for config in (mf, wide, narrow)] == [2, 2, 2]
    assert (wide.train.lr_network, runs[0].sources()["train.lr_network"]) == (0.002, "default")
    assert mf.model["embedding_size"] == wide.model["embedding_size"] == narrow.model["embedding_size"]
    tickets = sorted((home / "locks" / "cpu").glob("*.ticket"))
    assert [ticket.stem.partition("-")[2] for ticket in tickets] == ["demo-mf", "demo-4x4", "demo-2x2"]

    assert [run.path for run in jobs.demo(home)] == [run.path for run in runs]
    assert len(started.commands) == 3, "runs that are there are not started again"


def test_a_setting_of_the_demo_is_applied_or_refused_before_anything_is_queued(home: Path, started: Started) -> None:
    wrong: list[dict[str, Any]] = [{"model.cnn_kernels": [5]}, {"train.epoch": 1}, {"pretrain.epochs": 3}]
    for overrides in wrong:
        with pytest.raises(ConfigError):
            jobs.demo(home, overrides=overrides)
    assert started.commands == []
    assert RunStore(home).names() == ()
    assert [run.config().seed for run in jobs.demo(home, overrides={"seed": 7, "train.device": "cpu"})] == [7] * 3


@pytest.mark.parametrize(
    ("state", "again"), [("finished", 0), ("queued", 0), ("stopped", 1), ("failed", 1), ("lost", 1)]
)
def test_a_demo_run_that_was_interrupted_is_taken_up_again(
    home: Path, started: Started, state: str, again: int
) -> None:
    resolved = resolve(model="mf-bpr", preset="quick", settings={"train.device": "cpu"})
    data = catalogue.load("movielens-small", home)
    for name in jobs.DEMO_RUNS:
        run = RunStore(home).create(name, resolved, fingerprint=data.fingerprint)
        run.write_status(Status(state="finished"))
    mf = RunStore(home).open("demo-mf")
    if state == "lost":
        mf.write_status(Status(state="running", pid=1))
    else:
        mf.write_status(Status(state=state, updated=time.time()))
    jobs.demo(home)
    assert started.names == ["demo-mf"] * again


def test_a_broken_demo_run_does_not_hide_the_others(home: Path, started: Started) -> None:
    finished_run(home)
    jobs.demo(home, overrides={"train.device": "cpu"})
    (home / "runs" / "demo-mf" / "status.json").write_text("{")
    assert [run.name for run in jobs.demo(home)] == ["demo-mf", "demo-4x4", "demo-2x2"]
