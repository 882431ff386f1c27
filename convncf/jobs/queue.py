"""The queue: one job at a time on each device, the oldest first, and the queue position of a run.

A ticket is a file named by the time of queueing; the worker that waits holds its lock. The device itself is one more
lock. Locks end with their process, so nothing stays taken after a kill or a restart of the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from convncf.errors import ConvNCFError, TrainingStopped
from convncf.runs import RunStore
from convncf.runs.status import is_held
from convncf.runtime import devices

_PICKUP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1


class DeviceQueue:
    """The queue in front of one device, under `home`/locks."""

    def __init__(self, home: Path, device: str) -> None:
        self.folder = home / "locks" / device
        self.device = device

    def ticket(self, name: str, created: float) -> Path:
        """Take a place in the queue; it is kept for its worker for half a minute."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{int(created * 1e6):020d}-{name}.ticket"
        path.touch()
        return path

    def waiting(self) -> tuple[str, ...]:
        """Names of the runs that wait here, in the order of their turns, without those whose worker is gone."""
        names = []
        for path in sorted(self.folder.glob("*.ticket")):
            try:
                fresh = time.time() - path.stat().st_mtime < _PICKUP_SECONDS
            except FileNotFoundError:
                continue
            if fresh or is_held(path):
                names.append(path.name.partition("-")[2].removesuffix(".ticket"))
        return tuple(names)

    @contextmanager
    def turn(
        self, ticket: Path, *, waiting: Callable[[int], None] | None = None, stop: Callable[[], bool] | None = None
    ) -> Iterator[None]:
        """Hold the device while the block runs; before that, wait until every older ticket is gone.

        `waiting` is called with the number of jobs ahead. Raises TrainingStopped when `stop` returns True meanwhile.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        device = FileLock(self.folder / "device.lock", thread_local=False)
        with FileLock(ticket, thread_local=False):
            try:
                while True:
                    if stop is not None and stop():
                        raise TrainingStopped("stopped while it was queued; nothing had begun.")
                    jobs_ahead = self._older(ticket) + is_held(self.folder / "device.lock")
                    if not jobs_ahead:
                        try:
                            device.acquire(timeout=0)
                            break
                        except Timeout:
                            jobs_ahead = 1
                    if waiting is not None:
                        waiting(jobs_ahead)
                    time.sleep(_POLL_SECONDS)
            finally:
                ticket.unlink(missing_ok=True)
        try:
            yield
        finally:
            device.release()

    def _older(self, ticket: Path) -> int:
        """Tickets before this one whose worker lives, or may still come; the others are removed."""
        alive = 0
        for path in sorted(self.folder.glob("*.ticket")):
            if path.name >= ticket.name:
                break
            try:
                age = time.time() - path.stat().st_mtime
            except FileNotFoundError:
                continue
            # Only looked at: to take its lock would create a ticket again whose worker has just gone to the device.
            if age < _PICKUP_SECONDS or is_held(path):
                alive += 1
            else:
                path.unlink(missing_ok=True)
        return alive


_PLACES: Final = ("next", "second", "third", "fourth", "fifth")


def ahead(store: RunStore, device: str, name: str = "") -> tuple[str, ...]:
    """Runs that end before `name` begins on a device: the one that runs there first, then those that wait.

    `device` is the setting train.device. Without `name`, or where it has no place yet, all runs ahead of a new one.
    """
    lock = devices.planned_device(device)
    waiting = DeviceQueue(store.home, lock).waiting()
    before = waiting[: waiting.index(name)] if name in waiting else waiting
    return (*(run for run in _at_work(store, lock) if run not in (*waiting, name)), *before)


def _at_work(store: RunStore, lock: str) -> list[str]:
    """Names of the runs whose worker holds the device."""
    names = []
    for run in store.all():
        try:
            status = run.status()
            if status.state in ("starting", "running") and devices.planned_device(status.device or "auto") == lock:
                names.append(run.name)
        except (ConvNCFError, OSError):  # a broken run holds no device
            continue
    return names


def queue_position(before: Sequence[str]) -> str:
    """ "third in the queue; starts after demo-4x4", for the runs that `ahead` names; empty where nothing is ahead."""
    if not before:
        return ""
    place = _PLACES[len(before) - 1] if len(before) <= len(_PLACES) else f"number {len(before)}"
    return f"{place} in the queue; starts after {before[-1]}"
