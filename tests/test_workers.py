"""Real detached workers: killed in the middle of an epoch, told to end, and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.errors import RunBusyError
from convncf.runs import Run
from convncf.training import CLOCK_FIELDS
from convncf.workflow.running import run_experiment
from tests.concurrency import status_file, wait_until
from tests.worlds import checkerboard, litter, make_run, save_dataset, without_clock


def in_the_middle_of(run: Run, phase: str, epoch: int) -> Callable[[], bool]:
    """Whether the run's last heartbeat was between two steps of that epoch, or of a later one of that phase."""

    def holds() -> bool:
        status = status_file(run)
        assert status["state"] not in ("finished", "failed"), status
        there = status["phase"] == phase and status["epoch"] >= epoch and status["unit"] == "triples"
        return bool(there and 0 < status["done"] < status["total"])

    return holds


def clocks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in CLOCK_FIELDS} for row in rows]


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_an_epoch_goes_on_as_if_nothing_had_been(home: Path) -> None:
    # steps of one triple: an epoch outlasts the half second between two heartbeats, also on a fast machine
    save_dataset(home, "larger", checkerboard())
    settings: dict[str, Any] = {"data__dataset": "larger", "train__batch_size": 1, "train__epochs": 2}
    settings |= {"train__patience": 0, "model__dropout_prob": 0.2, "eval__validation_users": 10}
    run = make_run(home, "killed", **settings)

    # SIGKILL in training: nothing is said by the worker, and the run is lost within a heartbeat
    jobs.start_worker(run)
    wait_until(in_the_middle_of(run, "training", 1), 120, run=run)
    assert run.status().state == "running"
    with pytest.raises(RunBusyError):
        jobs.start_worker(run)
    assert jobs.kill(run, force=True)
    wait_until(lambda: run.status().state == "lost", 5, run=run)
    assert status_file(run)["state"] == "running"
    first = run.metrics()
    assert run.report() is None

    # resumed, and ended by SIGTERM: it saves and says so
    jobs.start_worker(run)
    wait_until(in_the_middle_of(run, "training", first[-1]["epoch"] + 1), 120, run=run)
    second = run.metrics()
    assert clocks(second[: len(first)]) == clocks(first)
    assert jobs.kill(run)
    wait_until(lambda: run.status().state == "stopped", 20, run=run)
    assert "is saved" in run.status().message
    wait_until(lambda: not run.locked(), 20, run=run)

    # resumed to its end
    second = run.metrics()
    jobs.start_worker(run)
    wait_until(lambda: run.status().state == "finished", 120, run=run)
    rows = run.metrics()
    assert clocks(rows[: len(second)]) == clocks(second), "what was finished was not trained again"

    whole = make_run(home, "whole", **settings)
    expected = run_experiment(whole)
    assert without_clock(rows) == without_clock(whole.metrics())
    report = run.report()
    assert report is not None
    same = expected.keys() - {"run", "seconds"}
    assert {key: report[key] for key in same} == {key: expected[key] for key in same}
    assert litter(home) == []
    assert run.log_tail(200).count("training: resumed after epoch") == 2
