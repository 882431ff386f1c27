"""Evaluate a scorer on one part of a split, keep what every user contributed, and say what a reader has to know.

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
from numpy.typing import NDArray

from convncf.data.split import Part, Split
from convncf.errors import DataError
from convncf.evaluation import cold_items, metrics
from convncf.evaluation.beyond_accuracy import beyond_accuracy
from convncf.evaluation.candidate_ranking import CandidateSetSummary, SetRanks, rank_in_sets
from convncf.evaluation.full_ranking import Progress, Ranks, Stop, ranks, users_with_positives
from convncf.evaluation.metrics import Floats, Ints, Metric
from convncf.evaluation.ranking import Scorer
from convncf.runtime.random import rng

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from convncf.config import EvalConfig
    from convncf.data.candidates import CandidateSets

NEW: Final = "only items that training never saw, or a user that it never saw"
"""Why a user is not evaluated where cold positives are left out."""
ALONE: Final = "no candidate but {part} items"
"""Why a user is not evaluated where every item is left out or a positive: any model would be perfect."""
EMPTY: Final = "only candidate sets without negatives"
"""Why a user is not evaluated where there is nothing to rank the answers among."""
_COLD: Final = MappingProxyType(
    {
        "ranked": "ranked by whatever score the model gives them",
        "misses": "counted as misses, 0 in every metric",
        "excluded": "excluded",
    }
)


def of_report(
    part: Part,
    asked: tuple[Metric, ...],
    found: Ranks | SetRanks,
    n_users: int,
    n_items: int,
    not_evaluated: Mapping[str, int],
) -> list[str]:
    """Who is not in the means, where K is beyond the candidates, and where metrics coincide."""
    if found.users.size == 0:
        if list(not_evaluated) == [f"no {part} item"] or not not_evaluated:
            return [f"Nothing was evaluated: no user has a {part} item."]
        counted = [f"{reason} ({n:,} user{'' if n == 1 else 's'})" for reason, n in not_evaluated.items()]
        return [f"Nothing was evaluated: {', '.join(counted)}."]
    notes = [f"{n:,} of {n_users:,} not evaluated: {reason}" for reason, n in not_evaluated.items()]
    whose = "candidate sets" if isinstance(found, SetRanks) else "users"
    fewest = int(found.candidates.min())
    for k in sorted({metric.k for metric in asked if metric.k is not None and metric.k > fewest}):
        short = int((found.candidates < k).sum())
        notes.append(
            f"K = {k} is more than the candidates of {short:,} of {found.candidates.size:,} {whose} (the fewest: "
            f"{fewest:,}, of {n_items:,} items): there every candidate counts as within the first {k}."
        )
    if isinstance(found, SetRanks):
        notes.append(f"Each candidate set has one {part} item, so Recall@K equals HR@K.")
    elif found.ranks.size == found.users.size:
        notes.append(f"Each evaluated user has one {part} item, so Recall@K equals HR@K.")
    return notes


@dataclass(frozen=True, slots=True)
class Unranked:
    """What candidate sets and positives do not give each other."""

    strange: int = 0
    """Sets whose answer is no positive of the part."""
    missing: int = 0
    """Positives that have no set."""
    empty: int = 0
    """Sets without a negative."""


def of_sets(sets: CandidateSetSummary, part: Part, unranked: Unranked) -> list[str]:
    """How large the sets are, and what was not ranked."""
    notes = [f"{sets.words} ({sets.origin}); a user's value is the mean over the user's sets."] if sets.n_sets else []
    if unranked.missing:
        what = f"1 {part} item has" if unranked.missing == 1 else f"{unranked.missing:,} {part} items have"
        notes.append(f"{what} no candidate set: not evaluated.")
    if unranked.empty:
        what = "1 candidate set has" if unranked.empty == 1 else f"{unranked.empty:,} candidate sets have"
        notes.append(f"{what} no negatives, where any model would be perfect: not evaluated.")
    if unranked.strange:
        what = "1 candidate set is" if unranked.strange == 1 else f"{unranked.strange:,} candidate sets are"
        notes.append(f"{what} of no {part} item of this split, and passed over.")
    return notes


def of_cold(items: NDArray[np.bool_], whose: NDArray[np.bool_], part: Part, treated: str) -> str:
    """Positives that are of `items`, and of users (`whose`), that training never saw: (N,), (N,) -> a sentence."""
    of = f"of {items.size:,} {part} interactions"
    parts = [
        f"{n:,} {of} {f'is of {one}' if n == 1 else f'are of {many}'} that training never saw"
        for n, one, many in ((int(items.sum()), "an item", "items"), (int(whose.sum()), "a user", "users"))
        if n
    ]
    return f"{' and '.join(parts)}: {_COLD[treated]}."


KEPT_THE_START: Final = (
    "No epoch did better on validation than the start, so the start is kept: the network added nothing to what "
    "it began with. That happens: simple models are hard to beat."
)
"""Stands beside a validated ConvNCF whose best epoch is 0."""
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
    excluded: str
    """What was left out before ranking, in words."""
    sample: str | None
    """In words, where only some of the users with a positive were asked for."""
    notes: tuple[str, ...]
    """What a reader of the numbers has to know, one sentence each."""
    per_user: Mapping[str, Floats]
    """Written name -> (U,) value of each evaluated user, read-only."""
    ranks: Ranks | SetRanks
    """The rank of every positive, from which all of this was computed; metrics.MISS where it counts as a miss."""
    sets: CandidateSetSummary | None = None
    """The candidate sets; None for full ranking."""
    beyond_accuracy: Mapping[str, float] = field(default_factory=dict)
    """Coverage, Gini and mean popularity of the evaluated users' lists, by written name; empty where not asked for."""
    cold: str | None = None
    """How positives that training never saw were treated (eval.cold); None where there are none."""

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in self.metrics.items() if name.endswith("@10"))
        return (
            f"EvaluationReport on {self.part}, {self.protocol}: {self.n_users_evaluated:,} of {self.n_users:,} users; "
            f"{figures or f'{len(self.metrics)} metrics'}"
        )

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
            "left_out": self.excluded,
            "sample": self.sample,
            "notes": list(self.notes),
            "beyond": dict(self.beyond_accuracy),
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
    report says so. With `lists`, what the first so many items of all users show is told at each K up to it
    (beyond_accuracy.py); that is of full ranking alone. ConfigError where the monitor is no metric, before anything is
    scored; DataError where no candidate set is of this part; NonFiniteScoreError and TrainingStopped from the ranking.
    """
    asked = metrics.at(config.ks, monitor=config.monitor)
    positives = split.positives(part)
    eligible = users_with_positives(positives)
    wanted = users_with_positives(positives, users)
    found: Ranks | SetRanks
    unranked = Unranked()
    if candidates is None:
        excluded, with_set = split.excluded(part), wanted
        others = positives.shape[1] - np.diff(excluded.indptr) - np.diff(positives.indptr)  # (n_users,)
        found = ranks(scorer, positives, excluded, wanted[others[wanted] > 0], progress, stop, lists=lists)
    else:
        candidates, with_set, unranked = _usable(candidates, positives, wanted, part)
        found = rank_in_sets(scorer, candidates, wanted, progress, stop)
    ranked = found.users.size
    items, whose = cold_items.unseen(split.train, found)
    if (unseen := items | whose).any() and config.cold != "ranked":
        found = (cold_items.as_misses if config.cold == "misses" else cold_items.without)(found, unseen)
    per_user = {str(metric): _per_user(metric, found) for metric in asked}
    n_users, evaluated = positives.shape[0], found.users.size
    reasons = {
        f"no {part} item": n_users - eligible.size,
        "not in the sample": eligible.size - wanted.size,
        "no candidate set": wanted.size - with_set.size,
        ALONE.format(part=part) if candidates is None else EMPTY: with_set.size - ranked,
        NEW: ranked - evaluated,
    }
    not_evaluated = {reason: int(n) for reason, n in reasons.items() if n}
    sets = None if candidates is None else CandidateSetSummary.of(candidates.origin, found.candidates)
    notes = of_report(part, asked, found, n_users, positives.shape[1], not_evaluated)
    if sets is not None:
        notes += of_sets(sets, part, unranked)
    if unseen.any():
        notes.append(of_cold(items, whose, part, config.cold))
    return EvaluationReport(
        protocol=FULL if sets is None else f"candidates: {sets.origin}",
        part=part,
        metrics=MappingProxyType({name: float(values.mean()) for name, values in per_user.items() if values.size}),
        n_users=n_users,
        n_users_evaluated=evaluated,
        not_evaluated=MappingProxyType(not_evaluated),
        excluded=_left_out(split, part) if sets is None else _IN_SETS.format(part=part),
        sample=f"sample of {wanted.size:,} of {eligible.size:,} users" if wanted.size < eligible.size else None,
        notes=tuple(notes),
        per_user=MappingProxyType(per_user),
        ranks=found,
        sets=sets,
        beyond_accuracy=MappingProxyType(_beyond_accuracy(found, split, [k for k in config.ks if k <= lists])),
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
) -> tuple[CandidateSets, Ints, Unranked]:
    """The sets of the part that hold a negative; those of `wanted` who have any set, (U,); and what is not ranked."""
    row, item = positives.nonzero()
    n_items = positives.shape[1]
    asked = row.astype(np.int64) * n_items + item  # (N,) each positive as one number
    pairs = candidates.user.astype(np.int64) * n_items + candidates.answer  # (S,)
    fits = np.isin(pairs, asked) & (candidates.answer < n_items)
    if len(candidates) and not fits.any() and positives.nnz:
        raise DataError(
            f"none of the {len(candidates):,} candidate sets has a {part} item of this split as its answer. Use the "
            "split that they came with (data.split=predefined), or drawn sets (eval.candidate_sets=drawn)."
        )
    ours = fits & np.isin(candidates.user, wanted)
    empty = candidates.sizes == 0
    unranked = Unranked(
        strange=int((~fits).sum()),
        missing=int((np.isin(row, wanted) & ~np.isin(asked, pairs[fits])).sum()),
        empty=int((ours & empty).sum()),
    )
    usable = candidates if (fits & ~empty).all() else candidates.only(fits & ~empty)
    return usable, np.intersect1d(wanted, candidates.user[ours]), unranked


def _left_out(split: Split, part: Part) -> str:
    return LEFT_OUT[part] + ("" if split.not_recommended is None else ", and those rated lower")


def _beyond_accuracy(found: Ranks | SetRanks, split: Split, ks: list[int]) -> dict[str, float]:
    if isinstance(found, SetRanks) or found.lists is None:
        return {}
    return beyond_accuracy(found.lists, np.bincount(split.train.indices, minlength=split.train.shape[1]), ks)
