"""The worker: carries one run from queued to its end, in this process, under the run's lock and the device's.

The same function serves `convncf train` in a terminal and the detached process that the app launches.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from convncf.errors import ConvNCFError, RunBusyError, RunError, TrainingStopped
from convncf.jobs.heartbeat import Heartbeat
from convncf.jobs.queue import DeviceQueue
from convncf.runs import Run, Status
from convncf.runtime import devices

if TYPE_CHECKING:
    from convncf.training import EpochRecord
    from convncf.workflow.estimate import Estimate

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_CLOSED: Final = (errno.EROFS, errno.EACCES, errno.EPERM)


def in_words(error: BaseException, run: Run) -> BaseException:
    """The error itself, or a RunError in its place where the disk is at fault: full, read-only, not ours."""
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_CLOSED):
        return error
    # the library's own words may name no file, or a long path twice
    said = os.strerror(error.errno or 0)
    again = f"then convncf resume {run.name} goes on from the last saved epoch"
    where = f", writing {error.filename}" if error.filename else ""
    if error.errno in _FULL:
        return RunError(f"the disk of {run.path} is full ({said}{where}{_free(run)}). Free some space; {again}.")
    return RunError(f"{run.path} cannot be written to ({said}{where}). Make it writable for this account; {again}.")


def _free(run: Run) -> str:
    try:
        return f"; {shutil.disk_usage(run.path).free / 2**20:,.0f} MiB free now"
    except OSError:
        return ""


def state_and_words(error: BaseException) -> tuple[str, str]:
    """The last state of status.json and its sentence."""
    if isinstance(error, TrainingStopped | KeyboardInterrupt):
        return "stopped", str(error) or "interrupted at once"
    if isinstance(error, SystemExit):  # what a console raises where its pipe is closed
        return "stopped", "whoever read its output has gone; resume goes on from the last saved epoch"
    return "failed", str(error) if isinstance(error, ConvNCFError) else f"{type(error).__name__}: {error}"


log = logging.getLogger(__name__)
_STOP_NOTE_EVERY: Final = 0.2
_BEAT_WHILE_WAITING: Final = 5.0


class StopRequest:
    """Whether someone asked this worker to stop: Ctrl-C, a signal, or the note that `convncf runs stop` leaves."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.asked = False
        self._looked = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self.asked and now - self._looked >= _STOP_NOTE_EVERY:
            self._looked = now
            self.asked = self.run.stop_asked()
        return self.asked

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGINT, SIGTERM and a closed terminal ask for a stop while the block runs.

        A second SIGINT interrupts at once. Under nohup a closed terminal stops nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self.asked and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.asked = True

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def work(
    run: Run,
    *,
    on_status: Callable[[Status], None] | None = None,
    on_record: Callable[[EpochRecord], None] | None = None,
    on_estimate: Callable[[Estimate], None] | None = None,
) -> dict[str, Any]:
    """Train a run, from its beginning or from where it stopped, and return its report.

    Whatever happens, status.json ends in finished, stopped or failed, with a sentence on why. Raises RunBusyError
    when another worker has the run, or had it until just now; TrainingStopped when it was stopped; RunError when the
    disk is full or read-only; and what the training itself raised.
    """
    device = run.config().train.device
    found = run.status()
    lock = run.hold()
    stop = StopRequest(run)
    try:
        if found.state != "finished" and run.status().state == "finished":
            raise RunBusyError(f"run {run.name!r} was finished by another worker meanwhile.")
        if not found.active or found.pid is not None:
            run.clear_stop()  # an old note; one that was left while this worker was starting holds
        _clear_away(run.path)
        if found.state == "lost":
            run.note("lost", found.message)
        status = replace(Status(), state="queued", pid=os.getpid(), device=device, updated=time.time())
        heartbeat = Heartbeat(run, status, on_status=on_status)
        queue = DeviceQueue(home, devices.planned_device(device))
        ticket = queue.ticket(run.name, run.created)
        with stop.on_signals(), _log_to(run.path / "log.txt"):
            try:
                with queue.turn(ticket, waiting=_tell(heartbeat, queue.device), stop=stop):
                    return _train(run, heartbeat, stop, on_record, on_estimate)
            except BaseException as error:
                spoken = in_words(error, run)
                _write_end(heartbeat, spoken)
                if spoken is error:
                    raise
                raise spoken from error
    finally:
        lock.release()


def _clear_away(folder: Path) -> None:
    """Remove what a worker that was killed in the middle of a write has left."""
    for part in folder.rglob(".*.part"):
        part.unlink(missing_ok=True)


def _train(
    run: Run,
    heartbeat: Heartbeat,
    stop: StopRequest,
    on_record: Callable[[EpochRecord], None] | None,
    on_estimate: Callable[[Estimate], None] | None,
) -> dict[str, Any]:
    heartbeat.set(state="starting", message="loading data and model", started=time.time())
    # torch and pandas load here, so that a worker in the queue stays light
    from convncf.workflow.running import run_experiment

    def resumed(words: str) -> None:
        run.note("resumed", words)
        heartbeat.set(message=words)

    report = run_experiment(
        run,
        progress=heartbeat.progress,
        on_record=on_record,
        stop=stop,
        on_resume=resumed,
        on_estimate=on_estimate,
    )
    monitor = run.config().eval.monitor
    value = report["metrics"].get(monitor)
    words = f"test {monitor} {value:.4f} at epoch {report['best_epoch']}" if value is not None else "no test part"
    log.info("finished: %s", words)
    run.note("finished", words, begin=False)
    heartbeat.set(state="finished", phase="", eta_seconds=0.0, message=words)
    return report


def _tell(heartbeat: Heartbeat, device: str) -> Callable[[int], None]:
    told, beat = -1, 0.0
    name = "the CPU" if device == "cpu" else f"GPU {device.removeprefix('cuda-')}"

    def waiting(before: int) -> None:
        nonlocal told, beat
        now = time.monotonic()
        if before != told or now - beat >= _BEAT_WHILE_WAITING:
            told, beat = before, now
            heartbeat.set(message=f"waiting for {name}: {before} run{'s' if before > 1 else ''} before this one")

    return waiting


def _write_end(heartbeat: Heartbeat, error: BaseException) -> None:
    """Say in status.json how it ended, as far as the disk still lets us."""
    state, words = state_and_words(error)
    if state == "stopped":
        log.info("%s", words)
    elif isinstance(error, ConvNCFError | MemoryError | OSError):
        log.error("%s", words)
    else:
        log.error("%s", words, exc_info=error)  # a bug: its place is wanted
    heartbeat.run.note(state, words)
    try:
        heartbeat.last(state=state, message=words, eta_seconds=None)
    except OSError:
        log.error("status.json could not be written either; the run will show as lost, and resume works")


class _RunLog(logging.FileHandler):
    """A log that a full disk cuts short, and never stands in the way of the training or of its last words."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):  # it would write what it could not write before
            super().close()


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Append the package's log to a file while the block runs."""
    handler = _RunLog(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    package = logging.getLogger("convncf")
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.setLevel(level)
        package.removeHandler(handler)
        handler.close()
