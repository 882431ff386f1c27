"""Run a study: each trial and seed is a run in the home, so whatever is interrupted goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.quality.results import Results
from benchmarks.quality.study import Study, Trial, alike
from convncf import jobs
from convncf.data import catalogue
from convncf.errors import ConvNCFError, DatasetNotFoundError, TrainingStopped
from convncf.models.run_config import flatten
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
            if results.has(study, trial, seed):
                continue
            started = time.perf_counter()
            try:
                report = _finished(study, trial, seed, home)
            except TrainingStopped:
                raise
            except ConvNCFError as error:
                say(f"{study.name} {trial.name} seed {seed} failed: {error}")
                continue
            results.add(study, trial, seed, report)
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
    start = store.open(study.run_name(study.trial(trial.start), seed)) if trial.start else None
    if run is not None and not (alike(run.settings(), flatten(resolved.config)) and _later(run, start)):
        store.delete(name)  # of an earlier definition of this trial, or of the one that it starts from
        run = None
    run = run or jobs.prepare(resolved, name, home)
    if run.status().state == "finished" and (report := run.report()) is not None:
        return report
    return jobs.work(run)


def _later(run: Run, start: Run | None) -> bool:
    return start is None or start.created <= run.created
