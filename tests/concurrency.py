"""Doing things at once, waiting for them, and launching workers that are never started."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from convncf.jobs.queue import DeviceQueue
from convncf.runs import Run


def wait_until(holds: Callable[[], bool], seconds: float = 60.0, *, run: Run | None = None) -> None:
    """Look again and again; fails, with the end of the run's log, when it takes too long."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, run.log_tail() if run else "it took too long"
        time.sleep(0.01)


def in_thread(work: Callable[..., Any], *arguments: Any) -> tuple[threading.Thread, list[BaseException]]:
    """Begin work beside the test; what it raised stands in the list once it has ended."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work(*arguments)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)  # what hangs is a failed test, not a suite that never ends
    thread.start()
    return thread, raised


def finish(*threads: threading.Thread, seconds: float = 60.0) -> None:
    """Wait until each has ended; fails where one does not."""
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive(), "it did not end"


def together(work: Callable[[int], object], n: int) -> None:
    """Run `work(0)` … `work(n - 1)` in threads that begin at the same moment, to their end."""
    ready = threading.Barrier(n)

    def one(number: int) -> None:
        ready.wait()
        work(number)

    threads = [in_thread(one, number) for number in range(n)]
    finish(*(thread for thread, _ in threads))
    assert [error for _, raised in threads for error in raised] == []


def status_file(run: Run) -> dict[str, Any]:
    """status.json as it lies there, with nothing derived."""
    value: dict[str, Any] = json.loads((run.path / "status.json").read_text())
    return value


class ImpatientQueue(DeviceQueue):
    """A queue in which nobody waits for ever: a turn that does not come is a stop, and so a failed test."""

    @contextmanager
    def turn(
        self, ticket: Path, *, waiting: Callable[[int], None] | None = None, stop: Callable[[], bool] | None = None
    ) -> Iterator[None]:
        end = time.monotonic() + 20
        with super().turn(ticket, waiting=waiting, stop=stop or (lambda: time.monotonic() > end)):
            yield


class Started:
    """The workers that would have been started; none is."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.settings: list[dict[str, Any]] = []

    def __call__(self, command: list[str], **settings: Any) -> SimpleNamespace:
        self.commands.append(command)
        self.settings.append(settings)
        return SimpleNamespace(returncode=None, pid=os.getpid())  # nobody's child: there is no end to wait for

    @property
    def names(self) -> list[str]:
        return [command[-1] for command in self.commands]


def start_no_workers(monkeypatch: pytest.MonkeyPatch, popen: Callable[..., Any] | None = None) -> Started:
    """Let launching start nothing, or what `popen` does instead."""
    started = Started()
    fake = SimpleNamespace(Popen=popen or started, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr("convncf.jobs.launching.subprocess", fake)
    return started
