"""Groups: runs that differ in nothing but the seed, summed up as mean, standard deviation and interval over seeds.

A run that is not finished is left out and named: its seed says nothing yet, and a mean without it may mislead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from convncf.config import idle_settings
from convncf.errors import RunBrokenError, RunError
from convncf.runs import Run
from convncf.runtime import strict_json

_NOT_COMPARED: Final = ("seed", "train.device")
"""Settings in which the runs of a group may differ."""
_LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """One metric over the seeds of a group."""

    mean: float
    sd: float | None
    """Standard deviation over seeds (n - 1 below); None for one seed."""
    n: int
    low: float | None
    """95% interval of the mean, by Student's t over seeds; None for one seed. It speaks of seeds, not of users."""
    high: float | None

    @property
    def words(self) -> str:
        """Such as "0.2912 ± 0.0031 (n = 3, 95% 0.2835 to 0.2989)"."""
        if self.sd is None:
            return f"{self.mean:.4f} (n = 1)"
        return f"{self.mean:.4f} ± {self.sd:.4f} (n = {self.n}, 95% {self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Runs of one configuration under several seeds."""

    name: str
    """What the names of the runs begin with."""
    model: str
    dataset: str
    runs: tuple[str, ...]
    """Names of the finished runs, by seed."""
    seeds: tuple[int, ...]
    left_out: Mapping[str, str]
    """Name -> state of each run that is not finished."""
    unlike: tuple[str, ...]
    """Why the figures are no sample of one thing, a sentence each; empty where they are."""
    metrics: Mapping[str, SeedSummary]
    """Of the test part."""
    validation: Mapping[str, SeedSummary]

    def to_json(self) -> dict[str, Any]:
        """The group as plain values."""
        return {
            **{key: getattr(self, key) for key in ("name", "model", "dataset")},
            **{key: list(getattr(self, key)) for key in ("runs", "seeds", "unlike")},
            "left_out": dict(self.left_out),
            "metrics": {name: asdict(summary) for name, summary in self.metrics.items()},
            "validation": {name: asdict(summary) for name, summary in self.validation.items()},
        }


def group(runs: Sequence[Run]) -> SeedGroup:
    """Sum up runs that are meant to differ in the seed alone. Raises RunError where they differ in anything else."""
    if not runs:
        raise RunError("a group needs a run. Name one.")
    ordered = sorted(runs, key=lambda run: run.config().seed)
    first = ordered[0]
    for run in ordered[1:]:
        if identity(run) != identity(first):
            raise RunError(
                f"runs {first.name!r} and {run.name!r} differ in more than the seed. See in what: "
                f"convncf compare {first.name} {run.name}"
            )
    finished = [(run, report) for run in ordered if (report := run.report()) is not None and _ended(run)]
    seeds = [run.config().seed for run, _ in finished]
    unlike = []
    repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if repeated:
        unlike.append(
            f"seed {repeated[0]} occurs {seeds.count(repeated[0])} times, and a seed twice is no new evidence"
        )
    if len({report.get("protocol") for _, report in finished}) > 1:
        unlike.append("the runs have different protocols")
    return SeedGroup(
        name=common_name([run.name for run in ordered]),
        model=first.config().model.name,
        dataset=first.config().data.dataset,
        runs=tuple(run.name for run, _ in finished),
        seeds=tuple(seeds),
        left_out={run.name: run.status().state for run in ordered if run not in [found for found, _ in finished]},
        unlike=tuple(unlike),
        metrics=_summaries([report["metrics"] for _, report in finished]),
        validation=_summaries([report.get("validation", {}) for _, report in finished]),
    )


def groups(runs: Sequence[Run]) -> list[SeedGroup]:
    """Every set of two or more runs that differ in the seed alone, in the order of their first run."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        try:
            alike.setdefault(identity(run), []).append(run)
        except RunBrokenError:
            continue  # listed as broken elsewhere
    return [group(members) for members in alike.values() if len(members) > 1]


def identity(run: Run) -> str:
    """What two runs of a group have in common: the data and every setting that has an effect, but for the seed."""
    settings = run.settings()
    left_aside = idle_settings(settings) | set(_NOT_COMPARED)
    return strict_json([run.fingerprint, {key: value for key, value in settings.items() if key not in left_aside}])


def summary(values: Sequence[float]) -> SeedSummary:
    """Mean, standard deviation and the 95% t interval of the mean, of one value a seed."""
    array = np.asarray(values, np.float64)
    mean, n = float(array.mean()), len(array)
    if n == 1:
        return SeedSummary(mean, None, 1, None, None)
    from scipy import stats

    sd = float(array.std(ddof=1))
    half = float(stats.t.ppf(0.5 + _LEVEL / 2, n - 1)) * sd / math.sqrt(n)
    return SeedSummary(mean, sd, n, mean - half, mean + half)


def common_name(names: Sequence[str]) -> str:
    """What all names begin with, without the rest of a word and a separator: mf-seed1, mf-seed2 -> mf."""
    shortest = min(names, key=len)
    length = next(
        (at for at, letter in enumerate(shortest) if any(name[at] != letter for name in names)), len(shortest)
    )
    start = shortest[:length].rstrip("0123456789").removesuffix("seed").rstrip("-_. ")
    return start or names[0]


def _ended(run: Run) -> bool:
    return run.status().state == "finished"


def _summaries(values: Sequence[Mapping[str, float]]) -> dict[str, SeedSummary]:
    """Of each metric that all runs have."""
    if not values:
        return {}
    return {name: summary([one[name] for one in values]) for name in values[0] if all(name in one for one in values)}
