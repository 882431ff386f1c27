"""Launching: one request is one worker, refusals come first, and signals go to nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import convncf
from convncf import jobs
from convncf.errors import (
    ConfigError,
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
from convncf.runs import Run, RunStore, Status
from tests.concurrency import Started, start_no_workers, together
from tests.worlds import checkerboard, make_run, save_dataset, tiny


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    return start_no_workers(monkeypatch)


# ---------------------------------------------------------------- a launch


@pytest.mark.usefixtures("toy")
def test_a_launched_run_has_a_detached_worker_of_its_own(home: Path, started: Started) -> None:
    run = jobs.launch(tiny(), "first", home)
    assert started.commands == [[sys.executable, "-m", "convncf", "work", "first"]]
    settings = started.settings[0]
    assert settings["start_new_session"] is True
    assert settings["stdin"] == subprocess.DEVNULL
    assert settings["env"]["CONVNCF_HOME"] == str(home)
    assert settings["env"]["PYTHONPATH"].split(os.pathsep)[0] == str(Path(convncf.__file__).parents[1])
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
    got: list[Run] = []
    together(lambda number: got.append(jobs.launch(tiny(), f"run-{number}", home, request_id="the-same")), 5)
    assert len({run.path for run in got}) == 1
    assert len(started.commands) == 1
    assert len(RunStore(home).names()) == 1


@pytest.mark.usefixtures("toy")
@pytest.mark.full
def test_processes_that_ask_in_the_same_moment_get_one_run_and_one_worker(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from convncf import jobs; from convncf.jobs import launching\n"
        "from tests.worlds import tiny\n"
        "launching.start_worker = lambda run: print('worker for', run.name)\n"
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
    monkeypatch.setattr("convncf.runtime.devices.gpus", lambda: ())
    frame = checkerboard()
    save_dataset(home, "short", frame.drop_duplicates("user_id"))
    with pytest.raises(error):
        jobs.launch(tiny(**settings), name, home)
    assert RunStore(home).names() == ()
    assert started.commands == []


@pytest.mark.usefixtures("toy")
def test_a_model_that_memory_cannot_hold_is_refused_before_there_is_a_folder(
    home: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(n_items: int) -> None:
        raise ConfigError(f"{n_items} items do not fit")

    monkeypatch.setattr("convncf.models.records.item_similarity.refuse_unless_it_fits", refuse)
    with pytest.raises(ConfigError, match="40 items"):
        jobs.launch(tiny("ease"), "run", home)
    assert RunStore(home).names() == ()
    assert started.commands == []
    assert jobs.launch(tiny("itemknn"), "run", home).name == "run"


@pytest.mark.usefixtures("toy")
def test_a_worker_that_cannot_be_started_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    start_no_workers(monkeypatch, refuse)
    with pytest.raises(JobError, match=r"'first' .*Resource temporarily"):
        jobs.launch(tiny(), "first", home)


def test_a_run_that_has_a_worker_gets_no_second_one(home: Path, started: Started) -> None:
    run = make_run(home)
    with FileLock(run.path / ".lock"), pytest.raises(RunBusyError, match="a worker already"):
        jobs.start_worker(run)
    assert started.commands == []


# ---------------------------------------------------------------- stop and kill


def test_a_stop_that_comes_before_the_worker_is_not_lost(home: Path, started: Started) -> None:
    run = make_run(home)
    jobs.start_worker(run)
    assert jobs.stop(run)
    with pytest.raises(TrainingStopped):
        jobs.work(run)
    assert run.status().state == "stopped"
    assert run.metrics() == []
    jobs.work(run)
    assert run.status().state == "finished", "an old note does not stop what is resumed"


def test_starting_a_worker_again_takes_the_old_note_away(home: Path, started: Started) -> None:
    run = make_run(home)
    run.ask_to_stop()
    run.write_status(Status(state="stopped", pid=1))
    jobs.start_worker(run)
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
