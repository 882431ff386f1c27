"""The heartbeat: when status.json is written, and what it says about the time that is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convncf.jobs.heartbeat import Heartbeat
from convncf.runs import Status
from convncf.training import Progress
from tests.concurrency import status_file
from tests.worlds import make_run


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("convncf.jobs.heartbeat.time.monotonic", clock)
    return clock


def step(epoch: int, done: int, unit: Any = "triples", phase: str = "training", epochs: int = 4) -> Progress:
    return Progress(phase, epoch, epochs, unit, done, 100)


def test_it_writes_now_and_then_and_always_at_a_phase_and_at_an_end(home: Path, clock: Clock) -> None:
    run = make_run(home)
    seen: list[Status] = []
    beat = Heartbeat(run, Status(), on_status=seen.append)
    for done in range(0, 100, 10):
        beat.progress(step(1, done))
        clock.now += 0.1
    assert [status.done for status in seen] == [0, 50]
    beat.progress(step(1, 100))
    assert seen[-1].done == 100
    beat.progress(step(0, 0, "users", "evaluation"))
    assert seen[-1].phase == "evaluation"
    assert status_file(run)["phase"] == "evaluation"


def test_the_time_that_is_left_is_the_last_epochs_time_for_each_that_comes(home: Path, clock: Clock) -> None:
    beat = Heartbeat(make_run(home), Status())
    beat.progress(step(0, 100, "users"))
    clock.now += 3.0
    beat.progress(step(1, 0))
    assert beat.status.eta_seconds is None, "the start only validates: it tells nothing"
    clock.now += 10.0
    beat.progress(step(2, 0))
    assert beat.status.eta_seconds == pytest.approx(30.0)
    clock.now += 4.0
    beat.progress(step(2, 50))
    assert beat.status.eta_seconds == pytest.approx(26.0)
    assert beat.status.triples_per_second == pytest.approx(12.5)


def test_the_time_that_is_left_of_an_evaluation_follows_its_own_pace(home: Path, clock: Clock) -> None:
    beat = Heartbeat(make_run(home), Status())
    beat.progress(step(0, 0, "users", "evaluation", 0))
    assert beat.status.eta_seconds is None
    clock.now += 5.0
    beat.progress(step(0, 25, "users", "evaluation", 0))
    assert beat.status.eta_seconds == pytest.approx(15.0)
