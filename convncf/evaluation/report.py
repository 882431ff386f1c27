"""Evaluate a scorer on one part of a split, and keep what every user contributed.

By full ranking, against every item that is not left out, or within candidate sets, each answer among the negatives of
its own set; a user's value is then the mean over the user's sets.
Who is in the mean: the users who have a positive in that part, and something else to rank it among. The others are
counted with their reason, and count neither as hits nor as misses. Test and validation are never mixed: a report
speaks of one part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from convncf import metrics
from convncf.data.splitting import Part, Split
from convncf.errors import DataError
from convncf.evaluation import cold, remarks
from convncf.evaluation.beyond import beyond
from convncf.evaluation.candidate_ranking import SetFacts, SetRanks, rank_in_sets
from convncf.evaluation.full_ranking import Progress, Ranks, Stop, ranks, users_with_positives
from convncf.metrics import Floats, Ints, Metric
from convncf.ranking import Scorer
from convncf.runtime import rng

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from convncf.config import EvalConfig
    from convncf.data.candidates import CandidateSets

FULL: Final = "full ranking"

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "validation": "left out: each user's training items",
        "test": "left out: each user's training and validation items",
    }
)
"""What Split.left_out(part) takes away before ranking, in words for a whole report."""
_IN_SETS: Final = "each {part} item ranked among the negatives of its candidate set"


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationReport:
    """How well a scorer ranks one part of a split; per-user values are kept for tests between models."""

    protocol: str
    """"full ranking": against every item that is not left out; "candidates: " and their origin: within sets."""
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
    ranks: Ranks | SetRanks
    """The rank of every positive, from which all of this was computed; metrics.MISS where it counts as a miss."""
    sets: SetFacts | None = None
    """The candidate sets; None for full ranking."""
    beyond: Mapping[str, float] = field(default_factory=dict)
    """Coverage, Gini and mean popularity of the evaluated users' lists, by written name; empty where not asked for."""
    cold: str | None = None
    """How positives that training never saw were treated (eval.cold); None where there are none."""

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
            "beyond": dict(self.beyond),
            "cold": self.cold,
            "candidates": None if self.sets is None else asdict(self.sets),
        }


def evaluate(
    scorer: Scorer,
    split: Split,
    part: Part,
    config: EvalConfig,
    *,
    users: ArrayLike | None = None,
    candidates: CandidateSets | None = None,
    lists: int = 0,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> EvaluationReport:
    """Rank the positives of `part` and report every metric of `config`, the monitored one included.

    By full ranking, or within `candidates`. `users` (U,), as from `sample_users`, restricts the evaluation, and the
    report says so. With `lists`, what the first so many items of all users show (beyond.py) is told at each K up to
    it; that is of full ranking alone. ConfigError where the monitor is no metric, before anything is scored; DataError
    where no candidate set is of this part; NonFiniteScoreError and TrainingStopped from the ranking.
    """
    asked = metrics.at(config.ks, monitor=config.monitor)
    positives = split.positives(part)
    eligible = users_with_positives(positives)
    wanted = users_with_positives(positives, users)
    found: Ranks | SetRanks
    unranked = remarks.Unranked()
    if candidates is None:
        left_out, with_set = split.left_out(part), wanted
        others = positives.shape[1] - np.diff(left_out.indptr) - np.diff(positives.indptr)  # (n_users,)
        found = ranks(scorer, positives, left_out, wanted[others[wanted] > 0], progress, stop, lists=lists)
    else:
        candidates, with_set, unranked = _usable(candidates, positives, wanted, part)
        found = rank_in_sets(scorer, candidates, wanted, progress, stop)
    ranked = found.users.size
    items, whose = cold.unseen(split.train, found)
    if (unseen := items | whose).any() and config.cold != "ranked":
        found = (cold.as_misses if config.cold == "misses" else cold.without)(found, unseen)
    per_user = {str(metric): _per_user(metric, found) for metric in asked}
    n_users, evaluated = positives.shape[0], found.users.size
    reasons = {
        f"no {part} item": n_users - eligible.size,
        "not in the sample": eligible.size - wanted.size,
        "no candidate set": wanted.size - with_set.size,
        remarks.ALONE.format(part=part) if candidates is None else remarks.EMPTY: with_set.size - ranked,
        remarks.NEW: ranked - evaluated,
    }
    not_evaluated = {reason: int(n) for reason, n in reasons.items() if n}
    sets = None if candidates is None else SetFacts.of(candidates.origin, found.candidates)
    notes = remarks.of_report(part, asked, found, n_users, positives.shape[1], not_evaluated)
    if sets is not None:
        notes += remarks.of_sets(sets, part, unranked)
    if unseen.any():
        notes.append(remarks.of_cold(items, whose, part, config.cold))
    return EvaluationReport(
        protocol=FULL if sets is None else f"candidates: {sets.origin}",
        part=part,
        metrics=MappingProxyType({name: float(values.mean()) for name, values in per_user.items() if values.size}),
        n_users=n_users,
        n_users_evaluated=evaluated,
        not_evaluated=MappingProxyType(not_evaluated),
        left_out=_left_out(split, part) if sets is None else _IN_SETS.format(part=part),
        sample=f"sample of {wanted.size:,} of {eligible.size:,} users" if wanted.size < eligible.size else None,
        notes=tuple(notes),
        per_user=MappingProxyType(per_user),
        ranks=found,
        sets=sets,
        beyond=MappingProxyType(_beyond(found, split, [k for k in config.ks if k <= lists])),
        cold=config.cold if unseen.any() else None,
    )


def sample_users(split: Split, part: Part, n: int | None, seed: int) -> Ints:
    """A seeded sample of `n` of the users who have a positive in `part`, (min(n, U),) ascending; all where None."""
    if n is not None and n < 1:
        raise ValueError(f"a sample needs at least one user, got {n}")
    eligible = users_with_positives(split.positives(part))
    if n is None or n >= eligible.size:
        return eligible
    return np.sort(rng(seed, f"sample of {part} users").choice(eligible, size=n, replace=False))


def _per_user(metric: Metric, found: Ranks | SetRanks) -> Floats:
    """(U,) the metric of each evaluated user, read-only; within candidate sets the mean over the user's sets."""
    if isinstance(found, SetRanks):
        each = metrics.per_user(metric, found.ranks, np.arange(found.ranks.size + 1), found.candidates)  # (S,)
        values = each if each.size == 0 else np.add.reduceat(each, found.indptr[:-1]) / np.diff(found.indptr)
    else:
        values = metrics.per_user(metric, found.ranks, found.indptr, found.candidates)
    values.flags.writeable = False
    return values


def _usable(
    candidates: CandidateSets, positives: csr_array, wanted: Ints, part: Part
) -> tuple[CandidateSets, Ints, remarks.Unranked]:
    """The sets of the part that hold a negative; those of `wanted` who have any set, (U,); and what is not ranked."""
    row, item = positives.nonzero()
    n_items = positives.shape[1]
    asked = row.astype(np.int64) * n_items + item  # (N,) each positive as one number
    pairs = candidates.user.astype(np.int64) * n_items + candidates.answer  # (S,)
    fits = np.isin(pairs, asked) & (candidates.answer < n_items)
    if len(candidates) and not fits.any() and positives.nnz:
        raise DataError(
            f"none of the {len(candidates):,} candidate sets has a {part} item of this split as its answer. Use the "
            "split that they came with (data.split=ready), or drawn sets (eval.candidate_sets=drawn)."
        )
    ours = fits & np.isin(candidates.user, wanted)
    empty = candidates.sizes == 0
    unranked = remarks.Unranked(
        strange=int((~fits).sum()),
        missing=int((np.isin(row, wanted) & ~np.isin(asked, pairs[fits])).sum()),
        empty=int((ours & empty).sum()),
    )
    usable = candidates if (fits & ~empty).all() else candidates.only(fits & ~empty)
    return usable, np.intersect1d(wanted, candidates.user[ours]), unranked


def _left_out(split: Split, part: Part) -> str:
    return LEFT_OUT[part] + ("" if split.not_recommended is None else ", and those rated lower")


def _beyond(found: Ranks | SetRanks, split: Split, ks: list[int]) -> dict[str, float]:
    if isinstance(found, SetRanks) or found.lists is None:
        return {}
    return beyond(found.lists, np.bincount(split.train.indices, minlength=split.train.shape[1]), ks)
