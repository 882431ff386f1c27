"""Evaluate a scorer on one part of a split by full ranking, and keep what every user contributed.

Who is in the mean: the users who have a positive in that part. The others are counted with their reason, and count
neither as hits nor as misses. Test and validation are never mixed: a report speaks of one part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from convncf import metrics
from convncf.data.splitting import Part, Split
from convncf.metrics import Floats, Ints, Metric
from convncf.ranking import Progress, Ranks, Scorer, Stop, ranks, users_with_positives
from convncf.runtime import rng

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from convncf.config import EvalConfig

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "validation": "left out: each user's training items",
        "test": "left out: each user's training and validation items",
    }
)
"""What Split.left_out(part) takes away before ranking, in words for a whole report."""


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationReport:
    """How well a scorer ranks one part of a split; per-user values are kept for tests between models."""

    protocol: str
    """"full ranking": against every item that is not left out."""
    part: Part
    metrics: Mapping[str, float]
    """Mean over the evaluated users, by written name ("NDCG@10"); empty where nobody could be evaluated."""
    n_users: int
    """All users of the split: n_users_evaluated and the counts of not_evaluated add up to it."""
    n_users_evaluated: int
    not_evaluated: Mapping[str, int]
    """Reason -> number of users."""
    left_out: str
    """What was left out before ranking, in words."""
    sample: str | None
    """In words, where only some of the users with a positive were asked for."""
    notes: tuple[str, ...]
    """What a reader of the numbers has to know, one sentence each."""
    per_user: Mapping[str, Floats]
    """Written name -> (U,) value of each evaluated user, read-only."""
    ranks: Ranks
    """The rank of every positive, from which all of this was computed."""

    @property
    def users(self) -> Ints:
        """(U,) indices of the evaluated users, ascending; the order of every array in per_user."""
        return self.ranks.users

    def to_json(self) -> dict[str, Any]:
        """The report without its arrays, as values that strict JSON can hold."""
        return {
            "protocol": self.protocol,
            "part": self.part,
            "metrics": dict(self.metrics),
            "n_users": self.n_users,
            "n_users_evaluated": self.n_users_evaluated,
            "not_evaluated": dict(self.not_evaluated),
            "left_out": self.left_out,
            "sample": self.sample,
            "notes": list(self.notes),
        }


def evaluate(
    scorer: Scorer,
    split: Split,
    part: Part,
    config: EvalConfig,
    users: ArrayLike | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> EvaluationReport:
    """Rank the positives of `part` and report every metric of `config`, the monitored one included.

    `users` (U,), as from `sample_users`, restricts the evaluation, and the report says so. ConfigError where the
    monitor is no metric, before anything is scored; NonFiniteScoreError and TrainingStopped from the ranking.
    """
    asked = metrics.at(config.ks, monitor=config.monitor)
    positives, left_out = split.positives(part), split.left_out(part)
    eligible = users_with_positives(positives)
    found = ranks(scorer, positives, left_out, users, progress, stop)
    per_user = {str(metric): metrics.per_user(metric, found.ranks, found.indptr) for metric in asked}
    for values in per_user.values():
        values.flags.writeable = False
    n_users, evaluated = positives.shape[0], found.users.size
    reasons = {f"no {part} item": n_users - eligible.size, "not in the sample": eligible.size - evaluated}
    return EvaluationReport(
        protocol="full ranking",
        part=part,
        metrics=MappingProxyType({name: float(values.mean()) for name, values in per_user.items() if values.size}),
        n_users=n_users,
        n_users_evaluated=evaluated,
        not_evaluated=MappingProxyType({reason: int(n) for reason, n in reasons.items() if n}),
        left_out=LEFT_OUT[part],
        sample=f"sample of {evaluated:,} of {eligible.size:,} users" if evaluated < eligible.size else None,
        notes=_notes(part, asked, found, positives.shape[1]),
        per_user=MappingProxyType(per_user),
        ranks=found,
    )


def sample_users(split: Split, part: Part, n: int | None, seed: int) -> Ints:
    """A seeded sample of `n` of the users who have a positive in `part`, (min(n, U),) ascending; all where None."""
    if n is not None and n < 1:
        raise ValueError(f"a sample needs at least one user, got {n}")
    eligible = users_with_positives(split.positives(part))
    if n is None or n >= eligible.size:
        return eligible
    return np.sort(rng(seed, f"sample of {part} users").choice(eligible, size=n, replace=False))


def _notes(part: Part, asked: tuple[Metric, ...], found: Ranks, n_items: int) -> tuple[str, ...]:
    if found.users.size == 0:
        return (f"Nothing was evaluated: no user has a {part} item.",)
    notes = []
    fewest = int(found.candidates.min())
    for k in sorted({metric.k for metric in asked if metric.k > fewest}):
        short = int((found.candidates < k).sum())
        notes.append(
            f"K = {k} is more than the candidates of {short:,} of {found.users.size:,} users (the fewest: {fewest:,}, "
            f"of {n_items:,} items): there every candidate counts as within the first {k}."
        )
    if found.ranks.size == found.users.size:
        notes.append(f"Each evaluated user has one {part} item, so Recall@K equals HR@K.")
    return tuple(notes)
