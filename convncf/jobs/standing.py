"""Standing: which runs are before another on a device, by name, so that a wait can be said in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convncf import runtime
from convncf.errors import ConvNCFError
from convncf.jobs.queue import DeviceQueue
from convncf.runs import RunStore

_PLACES: Final = ("next", "second", "third", "fourth", "fifth")


def ahead(store: RunStore, device: str, name: str = "") -> tuple[str, ...]:
    """Runs that are to end before `name` begins on a device: the one at work there first, then those that wait.

    `device` is the setting train.device. Without `name`, or where it has no place yet, all that a new run would
    stand behind.
    """
    lock = runtime.planned_device(device)
    waiting = DeviceQueue(store.home, lock).waiting()
    before = waiting[: waiting.index(name)] if name in waiting else waiting
    return (*(run for run in _at_work(store, lock) if run not in (*waiting, name)), *before)


def _at_work(store: RunStore, lock: str) -> list[str]:
    """Names of the runs whose worker holds the device."""
    found = []
    for run in store.all():
        try:
            status = run.status()
            if status.state in ("starting", "running") and runtime.planned_device(status.device or "auto") == lock:
                found.append(run.name)
        except (ConvNCFError, OSError):  # a broken run holds no device
            continue
    return found


def standing(before: Sequence[str]) -> str:
    """ "third in the queue; starts after demo-4x4", for the runs that `ahead` names; empty where nothing is ahead."""
    if not before:
        return ""
    place = _PLACES[len(before) - 1] if len(before) <= len(_PLACES) else f"number {len(before)}"
    return f"{place} in the queue; starts after {before[-1]}"
