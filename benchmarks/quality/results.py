"""Results of the studies: one JSON file a study, replaced after each run."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.quality.study import Study, Trial, same_settings
from convncf.models.run_config import in_present_words
from convncf.runtime import devices, files

FOLDER: Final = Path(__file__).resolve().parents[1] / "results" / "quality"
_KEPT: Final = (
    "split",
    "split_fingerprint",
    "fingerprint",
    "protocol",
    "candidates",
    "selection",
    "warnings",
    "best_epoch",
    "epochs",
    "n_users_evaluated",
    "metrics",
    "beyond",
    "intervals",
    "validation",
    "paired",
    "seconds",
)
"""What is stored of a run's report, where the report has it."""


_EARLIER_TRIALS: Final = (
    ("each once", "by interaction"),
    ("convncf-trace", "convncf-dot-product"),
    ("trace, ", "dot product, "),
)
"""Words in the names of recorded trials, and the present ones."""


class Results:
    """The results in a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def of(self, study: str) -> list[dict[str, Any]]:
        """The runs of a study, in the order in which they ended; empty where there are none."""
        path = self.folder / f"{study}.json"
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
        # recorded under the earlier names of settings and trials
        return [
            run
            | {
                "trial": _present_trial(run["trial"]),
                "settings": in_present_words(run["settings"]),
                "definition": _in_present_words(run["definition"]),
            }
            for run in runs
        ]

    def current(self, study: Study) -> list[dict[str, Any]]:
        """The runs of the study, in its order, that match its present definition."""
        runs = self.of(study.name)
        planned = ((trial, seed) for trial in study.trials for seed in study.seeds_of(trial))
        return [run for trial, seed in planned if (run := _run_of(runs, study, trial, seed)) is not None]

    def has(self, study: Study, trial: Trial, seed: int) -> bool:
        """Whether the run is there, with the same settings and the same start."""
        return _run_of(self.of(study.name), study, trial, seed) is not None

    def add(self, study: Study, trial: Trial, seed: int, report: Mapping[str, Any]) -> None:
        """Store a run's figures, in place of those of an earlier definition of the trial."""
        entry: dict[str, Any] = {
            "trial": trial.name,
            "seed": seed,
            "model": trial.model,
            "preset": trial.preset,
            "dataset": study.dataset,
            "settings": study.departures(trial, seed),
            "definition": study.definition(trial, seed),
            "report": {key: report[key] for key in _KEPT if key in report},
            "machine": machine(),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if len(report.get("protocols", ())) > 1:  # one alone is the report itself
            entry["report"]["protocols"] = report["protocols"]
        others = [run for run in self.of(study.name) if (run["trial"], run["seed"]) != (trial.name, seed)]
        value = {
            "question": study.question,
            "command": f"python -m benchmarks.quality run {study.name}",
            "runs": [*others, entry],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_json(self.folder / f"{study.name}.json", value)


def _present_trial(name: str) -> str:
    for earlier, present in _EARLIER_TRIALS:
        name = name.replace(earlier, present)
    return name


def _in_present_words(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition that was recorded under earlier names of settings, with that of the run it starts from."""
    present: dict[str, Any] = {"config": in_present_words(definition["config"])}
    if "start" in definition:
        present["start"] = _in_present_words(definition["start"])
    return present


def _run_of(runs: Sequence[dict[str, Any]], study: Study, trial: Trial, seed: int) -> dict[str, Any] | None:
    """The run of that trial and seed, if it is of the trial's present definition."""
    for run in runs:
        if (run["trial"], run["seed"]) == (trial.name, seed):
            same = "definition" in run and _same_definition(run["definition"], study.definition(trial, seed))
            return run if same else None
    return None


def _same_definition(stored: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Whether two definitions agree, down to the start."""
    stored_start, start = stored.get("start"), present.get("start")
    same = same_settings(stored["config"], present["config"])
    return same and (
        _same_definition(stored_start, start) if stored_start and start else not stored_start and not start
    )


def machine() -> dict[str, Any]:
    """The machine of the times."""
    import torch

    return {
        "cpu": devices.cpu_name(),
        "cores": devices.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
