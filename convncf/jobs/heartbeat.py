"""Heartbeat: turns the worker's progress into status.json, at most once a second, with a remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from convncf.runs import Run, Status

if TYPE_CHECKING:
    from convncf.training import Progress

_EVERY_SECONDS: Final = 0.5


class Heartbeat:
    """Writes the status of one run; only its worker has one."""

    def __init__(self, run: Run, status: Status, *, on_status: Callable[[Status], None] | None = None) -> None:
        self.run = run
        self.status = status
        self._on_status = on_status
        self._written = 0.0
        self._phase_started = time.monotonic()
        self._first_epoch = 0
        self._epoch_seconds: float | None = None
        self._epoch_started = (0, time.monotonic())

    def set(self, **changes: object) -> None:
        """Change fields and write at once."""
        self.status = replace(self.status, **changes, updated=time.time())  # type: ignore[arg-type]
        self._write()

    def last(self, **changes: object) -> None:
        """The last word: as `set`, and in place where the disk is too full for a second file."""
        self.status = replace(self.status, **changes, updated=time.time())  # type: ignore[arg-type]
        self._write(last=True)

    def progress(self, at: Progress) -> None:
        """Take a reading of where the work stands."""
        now = time.monotonic()
        if at.phase != self.status.phase:
            self._phase_started, self._first_epoch, self._epoch_seconds = now, at.epoch, None
            self._epoch_started = (at.epoch, now)
        elif at.epoch != self._epoch_started[0]:
            began = self._epoch_started[1]
            # the start (epoch 0) only validates: it says nothing about how long an epoch takes
            if self._epoch_started[0] > 0:
                self._epoch_seconds = now - began
            self._epoch_started = (at.epoch, now)
        entered = at.phase != self.status.phase
        if not entered and now - self._written < _EVERY_SECONDS and at.done < at.total:
            return
        speed = self.status.triples_per_second
        if at.unit == "triples" and at.done and now > self._epoch_started[1]:
            speed = round(at.done / (now - self._epoch_started[1]), 1)
        self.status = replace(
            self.status,
            state="running",
            phase=at.phase,
            epoch=at.epoch,
            epochs=at.epochs,
            unit=at.unit,
            done=at.done,
            total=at.total,
            triples_per_second=speed,
            eta_seconds=self._eta(at, now),
            message="",
            updated=time.time(),
        )
        self._written = now
        self._write()

    def _eta(self, at: Progress, now: float) -> float | None:
        """Seconds left in this phase if no epoch is stopped early: from the last epoch's time, or this part's pace."""
        if at.phase == "evaluation":
            spent = now - self._phase_started
            return round(spent * (at.total - at.done) / at.done, 1) if at.done and spent > 0.5 else None
        if self._epoch_seconds is None:
            return None
        left = (at.epochs - at.epoch + 1) * self._epoch_seconds - (now - self._epoch_started[1])
        return round(max(0.0, left), 1)

    def _write(self, *, last: bool = False) -> None:
        self.run.write_status(self.status, in_place=last)
        if self._on_status is not None:
            self._on_status(self.status)
