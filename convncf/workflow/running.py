"""Experiment: the one place where data, split, model, training, evaluation and run folder are wired together.

dataset -> Split -> phases (pretraining, training) -> report
Each step is written to the run as it ends, so the same function starts a run and resumes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from convncf.data.dataset import Dataset
from convncf.errors import CheckpointError, ConfigError, RunError, TrainingStopped
from convncf.evaluation.baselines import evaluate_with_baselines, sets_for, sets_frame
from convncf.models.registry import record
from convncf.models.run_config import RunConfig
from convncf.runs import Run
from convncf.runtime import devices, environment
from convncf.workflow.estimate import Estimate, measure
from convncf.workflow.loading import data_of, load_run
from convncf.workflow.phases import Attempt, OnProgress, OnRecord, OnResume, Stop
from convncf.workflow.reporting import describe

log = logging.getLogger(__name__)


def run_experiment(
    run: Run,
    *,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    stop: Stop | None = None,
    on_resume: OnResume | None = None,
    on_estimate: Callable[[Estimate], None] | None = None,
) -> dict[str, Any]:
    """Train, evaluate and write the report of a run, from its beginning or from where it was interrupted.

    `on_resume` is told, in words, what an interrupted one goes on from; `on_estimate` what a new one will take, which
    is measured only where it is asked for. An evaluation that was interrupted begins
    anew: it is short beside the training. Raises TrainingStopped when `stop` answers True; what was saved before
    stays, and calling again goes on.
    """
    started, began = time.perf_counter(), time.time()
    config = run.config()
    _stop_while_loading(stop)  # importing what this module needs took seconds
    dataset, parts = data_of(run)
    _stop_while_loading(stop)
    device = devices.resolve_device(config.train.device)
    log.info("device: %s", device.words)
    precision, why = devices.resolve_precision(config.train.precision, device.spec)
    log.info("precision: %s%s", precision, f", because {why}" if why else "")
    run.write_environment(environment.stamp(device) | {"precision": precision})
    log.info("split: %s", parts.method)
    for note in parts.notes:
        log.info("split: %s", note)
    _write_vocabulary(run, dataset)

    sets = sets_for(dataset, parts, config.eval, config.seed)
    for part, of_part in sets.items():
        log.info("candidate sets of %s: %s", part, of_part.origin)
    if sets:
        run.write_frame("candidates", sets_frame(sets))

    if on_estimate is not None and not run.metrics() and not run.model_path.exists():
        on_estimate(measure(config, parts, device.spec, precision, sets))
    attempt = Attempt(
        run, home, config, dataset, parts, device.spec, precision, sets, progress, on_record, stop, on_resume
    )
    best_epoch, epochs = attempt.train()
    loaded = load_run(run, dataset=dataset, parts=parts, device=device.spec)
    baselines = {name: model for name, model in attempt.baselines().items() if name != config.model.name}
    try:
        evaluation = evaluate_with_baselines(
            loaded.model, baselines, parts, config.eval, seed=config.seed, sets=sets, progress=progress, stop=stop
        )
    except TrainingStopped as error:
        raise TrainingStopped(f"{error} Training is done: resume evaluates, from the first user again.") from None
    users, items = dataset.interactions.users, dataset.interactions.items
    run.write_frame("per_user", evaluation.per_user(users))
    run.write_frame("ranks", evaluation.ranks(users, items))
    report = describe(loaded, evaluation)
    report |= {
        "best_epoch": best_epoch,
        "epochs": epochs,
        "extended_from": run.extended_from(),
        "seconds": round(time.perf_counter() - started + attempt.seconds_begun + _seconds_before(run, began), 3),
    }
    run.write_report(report)
    return report


def _stop_while_loading(stop: Stop | None) -> None:
    """Raises TrainingStopped when `stop` answers True: before training there is nothing to save."""
    if stop is not None and stop():
        raise TrainingStopped("stopped while data and model were loading; what was saved before stays.")


def _seconds_before(run: Run, began: float) -> float:
    """Seconds of epochs that earlier, interrupted attempts spent, so that a resumed run counts its whole work.

    `began` is when this attempt did, in seconds since 1970.
    """
    rows = [row for row in run.metrics() if pd.Timestamp(row["time"]).timestamp() < began]
    return float(sum(row["seconds"] + row["validation_seconds"] for row in rows))


def refuse_unresumable(run: Run) -> None:
    """Raise what going on with a run would raise before any work: DataError, RunBrokenError or DeviceError."""
    devices.refuse_absent(run.config().train.device)
    data_of(run)


def extend(run: Run, epochs: int) -> None:
    """Let a run train on, to so many epochs in all; `convncf resume` does the work.

    Its records, checkpoints and state stay, and training goes on from them bit for bit as if the run had been made
    with so many epochs. config.json says from how many it was extended. Its report stays, too, until the new one is
    there, however the work ends; meanwhile `run.extension()` says that it is of fewer epochs.

    Raises RunError, ConfigError or CheckpointError, with nothing changed, where it would not be the same run: where
    epochs have shaped what is trained already, more of them would change nothing, or what to go on from is gone. And
    DataError or DeviceError where data or device are not there; RunBusyError while a worker has it.
    """
    with run.hold(timeout=0.5):
        config = run.config()
        _refuse_what_would_be_another_run(run.name, config, epochs)
        _refuse_without_state(run, config, epochs)
        refuse_unresumable(run)
        run.extend(epochs)
        words = f"from {config.train.epochs} to {epochs} epochs"
        run.note("extended", words)
        log.info("run %s: extended %s", run.name, words)


def _refuse_what_would_be_another_run(name: str, config: RunConfig, epochs: int) -> None:
    """Of what the settings alone decide."""
    train, before = config.train, config.train.epochs
    if not record(config.model.name).trained:
        raise RunError(f"run {name!r} is {config.model.name}, which is computed: it has no epochs to add.")
    if epochs <= before:
        raise ConfigError(f"run {name!r} has train.epochs {before}, and {epochs} is not more. Give a larger number.")
    if train.schedule != "constant":
        raise ConfigError(
            f"run {name!r} has train.schedule {train.schedule}, which spreads the learning rates over its {before} "
            f"epochs: with {epochs} the first ones would have been other ones. Train a new run of {epochs} epochs."
        )


def _refuse_without_state(run: Run, config: RunConfig, epochs: int) -> None:
    """Of how far it has come, and what is left of that."""
    train, before, name = config.train, config.train.epochs, run.name
    saved = run.load_state("training")
    if saved is None:
        if any(row["phase"] == "training" for row in run.metrics()):
            raise CheckpointError(
                f"run {name!r} has no saved state any more (checkpoints/training-state.safetensors), so its training "
                f"would begin anew. Restore that file, or train a new run of {epochs} epochs."
            )
        return
    metadata = saved[1]
    if 0 < train.patience <= metadata["validations_since_best"]:
        raise RunError(
            f"run {name!r} ended early, after epoch {metadata['epoch']}, by train.patience {train.patience}: more "
            "epochs would change nothing. Train a new run with more patience."
        )
    if metadata["epoch"] == before and before % train.validate_every:
        raise ConfigError(
            f"run {name!r} was validated after epoch {before} only because that was its last "
            f"(train.validate_every {train.validate_every}): with {epochs} epochs it would not have been. "
            f"Train a new run of {epochs} epochs."
        )
    if not run.model_path.exists():
        raise CheckpointError(f"{run.model_path}: is missing. Restore it, or train a new run of {epochs} epochs.")


def _write_vocabulary(run: Run, dataset: Dataset) -> None:
    users, items = dataset.interactions.users, dataset.interactions.items
    run.write_frame(
        "vocabulary",
        pd.DataFrame(
            {
                "kind": ["user"] * len(users) + ["item"] * len(items),
                "index": [*range(len(users)), *range(len(items))],
                "id": [*users.ids, *items.ids],
            }
        ),
    )
