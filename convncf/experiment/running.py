"""Experiment: the one place where data, split, model, training, evaluation and run folder are wired together.

    dataset -> Split -> phases (pretraining, training) -> report
Each step is written to the run as it ends, so the same function starts a run and resumes it.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pandas as pd

from convncf import runtime
from convncf.config import TRAINED
from convncf.data.catalogue import Dataset
from convncf.errors import ConfigError, RunError
from convncf.experiment.loading import data_of, load_run
from convncf.experiment.phases import Attempt, OnProgress, OnRecord, Stop
from convncf.experiment.reporting import describe
from convncf.judgement import judge, sets_for, sets_frame
from convncf.runs import Run, Status
from convncf.runs.extending import ask_for_epochs

log = logging.getLogger(__name__)


def run_experiment(
    run: Run,
    home: Path,
    *,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Train, evaluate and write the report of a run, from its beginning or from where it was interrupted.

    Raises TrainingStopped when `stop` answers True; what was saved before stays, and calling again goes on.
    """
    started, began = time.perf_counter(), time.time()
    config = run.config()
    dataset, parts = data_of(run, home)
    device = runtime.resolve_device(config.train.device)
    log.info("device: %s", device.words)
    precision, why = runtime.resolve_precision(config.train.precision, device.spec)
    log.info("precision: %s%s", precision, f", because {why}" if why else "")
    run.write_environment(runtime.environment(device) | {"precision": precision})
    log.info("split: %s", parts.method)
    for note in parts.notes:
        log.info("split: %s", note)
    _write_vocabulary(run, dataset)

    sets = sets_for(dataset, parts, config.eval, config.seed)
    for part, of_part in sets.items():
        log.info("candidate sets of %s: %s", part, of_part.origin)
    if sets:
        run.write_frame("candidates", sets_frame(sets))

    attempt = Attempt(run, config, dataset, parts, device.spec, precision, sets, progress, on_record, stop)
    best_epoch, epochs = attempt.train()
    loaded = load_run(run, home, dataset=dataset, parts=parts, device=device.spec)
    baselines = {name: model for name, model in attempt.baselines().items() if name != config.model.name}
    judgement = judge(
        loaded.model, baselines, parts, config.eval, seed=config.seed, sets=sets, progress=progress, stop=stop
    )
    run.write_frame("per_user", judgement.per_user(dataset.interactions.users))
    report = describe(loaded, judgement) | {
        "best_epoch": best_epoch,
        "epochs": epochs,
        "seconds": round(time.perf_counter() - started + attempt.seconds_begun + _seconds_before(run, began), 3),
    }
    run.write_report(report)
    return report


def _seconds_before(run: Run, began: float) -> float:
    """Seconds of epochs that earlier, interrupted attempts spent, so that a resumed run counts its whole work.

    `began` is when this attempt did, in seconds since 1970.
    """
    rows = [row for row in run.metrics() if pd.Timestamp(row["time"]).timestamp() < began]
    return float(sum(row["seconds"] + row["validation_seconds"] for row in rows))


def extend(run: Run, epochs: int) -> None:
    """Let a run train on, to so many epochs in all; `convncf resume` does the work.

    Its records, checkpoints and state stay, and training goes on from them bit for bit as if the run had been made
    with so many epochs. config.json says from how many it was extended; the report goes, and is made anew at the end.

    Raises RunError or ConfigError, with nothing changed, where it would not be the same run: where epochs have shaped
    what is trained already, or more of them would change nothing. RunBusyError while a worker has it.
    """
    with run.hold(timeout=0.5):
        config, name = run.config(), run.name
        train, before = config.train, config.train.epochs
        if config.model.name not in TRAINED:
            raise RunError(f"run {name!r} is {config.model.name}, which is computed: it has no epochs to add.")
        if epochs <= before:
            raise ConfigError(
                f"run {name!r} has train.epochs {before}, and {epochs} is not more. Give a larger number."
            )
        if train.schedule != "constant":
            raise ConfigError(
                f"run {name!r} has train.schedule {train.schedule}, which spreads the learning rates over its {before} "
                f"epochs: with {epochs} the first ones would have been other ones. Train a new run of {epochs} epochs."
            )
        saved = run.load_state("training")
        facts = saved[1] if saved else {"epoch": -1, "validations_since_best": 0}
        if 0 < train.patience <= facts["validations_since_best"]:
            raise RunError(
                f"run {name!r} ended early, after epoch {facts['epoch']}, by train.patience {train.patience}: more "
                "epochs would change nothing. Train a new run with more patience."
            )
        if facts["epoch"] == before and before % train.validate_every:
            raise ConfigError(
                f"run {name!r} was validated after epoch {before} only because that was its last "
                f"(train.validate_every {train.validate_every}): with {epochs} epochs it would not have been. "
                f"Train a new run of {epochs} epochs."
            )
        words = f"extended from {before} to {epochs} epochs; resume trains on"
        # in this order, so that whatever is killed in between, extending again or resuming ends well
        run.write_status(Status(state="stopped", updated=time.time(), device=train.device, message=words))
        ask_for_epochs(run, epochs)
        log.info("run %s: %s", name, words)


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
