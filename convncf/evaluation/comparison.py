"""Comparison of saved runs: metrics side by side, a paired test over users, and only the settings that differ.

Unlike comparisons (another dataset, split, protocol or candidate sets) are named, and no test is made between them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from convncf.config import EvalConfig
from convncf.errors import RunBrokenError, RunError
from convncf.evaluation.significance import PairedTest, paired_test
from convncf.models.effects import idle_settings
from convncf.runs import Run
from convncf.runs.status import ACTIVE, RESUMABLE

if TYPE_CHECKING:
    import pandas as pd

_COMPARABLE = {
    "dataset": "datasets",
    "fingerprint": "data (the fingerprint)",
    "split_fingerprint": "splits",
    "protocol": "protocols",
    "candidate_fingerprint": "candidate sets",
    "cold": "ways to count test items that training never saw (eval.cold)",
}
_ONE_SEED = (
    " The sets are sampled by a run's seed: train the runs with one --seed, or evaluate each within the same sets, by "
    "convncf evaluate RUN --protocol candidates --negatives N --seed N."
)
"""The advice where only the sets differ."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run's column in a comparison."""

    name: str
    model: str
    best_epoch: int
    metrics: Mapping[str, float]
    """Of the test part, at the best epoch."""
    validation: Mapping[str, float]
    n_users_evaluated: int
    seconds: float
    intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Metric -> lower and upper end of the 95% interval of its mean over users; empty where only one user was
    evaluated, and in reports of older versions."""
    warnings: tuple[str, ...] = ()
    """Why this run's figures are too good, a sentence each."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not the same in all runs; None where a run does not have it, or it has no effect there."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs beside each other; the first is the baseline."""

    runs: tuple[ComparedRun, ...]
    monitor: str
    differences: tuple[Difference, ...]
    unlike: tuple[str, ...]
    """Why the figures cannot be ranked against each other, a sentence each; empty where they can."""
    paired: Mapping[str, PairedTest]
    """Name -> that run minus the baseline in the monitored metric, over the same users."""
    untested: Mapping[str, str] = field(default_factory=dict)
    """Name -> why that run was not tested, a sentence, though it could be ranked."""
    references: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Model -> metrics of the simple baselines in the first run's report, but for those that a run here is; empty
    where the runs are unlike."""

    def difference(self, run: ComparedRun, metric: str) -> float | None:
        """A run's metric minus the baseline's; None for the baseline itself, or where one of them lacks it."""
        base = self.runs[0]
        if run is base or metric not in run.metrics or metric not in base.metrics:
            return None
        return run.metrics[metric] - base.metrics[metric]

    def best(self, metric: str) -> frozenset[str]:
        """Names of the runs with the highest value: several where they are equal."""
        values = {run.name: run.metrics[metric] for run in self.runs if metric in run.metrics}
        return frozenset(name for name, value in values.items() if value == max(values.values()))

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "runs": [asdict(run) | {"metrics": dict(run.metrics), "warnings": list(run.warnings)} for run in self.runs],
            "baseline": self.runs[0].name,
            "monitor": self.monitor,
            "differences": {
                d.key: dict(zip([r.name for r in self.runs], d.values, strict=True)) for d in self.differences
            },
            "unlike": list(self.unlike),
            "paired": {
                name: {"words": test.in_words(name, self.runs[0].name)} | asdict(test)
                for name, test in self.paired.items()
            },
            "untested": dict(self.untested),
            "references": {name: dict(metrics) for name, metrics in self.references.items()},
        }


@dataclass(frozen=True, slots=True)
class Gain:
    """How much training improved a run, on validation, in the monitored metric."""

    start: float
    """Before the first step, after pretraining."""
    kept: float
    epoch: int
    """The kept one."""
    pretrained: bool


def gain(run: Run) -> Gain | None:
    """From a run's start to its kept epoch; None where one of the two was not validated."""
    config, rows = run.config(), [row for row in run.metrics() if row["phase"] == "training"]
    values = {row["epoch"]: (row["validation"] or {}).get(config.eval.monitor) for row in rows}
    epoch = max((row["epoch"] for row in rows if row["improved"]), default=0)
    start, kept = values.get(0), values.get(epoch)
    pretrained = bool(config.model.pretrained_from or config.pretrain.epochs)
    return None if start is None or kept is None else Gain(start, kept, epoch, pretrained)


def compare(runs: Sequence[Run], *, seed: int = 0) -> Comparison:
    """Compare finished runs; the first is the baseline. Raises RunError where one is not finished."""
    if len(runs) < 2:
        raise RunError(f"a comparison needs two runs or more, got {len(runs)}. Name another one.")
    if len({run.name for run in runs}) < len(runs):
        raise RunError("a run was named twice. Name different runs.")
    reports = [_report(run) for run in runs]
    unlike = tuple(_unlike(runs, reports))
    monitor = runs[0].config().eval.monitor
    compared = tuple(
        ComparedRun(
            name=run.name,
            model=run.config().model.name,
            best_epoch=report["best_epoch"],
            metrics=_present(report["metrics"]),
            validation=_present(report.get("validation", {})),
            n_users_evaluated=report["n_users_evaluated"],
            seconds=report["seconds"],
            intervals=report.get("intervals", {}) if report["n_users_evaluated"] > 1 else {},
            warnings=tuple(report.get("warnings", ())),
        )
        for run, report in zip(runs, reports, strict=True)
    )
    paired, untested = ({}, {}) if unlike else _paired(runs, reports, monitor, seed)
    # by metrics too: a network that kept its start is no MF-BPR, though it equals it
    compared_models = [(run.model, run.metrics) for run in compared]
    references = {
        name: scores
        for name, scores in reports[0].get("baselines", {}).items()
        if (name, scores) not in compared_models
    }
    return Comparison(
        runs=compared,
        monitor=monitor,
        differences=_with_effect([run.settings() for run in runs]),
        unlike=unlike,
        paired=paired,
        untested=untested,
        references={} if unlike else references,
    )


def differences(settings: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The settings that are not the same everywhere, in the order of the first; 0.001 and 1e-3 are the same number."""
    keys = list(dict.fromkeys(key for of_run in settings for key in of_run))
    differing = []
    for key in keys:
        values = tuple(of_run.get(key) for of_run in settings)
        if len({_canonical(value) for value in values}) > 1:
            differing.append(Difference(key, values))
    return tuple(differing)


def _with_effect(settings: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The differences that have an effect in some run; in the others the value is None."""
    idle = [idle_settings(of_run) for of_run in settings]
    return tuple(
        Difference(
            difference.key,
            tuple(
                None if difference.key in keys else value for keys, value in zip(idle, difference.values, strict=True)
            ),
        )
        for difference in differences(settings)
        if not all(difference.key in keys for keys in idle)
    )


def _canonical(value: Any) -> str:
    """A text that is the same for equal values, however a number was written: 1 and 1.0, but not 1 and true."""

    def plain(item: Any) -> Any:
        if isinstance(item, float) and item.is_integer():
            return int(item)  # and never the other way: large ids are not distinct as floats
        if item is None or isinstance(item, str | bool | int | float):
            return item
        if isinstance(item, Mapping):
            return {str(key): plain(inner) for key, inner in item.items()}
        return [plain(inner) for inner in item]

    return json.dumps(plain(value), sort_keys=True)


def _unlike(runs: Sequence[Run], reports: Sequence[Mapping[str, Any]]) -> list[str]:
    sentences = []
    for key, noun in _COMPARABLE.items():
        if len({_measured(report)[key] for report in reports}) > 1:
            values = ("none" if report.get(key) is None else report[key] for report in reports)
            listed = "; ".join(f"{run.name}: {value}" for run, value in zip(runs, values, strict=True))
            way_out = _ONE_SEED if key == "candidate_fingerprint" and _drawn_of_one_split(reports) else ""
            sentences.append(f"The runs have different {noun} ({listed}), so their figures cannot be ranked.{way_out}")
            if key in ("dataset", "protocol"):  # the other keys differ with it
                break
    return sentences


def _drawn_of_one_split(reports: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every run sampled its sets for the same test items."""
    kinds = {protocol_kind(report.get("protocol")) for report in reports}
    return len({report.get("split_fingerprint") for report in reports}) == 1 and kinds == {"candidates, drawn"}


def measured(report: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What has to be equal in two reports for their figures to be ranked; None where nothing was evaluated on test."""
    return tuple(str(value) for value in _measured(report).values()) if report.get("metrics") else None


def _measured(report: Mapping[str, Any]) -> dict[str, Any]:
    """Each of _COMPARABLE as it is compared: a protocol without its seed, cold by its present name."""
    _, cold = EvalConfig.present("cold", report.get("cold"))
    compared = {"protocol": protocol_kind(report.get("protocol")), "cold": cold}
    return {key: report.get(key) for key in _COMPARABLE} | compared


def protocol_kind(protocol: str | None) -> str | None:
    """A report's protocol without its seed and counts: "full ranking", "candidates, drawn", "candidates, cleaned" or
    "candidates, as published", the last two of sets that came with the data.

    The sets themselves are identified by their fingerprint.
    """
    kind, _, origin = (protocol or "").partition(": ")
    source = next((source for source in ("drawn", "cleaned", "as published") if source in origin), "")
    return f"{kind}, {source}" if source else kind or None


def _report(run: Run) -> dict[str, Any]:
    """The report of a finished run; that of an unfinished one may be of fewer epochs than its settings."""
    report, state = run.report(), run.status().state
    if report is not None and state == "finished":
        return report
    problem = "is not finished" if report is not None else "has no report yet"
    if state in ACTIVE:
        raise RunError(f"run {run.name!r} {problem}: it is {state}. Watch it with convncf runs show {run.name}.")
    if state in RESUMABLE:
        raise RunError(f"run {run.name!r} {problem}: it is {state}. Go on with it: convncf resume {run.name}.")
    raise RunError(f"run {run.name!r} is finished, and its report is gone. Restore report.json, or delete the run.")


def _present(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if value is not None}


def _paired(
    runs: Sequence[Run], reports: Sequence[Mapping[str, Any]], monitor: str, seed: int
) -> tuple[dict[str, PairedTest], dict[str, str]]:
    """The paired tests; and for a run without one, the reason."""
    base = _test_values(runs[0], reports[0], monitor)
    tests, untested = {}, {}
    for run, report in zip(runs[1:], reports[1:], strict=True):
        other = _test_values(run, report, monitor)
        common = base.index.intersection(other.index, sort=False)
        if len(common):
            tests[run.name] = paired_test(other[common].to_numpy(), base[common].to_numpy(), seed)
        elif len(base) and not len(other):
            untested[run.name] = f"{run.name} was not evaluated in {monitor}: give it the same eval.monitor to test it."
        else:
            untested[run.name] = f"{run.name} and {runs[0].name} have no test user in common."
    return tests, untested


def values_on_test(run: Run, metric: str) -> pd.Series[float]:
    """The metric of each user on the test part, under the main protocol, by raw user id; empty where it has none."""
    return _test_values(run, run.report() or {}, metric)


def _test_values(run: Run, report: Mapping[str, Any], metric: str) -> pd.Series[float]:
    from convncf.evaluation.baselines import THIS  # it imports torch, which comparisons over seeds do not need

    frame = run.read_frame("per_user")
    missing = sorted({"user_id", "part", "model"} - set(frame.columns))
    if missing:
        raise RunBrokenError(
            f"{run.path / 'per_user.parquet'}: lacks {', '.join(missing)}. Restore the file, or delete the run."
        )
    rows = frame[(frame["part"] == "test") & (frame["model"] == THIS)]
    if "protocol" in rows:  # runs of older versions have only one
        rows = rows[rows["protocol"] == report.get("protocol")]
    chosen = rows.set_index("user_id")
    return chosen[metric].dropna() if metric in chosen.columns else chosen.iloc[:0, 0]
