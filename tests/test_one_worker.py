"""One run is one folder and has one worker, however many ask for it in the same moment; and no worker is left over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.errors import ConvNCFError, RunBusyError, RunExistsError
from convncf.jobs import launching
from convncf.runs import Run, RunStore, Status, load_tensors
from convncf.runs import status as status_module
from tests.command_line import CommandLine
from tests.concurrency import finish, in_thread, start_no_workers, together, wait_until
from tests.worlds import finished_run, make_run, save_dataset, tiny, without_clock

SIZES = (8, 16)


def settings(number: int) -> dict[str, Any]:
    """Of an MF-BPR whose seed, width and name in the log tell it from its twin."""
    return {"seed": number, "model__embedding_size": SIZES[number], "train__epochs": 1}


def assert_belongs_together(run: Run) -> None:
    """Config, weights, epochs and log of a finished run come from one and the same request."""
    config, report = run.config(), run.report()
    assert config.model["embedding_size"] == SIZES[config.seed]
    tensors, _ = load_tensors(run.model_path)
    assert tensors["user_embedding.weight"].shape[1] == SIZES[config.seed]
    assert report is not None
    assert report["seed"] == config.seed
    log = (run.path / "log.txt").read_text()
    assert f"seed {config.seed}" in log
    assert f"seed {1 - config.seed}" not in log
    assert log.count("finished: ") == 1
    assert [row["epoch"] for row in run.metrics()] == [0, 1]


def ask(number: int, name: str, home: Path, answers: list[Run | ConvNCFError]) -> None:
    try:
        answers.append(jobs.prepare(tiny("mf-bpr", **settings(number)), name, home))
    except ConvNCFError as error:
        answers.append(error)


def test_two_that_prepare_one_name_in_the_same_moment_are_one_run_and_one_refusal(home: Path) -> None:
    save_dataset(home)
    for name in (f"demo-{repetition}" for repetition in range(4)):
        answers: list[Run | ConvNCFError] = []
        together(partial(ask, name=name, home=home, answers=answers), 2)
        made = [answer for answer in answers if isinstance(answer, Run)]
        refused = [answer for answer in answers if not isinstance(answer, Run)]
        assert [type(error) for error in refused] == [RunExistsError]
        assert f"'{name}-2' is free" in str(refused[0])
        jobs.work(made[0])
        assert_belongs_together(made[0])
    assert len(RunStore(home).names()) == 4


def command(name: str, number: int) -> tuple[str, ...]:
    chosen = {"model.embedding_size": SIZES[number], "train.epochs": 1, "train.batch_size": 64, "eval.ks": "[10]"}
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    return ("train", "--dataset", "toy", "--model", "mf-bpr", "--seed", str(number), "--name", name, *sets, "--json")


@pytest.mark.full
def test_two_commands_of_one_name_in_the_same_second(home: Path) -> None:
    save_dataset(home)
    line = CommandLine(home)
    for repetition in range(3):
        both = [line.start(*command(f"demo-{repetition}", number)) for number in range(2)]
        answers = [process.communicate(timeout=120) for process in both]
        assert sorted(process.returncode for process in both) == [0, 1], answers
        refusal = next(err for (_, err), process in zip(answers, both, strict=True) if process.returncode)
        assert f"'demo-{repetition}-2' is free" in refusal
        assert "Traceback" not in refusal
        assert_belongs_together(RunStore(home).open(f"demo-{repetition}"))
    assert len(RunStore(home).names()) == 3


@pytest.mark.full
def test_of_two_that_resume_one_run_one_works_and_the_other_is_refused(home: Path) -> None:
    run = make_run(home, "cut", train__epochs=400, train__patience=0, train__validate_every=100)

    def end(record: object) -> None:
        if (getattr(record, "phase", ""), getattr(record, "epoch", 0)) == ("training", 1):
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        jobs.work(run, on_record=end)
    line = CommandLine(home)
    both = [line.start("resume", "cut", "--json") for _ in range(2)]
    wait_until(lambda: any(process.poll() is not None for process in both), 120)
    refused = next(process for process in both if process.poll() is not None)
    worker = next(process for process in both if process is not refused)
    out, err = refused.communicate(timeout=30)
    assert (refused.returncode, out) == (1, ""), err
    assert "a worker already" in err or "another worker meanwhile" in err
    out, err = worker.communicate(timeout=240)
    assert worker.returncode == 0, err
    assert run.status().state == "finished"
    epochs = [row["epoch"] for row in run.metrics() if row["phase"] == "training"]
    assert epochs == list(range(401))
    assert (run.path / "log.txt").read_text().count("resumed after epoch") == 1


def test_who_waited_for_a_run_that_was_finished_meanwhile_does_not_work_on_it_again(home: Path) -> None:
    run = finished_run(home)
    known = run.report()
    assert known is not None
    lock = run.hold()
    run.write_status(Status(state="running", phase="training", pid=os.getpid(), updated=time.time()))
    thread, raised = in_thread(jobs.work, Run(run.path))
    time.sleep(0.3)  # it stands in front of the lock
    run.write_status(Status(state="finished", message="by the first"))
    lock.release()
    finish(thread)
    assert isinstance(raised[0], RunBusyError)
    assert "another worker meanwhile" in str(raised[0])
    assert run.status().message == "by the first"
    assert run.report() == known


def test_resume_pressed_twice_starts_one_worker(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = start_no_workers(monkeypatch)
    run = make_run(home)
    run.write_status(Status(state="stopped", pid=1))
    refused: list[str] = []

    def press(_: int) -> None:
        try:
            jobs.start_worker(Run(run.path))
        except RunBusyError as error:
            refused.append(str(error))

    together(press, 4)
    assert started.names == ["tiny"]
    assert len(refused) == 3
    assert all("was started already" in words for words in refused)
    # that worker never came: after the time that it has, another may be started
    late = Status(launched=True, updated=time.time() - status_module.PICKUP_SECONDS - 1)
    run.write_status(late)
    assert run.status().state == "lost"
    jobs.start_worker(run)
    assert started.names == ["tiny", "tiny"]


def test_a_worker_that_could_not_be_started_can_be_started_again_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    run = make_run(home)
    with monkeypatch.context() as patch:
        start_no_workers(patch, refuse)
        with pytest.raises(ConvNCFError, match="be started"):
            jobs.start_worker(run)
    assert run.status().state == "failed"
    assert "Resource temporarily unavailable" in run.status().message
    started = start_no_workers(monkeypatch)
    jobs.start_worker(run)
    assert started.names == ["tiny"]


def is_there(pid: int) -> bool:
    """Whether a process of that number is in the list, a zombie too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_that_has_ended_does_not_stay_in_the_list_of_processes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[subprocess.Popen[bytes]] = []

    def short_lived(command: list[str], **settings: Any) -> subprocess.Popen[bytes]:
        workers.append(subprocess.Popen([sys.executable, "-S", "-c", "pass"], **settings))
        return workers[-1]

    run = make_run(home)
    start_no_workers(monkeypatch, short_lived)
    jobs.start_worker(run)
    wait_until(lambda: not is_there(workers[0].pid))
    launching._reap(workers[0].pid)  # who was waited for already is no fault


def test_a_worker_that_is_killed_before_its_first_word_is_lost_after_its_time_and_resumes(home: Path) -> None:
    run = make_run(home)
    run.write_status(Status(launched=True, updated=time.time() - status_module.PICKUP_SECONDS - 1))
    assert run.status().state == "lost"
    jobs.work(run)
    assert without_clock(run.metrics()) == without_clock(finished_run(home / "whole").metrics())
