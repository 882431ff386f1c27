"""Launching: create a run and start its worker as a detached process that outlives whoever asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from convncf import runtime
from convncf.config import Resolved
from convncf.errors import JobError, RunBusyError
from convncf.jobs.queue import DeviceQueue
from convncf.runs import Run, RunStore, Status


def prepare(resolved: Resolved, name: str, home: Path, *, request_id: str = "") -> Run:
    """Create the run folder, once everything that can be refused beforehand has been refused."""
    from convncf.data import catalogue
    from convncf.data.splitting import split

    config = resolved.config
    dataset = catalogue.load(config.data.dataset, home)
    split(dataset.interactions, config.data, config.seed)
    if config.train.device.startswith("cuda") and not runtime.gpus():
        runtime.resolve_device(config.train.device)  # raises, with the reason; no CUDA context is made here
    return RunStore(home).create(name, resolved, fingerprint=dataset.fingerprint, request_id=request_id)


def launch(resolved: Resolved, name: str, home: Path, *, request_id: str = "") -> Run:
    """Create a run and start its worker. The same `request_id` again returns that run and starts nothing."""
    known = _known(home, request_id)
    if known is not None:
        return known
    run = prepare(resolved, name, home, request_id=request_id)
    start_worker(run, home)
    return run


def _known(home: Path, request_id: str) -> Run | None:
    if not request_id:
        return None
    return next((run for run in RunStore(home).all() if run.request_id == request_id), None)


def start_worker(run: Run, home: Path) -> None:
    """Start the detached worker of a run that is new, or was interrupted. Raises RunBusyError when it has one."""
    if run.locked():
        raise RunBusyError(f"run {run.name!r} has a worker already.")
    device = run.config().train.device
    run.clear_stop()
    run.write_status(Status(updated=time.time(), device=device, message="waiting for its worker to start"))
    DeviceQueue(home, runtime.planned_device(device)).ticket(run.name, run.created)
    environment = os.environ | {"CONVNCF_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "convncf", "work", run.name]
    try:
        with (run.path / "log.txt").open("ab") as log:
            worker = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
                cwd=run.path,
            )
    except OSError as error:
        raise JobError(f"the worker of run {run.name!r} could not be started: {error}.") from None
    # The worker is on its own from here: what is known of it comes from its lock and its status, never from a handle.
    worker.returncode = 0


def stop(run: Run) -> bool:
    """Ask the worker to stop and save, between two steps; False where none is at work."""
    if not run.status().active:
        return False
    run.ask_to_stop()
    return True


def kill(run: Run, *, force: bool = False) -> bool:
    """End the worker by SIGTERM, which still saves, or by SIGKILL with `force`. False where none is at work."""
    pid = run.status().pid
    if pid is None or not run.locked():
        return False
    try:
        os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)
    except ProcessLookupError:
        return False
    except PermissionError:
        raise JobError(f"the worker of run {run.name!r} (process {pid}) belongs to another user.") from None
    return True
