"""SIGKILL before, in the middle of and after every write of a run: resumed, it is what it would have been.

The kills are real. A process of its own forks one worker for each point; the worker counts the steps of its writing and
ends itself at that one. The product has no hook for it: the child replaces functions before it begins.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convncf import jobs
from convncf.runs import Run, RunStore
from convncf.training import CLOCK_FIELDS
from tests.test_disk import SHORT, assert_resumes, uninterrupted
from tests.worlds import litter, make_run, without_clock

ZYGOTE = """
import os, signal, sys, tempfile
from pathlib import Path
from safetensors import torch as safetensors_torch
from convncf import jobs
from convncf.runs import RunStore, files, run as run_module

home, first, last, every = Path(sys.argv[1]), *map(int, sys.argv[2:])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def work(name, at):
    steps = 0

    def due():
        nonlocal steps
        steps += 1
        return steps == at

    def killing(real):
        def call(*arguments, **more):
            if due():
                die()
            return real(*arguments, **more)
        return call

    for module, function in ((os, "fsync"), (os, "replace"), (tempfile, "mkstemp")):
        setattr(module, function, killing(getattr(module, function)))
    save_file, append_line = safetensors_torch.save_file, files.append_line

    def save_half(tensors, path, metadata):
        if due():
            save_file(tensors, path, metadata)
            os.truncate(path, path.stat().st_size // 2)
            die()
        save_file(tensors, path, metadata)

    def append_half(path, row):
        if due():
            with path.open("ab") as file:
                line = files._line(row)
                file.write(line[: len(line) // 2])
            die()
        append_line(path, row)

    safetensors_torch.save_file = save_half
    run_module.append_line = append_half
    jobs.work(RunStore(home).open(name))


for at in range(first, last + 1, every):
    child = os.fork()
    if not child:
        work(f"step-{at}", at)
        os._exit(0)
    print(at, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

MOST = 140
"""Above the number of steps that the short run takes; a run that ends before its kill is finished."""


def kill_at_every(home: Path, first: int, every: int) -> dict[int, int]:
    """Step -> how the worker that was to die there ended: -9, or 0 where it had no such step."""
    for at in range(first, MOST + 1, every):
        make_run(home, f"step-{at}", **SHORT)
    command = [sys.executable, "-c", ZYGOTE, str(home), str(first), str(MOST), str(every)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return {int(line.split()[0]): int(line.split()[1]) for line in done.stdout.splitlines()}


def assert_taken_up_again(run: Run, home: Path) -> None:
    assert run.status().state in ("lost", "queued"), "queued: its worker had not said its first word"
    before = run.metrics()
    assert without_clock(before) == uninterrupted()[0][: len(before)]
    assert_resumes(run, home)
    after = run.metrics()
    epochs = [(row["phase"], row["epoch"]) for row in after]
    assert len(set(epochs)) == len(epochs), "each epoch once"
    clocks = [[row[key] for key in CLOCK_FIELDS] for row in after]
    assert clocks[: len(before)] == [[row[key] for key in CLOCK_FIELDS] for row in before], "not trained again"


@pytest.mark.slow
@pytest.mark.parametrize(("first", "every"), [(9, 30), pytest.param(1, 4, marks=pytest.mark.full)])
def test_killed_at_any_step_of_its_writing_it_ends_as_if_it_had_not_been(home: Path, first: int, every: int) -> None:
    ended = kill_at_every(home, first, every)
    killed = [at for at, code in ended.items() if code == -9]
    assert set(ended.values()) == {-9, 0}, ended
    assert len(killed) >= 60 // every
    for at in killed:
        assert_taken_up_again(RunStore(home).open(f"step-{at}"), home)
    assert litter(home) == []


@pytest.mark.full
def test_killed_again_and_again_it_still_arrives(home: Path) -> None:
    """Each worker dies at its 45th step; what the one before has finished is not done twice, so they arrive."""
    run = make_run(home, "step-45", **SHORT)
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", ZYGOTE, str(home), "45", "45", "1"]
    seen = []
    for _ in range(9):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        seen.append(len(run.metrics()))
        if done.stdout.split() == ["45", "0"]:
            break
    assert run.status().state == "finished", run.log_tail()
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert without_clock(run.metrics()) == uninterrupted()[0]
    report = run.report()
    assert report is not None
    assert report["metrics"] == uninterrupted()[1]["metrics"]
    assert jobs.work(run)["metrics"] == report["metrics"]
