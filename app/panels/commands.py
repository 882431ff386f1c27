"""What buttons do: each does one thing through the core, and returns the sentence to say about it.

All of them may be pressed twice, or in two browsers at once: the second press starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock

from app import state
from app.panels.glance import look_at_all
from convncf import jobs
from convncf.config import Resolved
from convncf.runs import Run


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Between two presses, whoever they are from: a run that is being started is seen as started by the next."""
    folder = state.home()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".press.lock"):
        yield


def start_demo() -> str:
    """Queue the demo runs, unless they exist; those that were interrupted go on."""
    with _one_at_a_time():
        busy = {glance.name for glance in look_at_all(state.store().all()) if not glance.resumable}
        runs = jobs.demo(state.home())
    started = [run.name for run in runs if run.name not in busy]
    return f"Started: {', '.join(started)}." if started else "The demo is there already; nothing was started twice."


def launch(resolved: Resolved, name: str, request_id: str) -> tuple[Run, bool]:
    """Create a run and start its worker; the same request again returns that run, and False."""
    with _one_at_a_time():
        before = state.store().names()
        run = jobs.launch(resolved, name, state.home(), request_id=request_id)
    return run, run.name not in before


def resume(run: Run) -> str:
    """Start a worker that goes on from the last saved epoch, unless one is at work."""
    with _one_at_a_time():
        if run.status().active:
            return f"{run.name} is being worked on already; nothing was started twice."
        if run.status().state == "finished":
            return f"{run.name} is finished already."
        jobs.start_worker(run, state.home())
    return f"{run.name} goes on from its last saved epoch."


def stop(run: Run) -> str:
    """Ask the worker to stop and save."""
    if not jobs.stop(run):
        return f"{run.name} has no worker; there is nothing to stop."
    return f"{run.name} stops within a few seconds. Finished epochs are saved, and Resume goes on from there."


def kill(run: Run) -> str:
    """End the worker at once."""
    if not jobs.kill(run, force=True):
        return f"{run.name} has no worker that could be ended."
    return f"The worker of {run.name} was ended. Epochs that were finished before are saved; Resume goes on from there."


def delete(run: Run) -> str:
    """Remove the run's folder."""
    state.store().delete(run.name)
    return f"{run.name} was deleted."
