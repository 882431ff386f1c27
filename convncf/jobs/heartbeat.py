"""Heartbeat: turns the worker's progress into status.json, at most twice a second, with the remaining time."""

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
        """Write the final status: as `set`, and in place where the disk is too full for a second file."""
        self.status = replace(self.status, **changes, updated=time.time())  # type: ignore[arg-type]
        self._write(last=True)

    def progress(self, progress: Progress) -> None:
        """Note the progress, and write the status if the last writing is long enough ago."""
        now = time.monotonic()
        if progress.phase != self.status.phase:
            self._phase_started, self._first_epoch, self._epoch_seconds = now, progress.epoch, None
            self._epoch_started = (progress.epoch, now)
        elif progress.epoch != self._epoch_started[0]:
            began = self._epoch_started[1]
            # epoch 0 only validates: its time says nothing about that of a trained epoch
            if self._epoch_started[0] > 0:
                self._epoch_seconds = now - began
            self._epoch_started = (progress.epoch, now)
        new_phase = progress.phase != self.status.phase
        if not new_phase and now - self._written < _EVERY_SECONDS and progress.done < progress.total:
            return
        speed = self.status.triples_per_second
        if progress.unit == "triples" and progress.done and now > self._epoch_started[1]:
            speed = round(progress.done / (now - self._epoch_started[1]), 1)
        self.status = replace(
            self.status,
            state="running",
            phase=progress.phase,
            epoch=progress.epoch,
            epochs=progress.epochs,
            unit=progress.unit,
            done=progress.done,
            total=progress.total,
            triples_per_second=speed,
            eta_seconds=self._eta(progress, now),
            message="",
            updated=time.time(),
        )
        self._written = now
        self._write()

    def _eta(self, progress: Progress, now: float) -> float | None:
        """Seconds left in this phase without early stopping: by the last epoch's time, or by the pace so far."""
        if progress.phase == "evaluation":
            elapsed = now - self._phase_started
            return (
                round(elapsed * (progress.total - progress.done) / progress.done, 1)
                if progress.done and elapsed > 0.5
                else None
            )
        if self._epoch_seconds is None:
            return None
        remaining = (progress.epochs - progress.epoch + 1) * self._epoch_seconds - (now - self._epoch_started[1])
        return round(max(0.0, remaining), 1)

    def _write(self, *, last: bool = False) -> None:
        self.run.write_status(self.status, in_place=last)
        if self._on_status is not None:
            self._on_status(self.status)
