"""Workers in this process: the queue before a device, and how each way of ending shows in status.json."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from convncf import experiment, jobs
from convncf.errors import ConvNCFError, RunBusyError, SplitError, TrainingStopped
from convncf.jobs import queue as queue_module
from convncf.jobs.heartbeat import Heartbeat
from convncf.jobs.queue import DeviceQueue
from convncf.runs import Run, Status, load_tensors
from convncf.training import EpochRecord, Progress
from tests.worlds import finished_run, litter, make_run, without_clock


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[BaseException]]:
    """Begin work beside this test; what it raised stands in the list once it has ended."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def written(run: Run) -> dict[str, Any]:
    """status.json as it lies there, with nothing derived."""
    value: dict[str, Any] = json.loads((run.path / "status.json").read_text())
    return value


@pytest.fixture
def device(home: Path) -> DeviceQueue:
    return DeviceQueue(home, "cpu")


# ---------------------------------------------------------------- the queue


def test_the_older_ticket_goes_first_whoever_asks_first(device: DeviceQueue) -> None:
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
        threads.append(in_thread(lambda name=name: work(name))[0])
        time.sleep(0.15)
    for thread in threads:
        thread.join()
    assert order == ["first", "second", "third"]
    assert list(device.folder.glob("*.ticket")) == []


def test_one_at_a_time_has_the_device_and_is_told_how_many_stand_before(device: DeviceQueue) -> None:
    at_work, told = 0, []
    most = 0

    def work(number: int) -> None:
        nonlocal at_work, most
        with device.turn(device.ticket(f"run-{number}", float(number)), waiting=told.append):
            at_work += 1
            most = max(most, at_work)
            time.sleep(0.05)
            at_work -= 1

    threads = [in_thread(lambda number=number: work(number))[0] for number in range(4)]
    for thread in threads:
        thread.join()
    assert most == 1
    assert max(told) >= 2


def test_devices_do_not_wait_for_each_other(home: Path, device: DeviceQueue) -> None:
    other = DeviceQueue(home, "cuda-1")
    with device.turn(device.ticket("a", 1.0)), other.turn(other.ticket("b", 2.0)):
        pass


def test_a_dead_ticket_does_not_block(device: DeviceQueue) -> None:
    dead = device.ticket("dead", 1.0)
    os.utime(dead, (1.0, 1.0))
    with device.turn(device.ticket("alive", 2.0)):
        assert not dead.exists()


def test_a_fresh_ticket_is_waited_for_until_its_worker_should_have_come(
    device: DeviceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "_PICKUP_SECONDS", 0.4)
    device.ticket("launched", 1.0)
    told: list[int] = []
    began = time.monotonic()
    with device.turn(device.ticket("mine", 2.0), waiting=told.append):
        assert time.monotonic() - began > 0.3
    assert set(told) == {1}


def test_a_ticket_whose_worker_lives_is_waited_for_however_old(device: DeviceQueue) -> None:
    old = device.ticket("old", 1.0)
    with FileLock(old):
        os.utime(old, (1.0, 1.0))
        thread, raised = in_thread(lambda: device.turn(device.ticket("mine", 2.0)).__enter__())
        time.sleep(0.3)
        assert thread.is_alive()
        assert old.exists()
    thread.join()
    assert raised == []


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_the_device_is_free_again_whatever_happened(device: DeviceQueue, failure: type[BaseException]) -> None:
    def fail() -> None:
        with device.turn(device.ticket("failing", 1.0)):
            raise failure

    with pytest.raises(failure):
        fail()
    with device.turn(device.ticket("next", 2.0)):
        pass


def test_whoever_gives_up_waiting_leaves_no_ticket(device: DeviceQueue) -> None:
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


def test_runs_are_worked_on_in_the_order_of_their_creation(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def stub(run: Run, home: Path, **_: Any) -> dict[str, Any]:
        order.append(run.name)
        return {"metrics": {}, "best_epoch": 0}

    monkeypatch.setattr(experiment, "run_experiment", stub)
    runs = [make_run(home, name, "popularity") for name in ("c-first", "b-second", "a-third")]
    queue = DeviceQueue(home, "cpu")
    threads = []
    with queue.turn(queue.ticket("busy", 0.0)):
        for run in reversed(runs):
            threads.append(in_thread(lambda run=run: jobs.work(run, home))[0])
            wait_until(lambda run=run: "waiting for cpu" in run.status().message)
        assert [run.status().state for run in runs] == ["queued"] * 3
        wait_until(lambda: "3 runs before" in runs[2].status().message)
    for thread in threads:
        thread.join()
    assert order == ["c-first", "b-second", "a-third"]
    assert [run.status().state for run in runs] == ["finished"] * 3


# ---------------------------------------------------------------- how it ends


def test_a_finished_run_says_so_with_its_figure(home: Path) -> None:
    run = finished_run(home)
    status, report = run.status(), run.report()
    assert report is not None
    assert status.state == "finished"
    assert status.message == f"test NDCG@10 {report['metrics']['NDCG@10']:.4f} at epoch {report['best_epoch']}"
    assert not run.locked()
    log = run.log_tail(1000)
    assert "training epoch 4: loss" in log
    assert "finished: test NDCG@10" in log
    assert "best so far" in log


def test_status_and_records_are_told_as_they_come(home: Path) -> None:
    states: list[Status] = []
    records: list[EpochRecord] = []
    run = make_run(home, train__epochs=2, pretrain__epochs=1)
    jobs.work(run, home, on_status=states.append, on_record=records.append)
    assert [(record.phase, record.epoch) for record in records] == [
        ("pretraining", 0),
        ("pretraining", 1),
        ("training", 0),
        ("training", 1),
        ("training", 2),
    ]
    assert [record.to_json() for record in records] == run.metrics()
    phases = list(dict.fromkeys(status.phase for status in states if status.state == "running"))
    assert phases == ["pretraining", "training", "evaluation"]
    assert (states[0].state, states[-1].state) == ("starting", "finished")
    assert {status.pid for status in states} == {os.getpid()}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("out of ideas"), "RuntimeError: out of ideas"),
        (SplitError("nothing to hold out"), "nothing to hold out"),
        (MemoryError("too large"), "MemoryError: too large"),
        (OSError(errno.EIO, "Input/output error"), "OSError: [Errno 5] Input/output error"),
    ],
)
def test_an_exception_is_failed_with_its_message_and_never_finished(
    home: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    run = make_run(home)

    def second_epoch(record: EpochRecord) -> None:
        if record.epoch == 2:
            raise error

    with pytest.raises(type(error)):
        jobs.work(run, home, on_record=second_epoch)
    assert run.status().state == "failed"
    assert run.status().message == message
    assert str(error) in run.log_tail()
    assert ("Traceback" in run.log_tail(100)) == isinstance(error, RuntimeError), "a bug shows where it is"
    assert run.report() is None
    assert not run.locked()
    assert_resumes(run, home)


def assert_resumes(run: Run, home: Path) -> None:
    """The device is free, and resuming ends where an uninterrupted run ends."""
    jobs.work(run, home)
    expected = finished_run(home / "whole")
    assert run.status().state == "finished"
    assert without_clock(run.metrics()) == without_clock(expected.metrics())
    report, known = run.report(), expected.report()
    assert report is not None
    assert known is not None
    assert report["metrics"] == known["metrics"]


def at_epoch(act: Callable[[], None], epoch: int = 2) -> Callable[[EpochRecord], None]:
    def on_record(record: EpochRecord) -> None:
        if (record.phase, record.epoch) == ("training", epoch):
            act()

    return on_record


@pytest.mark.parametrize("way", ["note", "SIGTERM", "SIGINT"])
def test_a_stop_saves_and_says_stopped(home: Path, way: str) -> None:
    run = make_run(home)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def act() -> None:
        if way == "note":
            assert jobs.stop(run)
            time.sleep(0.25)  # the worker looks for the note a few times a second
        else:
            os.kill(os.getpid(), signal.Signals[way])

    with pytest.raises(TrainingStopped):
        jobs.work(run, home, on_record=at_epoch(act))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert run.status().state == "stopped"
    assert "stopped in training epoch 3; epoch 2 is saved" in run.status().message
    assert [row["epoch"] for row in run.metrics() if row["phase"] == "training"] == [0, 1, 2]
    assert_resumes(run, home)


def test_a_second_interrupt_does_not_wait_for_the_step(home: Path) -> None:
    run = make_run(home)

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        jobs.work(run, home, on_record=at_epoch(twice))
    assert (run.status().state, run.status().message) == ("stopped", "interrupted at once")
    assert_resumes(run, home)


def test_a_run_can_be_stopped_while_it_is_queued(home: Path) -> None:
    run = make_run(home)
    queue = DeviceQueue(home, "cpu")
    with queue.turn(queue.ticket("busy", 0.0)):
        thread, raised = in_thread(lambda: jobs.work(run, home))
        wait_until(lambda: "1 run before this one" in run.status().message)
        assert run.status().state == "queued"
        assert jobs.stop(run)
        thread.join()
    assert isinstance(raised[0], TrainingStopped)
    assert run.status().state == "stopped"
    assert "queued" in run.status().message
    assert list(queue.folder.glob("*.ticket")) == []
    assert run.metrics() == []
    assert_resumes(run, home)


def test_a_stop_in_evaluation_leaves_no_report(home: Path) -> None:
    run = make_run(home)

    def on_status(status: Status) -> None:
        if status.phase == "evaluation":
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingStopped, match="users ranked"):
        jobs.work(run, home, on_status=on_status)
    assert run.status().state == "stopped"
    assert run.report() is None
    assert_resumes(run, home)


def test_a_worker_whose_run_is_held_elsewhere_is_refused_and_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home)
    monkeypatch.setattr(Run, "hold", partialmethod(Run.hold, timeout=0.1))
    run.write_status(Status(state="running", pid=12345, message="at work"))
    with FileLock(run.path / ".lock"):
        before = written(run)
        with pytest.raises(RunBusyError, match="has a worker already"):
            jobs.work(run, home)
        assert written(run) == before
        assert run.status().state == "running"


# ---------------------------------------------------------------- a full disk


def fill_disk(monkeypatch: pytest.MonkeyPatch, after: int, *, for_ever: bool) -> None:
    """Writing fails from the `after`-th file on: once, or until the patch is undone."""
    real, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == after or (for_ever and calls > after):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("after", [2, 9, 17, 24, 40])
def test_a_full_disk_is_failed_or_lost_and_nothing_is_half_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, after: int, for_ever: bool
) -> None:
    run = make_run(home)
    with monkeypatch.context() as patch:
        fill_disk(patch, after, for_ever=for_ever)
        with pytest.raises(OSError, match="No space left"):
            jobs.work(run, home)
    state = run.status().state
    assert state == "lost" if for_ever else state == "failed"
    if state == "failed":
        assert "No space left on device" in run.status().message
    assert litter(home) == []
    for path in run.path.rglob("*.safetensors"):
        load_tensors(path)
    for path in run.path.glob("*.json"):
        json.loads(path.read_text())
    run.metrics()
    assert not run.locked()
    assert_resumes(run, home)


def test_what_a_killed_worker_left_half_written_is_cleared_away(home: Path) -> None:
    run = make_run(home)
    (run.path / "checkpoints").mkdir()
    for name in (".status.json.abc.part", "checkpoints/.training-state.safetensors.abc.part"):
        (run.path / name).write_bytes(b"half")
    jobs.work(run, home)
    assert litter(home) == []


# ---------------------------------------------------------------- the heartbeat


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
    assert written(run)["phase"] == "evaluation"


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


def test_every_error_of_a_worker_is_one_that_a_user_can_read() -> None:
    assert issubclass(TrainingStopped, ConvNCFError)
