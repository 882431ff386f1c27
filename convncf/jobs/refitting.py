"""Refitting: train anew on everything, for as many epochs as a finished run's validation chose.

What a run reports is of a model that never saw its validation and test parts. To recommend with, those parts are worth
learning from as well; what the refitted model reaches can then no longer be measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convncf.config import TRAINED, Resolved
from convncf.errors import ConfigError, RunError
from convncf.jobs.launching import prepare
from convncf.runs import Run, load_tensors


def refit(run: Run, name: str, home: Path) -> Run:
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
    if config.model.name in TRAINED:
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
