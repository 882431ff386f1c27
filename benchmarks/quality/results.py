"""What the studies came to, as data: one JSON file a study, written anew after each run."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.quality.study import Study, Trial, alike
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
"""What is kept of a run's report, where the report has it."""


class Results:
    """The results in a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def of(self, study: str) -> list[dict[str, Any]]:
        """The runs of a study, in the order in which they ended; empty where there are none."""
        path = self.folder / f"{study}.json"
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
        # recorded under the names that settings had then
        return [
            run | {"settings": in_present_words(run["settings"]), "definition": _in_present_words(run["definition"])}
            for run in runs
        ]

    def current(self, study: Study) -> list[dict[str, Any]]:
        """Those runs of the study, in its order, that are of the definition it has now."""
        kept = self.of(study.name)
        asked = ((trial, seed) for trial in study.trials for seed in study.seeds_of(trial))
        return [entry for trial, seed in asked if (entry := _found(kept, study, trial, seed)) is not None]

    def has(self, study: Study, trial: Trial, seed: int) -> bool:
        """Whether the run is there, with these very settings and this very start."""
        return _found(self.of(study.name), study, trial, seed) is not None

    def add(self, study: Study, trial: Trial, seed: int, report: Mapping[str, Any]) -> None:
        """Keep a run's figures, in place of those of an earlier definition of the trial."""
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
        if len(report.get("protocols", ())) > 1:  # one alone is what the report itself says
            entry["report"]["protocols"] = report["protocols"]
        others = [one for one in self.of(study.name) if (one["trial"], one["seed"]) != (trial.name, seed)]
        value = {
            "question": study.question,
            "command": f"python -m benchmarks.quality run {study.name}",
            "runs": [*others, entry],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_json(self.folder / f"{study.name}.json", value)


def _in_present_words(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition that was recorded under the names that settings had then, and that of the run it starts from."""
    found: dict[str, Any] = {"config": in_present_words(definition["config"])}
    if "start" in definition:
        found["start"] = _in_present_words(definition["start"])
    return found


def _found(kept: Sequence[dict[str, Any]], study: Study, trial: Trial, seed: int) -> dict[str, Any] | None:
    """The run of that trial and seed, if it is of the trial's present definition."""
    for entry in kept:
        if (entry["trial"], entry["seed"]) == (trial.name, seed):
            same = "definition" in entry and _alike(entry["definition"], study.definition(trial, seed))
            return entry if same else None
    return None


def _alike(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether two definitions agree, down to the start."""
    start, other = stored.get("start"), wanted.get("start")
    same = alike(stored["config"], wanted["config"])
    return same and (_alike(start, other) if start and other else not start and not other)


def machine() -> dict[str, Any]:
    """What the times belong to."""
    import torch

    return {
        "cpu": devices.cpu_name(),
        "cores": devices.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
