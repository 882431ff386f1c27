"""Status of a run: what its worker last wrote, and whether that worker is still alive."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self


def is_held(path: Path) -> bool:
    """Whether a process holds the FileLock at `path` now; False where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)  # releases the shared lock as well
    return False


ACTIVE: Final = ("queued", "starting", "running")
"""States that need a living worker."""
RESUMABLE: Final = ("stopped", "failed", "lost")
"""States from which a worker can go on."""
STATES: Final = (*ACTIVE, "finished", *RESUMABLE)
"""Every state. `lost` is derived, never written: an active state whose worker is gone."""
PICKUP_SECONDS: Final = 30.0
"""How long a launched run may wait for its worker to appear before it counts as lost."""
_FROM_LAST_EPOCH: Final = "resume goes on from the last saved epoch"


@dataclass(frozen=True, slots=True)
class Status:
    """One reading of status.json."""

    state: str = "queued"
    phase: str = ""
    """pretraining, training, evaluation, or empty."""
    epoch: int = 0
    epochs: int = 0
    unit: str = ""
    """What `done` and `total` count: triples or users."""
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None
    """Seconds that the rest of this phase is expected to take at most; none where nothing is known yet."""
    triples_per_second: float | None = None
    message: str = ""
    """One sentence: what is happening, or why it ended."""
    launched: bool = False
    """Whether a detached worker was started for it, which may not run yet."""
    pid: int | None = None
    device: str = ""
    started: float | None = None
    """Seconds since 1970 when the worker began to work."""
    updated: float = 0.0
    """Seconds since 1970 of this writing: the heartbeat."""

    @property
    def active(self) -> bool:
        """Whether it has a worker, or should soon have one."""
        return self.state in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether a worker could resume it."""
        return self.state in RESUMABLE

    def to_json(self) -> dict[str, Any]:
        """The object in status.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read status.json; fields of a later version are ignored. Raises ValueError where a value is not allowed."""
        defaults = asdict(cls())
        fields = {key: item for key, item in value.items() if key in defaults}
        problems = [f"{key} = {item!r}" for key, item in fields.items() if not _same_kind(defaults[key], item)]
        if fields.get("state") not in STATES:
            problems.append(f"state = {fields.get('state')!r} is none of {', '.join(STATES)}")
        if problems:
            raise ValueError("; ".join(problems))
        return cls(**fields)

    @property
    def awaited(self) -> bool:
        """Whether a detached worker was started just now and has not written a status yet."""
        return self.launched and self.active and self._waiting_for_pickup

    @property
    def _waiting_for_pickup(self) -> bool:
        return self.pid is None and time.time() - self.updated < PICKUP_SECONDS

    def seen_from_outside(self, *, locked: bool) -> Status:
        """This status with `lost` derived: active, but no worker holds the run's lock."""
        if self.active and not locked and not self._waiting_for_pickup:
            way_out = "training is done, and resume evaluates" if self.phase == "evaluation" else _FROM_LAST_EPOCH
            message = f"its worker is gone (killed, or the machine restarted); {way_out}"
            return replace(self, state="lost", message=message, eta_seconds=None)
        return self


def _same_kind(default: object, value: object) -> bool:
    """Whether a value is text where the default is, and else a number, or None where the default is."""
    if isinstance(default, str):
        return isinstance(value, str)
    return isinstance(value, int | float) or (default is None and value is None)
