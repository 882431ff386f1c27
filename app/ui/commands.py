"""What buttons do: each does one thing through the core, and returns the sentence to say about it.

All of them may be pressed twice, or in two browsers at once: the second press starts nothing. On a server that only
shows, each refuses: a button that is missing on the page must not be pressed by another way either.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from filelock import FileLock

from app.ui import address
from app.ui.run_summary import summaries
from convncf import jobs
from convncf.errors import JobError
from convncf.models.settings import Resolved
from convncf.runs import Run

ONLY_SHOWS: Final = "This server only shows (CONVNCF_READ_ONLY): nothing is launched, changed or deleted from here."
"""What every command answers there, and what stands on a page in the place of its buttons."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


def refused_where_read_only(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """What a button does, but for a server that only shows, where it raises JobError."""

    @wraps(command)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        if address.read_only():
            raise JobError(ONLY_SHOWS)
        return command(*args, **kwargs)

    return guarded


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Between two presses, whoever they are from: a run that is being started is seen as started by the next.

    Raises JobError where the disk is full.
    """
    folder = address.home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".press.lock"):
            yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(folder).free / 2**20
        words = f"The disk of {folder} is full: {free:,.1f} MiB are free now. Free some space, then press again."
        raise JobError(words) from None


@refused_where_read_only
def start_demo() -> str:
    """Queue the demo runs, unless they exist; those that were interrupted go on."""
    with _one_at_a_time():
        busy = {summary.name for summary in summaries(address.store().all()) if not summary.resumable}
        runs = jobs.demo(address.home())
    started = [run.name for run in runs if run.name not in busy]
    return f"Started: {', '.join(started)}." if started else "The demo is there already; nothing was started twice."


@refused_where_read_only
def launch(resolved: Resolved, name: str, request_id: str) -> tuple[Run, bool]:
    """Create a run and start its worker; the same request again returns that run, and False."""
    with _one_at_a_time():
        before = address.store().names()
        run = jobs.launch(resolved, name, address.home(), request_id=request_id)
    return run, run.name not in before


@refused_where_read_only
def resume(run: Run) -> str:
    """Start a worker that goes on from the last saved epoch, unless one is at work."""
    with _one_at_a_time():
        if run.status().active:
            return f"{run.name} is being worked on already; nothing was started twice."
        if run.status().state == "finished":
            return f"{run.name} is finished already."
        jobs.start_worker(run)
    return f"{run.name} goes on from its last saved epoch."


@refused_where_read_only
def launch_seeds(wanted: Mapping[str, Resolved]) -> tuple[list[Run], list[Run]]:
    """Queue a run for each name: (all of them, those that were started now); a second press starts none."""
    with _one_at_a_time():
        return jobs.launch_seeds(wanted, address.home())


@refused_where_read_only
def extend(run: Run, epochs: int) -> str:
    """Let a run train on, to so many epochs in all."""
    with _one_at_a_time():
        if run.status().active:
            return f"{run.name} is being worked on already; nothing was started twice."
        jobs.extend(run, epochs)
    return f"{run.name} trains on, to at most {epochs:,} epochs."


@refused_where_read_only
def refit(run: Run) -> str:
    """Train a new run, RUN-all, on everything; once for each run."""
    name = f"{run.name}-all"
    with _one_at_a_time():
        if name in address.store().names():
            return f"{name} is there already; nothing was started twice."
        jobs.start_worker(jobs.refit(run, name))
    address.choose(run=name)
    return f"Started {name}: the same model, trained on everything."


@refused_where_read_only
def stop(run: Run) -> str:
    """Ask the worker to stop and save."""
    if not jobs.stop(run):
        return f"{run.name} has no worker; there is nothing to stop."
    return f"{run.name} stops within a few seconds. Finished epochs are saved, and Resume goes on from there."


@refused_where_read_only
def kill(run: Run) -> str:
    """End the worker at once."""
    if not jobs.kill(run, force=True):
        return f"{run.name} has no worker that could be ended."
    return f"The worker of {run.name} was ended. Epochs that were finished before are saved; Resume goes on from there."


@refused_where_read_only
def delete(run: Run) -> str:
    """Remove the run's folder."""
    address.store().delete(run.name)
    return f"{run.name} was deleted."
