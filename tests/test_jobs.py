"""A worker in this process: how each way of ending shows in status.json, and that each can be resumed."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path

import pytest
from filelock import FileLock

from convncf import jobs
from convncf.errors import RunBusyError, SplitError, TrainingStopped
from convncf.runs import Run, Status
from convncf.training import EpochRecord
from tests.concurrency import ImpatientQueue, finish, in_thread, status_file, wait_until
from tests.worlds import finished_run, litter, make_run, without_clock


@pytest.fixture
def device(home: Path) -> ImpatientQueue:
    return ImpatientQueue(home, "cpu")


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
    jobs.work(run, on_status=states.append, on_record=records.append)
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
        jobs.work(run, on_record=second_epoch)
    assert run.status().state == "failed"
    assert run.status().message == message
    assert str(error) in run.log_tail()
    assert ("Traceback" in run.log_tail(100)) == isinstance(error, RuntimeError), "a bug shows where it is"
    assert run.report() is None
    assert not run.locked()
    assert_resumes(run, home)


def assert_resumes(run: Run, home: Path) -> None:
    """The device is free, and resuming ends where an uninterrupted run ends."""
    jobs.work(run)
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


@pytest.mark.parametrize("way", ["note", "SIGTERM", "SIGINT", "SIGHUP"])
def test_a_stop_saves_and_says_stopped(home: Path, way: str) -> None:
    run = make_run(home)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]

    def act() -> None:
        if way == "note":
            assert jobs.stop(run)
            time.sleep(0.25)  # the worker looks for the note a few times a second
        else:
            os.kill(os.getpid(), signal.Signals[way])

    with pytest.raises(TrainingStopped):
        jobs.work(run, on_record=at_epoch(act))
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before
    assert run.status().state == "stopped"
    assert "training epoch 3" in run.status().message
    assert "epoch 2 is saved" in run.status().message
    assert [row["epoch"] for row in run.metrics() if row["phase"] == "training"] == [0, 1, 2]
    assert_resumes(run, home)


def test_under_nohup_a_terminal_that_closes_stops_nothing(home: Path) -> None:
    run = make_run(home)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        jobs.work(run, on_record=at_epoch(lambda: os.kill(os.getpid(), signal.SIGHUP)))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert run.status().state == "finished"


def test_a_second_interrupt_does_not_wait_for_the_step(home: Path) -> None:
    run = make_run(home)

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        jobs.work(run, on_record=at_epoch(twice))
    assert (run.status().state, run.status().message) == ("stopped", "interrupted at once")
    assert_resumes(run, home)


def test_a_run_can_be_stopped_while_it_is_queued(home: Path) -> None:
    run = make_run(home)
    queue = ImpatientQueue(home, "cpu")
    with queue.turn(queue.ticket("busy", 0.0)):
        thread, raised = in_thread(jobs.work, run)
        wait_until(lambda: "1 run before this one" in run.status().message)
        assert run.status().state == "queued"
        assert jobs.stop(run)
        finish(thread)
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
        jobs.work(run, on_status=on_status)
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
        before = status_file(run)
        with pytest.raises(RunBusyError, match="a worker already"):
            jobs.work(run)
        assert status_file(run) == before
        assert run.status().state == "running"


def test_what_a_killed_worker_left_half_written_is_cleared_away(home: Path) -> None:
    run = make_run(home)
    (run.path / "checkpoints").mkdir()
    for name in (".status.json.abc.part", "checkpoints/.training-state.safetensors.abc.part"):
        (run.path / name).write_bytes(b"half")
    jobs.work(run)
    assert litter(home) == []
