"""Who stands before whom on a device, and several seeds launched at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from convncf import jobs
from convncf.errors import RunError
from convncf.jobs.queue import DeviceQueue
from convncf.models.settings import resolve
from convncf.runs import RunStore, Status
from tests.wording import values_in
from tests.worlds import make_run, save_dataset


def test_the_run_at_work_comes_first_then_those_that_wait_in_order(home: Path) -> None:
    save_dataset(home)
    store, queue = RunStore(home), DeviceQueue(home, "cpu")
    assert jobs.ahead(store, "cpu") == ()
    at_work = make_run(home, "at-work")
    at_work.write_status(Status(state="running", device="cpu", pid=1))
    with at_work.hold():
        queue.ticket("second", 2.0)
        queue.ticket("first-one", 1.0)
        assert jobs.ahead(store, "cpu") == ("at-work", "first-one", "second")
        assert jobs.ahead(store, "cpu", "second") == ("at-work", "first-one")
        assert jobs.ahead(store, "cpu", "first-one") == ("at-work",)
        assert jobs.ahead(store, "cpu", "at-work") == ("first-one", "second"), "it does not wait for itself"


def test_standing_in_words() -> None:
    assert jobs.queue_position(()) == ""
    assert jobs.queue_position(("demo-mf",)).endswith("after demo-mf")
    assert jobs.queue_position(("a", "b", "demo-mf")).startswith("third ")
    assert values_in(jobs.queue_position([*"abcdefg"])) == ["7"]


def test_seeds_are_launched_once_however_often_they_are_asked_for(home: Path, workers: list[list[str]]) -> None:
    save_dataset(home)
    of = partial(resolve, model="popularity", preset="quick", dataset="toy")
    wanted = {f"pop-seed{seed}": of(seed=seed) for seed in (1, 2)}
    runs, started = jobs.launch_seeds(wanted, home)
    assert [run.name for run in runs] == [run.name for run in started] == ["pop-seed1", "pop-seed2"]
    assert [run.config().seed for run in runs] == [1, 2]
    again, none = jobs.launch_seeds(wanted, home)
    assert [run.name for run in again] == ["pop-seed1", "pop-seed2"]
    assert none == []
    assert [command[-1] for command in workers] == ["pop-seed1", "pop-seed2"]
    with pytest.raises(RunError, match="'pop-seed1'"):
        jobs.launch_seeds({"pop-seed3": of(seed=3), "pop-seed1": of(seed=7)}, home)
    assert RunStore(home).names() == ("pop-seed1", "pop-seed2"), "all are checked before the first is made"
