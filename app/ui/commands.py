"""Commands behind buttons: each does one thing through the core, and returns the sentence to report.

Any of them may be pressed twice, or in two browsers at once: the second press starts nothing. On a read-only server
each refuses: a button that is missing on the page must not be reachable by another way either.
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

READ_ONLY: Final = "This server is read-only (CONVNCF_READ_ONLY): nothing is launched, changed or deleted from here."
"""What every command answers there, and what a page shows in the place of its buttons."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


def refused_where_read_only(command: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a command: on a read-only server it raises JobError."""

    @wraps(command)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        if address.read_only():
            raise JobError(READ_ONLY)
        return command(*args, **kwargs)

    return guarded


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """One press at a time, from any visitor: the next press sees a run that is being started as started.

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
        message = f"The disk of {folder} is full: {free:,.1f} MiB are free now. Free some space, then press again."
        raise JobError(message) from None


@refused_where_read_only
def start_demo() -> str:
    """Queue the demo runs, unless they exist; interrupted ones are resumed."""
    with _one_at_a_time():
        busy = {summary.name for summary in summaries(address.store().all()) if not summary.resumable}
        runs = jobs.demo(address.home())
    started = [run.name for run in runs if run.name not in busy]
    return f"Started: {', '.join(started)}." if started else "The demo exists already; nothing was started twice."


@refused_where_read_only
def launch(resolved: Resolved, name: str, request_id: str) -> tuple[Run, bool]:
    """Create a run and start its worker; the same request again returns that run, and False."""
    with _one_at_a_time():
        before = address.store().names()
        run = jobs.launch(resolved, name, address.home(), request_id=request_id)
    return run, run.name not in before


@refused_where_read_only
def resume(run: Run) -> str:
    """Start a worker that resumes from the last saved epoch, unless one is running."""
    with _one_at_a_time():
        if run.status().active:
            return f"{run.name} is in training already; nothing was started twice."
        if run.status().state == "finished":
            return f"{run.name} is finished already."
        jobs.start_worker(run)
    return f"{run.name} resumes from its last saved epoch."


@refused_where_read_only
def launch_seeds(by_name: Mapping[str, Resolved]) -> tuple[list[Run], list[Run]]:
    """Queue a run for each name: (all of them, those that were started now); a second press starts none."""
    with _one_at_a_time():
        return jobs.launch_seeds(by_name, address.home())


@refused_where_read_only
def extend(run: Run, epochs: int) -> str:
    """Let a run continue to train, up to `epochs` in total."""
    with _one_at_a_time():
        if run.status().active:
            return f"{run.name} is in training already; nothing was started twice."
        jobs.extend(run, epochs)
    return f"{run.name} continues to train, to at most {epochs:,} epochs."


@refused_where_read_only
def refit(run: Run) -> str:
    """Train a new run, RUN-all, on all interactions; once for each run."""
    name = f"{run.name}-all"
    with _one_at_a_time():
        if name in address.store().names():
            return f"{name} exists already; nothing was started twice."
        jobs.start_worker(jobs.refit(run, name))
    address.choose(run=name)
    return f"Started {name}: the same model, trained on all interactions."


@refused_where_read_only
def stop(run: Run) -> str:
    """Ask the worker to stop and save."""
    if not jobs.stop(run):
        return f"{run.name} has no worker; there is nothing to stop."
    return f"{run.name} stops within a few seconds. Finished epochs are saved, and Resume continues from there."


@refused_where_read_only
def kill(run: Run) -> str:
    """Kill the worker at once."""
    if not jobs.kill(run, force=True):
        return f"{run.name} has no worker that could be killed."
    return f"The worker of {run.name} was killed. Finished epochs are saved; Resume continues from there."


@refused_where_read_only
def delete(run: Run) -> str:
    """Remove the run's folder."""
    address.store().delete(run.name)
    return f"{run.name} was deleted."
