"""docs/results.md: the results of the studies, beside published figures with their source."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.quality.published import PUBLISHED
from benchmarks.quality.results import Results
from benchmarks.quality.studies import STUDIES
from benchmarks.quality.study import Study
from convncf.evaluation.seeds import SeedSummary, summary

_OF_THE_START: Final = ("model.train_method", "model.pre_model_path", "pretrain.epochs")
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "results.md"
_INTRODUCTION: Final = """\
# Results

Metrics of the models, measured by this repository, beside published figures with their source. Written by
`python -m benchmarks.quality page` from `benchmarks/results/quality/`; each section names the command that measures it.
Settings are chosen by the validation figures alone; the test figures are of the best epoch on validation. Times are of
the named machine under whatever load it had, and show an order of magnitude only. Figures of a trial whose definition
has changed since are not shown. "Best epochs": the best epoch on validation, by seed; 0 is the model before its first
step, so a ConvNCF of epoch 0 is the matrix factorisation that it started as, and a model that is computed in one go has
no other epoch. The network's three starts: as the dot product of the embeddings, from random weights, and from weights
as in the 2018 code ("paper").
"""


def write(results: Results, studies: Mapping[str, Study] = STUDIES, path: Path = PAGE) -> Path:
    """Write the page from all results."""
    sections = [_section(study, runs) for study in studies.values() if (runs := results.current(study))]
    path.write_text("\n".join([_INTRODUCTION, *sections]), encoding="utf-8")
    return path


def _section(study: Study, runs: Sequence[Mapping[str, Any]]) -> str:
    headers = [
        "trial",
        "seeds",
        f"validation {study.metric}",
        *(f"test {name}" for name in study.shown),
        "best epochs",
        "seconds",
    ]
    rows = []
    for trial in study.trials:
        of_trial = [run for run in runs if run["trial"] == trial.name]
        if not of_trial:
            rows.append([trial.name, "not run", *[""] * (len(headers) - 2)])
            continue
        reports = [run["report"] for run in of_trial]
        rows.append(
            [
                trial.name,
                _seeds_cell([run["seed"] for run in of_trial], study.seeds_of(trial)),
                _cell([report["validation"].get(study.metric) for report in reports]),
                *(_cell([report["metrics"].get(name) for report in reports]) for name in study.shown),
                "/".join(str(report["best_epoch"]) for report in reports),
                "/".join(f"{report['seconds']:.0f}" for report in reports),
            ]
        )
    sections = [
        f"## {study.name}\n",
        study.question + "\n",
        f"```\npython -m benchmarks.quality run {study.name}\n```\n",
    ]
    sections.append(markdown(headers, rows) + "\n")
    sections.append(f"{_conditions(runs)}\n")
    sections.append(_settings(study, runs) + "\n")
    if published := PUBLISHED.get(study.name):
        sections.append("Published:\n")
        sections.append(markdown(["model", *study.shown, "source"], _published(published, study.shown)) + "\n")
    return "\n".join(sections)


def _seeds_cell(done: Sequence[int], planned: Sequence[int]) -> str:
    """ "1, 2, 3", or "1, 2 (3 not run)"."""
    missing = [seed for seed in planned if seed not in done]
    listed = ", ".join(map(str, done))
    return f"{listed} ({', '.join(map(str, missing))} not run)" if missing else listed


def _settings(study: Study, runs: Sequence[Mapping[str, Any]]) -> str:
    """What each trial sets beside its preset, folded; the common settings once."""
    by_trial = {run["trial"]: run for run in runs}
    common = study.common
    lines = [f"- all, where it has an effect: {_listed(common)}"] if common else []
    for trial in study.trials:
        if trial.name not in by_trial:
            continue
        departures = {
            key: value
            for key, value in by_trial[trial.name]["settings"].items()
            if key not in common and key not in _OF_THE_START
        }
        start = f"; starts from the embeddings of {trial.start}" if trial.start else ""
        lines.append(f"- {trial.name}: {trial.model}, preset {trial.preset}{start}{_listed(departures, '; ')}")
    return "\n".join(["<details><summary>Settings</summary>\n", *lines, "\n</details>"])


def _listed(settings: Mapping[str, Any], before: str = "") -> str:
    text = ", ".join(f"`{key}={json.dumps(value)}`" for key, value in settings.items())
    return f"{before}{text}" if text else ""


def _cell(values: Sequence[float | None]) -> str:
    numbers = [value for value in values if value is not None]
    if not numbers:
        return ""
    over_seeds: SeedSummary = summary(numbers)
    if over_seeds.sd is None:
        return f"{over_seeds.mean:.4f}"
    return f"{over_seeds.mean:.4f} ± {over_seeds.sd:.4f} ({over_seeds.low:.4f} to {over_seeds.high:.4f})"


def _conditions(runs: Sequence[Mapping[str, Any]]) -> str:
    """Split, protocol, number of users and machine, each once."""
    reports = [run["report"] for run in runs]
    splits = sorted(
        {re.sub(r", seed \d+", ", each by its seed", _present_split(report["split"])) for report in reports}
    )
    protocols = sorted({report["protocol"] for report in reports})
    users = sorted({report["n_users_evaluated"] for report in reports})
    machines = sorted(
        {f"{run['machine']['cpu']}, {run['machine']['cores']} cores, torch {run['machine']['torch']}" for run in runs}
    )
    n = " or ".join(f"{count:,}" for count in users)
    several = " Where a trial has several seeds: mean ± sd (95% t interval over seeds)." if _seeds(runs) > 1 else ""
    return (
        f"Split: {'; '.join(splits)}. Protocol: {'; '.join(protocols)}, {n} users.{several} "
        f"Machine: {'; '.join(machines)}."
    )


def _present_split(method: str) -> str:
    """A recorded description of a split in the present terms."""
    return method.replace("ready, as the data came divided", "predefined, as it came with the data").replace(
        "validation drawn from training", "validation sampled from training"
    )


def _seeds(runs: Sequence[Mapping[str, Any]]) -> int:
    return len({run["seed"] for run in runs})


def _published(published: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> list[list[str]]:
    return [
        [row["model"], *(f"{row[name]:.4f}" if name in row else "" for name in shown), row["source"]]
        for row in published
    ]


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [" | ".join(headers), " | ".join(["---"] * len(headers)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)
