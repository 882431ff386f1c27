"""Launching: create a run and start its worker as a detached process that outlives whoever asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from convncf import runtime
from convncf.config import TRAINED, Resolved, RunConfig
from convncf.errors import JobError, RunBusyError
from convncf.jobs.queue import DeviceQueue
from convncf.runs import Run, RunStore, Status

if TYPE_CHECKING:
    from convncf.data.catalogue import Dataset
    from convncf.data.splitting import Split


def prepare(resolved: Resolved, name: str, home: Path, *, request_id: str = "") -> Run:
    """Create the run folder, once everything that can be refused beforehand has been refused."""
    resolved, fingerprint = checked(resolved, home)
    return RunStore(home).create(name, resolved, fingerprint=fingerprint, request_id=request_id)


def checked(resolved: Resolved, home: Path) -> tuple[Resolved, str]:
    """The configuration as a run will hold it, and its data's fingerprint. Raises what would stop its worker."""
    from convncf.data import catalogue
    from convncf.data.splitting import filter_and_split
    from convncf.experiment.memory import refuse_unless_memory_fits

    resolved = located(resolved, home)
    config = resolved.config
    runtime.refuse_absent(config.train.device)
    dataset = catalogue.load(config.data.dataset, home)
    filtered, parts = filter_and_split(dataset, config.data, config.seed)
    _refuse_what_cannot_be_trained(config, parts)
    refuse_unless_memory_fits(config, parts)
    if config.model.pre_model_path:
        _refuse_unfit_pretraining(config, dataset.fingerprint, filtered.dataset, parts, RunStore(home))
    return resolved, dataset.fingerprint


def located(resolved: Resolved, home: Path) -> Resolved:
    """The configuration with model.pre_model_path as the name of a run, or absolute: workers have other folders."""
    model = resolved.config.model
    path = Path(model.pre_model_path).expanduser()
    if not model.pre_model_path or model.pre_model_path in RunStore(home).names() or not path.exists():
        return resolved
    model = model.model_copy(update={"pre_model_path": str(path.resolve())})
    return Resolved(resolved.config.model_copy(update={"model": model}), resolved.sources)


def _refuse_what_cannot_be_trained(config: RunConfig, parts: Split) -> None:
    if config.model.name in TRAINED:
        from convncf.training import triple_sampler

        triple_sampler(parts, config.train, config.seed)  # raises where nothing can be drawn
    elif config.model.name == "ease":
        from convncf.models.ease import refuse_unless_it_fits

        refuse_unless_it_fits(parts.interactions.n_items)


def _refuse_unfit_pretraining(
    config: RunConfig, fingerprint: str, dataset: Dataset, parts: Split, store: RunStore
) -> None:
    """Pretrained embeddings must fit, and be no leak, before work begins: also those that are still being made."""
    from convncf.experiment.loading import pretrained_vectors
    from convncf.experiment.origins import check_origin

    path = config.model.pre_model_path
    source = store.open(path) if path in store.names() else None
    in_the_making = source is not None and (source.report() is None or source.extension())
    if not (source and in_the_making and source.status().active):  # else it stands before this run in the queue
        pretrained_vectors(path, dataset, store, size=config.model.embedding_size)
    check_origin(config, fingerprint, parts, store)


def launch(resolved: Resolved, name: str, home: Path, *, request_id: str = "") -> Run:
    """Create a run and start its worker. The same `request_id` again returns that run and starts nothing."""
    store = RunStore(home)
    store.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(store.folder / ".launch.lock"):  # one page may ask twice in the same moment
        known = [run for run in store.all() if request_id and run.request_id == request_id]
        if known:
            return known[0]
        run = prepare(resolved, name, home, request_id=request_id)
        start_worker(run, home)
        return run


def start_worker(run: Run, home: Path) -> None:
    """Start the detached worker of a run that is new, or was interrupted.

    Raises RunBusyError when it has one, or one was started a moment ago.
    """
    device = run.config().train.device
    with FileLock(run.path / ".starting.lock"):  # two who press Resume in the same moment start one
        if run.locked():
            raise RunBusyError(f"run {run.name!r} has a worker already.")
        if run.status().awaited:
            raise RunBusyError(f"a worker of run {run.name!r} was started already, and is about to begin.")
        run.clear_stop()
        words = "waiting for its worker to start"
        run.write_status(Status(updated=time.time(), device=device, launched=True, message=words))
        DeviceQueue(home, runtime.planned_device(device)).ticket(run.name, run.created)
        _start(run, home)


def extend(run: Run, home: Path, epochs: int) -> None:
    """Let a run train on to so many epochs in all, in a worker of its own. Raises as `experiment.extend` does."""
    from convncf.experiment import extend

    extend(run, home, epochs)
    start_worker(run, home)


def _start(run: Run, home: Path) -> None:
    # the worker runs this very code, also from a clone that is not installed, and from a folder of its own
    code = os.pathsep.join(filter(None, (str(Path(runtime.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"CONVNCF_HOME": str(home.resolve()), "PYTHONUNBUFFERED": "1", "PYTHONPATH": code}
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
        words = f"the worker of run {run.name!r} could not be started: {error}."
        run.write_status(Status(state="failed", updated=time.time(), message=words), in_place=True)
        raise JobError(words) from None
    # The worker is on its own from here: what is known of it comes from its lock and its status, never from a handle.
    worker.returncode = 0
    threading.Thread(target=_reap, args=(worker.pid,), name=f"end of {run.name}", daemon=True).start()


def _reap(pid: int) -> None:
    """Wait for a worker, so that one that has ended does not stay in the list of processes while its starter lives."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


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
