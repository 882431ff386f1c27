"""The queue before a device: the oldest first, one at a time, and nobody waits for the dead."""

from __future__ import annotations

import errno
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from convncf import jobs
from convncf.errors import TrainingStopped
from convncf.jobs import queue as queue_module
from convncf.runs import Run
from convncf.workflow import running
from tests.concurrency import ImpatientQueue, finish, in_thread, wait_until
from tests.worlds import make_run


@pytest.fixture
def device(home: Path) -> ImpatientQueue:
    return ImpatientQueue(home, "cpu")


def test_the_older_ticket_goes_first_whoever_asks_first(device: ImpatientQueue) -> None:
    order: list[str] = []
    tickets = {
        name: device.ticket(name, created) for name, created in (("second", 2.0), ("first", 1.0), ("third", 3.0))
    }

    def work(name: str) -> None:
        with device.turn(tickets[name]):
            order.append(name)
            time.sleep(0.02)

    threads = []
    for name in ("third", "second", "first"):
        threads.append(in_thread(work, name)[0])
        time.sleep(0.15)
    finish(*threads)
    assert order == ["first", "second", "third"]
    assert list(device.folder.glob("*.ticket")) == []


def test_one_at_a_time_has_the_device_and_is_told_how_many_stand_before(device: ImpatientQueue) -> None:
    at_work = most = 0
    told: dict[int, list[int]] = {number: [] for number in range(3)}

    def work(number: int) -> None:
        nonlocal at_work, most
        with device.turn(tickets[number], waiting=told[number].append):
            at_work += 1
            most = max(most, at_work)
            time.sleep(0.05)
            at_work -= 1

    with device.turn(device.ticket("busy", 0.5)):
        tickets = [device.ticket(f"run-{number}", 1.0 + number) for number in range(3)]
        threads = [in_thread(work, number)[0] for number in range(3)]
        wait_until(lambda: all(told.values()))
    finish(*threads)
    assert most == 1
    assert [max(seen) for seen in told.values()] == [1, 2, 3], "whoever is at work, and those before it in the queue"


def test_devices_do_not_wait_for_each_other(home: Path, device: ImpatientQueue) -> None:
    other = ImpatientQueue(home, "cuda-1")
    with device.turn(device.ticket("a", 1.0)), other.turn(other.ticket("b", 2.0)):
        pass


def test_a_dead_ticket_does_not_block(device: ImpatientQueue) -> None:
    dead = device.ticket("dead", 1.0)
    os.utime(dead, (1.0, 1.0))
    with device.turn(device.ticket("alive", 2.0)):
        assert not dead.exists()


def test_a_fresh_ticket_is_waited_for_until_its_worker_should_have_come(
    device: ImpatientQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "_PICKUP_SECONDS", 0.4)
    device.ticket("launched", 1.0)
    told: list[int] = []
    began = time.monotonic()
    with device.turn(device.ticket("mine", 2.0), waiting=told.append):
        assert time.monotonic() - began > 0.3
    assert set(told) == {1}


def test_a_ticket_whose_worker_lives_is_waited_for_however_old(device: ImpatientQueue) -> None:
    old = device.ticket("old", 1.0)
    with FileLock(old):
        os.utime(old, (1.0, 1.0))
        thread, raised = in_thread(lambda: device.turn(device.ticket("mine", 2.0)).__enter__())
        time.sleep(0.3)
        assert thread.is_alive()
        assert old.exists()
    finish(thread)
    assert raised == []


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_the_device_is_free_again_whatever_happened(device: ImpatientQueue, failure: type[BaseException]) -> None:
    def fail() -> None:
        with device.turn(device.ticket("failing", 1.0)):
            raise failure

    with pytest.raises(failure):
        fail()
    with device.turn(device.ticket("next", 2.0)):
        pass


def test_whoever_gives_up_waiting_leaves_no_ticket(device: ImpatientQueue) -> None:
    def broken(before: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with device.turn(device.ticket("first", 1.0)):
        with pytest.raises(OSError, match="No space"), device.turn(device.ticket("second", 2.0), waiting=broken):
            pass
        with (
            pytest.raises(TrainingStopped, match="queued"),
            device.turn(device.ticket("third", 3.0), stop=lambda: True),
        ):
            pass
        assert list(device.folder.glob("*.ticket")) == []


def waits(run: Run) -> bool:
    return "waiting for the CPU" in run.status().message


def test_runs_are_worked_on_in_the_order_of_their_creation(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def stub(run: Run, **_: Any) -> dict[str, Any]:
        order.append(run.name)
        return {"metrics": {}, "best_epoch": 0}

    monkeypatch.setattr(running, "run_experiment", stub)
    runs = [make_run(home, name, "popularity") for name in ("c-first", "b-second", "a-third")]
    queue = ImpatientQueue(home, "cpu")
    threads = []
    with queue.turn(queue.ticket("busy", 0.0)):
        for run in reversed(runs):
            threads.append(in_thread(jobs.work, run)[0])
            wait_until(partial(waits, run))
        assert [run.status().state for run in runs] == ["queued"] * 3
        wait_until(lambda: "3 runs before" in runs[2].status().message)
    finish(*threads)
    assert order == ["c-first", "b-second", "a-third"]
    assert [run.status().state for run in runs] == ["finished"] * 3
