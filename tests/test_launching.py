"""Launching: one request is one worker, refusals come first, and a worker that is killed can be resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from convncf import jobs
from convncf.config import resolve
from convncf.data import catalogue
from convncf.errors import (
    ConvNCFError,
    DatasetNotFoundError,
    DeviceError,
    JobError,
    RunBusyError,
    RunExistsError,
    RunNameError,
    SplitError,
    TrainingStopped,
)
from convncf.experiment import run_experiment
from convncf.runs import Run, RunStore, Status
from convncf.training import CLOCK_FIELDS
from tests.worlds import checkerboard, finished_run, litter, make_run, save_dataset, tiny, without_clock


class Started:
    """What would have been started; nothing is."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.settings: list[dict[str, Any]] = []

    def __call__(self, command: list[str], **settings: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        self.settings.append(settings)
        return subprocess.CompletedProcess(command, 0)

    @property
    def names(self) -> list[str]:
        return [command[-1] for command in self.commands]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    found = Started()
    monkeypatch.setattr("convncf.jobs.launching.subprocess.Popen", found)
    return found


@pytest.fixture
def toy(home: Path) -> None:
    save_dataset(home)


# ---------------------------------------------------------------- a launch


@pytest.mark.usefixtures("toy")
def test_a_launched_run_has_a_detached_worker_of_its_own(home: Path, started: Started) -> None:
    run = jobs.launch(tiny(), "first", home)
    assert started.commands == [[sys.executable, "-m", "convncf", "work", "first"]]
    settings = started.settings[0]
    assert settings["start_new_session"] is True
    assert settings["stdin"] == subprocess.DEVNULL
    assert settings["env"]["CONVNCF_HOME"] == str(home)
    assert settings["stdout"].name == settings["stderr"].name == str(run.path / "log.txt")
    assert run.status().state == "queued"
    assert len(list((home / "locks" / "cpu").glob("*-first.ticket"))) == 1


@pytest.mark.usefixtures("toy")
def test_one_request_is_one_run_and_one_worker(home: Path, started: Started) -> None:
    first = jobs.launch(tiny(), "first", home, request_id="page-1")
    again = jobs.launch(tiny(), "another-name", home, request_id="page-1")
    assert again.path == first.path
    assert started.names == ["first"]
    assert jobs.launch(tiny(), "second", home, request_id="page-2").name == "second"
    assert started.names == ["first", "second"]
    with pytest.raises(RunExistsError, match="'first-2' is free"):
        jobs.launch(tiny(), "first", home, request_id="page-3")


@pytest.mark.usefixtures("toy")
def test_two_pages_that_ask_in_the_same_moment_get_one_run_and_one_worker(home: Path, started: Started) -> None:
    ready = threading.Barrier(5)
    got: list[Run] = []
    errors: list[Exception] = []

    def ask(number: int) -> None:
        ready.wait()
        try:
            got.append(jobs.launch(tiny(), f"run-{number}", home, request_id="the-same"))
        except ConvNCFError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({run.path for run in got}) == 1
    assert len(started.commands) == 1
    assert len(RunStore(home).names()) == 1


@pytest.mark.usefixtures("toy")
def test_processes_that_ask_in_the_same_moment_get_one_run_and_one_worker(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from convncf import jobs; from convncf.jobs import launching\n"
        "from tests.worlds import tiny\n"
        "launching.start_worker = lambda run, home: print('worker for', run.name)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"jobs.launch(tiny(), 'run-' + sys.argv[1], Path({str(home)!r}), request_id='the-same')"
    )
    root = str(Path(__file__).resolve().parents[1])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        )
        for n in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = "".join(out for out, _ in [process.communicate("go\n") for process in processes])
    assert [process.returncode for process in processes] == [0, 0]
    assert said.count("worker for") == 1
    assert len(RunStore(home).names()) == 1


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("settings", "name", "error"),
    [
        ({"data__dataset": "tooy"}, "run", DatasetNotFoundError),
        ({"data__dataset": "short"}, "run", SplitError),
        ({"data__dataset": "short", "data__split": "leave-one-out"}, "run", SplitError),
        ({"train__device": "cuda"}, "run", DeviceError),
        ({"train__device": "cuda:1"}, "run", DeviceError),
        ({}, "a/b", RunNameError),
        ({}, "..", RunNameError),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_folder_or_a_worker(
    home: Path,
    started: Started,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    name: str,
    error: type[ConvNCFError],
) -> None:
    monkeypatch.setattr("convncf.runtime.gpus", lambda: ())
    frame = checkerboard()
    save_dataset(home, "short", frame.drop_duplicates("user_id"))
    with pytest.raises(error):
        jobs.launch(tiny(**settings), name, home)
    assert RunStore(home).names() == ()
    assert started.commands == []


@pytest.mark.usefixtures("toy")
def test_a_worker_that_cannot_be_started_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("convncf.jobs.launching.subprocess.Popen", refuse)
    with pytest.raises(JobError, match="'first' could not be started: .*Resource temporarily unavailable"):
        jobs.launch(tiny(), "first", home)


def test_a_run_that_has_a_worker_gets_no_second_one(home: Path, started: Started) -> None:
    run = make_run(home)
    with FileLock(run.path / ".lock"), pytest.raises(RunBusyError, match="has a worker already"):
        jobs.start_worker(run, home)
    assert started.commands == []


# ---------------------------------------------------------------- stop and kill


def test_a_stop_that_comes_before_the_worker_is_not_lost(home: Path, started: Started) -> None:
    run = make_run(home)
    jobs.start_worker(run, home)
    assert jobs.stop(run)
    with pytest.raises(TrainingStopped):
        jobs.work(run, home)
    assert run.status().state == "stopped"
    assert run.metrics() == []
    jobs.work(run, home)
    assert run.status().state == "finished", "an old note does not stop what is resumed"


def test_starting_a_worker_again_takes_the_old_note_away(home: Path, started: Started) -> None:
    run = make_run(home)
    run.ask_to_stop()
    run.write_status(Status(state="stopped", pid=1))
    jobs.start_worker(run, home)
    assert not run.stop_asked()


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "running"])
def test_where_nobody_works_nothing_is_stopped_or_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    run = make_run(home)
    # the machine was restarted: the lock file is there, and the process id belongs to somebody else now
    run.hold().release()
    run.write_status(Status(state=state, pid=os.getpid()))
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    assert not jobs.stop(run)
    assert not run.stop_asked()
    assert not jobs.kill(run)
    assert not jobs.kill(run, force=True)
    assert sent == []


def test_a_kill_goes_to_the_worker_that_holds_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(home)
    run.write_status(Status(state="running", pid=4321))
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    with FileLock(run.path / ".lock"):
        assert jobs.kill(run)
        assert jobs.kill(run, force=True)
    assert sent == [(4321, signal.SIGTERM), (4321, signal.SIGKILL)]


# ---------------------------------------------------------------- real workers


def wait_until(holds: Callable[[], bool], run: Run, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, run.log_tail()
        time.sleep(0.01)


def raw_status(run: Run) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((run.path / "status.json").read_text())
    return value


def in_the_middle_of(run: Run, phase: str, epoch: int) -> Callable[[], bool]:
    """Whether the run's last heartbeat was between two steps of that epoch, or of a later one of that phase."""

    def holds() -> bool:
        status = raw_status(run)
        assert status["state"] not in ("finished", "failed"), status
        there = status["phase"] == phase and status["epoch"] >= epoch and status["unit"] == "triples"
        return bool(there and 0 < status["done"] < status["total"])

    return holds


def clocks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in CLOCK_FIELDS} for row in rows]


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_an_epoch_goes_on_as_if_nothing_had_been(home: Path) -> None:
    settings: dict[str, Any] = {"train__batch_size": 1, "pretrain__batch_size": 1, "pretrain__epochs": 2}
    settings |= {"train__epochs": 5, "train__patience": 0, "model__dropout_prob": 0.2, "eval__validation_users": 10}
    run = make_run(home, "killed", **settings)

    # SIGKILL in training: nothing is said by the worker, and the run is lost within a heartbeat
    jobs.start_worker(run, home)
    wait_until(in_the_middle_of(run, "training", 1), run)
    assert run.status().state == "running"
    with pytest.raises(RunBusyError):
        jobs.start_worker(run, home)
    assert jobs.kill(run, force=True)
    wait_until(lambda: run.status().state == "lost", run, seconds=5)
    assert raw_status(run)["state"] == "running"
    first = run.metrics()
    assert run.report() is None

    # resumed, and ended by SIGTERM: it saves and says so
    jobs.start_worker(run, home)
    wait_until(in_the_middle_of(run, "training", first[-1]["epoch"] + 1), run)
    second = run.metrics()
    assert clocks(second[: len(first)]) == clocks(first)
    assert jobs.kill(run)
    wait_until(lambda: run.status().state == "stopped", run, seconds=20)
    assert "is saved" in run.status().message
    wait_until(lambda: not run.locked(), run, seconds=20)

    # resumed to its end
    second = run.metrics()
    jobs.start_worker(run, home)
    wait_until(lambda: run.status().state == "finished", run)
    rows = run.metrics()
    assert clocks(rows[: len(second)]) == clocks(second), "what was finished was not trained again"

    whole = make_run(home, "whole", **settings)
    expected = run_experiment(whole, home)
    assert without_clock(rows) == without_clock(whole.metrics())
    report = run.report()
    assert report is not None
    same = expected.keys() - {"run", "seconds"}
    assert {key: report[key] for key in same} == {key: expected[key] for key in same}
    assert litter(home) == []
    assert run.log_tail(200).count("resumed after epoch") == 4, (
        "each of two resumptions says where it went on, by phase"
    )


# ---------------------------------------------------------------- the demo


def test_the_demo_is_three_runs_queued_in_order_once(home: Path, started: Started) -> None:
    runs = jobs.demo(home, overrides={"train.epochs": 2, "train.lr_network": 0.002, "train.device": "cpu"})
    assert [run.name for run in runs] == started.names == ["demo-mf", "demo-4x4", "demo-2x2"]
    mf, wide, narrow = (run.config() for run in runs)
    assert mf.model.name == "mf-bpr"
    assert wide.model.pre_model_path == narrow.model.pre_model_path == "demo-mf"
    assert (wide.model.cnn_kernels, narrow.model.cnn_kernels) == ((4, 4, 2), (2,) * 5)
    assert [config.train.epochs for config in (mf, wide, narrow)] == [2, 2, 2]
    assert (wide.train.lr_network, runs[0].sources()["train.lr_network"]) == (0.002, "default")
    assert mf.model.embedding_size == wide.model.embedding_size == narrow.model.embedding_size
    tickets = sorted((home / "locks" / "cpu").glob("*.ticket"))
    assert [ticket.stem.partition("-")[2] for ticket in tickets] == ["demo-mf", "demo-4x4", "demo-2x2"]

    assert [run.path for run in jobs.demo(home)] == [run.path for run in runs]
    assert len(started.commands) == 3, "runs that are there are not started again"


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
