"""The worker: takes one run from queued to its end, in this process, under the run's lock and the device's.

`convncf train` in a terminal and the detached process that the app launches call the same function.
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


def explained(error: BaseException, run: Run) -> BaseException:
    """The error itself, or a RunError in its place where the disk is full, read-only or not ours."""
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_CLOSED):
        return error
    # the library's own message may name no file, or a long path twice
    problem = os.strerror(error.errno or 0)
    way_out = f"then convncf resume {run.name} goes on from the last saved epoch"
    where = f", writing {error.filename}" if error.filename else ""
    if error.errno in _FULL:
        return RunError(f"the disk of {run.path} is full ({problem}{where}{_free(run)}). Free some space; {way_out}.")
    return RunError(
        f"{run.path} cannot be written to ({problem}{where}). Make it writable for this account; {way_out}."
    )


def _free(run: Run) -> str:
    try:
        return f"; {shutil.disk_usage(run.path).free / 2**20:,.0f} MiB free now"
    except OSError:
        return ""


def final_state(error: BaseException) -> tuple[str, str]:
    """The last state of status.json and its message."""
    if isinstance(error, TrainingStopped | KeyboardInterrupt):
        return "stopped", str(error) or "interrupted at once"
    if isinstance(error, SystemExit):  # what a console raises where its pipe is closed
        return "stopped", "the program that read its output has ended; resume goes on from the last saved epoch"
    return "failed", str(error) if isinstance(error, ConvNCFError) else f"{type(error).__name__}: {error}"


log = logging.getLogger(__name__)
_STOP_FILE_EVERY: Final = 0.2
_BEAT_WHILE_WAITING: Final = 5.0


class StopRequest:
    """Whether this worker should stop: after Ctrl-C, a signal, or the stop file that `convncf runs stop` writes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.requested = False
        self._checked = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self.requested and now - self._checked >= _STOP_FILE_EVERY:
            self._checked = now
            self.requested = self.run.stop_asked()
        return self.requested

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGINT, SIGTERM and a closed terminal request a stop while the block runs.

        A second SIGINT interrupts at once. Under nohup a closed terminal stops nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self.requested and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.requested = True

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        handlers = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def work(
    run: Run,
    *,
    on_status: Callable[[Status], None] | None = None,
    on_record: Callable[[EpochRecord], None] | None = None,
    on_estimate: Callable[[Estimate], None] | None = None,
) -> dict[str, Any]:
    """Train a run, from its beginning or from where it stopped, and return its report.

    In any case status.json ends in finished, stopped or failed, with a sentence on why. Raises RunBusyError when
    another worker has the run, or had it until just now; TrainingStopped when it was stopped; RunError when the disk is
    full or read-only; and what the training itself raised.
    """
    device = run.config().train.device
    status_before = run.status()
    lock = run.hold()
    stop = StopRequest(run)
    try:
        if status_before.state != "finished" and run.status().state == "finished":
            raise RunBusyError(f"run {run.name!r} was finished by another worker meanwhile.")
        if not status_before.active or status_before.pid is not None:
            run.clear_stop()  # an old stop file; one that was written while this worker was starting counts
        _remove_partial_files(run.path)
        if status_before.state == "lost":
            run.note("lost", status_before.message)
        status = replace(Status(), state="queued", pid=os.getpid(), device=device, updated=time.time())
        heartbeat = Heartbeat(run, status, on_status=on_status)
        queue = DeviceQueue(home, devices.planned_device(device))
        ticket = queue.ticket(run.name, run.created)
        with stop.on_signals(), _log_to(run.path / "log.txt"):
            try:
                with queue.turn(ticket, waiting=_show_waiting(heartbeat, queue.device), stop=stop):
                    return _train(run, heartbeat, stop, on_record, on_estimate)
            except BaseException as error:
                problem = explained(error, run)
                _write_end(heartbeat, problem)
                if problem is error:
                    raise
                raise problem from error
    finally:
        lock.release()


def _remove_partial_files(folder: Path) -> None:
    """Remove what a worker has left that was killed in the middle of a write."""
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

    def resumed(sentence: str) -> None:
        run.note("resumed", sentence)
        heartbeat.set(message=sentence)

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
    message = f"test {monitor} {value:.4f} at epoch {report['best_epoch']}" if value is not None else "no test part"
    log.info("finished: %s", message)
    run.note("finished", message, begin=False)
    heartbeat.set(state="finished", phase="", eta_seconds=0.0, message=message)
    return report


def _show_waiting(heartbeat: Heartbeat, device: str) -> Callable[[int], None]:
    """What the queue calls with the number of runs ahead, to show it in status.json."""
    shown, written = -1, 0.0
    name = "the CPU" if device == "cpu" else f"GPU {device.removeprefix('cuda-')}"

    def waiting(ahead: int) -> None:
        nonlocal shown, written
        now = time.monotonic()
        if ahead != shown or now - written >= _BEAT_WHILE_WAITING:
            shown, written = ahead, now
            heartbeat.set(message=f"waiting for {name}: {ahead} run{'s' if ahead > 1 else ''} before this one")

    return waiting


def _write_end(heartbeat: Heartbeat, error: BaseException) -> None:
    """Write to status.json how it ended, as far as the disk allows."""
    state, message = final_state(error)
    if state == "stopped":
        log.info("%s", message)
    elif isinstance(error, ConvNCFError | MemoryError | OSError):
        log.error("%s", message)
    else:
        log.error("%s", message, exc_info=error)  # a bug: the traceback is needed
    heartbeat.run.note(state, message)
    try:
        heartbeat.last(state=state, message=message, eta_seconds=None)
    except OSError:
        log.error("status.json could not be written either; the run will show as lost, and resume works")


class _RunLog(logging.FileHandler):
    """A log that a full disk cuts short, but that never stops the training or its final status."""

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
