"""Run a study: each trial and seed is a run in the home, so whatever is interrupted goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.quality.results import Results
from benchmarks.quality.study import Study, Trial
from convncf import jobs
from convncf.config import flatten, resolve
from convncf.data import catalogue
from convncf.errors import ConvNCFError, DatasetNotFoundError, TrainingStopped
from convncf.runs import Run, RunStore

FILES: Final = {
    "ml-100k": "ml-100k/ml-100k.inter",
    "ml-1m": "ml-1m/ml-1m.train.rating",
    "gowalla": "gowalla/train.txt",
    "movietweetings": "movietweetings/ratings.dat",
}
"""Dataset -> its file under the data folder, as published; what belongs to it lies beside it."""


def need_dataset(name: str, home: Path, data: Path | None) -> None:
    """Import the dataset unless it is there. Raises DatasetNotFoundError where it is not, and there is no folder."""
    if name in catalogue.names(home):
        return
    if data is None or name not in FILES:
        raise DatasetNotFoundError(
            f"dataset {name!r} is not in {home}. Give the folder that holds {FILES.get(name, name)} with --data."
        )
    catalogue.add([data / FILES[name]], name, home)


def run_study(study: Study, home: Path, results: Results, say: Callable[[str], None]) -> None:
    """Run what is not in the results yet. A trial that fails is said and left out; TrainingStopped ends the study."""
    for trial in study.trials:
        for seed in study.seeds_of(trial):
            departures = _departures(study, trial, seed)
            if results.has(study.name, trial.name, seed, departures):
                continue
            started = time.perf_counter()
            try:
                report = _finished(study, trial, seed, home)
            except TrainingStopped:
                raise
            except ConvNCFError as error:
                say(f"{study.name} {trial.name} seed {seed} failed: {error}")
                continue
            results.add(study, trial, seed, departures, report)
            figures = ", ".join(
                f"{part} {study.metric} {values[study.metric]:.4f}"
                for part, values in (("validation", report["validation"]), ("test", report["metrics"]))
                if study.metric in values
            )
            took = time.perf_counter() - started
            say(f"{study.name} {trial.name} seed {seed}: {figures}, epoch {report['best_epoch']} ({took:.0f} s)")


def _finished(study: Study, trial: Trial, seed: int, home: Path) -> dict[str, Any]:
    """The report of the run, trained now, gone on with, or found."""
    store, name = RunStore(home), study.run_name(trial, seed)
    resolved = study.resolved(trial, seed)
    run: Run | None = store.open(name) if name in store.names() else None
    if run is not None and run.config() != resolved.config:
        store.delete(name)  # of an earlier definition of this trial
        run = None
    run = run or jobs.prepare(resolved, name, home)
    if run.status().state == "finished" and (report := run.report()) is not None:
        return report
    return jobs.work(run, home)


def _departures(study: Study, trial: Trial, seed: int) -> dict[str, Any]:
    """Settings of a run that depart from its preset: what a reader needs to repeat it."""
    mine = flatten(study.resolved(trial, seed).config)
    plain = flatten(resolve(model=trial.model, preset=trial.preset, dataset=study.dataset, seed=seed).config)
    return {key: value for key, value in mine.items() if value != plain[key]}
