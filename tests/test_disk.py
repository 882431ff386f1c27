"""A disk that is full, or refuses to be written: said in words, nothing half written, and resume ends as if it had not.

`Faults` lets the n-th step of all writing fail, in a worker of this process; `tmpfs` is a real disk of a few kilobytes.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors_torch

from convncf import jobs
from convncf.errors import RunError
from convncf.runs import Run, RunStore, Status, load_tensors
from tests.worlds import litter, make_run, without_clock

SHORT: dict[str, Any] = {"pretrain__epochs": 1, "train__epochs": 2, "train__keep_every": 2}
"""Settings of a run that writes each kind of file, and few of them."""


class Faults:
    """Counts the steps of writing (a file made, forced to the disk, moved to its place, tensors written)."""

    def __init__(self, at: int | None, *, number: int = errno.ENOSPC, for_ever: bool = False) -> None:
        self.at, self.number, self.for_ever = at, number, for_ever
        self.steps = 0

    def into(self, patch: pytest.MonkeyPatch) -> None:
        for module, name in ((os, "fsync"), (os, "replace"), (tempfile, "mkstemp")):
            patch.setattr(module, name, self._failing(getattr(module, name)))
        real = safetensors_torch.save_file

        def save_file(tensors: Any, path: Path, metadata: Any) -> None:
            if self._due():
                path.write_bytes(b"half of it")
                raise SafetensorError(f"Error while serializing: I/O error: … (os error {self.number})")
            real(tensors, path, metadata)

        patch.setattr(safetensors_torch, "save_file", save_file)

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if self._due():
                raise OSError(self.number, os.strerror(self.number))
            return real(*arguments, **more)

        return call

    def _due(self) -> bool:
        self.steps += 1
        return self.at is not None and (self.steps == self.at or (self.for_ever and self.steps > self.at))


@cache
def uninterrupted() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows without clocks, and the report, of a run that nothing went wrong with."""
    with tempfile.TemporaryDirectory(prefix="convncf-disk-") as folder:
        run = make_run(Path(folder), "whole", **SHORT)
        report = jobs.work(run)
        return without_clock(run.metrics()), report


def assert_nothing_half_written(run: Run, home: Path) -> None:
    assert litter(home) == []
    for path in run.path.rglob("*.safetensors"):
        load_tensors(path)
    for path in run.path.glob("*.json"):
        json.loads(path.read_text())
    rows, whole = without_clock(run.metrics()), uninterrupted()[0]
    assert rows == whole[: len(rows)], "every earlier epoch is there, as it was"
    assert not run.locked()


def assert_resumes(run: Run, home: Path) -> None:
    report = jobs.work(run)
    rows, known = uninterrupted()
    assert run.status().state == "finished"
    assert without_clock(run.metrics()) == rows
    timeless = known.keys() - {"seconds", "run"}
    assert {key: report[key] for key in timeless} == {key: known[key] for key in timeless}


def failed(run: Run, home: Path, faults: Faults) -> str:
    """Work until the disk fails; what status.json says then."""
    with pytest.MonkeyPatch.context() as patch:
        faults.into(patch)
        with pytest.raises(RunError) as caught:
            jobs.work(run)
    assert run.status().state == "failed", run.status()
    assert run.status().message == str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def heartbeats_are_counted_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine writes as often as a fast one: at the start and end of each part of the work."""
    monkeypatch.setattr("convncf.jobs.heartbeat._EVERY_SECONDS", 1e9)


@pytest.mark.parametrize("every", [15, pytest.param(1, marks=pytest.mark.full)])
def test_whichever_write_finds_the_disk_full_it_is_said_and_resume_ends_alike(home: Path, every: int) -> None:
    counted, whole = Faults(None), make_run(home, "counted", **SHORT)
    with pytest.MonkeyPatch.context() as patch:
        counted.into(patch)
        jobs.work(whole)
    assert counted.steps > 60
    for step in range(min(every, 8), counted.steps + 1, every):
        run = make_run(home, f"step-{step}", **SHORT)
        said = failed(run, home, Faults(step))
        assert "(No space left" in said
        assert "then convncf resume" in said
        assert_nothing_half_written(run, home)
        assert_resumes(run, home)
        RunStore(home).delete(run.name)


@pytest.mark.parametrize("step", [4, *(pytest.param(later, marks=pytest.mark.full) for later in (25, 50))])
def test_a_disk_that_stays_full_still_takes_the_last_word(home: Path, step: int) -> None:
    run = make_run(home, **SHORT)
    said = failed(run, home, Faults(step, for_ever=True))
    assert str(run.path) in said
    assert "convncf resume tiny" in said
    assert_nothing_half_written(run, home)
    assert_resumes(run, home)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDQUOT, "(Disk quota exceeded"),
        (errno.EROFS, "(Read-only file system"),
        (errno.EACCES, "(Permission denied"),
    ],
)
def test_other_reasons_of_the_disk_are_said_too(home: Path, number: int, words: str) -> None:
    run = make_run(home, **SHORT)
    said = failed(run, home, Faults(30, number=number))
    assert words in said
    assert "convncf resume tiny" in said
    assert_resumes(run, home)


def test_a_last_word_over_the_old_one_is_whole_whichever_is_longer(home: Path) -> None:
    run = make_run(home, **SHORT)
    for words in ("short", "long " * 200, "é", ""):
        with pytest.MonkeyPatch.context() as patch:
            Faults(1, for_ever=True).into(patch)
            run.write_status(Status(state="failed", message=words), in_place=True)
        assert (run.status().state, run.status().message) == ("failed", words)
        with pytest.MonkeyPatch.context() as patch:
            Faults(1, for_ever=True).into(patch)
            with pytest.raises(OSError, match="No space left"):
                run.write_status(Status(state="running", message="not the last word"))
        assert run.status().message == words


def test_a_log_that_cannot_be_written_stops_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flush = logging.StreamHandler.flush

    def full(handler: logging.StreamHandler[Any]) -> None:
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).name == "log.txt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handler)

    run = make_run(home, **SHORT)
    monkeypatch.setattr(logging.StreamHandler, "flush", full)
    jobs.work(run)
    assert run.status().state == "finished"
    assert "Traceback" not in capsys.readouterr().err


# ---------------------------------------------------------------- a real disk


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 4 MiB; skipped where this account may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {getattr(error, 'stderr', '') or error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, left: int) -> Path:
    """Take all room of a disk but for `left` bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        file.write(b"\1" * (shutil.disk_usage(folder).free - left))
    return ballast


@pytest.mark.parametrize(
    "kilobytes", [0, 32, *(pytest.param(left, marks=pytest.mark.full) for left in (4, 8, 16, 24, 48, 64))]
)
def test_a_real_disk_that_is_full(tmpfs: Path, kilobytes: int) -> None:
    run = make_run(tmpfs, **SHORT)
    run.hold().release()  # its lock is there, as after a launch
    jobs.queue.DeviceQueue(tmpfs, "cpu").ticket("other", 0.0).unlink()
    ballast = fill(tmpfs, kilobytes * 1024)
    with pytest.raises(RunError, match=r"\(No space left"):
        jobs.work(run)
    assert run.status().state == "failed"
    assert "Free some space" in run.status().message
    assert_nothing_half_written(run, tmpfs)
    ballast.unlink()
    assert_resumes(run, tmpfs)


def test_a_real_disk_that_is_read_only(tmpfs: Path) -> None:
    run = make_run(tmpfs, **SHORT)
    subprocess.run(["mount", "-o", "remount,ro", str(tmpfs)], check=True)
    try:
        with pytest.raises(OSError, match="Read-only file system"):
            jobs.work(run)
        assert RunStore(tmpfs).names() == ("tiny",)
        assert run.status().state == "queued", "nothing has changed"
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(tmpfs)], check=True)
    assert_resumes(run, tmpfs)
    assert torch.isfinite(load_tensors(run.model_path)[0]["user_embedding.weight"]).all()
