"""docs/results.md: what the studies came to, beside published figures with their source."""

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

What the models reach, measured by this repository, beside published figures with their source. Made by
`python -m benchmarks.quality page` from `benchmarks/results/quality/`; each section names the command that fills it.
Settings are chosen by the validation figures alone; the test figures are of the epoch that validation chose. Times
are of the machine named, beside whatever else it did, and say no more than their order of magnitude. Figures of a
trial that has been defined anew since are not shown. "Best epochs": the epoch that was kept, by seed; 0 is the model
before its first step, so a ConvNCF of epoch 0 is the matrix factorisation that it began as, and the models that are
computed in one go have no other.
"""


def write(results: Results, studies: Mapping[str, Study] = STUDIES, path: Path = PAGE) -> Path:
    """Write the page from all results there are."""
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
        mine = [run for run in runs if run["trial"] == trial.name]
        if not mine:
            rows.append([trial.name, "not run", *[""] * (len(headers) - 2)])
            continue
        reports = [run["report"] for run in mine]
        rows.append(
            [
                trial.name,
                _seeds_in_words([run["seed"] for run in mine], study.seeds_of(trial)),
                _cell([report["validation"].get(study.metric) for report in reports]),
                *(_cell([report["metrics"].get(name) for report in reports]) for name in study.shown),
                "/".join(str(report["best_epoch"]) for report in reports),
                "/".join(f"{report['seconds']:.0f}" for report in reports),
            ]
        )
    parts = [f"## {study.name}\n", study.question + "\n", f"```\npython -m benchmarks.quality run {study.name}\n```\n"]
    parts.append(markdown(headers, rows) + "\n")
    parts.append(f"{_facts(runs)}\n")
    parts.append(_settings(study, runs) + "\n")
    if known := PUBLISHED.get(study.name):
        parts.append("Published:\n")
        parts.append(markdown(["model", *study.shown, "source"], _published(known, study.shown)) + "\n")
    return "\n".join(parts)


def _seeds_in_words(done: Sequence[int], asked: Sequence[int]) -> str:
    """ "1, 2, 3", or "1, 2 (3 not run)"."""
    missing = [seed for seed in asked if seed not in done]
    words = ", ".join(map(str, done))
    return f"{words} ({', '.join(map(str, missing))} not run)" if missing else words


def _settings(study: Study, runs: Sequence[Mapping[str, Any]]) -> str:
    """What each trial sets beside its preset, folded away; what all have in common once."""
    of = {run["trial"]: run for run in runs}
    common = study.common
    lines = [f"- all, where it has an effect: {_listed(common)}"] if common else []
    for trial in study.trials:
        if trial.name not in of:
            continue
        own = {
            key: value
            for key, value in of[trial.name]["settings"].items()
            if key not in common and key not in _OF_THE_START
        }
        begins = f"; starts from the embeddings of {trial.start}" if trial.start else ""
        lines.append(f"- {trial.name}: {trial.model}, preset {trial.preset}{begins}{_listed(own, '; ')}")
    return "\n".join(["<details><summary>Settings</summary>\n", *lines, "\n</details>"])


def _listed(settings: Mapping[str, Any], before: str = "") -> str:
    words = ", ".join(f"`{key}={json.dumps(value)}`" for key, value in settings.items())
    return f"{before}{words}" if words else ""


def _cell(values: Sequence[float | None]) -> str:
    found = [value for value in values if value is not None]
    if not found:
        return ""
    one: SeedSummary = summary(found)
    if one.sd is None:
        return f"{one.mean:.4f}"
    return f"{one.mean:.4f} ± {one.sd:.4f} ({one.low:.4f} to {one.high:.4f})"


def _facts(runs: Sequence[Mapping[str, Any]]) -> str:
    """How it was split and judged, who was in the mean, and on what machine, each once."""
    reports = [run["report"] for run in runs]
    splits = sorted({re.sub(r", seed \d+", ", each by its seed", report["split"]) for report in reports})
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


def _seeds(runs: Sequence[Mapping[str, Any]]) -> int:
    return len({run["seed"] for run in runs})


def _published(known: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> list[list[str]]:
    return [
        [row["model"], *(f"{row[name]:.4f}" if name in row else "" for name in shown), row["source"]] for row in known
    ]


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, the first column left, the others as they come."""
    lines = [" | ".join(headers), " | ".join(["---"] * len(headers)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)
