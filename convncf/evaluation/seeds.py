"""Seed groups: runs that differ in the seed alone, with mean, standard deviation and interval over seeds.

Each seed counts once, by its newest finished run. Every other run is excluded and named: an unfinished one says nothing
yet, and a second run of a seed is no new evidence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from convncf.errors import RunBrokenError, RunError
from convncf.evaluation.comparison import protocol_kind
from convncf.models.effects import idle_settings
from convncf.runs import Run, RunStore
from convncf.runtime.files import strict_json

_NOT_COMPARED: Final = ("seed", "train.device")
"""Settings in which the runs of a group may differ."""
_SOURCE: Final = "model.pre_model_path"
_LEVEL: Final = 0.95
_LOWEST: Final = 0.0
_HIGHEST: Final = 1.0
"""No metric lies outside these."""


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """One metric over the seeds of a group."""

    mean: float
    sd: float | None
    """Standard deviation over seeds (n - 1 below); None for one seed."""
    n: int
    low: float | None
    """95% interval of the mean, by Student's t over seeds, cut at 0 and 1, since no metric lies outside them; None
    for one seed. It is over seeds, not over users."""
    high: float | None
    cut: bool = False
    """Whether the interval reached below 0 or above 1, and was cut there."""

    @property
    def words(self) -> str:
        """Such as "0.2912 ± 0.0031 (n = 3, 95% 0.2835 to 0.2989)"; ", cut at 0 and 1" where it was cut."""
        if self.sd is None:
            return f"{self.mean:.4f} (n = 1)"
        cut = ", cut at 0 and 1" if self.cut else ""
        return f"{self.mean:.4f} ± {self.sd:.4f} (n = {self.n}, 95% {self.low:.4f} to {self.high:.4f}{cut})"


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Runs of one configuration under several seeds."""

    name: str
    """What the names of the runs begin with."""
    model: str
    dataset: str
    runs: tuple[str, ...]
    """Names of the runs that count, by seed."""
    seeds: tuple[int, ...]
    """Their seeds, each once."""
    excluded: Mapping[str, str]
    """Name -> why that run does not count: its state, "broken", or "an older run of seed 2"."""
    one_split: bool
    """Whether all of them have the same split, so that the interval is over training alone."""
    unlike: tuple[str, ...]
    """Why the figures are not comparable, a sentence each; empty where they are."""
    metrics: Mapping[str, SeedSummary]
    """Of the test part."""
    validation: Mapping[str, SeedSummary]

    @property
    def interval_words(self) -> str:
        """What the intervals are over, as a clause."""
        varied = "training; the split is the same" if self.one_split else "split and training"
        return f"the intervals are over seeds ({varied}), by Student's t: they say nothing about other users"

    def to_json(self) -> dict[str, Any]:
        """The group as plain values."""
        return {
            **{key: getattr(self, key) for key in ("name", "model", "dataset", "one_split")},
            **{key: list(getattr(self, key)) for key in ("runs", "seeds", "unlike")},
            "interval": self.interval_words if len(self.seeds) > 1 else None,
            "excluded": dict(self.excluded),
            "metrics": {name: asdict(summary) for name, summary in self.metrics.items()},
            "validation": {name: asdict(summary) for name, summary in self.validation.items()},
        }


def find(store: RunStore, name: str) -> SeedGroup:
    """The group of a run: every run that differs from it in the seed alone; or that of train --name NAME --seeds.

    The latter is of NAME-seed1, NAME-seed2, …, and of no other run, where no run has the name itself. Raises
    RunNotFoundError where there is neither, RunBrokenError where the run cannot be read.
    """
    if name not in store.names():
        runs = [run for run in store.all() if re.fullmatch(re.escape(name) + r"-seed[0-9]+", run.name)]
        return group(runs or [store.open(name)])
    of_group = identity(store.open(name))
    return group([run for run in store.all() if _identity(run) == of_group])


def group(runs: Sequence[Run]) -> SeedGroup:
    """Sum up runs that are meant to differ in the seed alone. Raises RunError where they differ in anything else."""
    if not runs:
        raise RunError("a group needs a run. Name one.")
    readable = [run for run in runs if _identity(run) is not None]
    if not readable:
        identity(runs[0])  # raises, saying why
    ordered = sorted(readable, key=lambda run: (run.config().seed, -run.created, run.name))
    first = ordered[0]
    for run in ordered[1:]:
        if identity(run) != identity(first):
            raise RunError(
                f"runs {first.name!r} and {run.name!r} differ in more than the seed. See which settings differ: "
                f"convncf compare {first.name} {run.name}"
            )
    excluded = {run.name: "broken" for run in runs if run not in readable}
    counted: dict[int, tuple[Run, Mapping[str, Any]]] = {}
    for run in ordered:
        seed, report = run.config().seed, _finished(run)
        if isinstance(report, str):
            excluded[run.name] = report
        elif seed in counted:
            excluded[run.name] = f"an older run of seed {seed}"
        else:
            counted[seed] = run, report
    reports = [report for _, report in counted.values()]
    splits = {report.get("split_fingerprint") for report in reports}
    several = len({protocol_kind(report.get("protocol")) for report in reports}) > 1
    return SeedGroup(
        name=common_name([run.name for run in ordered]),
        model=first.config().model.name,
        dataset=first.config().data.dataset,
        runs=tuple(run.name for run, _ in counted.values()),
        seeds=tuple(counted),
        excluded=excluded,
        one_split=len(splits) == 1 and None not in splits,  # reports of older versions do not say
        unlike=("the runs have different protocols",) if several else (),
        metrics=_summaries([report["metrics"] for report in reports]),
        validation=_summaries([report.get("validation", {}) for report in reports]),
    )


def groups(runs: Sequence[Run]) -> list[SeedGroup]:
    """Every set of runs that differ in the seed alone, of two seeds or more, in the order of their first run."""
    by_identity: dict[str, list[Run]] = {}
    for run in runs:
        if (shared := _identity(run)) is not None:
            by_identity.setdefault(shared, []).append(run)
    return [group(members) for members in by_identity.values() if len({run.config().seed for run in members}) > 1]


def unreadable(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names of the runs whose settings cannot be read, so that their group is unknown."""
    return tuple(run.name for run in runs if _identity(run) is None)


def identity(run: Run) -> str:
    """What two runs of a group have in common: the data and every setting that has an effect, but for the seed.

    A run that started from another run of its own seed has that one's identity in place of its name, so that each seed
    may start from its own MF-BPR.
    """
    settings = run.settings()
    ignored = idle_settings(settings) | set(_NOT_COMPARED)
    compared = {key: value for key, value in settings.items() if key not in ignored}
    store = RunStore(run.path.parent.parent)
    source = str(compared.get(_SOURCE, ""))
    if source in store.names() and source != run.name:
        source_run = store.open(source)
        if source_run.config().seed == run.config().seed:
            compared[_SOURCE] = identity(source_run)
    return strict_json([run.fingerprint, compared])


def summary(values: Sequence[float]) -> SeedSummary:
    """Mean, standard deviation and the 95% t interval of the mean, of a metric's value under each seed, 0 to 1.

    Student's t has no bounds: few seeds near 0 or 1 would give an interval that reaches outside, which is cut there.
    """
    array = np.asarray(values, np.float64)
    mean, n = float(array.mean()), len(array)
    if n == 1:
        return SeedSummary(mean, None, 1, None, None)
    from scipy import stats

    sd = float(array.std(ddof=1))
    half = float(stats.t.ppf(0.5 + _LEVEL / 2, n - 1)) * sd / math.sqrt(n)
    low, high = mean - half, mean + half
    cut = low < _LOWEST or high > _HIGHEST
    return SeedSummary(mean, sd, n, max(low, _LOWEST), min(high, _HIGHEST), cut)


def common_name(names: Sequence[str]) -> str:
    """What all names begin with, without the rest of a word and a separator: mf-seed1, mf-seed2 -> mf."""
    shortest = min(names, key=len)
    length = next(
        (at for at, letter in enumerate(shortest) if any(name[at] != letter for name in names)), len(shortest)
    )
    start = shortest[:length].rstrip("0123456789").removesuffix("seed").rstrip("-_. ")
    return start or names[0]


def _identity(run: Run) -> str | None:
    """The run's identity; None where its settings cannot be read."""
    try:
        run.config()
        return identity(run)
    except RunBrokenError:
        return None


def _finished(run: Run) -> Mapping[str, Any] | str:
    """The report of a finished run, or the reason why there is none."""
    try:
        state, report = run.status().state, run.report()
    except RunBrokenError:
        return "broken"
    if state != "finished":
        return state
    return "without a report" if report is None else report


def _summaries(values: Sequence[Mapping[str, float | None]]) -> dict[str, SeedSummary]:
    """A summary of each metric that all runs have."""
    summaries = {}
    for name in values[0] if values else ():
        by_seed = [value for metrics in values if (value := metrics.get(name)) is not None]
        if len(by_seed) == len(values):
            summaries[name] = summary(by_seed)
    return summaries
