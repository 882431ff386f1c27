"""Launching: create runs and start their workers as detached processes; several seeds, and refitting on everything.

What a run reports is of a model that never saw its validation and test parts. To recommend with, those parts are worth
learning from as well; what the refitted model reaches can then no longer be measured.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from convncf.errors import ConfigError, JobError, RunBusyError, RunError
from convncf.jobs.queue import DeviceQueue
from convncf.models.record import Sizes
from convncf.models.registry import record
from convncf.models.run_config import RunConfig
from convncf.models.settings import Resolved
from convncf.runs import Run, RunStore, Status, load_tensors
from convncf.runtime import devices, files

if TYPE_CHECKING:
    from convncf.data.dataset import Dataset
    from convncf.data.split import Split


def prepare(resolved: Resolved, name: str, home: Path, *, request_id: str = "") -> Run:
    """Create the run folder, once everything that can be refused beforehand has been refused."""
    resolved, fingerprint = checked(resolved, home)
    return RunStore(home).create(name, resolved, fingerprint=fingerprint, request_id=request_id)


def checked(resolved: Resolved, home: Path) -> tuple[Resolved, str]:
    """The configuration as a run will hold it, and its data's fingerprint. Raises what would stop its worker."""
    from convncf.data import catalogue
    from convncf.data.splitting import filter_and_split

    resolved = located(resolved, home)
    config = resolved.config
    devices.refuse_absent(config.train.device)
    dataset = catalogue.load(config.data.dataset, home)
    filtered, parts = filter_and_split(dataset, config.data, config.seed)
    refuse_beforehand(config, dataset.fingerprint, filtered.dataset, parts, home)
    return resolved, dataset.fingerprint


def refuse_beforehand(config: RunConfig, fingerprint: str, dataset: Dataset, parts: Split, home: Path) -> None:
    """Raise what would stop a training of these settings on a split that is at hand, before it begins.

    `fingerprint` is that of the data before its filters, `dataset` what they left.
    """
    from convncf.workflow.memory import refuse_unless_memory_fits

    devices.refuse_absent(config.train.device)
    _refuse_what_cannot_be_trained(config, parts)
    refuse_unless_memory_fits(config, parts)
    if config.model.pretrained_from:
        _refuse_unfit_pretraining(config, fingerprint, dataset, parts, RunStore(home))


def located(resolved: Resolved, home: Path) -> Resolved:
    """The configuration with model.pre_model_path as the name of a run, or absolute: workers have other folders."""
    model = resolved.config.model
    given = model.pretrained_from
    path = Path(given).expanduser()
    if not given or given in RunStore(home).names() or not path.exists():
        return resolved
    model = model.model_copy(update={"pre_model_path": str(path.resolve())})
    return Resolved(resolved.config.model_copy(update={"model": model}), resolved.sources)


def _refuse_what_cannot_be_trained(config: RunConfig, parts: Split) -> None:
    own = record(config.model.name)
    if own.trained:
        from convncf.training import triple_sampler

        triple_sampler(parts, config.train, config.seed)  # raises where nothing can be drawn
    own.refuse(config.model, Sizes(parts.interactions.n_users, parts.interactions.n_items))


def _refuse_unfit_pretraining(
    config: RunConfig, fingerprint: str, dataset: Dataset, parts: Split, store: RunStore
) -> None:
    """Pretrained embeddings must fit, and be no leak, before work begins: also those that are still being made."""
    from convncf.workflow.leakage import check_origin
    from convncf.workflow.loading import pretrained_vectors

    path = config.model.pretrained_from
    source = store.open(path) if path in store.names() else None
    in_the_making = source is not None and (source.report() is None or source.extension())
    if not (source and in_the_making and source.status().active):  # else it stands before this run in the queue
        pretrained_vectors(path, dataset, store, size=config.model["embedding_size"])
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
        start_worker(run)
        return run


def start_worker(run: Run) -> None:
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
        DeviceQueue(home, devices.planned_device(device)).ticket(run.name, run.created)
        _start(run)


def extend(run: Run, epochs: int) -> None:
    """Let a run train on to so many epochs in all, in a worker of its own. Raises as `experiment.extend` does."""
    from convncf.workflow.running import extend

    extend(run, epochs)
    start_worker(run)


def _start(run: Run) -> None:
    # the worker runs this very code, also from a clone that is not installed, and from a folder of its own
    code = os.pathsep.join(filter(None, (str(files.PACKAGE.parent), os.environ.get("PYTHONPATH"))))
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


def refit(run: Run, name: str) -> Run:
    """Create the run that trains on all of `run`'s data; its worker is the caller's to start.

    Raises RunError where the run has not finished, ConfigError where its epochs cannot be fixed beforehand.
    """
    report = run.report()
    if report is None or run.status().state != "finished":
        raise RunError(f"run {run.name!r} is not finished ({run.status().state}), so no epoch is chosen yet.")
    resolved = refitted(run, int(report["best_epoch"]))
    return prepare(resolved, name, home)


def refitted(run: Run, epochs: int) -> Resolved:
    """The run's configuration with all data for training and the epochs that it chose."""
    config, sources = run.config(), run.sources()
    changes: dict[str, Any] = {"data": {"split": "ratio", "order": "auto", "across": "user", "ratios": (1.0, 0.0, 0.0)}}
    if record(config.model.name).trained:
        if config.train.schedule != "constant":
            raise ConfigError(
                f"run {run.name!r} has train.schedule {config.train.schedule}, which spreads the learning rates over "
                f"its {config.train.epochs} epochs: {epochs} would be other ones. Refit a run with a constant one."
            )
        changes["train"] = {"epochs": epochs}
    if config.pretrain.epochs and run.pretrained_path.exists():
        changes["pretrain"] = {"epochs": max(1, int(load_tensors(run.pretrained_path)[1]["epoch"]))}
    for section, values in changes.items():
        part = getattr(config, section).model_copy(update=values)
        config = config.model_copy(update={section: part})
        sources |= {f"{section}.{key}": f"refit of {run.name}" for key in values}
    return Resolved(config, sources)


_MOST: Final = 1_000
_SEEDS: Final = re.compile(r"([0-9]{1,10})(?:\s*-\s*([0-9]{1,10}))?")


def parse_seeds(text: str, option: str = "--seeds") -> tuple[int, ...]:
    """'1,2,3' or '1-3' -> (1, 2, 3). Raises ConfigError where it is neither, a seed occurs twice, or there are many.

    `option` is what the error calls the place where they were written.
    """
    found: list[int] = []
    for part in map(str.strip, text.split(",")):
        matched = _SEEDS.fullmatch(part)
        if matched is None:
            problem = f"{part!r} is no seed, a whole number from 0" if part else "there is an empty place in it"
            raise _no_seeds(text, problem, option)
        first, last = int(matched[1]), int(matched[2] or matched[1])
        if last < first:
            raise _no_seeds(text, f"{part} runs backwards", option)
        if len(found) + last - first >= _MOST:
            raise _no_seeds(text, f"these are more than {_MOST:,} seeds, a run each", option)
        found += range(first, last + 1)
    twice = next((seed for seed in found if found.count(seed) > 1), None)
    if twice is not None:
        raise _no_seeds(text, f"seed {twice} occurs twice", option)
    return tuple(found)


def _no_seeds(text: str, problem: str, option: str) -> ConfigError:
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return ConfigError(f"{option} {shown!r}: {problem}. Write different whole numbers: 1,2,3 or 1-3.")


def runs_of_seeds(wanted: Mapping[str, Resolved], home: Path) -> list[Run]:
    """The run of each name, new or as it is there, once everything that can be refused of any has been refused."""
    from convncf.workflow.running import refuse_unresumable

    store = RunStore(home)
    there = {name: store.open(name) for name in store.names() if name in wanted}
    new: dict[str, tuple[Resolved, str]] = {}
    for name, settings in wanted.items():
        if name not in there:
            store.refuse_name(name)
            new[name] = checked(settings, home)
            continue
        if there[name].config() != located(settings, home).config:
            raise RunError(f"run {name!r} exists already, with other settings. Choose another --name.")
        if there[name].status().state != "finished":
            refuse_unresumable(there[name])
    prints = {run.fingerprint: name for name, run in there.items()} | {data: name for name, (_, data) in new.items()}
    if len(prints) > 1:
        one, other = list(prints.values())[:2]
        raise RunError(
            f"runs {one!r} and {other!r} would be of different data: the dataset has changed in between. Bring the old "
            "data back under its name, or choose another --name."
        )
    for name, (settings, fingerprint) in new.items():
        there[name] = store.create(name, settings, fingerprint=fingerprint)
    return [there[name] for name in wanted]


def launch_seeds(wanted: Mapping[str, Resolved], home: Path) -> tuple[list[Run], list[Run]]:
    """Queue a run for each name, in order: (all of them, those whose worker was started now).

    A run that is there already with the same settings is taken as it is, or goes on where it was interrupted. All are
    checked before the first is made; the errors are those of `runs_of_seeds`.
    """
    store = RunStore(home)
    store.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(store.folder / ".launch.lock"):
        runs = runs_of_seeds(wanted, home)
        idle = [
            run for run in runs if run.status().state != "finished" and not run.locked() and not run.status().awaited
        ]
        for run in idle:
            start_worker(run)
    return runs, idle
