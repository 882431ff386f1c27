"""Evaluate a scorer on one part of a split, keep the values of every user, and note what a reader has to know.

By full ranking, against every item that is not excluded, or within candidate sets, each answer among the negatives of
its own set; a user's value is then the mean over the user's sets.
The mean is over the users who have a positive in that part, and another candidate to rank it among. The others are
counted with their reason, and count neither as hits nor as misses. Test and validation are never mixed: a report is of
one part.
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

COLD: Final = "only items that training never saw, or a user that it never saw"
"""Why a user is not evaluated where cold positives are excluded."""
NO_OTHER_CANDIDATE: Final = "no candidate but {part} items"
"""Why a user is not evaluated where every item is excluded or a positive: any model would be perfect."""
NO_NEGATIVES: Final = "only candidate sets without negatives"
"""Why a user is not evaluated where there is nothing to rank the answers among."""
_COLD_TREATMENT: Final = MappingProxyType(
    {
        "ranked": "ranked by whatever score the model gives them",
        "misses": "counted as misses, 0 in every metric",
        "excluded": "excluded",
    }
)


def report_notes(
    part: Part,
    requested: tuple[Metric, ...],
    ranking: Ranks | SetRanks,
    n_users: int,
    n_items: int,
    not_evaluated: Mapping[str, int],
) -> list[str]:
    """Which users are not in the means, where K is more than the candidates, and where metrics coincide."""
    if ranking.users.size == 0:
        if list(not_evaluated) == [f"no {part} item"] or not not_evaluated:
            return [f"Nothing was evaluated: no user has a {part} item."]
        counts = [f"{reason} ({n:,} user{'' if n == 1 else 's'})" for reason, n in not_evaluated.items()]
        return [f"Nothing was evaluated: {', '.join(counts)}."]
    notes = [f"{n:,} of {n_users:,} not evaluated: {reason}" for reason, n in not_evaluated.items()]
    units = "candidate sets" if isinstance(ranking, SetRanks) else "users"
    fewest = int(ranking.candidates.min())
    for k in sorted({metric.k for metric in requested if metric.k is not None and metric.k > fewest}):
        short = int((ranking.candidates < k).sum())
        notes.append(
            f"K = {k} is more than the candidates of {short:,} of {ranking.candidates.size:,} {units} (the fewest: "
            f"{fewest:,}, of {n_items:,} items): there every candidate counts as within the first {k}."
        )
    if isinstance(ranking, SetRanks):
        notes.append(f"Each candidate set has one {part} item, so Recall@K equals HR@K.")
    elif ranking.ranks.size == ranking.users.size:
        notes.append(f"Each evaluated user has one {part} item, so Recall@K equals HR@K.")
    return notes


@dataclass(frozen=True, slots=True)
class Unranked:
    """Candidate sets without a positive or a negative, and positives without a set."""

    without_positive: int = 0
    """Sets whose answer is no positive of the part."""
    missing: int = 0
    """Positives that have no set."""
    empty: int = 0
    """Sets without a negative."""


def set_notes(sets: CandidateSetSummary, part: Part, unranked: Unranked) -> list[str]:
    """The sizes of the sets, and what was not ranked."""
    notes = [f"{sets.words} ({sets.origin}); a user's value is the mean over the user's sets."] if sets.n_sets else []
    if unranked.missing:
        subject = f"1 {part} item has" if unranked.missing == 1 else f"{unranked.missing:,} {part} items have"
        notes.append(f"{subject} no candidate set: not evaluated.")
    if unranked.empty:
        subject = "1 candidate set has" if unranked.empty == 1 else f"{unranked.empty:,} candidate sets have"
        notes.append(f"{subject} no negatives, where any model would be perfect: not evaluated.")
    if unranked.without_positive:
        subject = (
            "1 candidate set is"
            if unranked.without_positive == 1
            else f"{unranked.without_positive:,} candidate sets are"
        )
        notes.append(f"{subject} of no {part} item of this split, and skipped.")
    return notes


def cold_note(items: NDArray[np.bool_], users: NDArray[np.bool_], part: Part, treated: str) -> str:
    """How many positives are of `items`, and of `users`, that training never saw: (N,), (N,) -> a sentence."""
    total = f"of {items.size:,} {part} interactions"
    clauses = [
        f"{n:,} {total} {f'is of {one}' if n == 1 else f'are of {many}'} that training never saw"
        for n, one, many in ((int(items.sum()), "an item", "items"), (int(users.sum()), "a user", "users"))
        if n
    ]
    return f"{' and '.join(clauses)}: {_COLD_TREATMENT[treated]}."


KEPT_THE_START: Final = (
    "No epoch did better on validation than the start, so the start is kept: the network added nothing to what "
    "it began with. That happens: simple models are hard to beat."
)
"""The note on a validated ConvNCF whose best epoch is 0."""
FULL: Final = "full ranking"
EXCLUDED: Mapping[str, str] = MappingProxyType(
    {
        "validation": "excluded: each user's training items",
        "test": "excluded: each user's training and validation items",
    }
)
"""The items that Split.excluded(part) excludes before ranking, as a report says it."""
_IN_SETS: Final = "each {part} item ranked among the negatives of its candidate set"


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationReport:
    """How well a scorer ranks one part of a split; per-user values are kept for tests between models."""

    protocol: str
    """"full ranking": against every item that is not excluded; "candidates: " and their origin: within sets."""
    part: Part
    metrics: Mapping[str, float]
    """Mean over the evaluated users, by written name ("NDCG@10"); empty where nobody could be evaluated."""
    n_users: int
    """All users of the split: n_users_evaluated and the counts of not_evaluated add up to it."""
    n_users_evaluated: int
    not_evaluated: Mapping[str, int]
    """Reason -> number of users."""
    excluded: str
    """Which items were excluded before ranking, as text."""
    sample: str | None
    """The sample, as text, where only some of the users with a positive were to be evaluated."""
    notes: tuple[str, ...]
    """What a reader of the figures has to know, one sentence each."""
    per_user: Mapping[str, Floats]
    """Written name -> (U,) value of each evaluated user, read-only."""
    ranks: Ranks | SetRanks
    """The rank of every positive, from which all of this was computed; metrics.MISS where it counts as a miss."""
    sets: CandidateSetSummary | None = None
    """The candidate sets; None for full ranking."""
    beyond_accuracy: Mapping[str, float] = field(default_factory=dict)
    """Coverage, Gini and mean popularity of the evaluated users' lists, by written name; empty where not requested."""
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
    report says so. With `lists`, the report has the metrics beyond accuracy at each K up to it (beyond_accuracy.py);
    that is of full ranking alone. ConfigError where the monitor is no metric, before anything is scored; DataError
    where no candidate set is of this part; NonFiniteScoreError and TrainingStopped from the ranking.
    """
    requested = metrics.at(config.ks, monitor=config.monitor)
    positives = split.positives(part)
    eligible = users_with_positives(positives)
    chosen = users_with_positives(positives, users)
    ranking: Ranks | SetRanks
    unranked = Unranked()
    if candidates is None:
        excluded, with_set = split.excluded(part), chosen
        others = positives.shape[1] - np.diff(excluded.indptr) - np.diff(positives.indptr)  # (n_users,)
        ranking = ranks(scorer, positives, excluded, chosen[others[chosen] > 0], progress, stop, lists=lists)
    else:
        candidates, with_set, unranked = _usable(candidates, positives, chosen, part)
        ranking = rank_in_sets(scorer, candidates, chosen, progress, stop)
    n_ranked = ranking.users.size
    cold_by_item, cold_by_user = cold_items.unseen(split.train, ranking)
    if (unseen := cold_by_item | cold_by_user).any() and config.cold != "ranked":
        ranking = (cold_items.as_misses if config.cold == "misses" else cold_items.without)(ranking, unseen)
    per_user = {str(metric): _per_user(metric, ranking) for metric in requested}
    n_users, evaluated = positives.shape[0], ranking.users.size
    reasons = {
        f"no {part} item": n_users - eligible.size,
        "not in the sample": eligible.size - chosen.size,
        "no candidate set": chosen.size - with_set.size,
        NO_OTHER_CANDIDATE.format(part=part) if candidates is None else NO_NEGATIVES: with_set.size - n_ranked,
        COLD: n_ranked - evaluated,
    }
    not_evaluated = {reason: int(n) for reason, n in reasons.items() if n}
    sets = None if candidates is None else CandidateSetSummary.of(candidates.origin, ranking.candidates)
    notes = report_notes(part, requested, ranking, n_users, positives.shape[1], not_evaluated)
    if sets is not None:
        notes += set_notes(sets, part, unranked)
    if unseen.any():
        notes.append(cold_note(cold_by_item, cold_by_user, part, config.cold))
    return EvaluationReport(
        protocol=FULL if sets is None else f"candidates: {sets.origin}",
        part=part,
        metrics=MappingProxyType({name: float(values.mean()) for name, values in per_user.items() if values.size}),
        n_users=n_users,
        n_users_evaluated=evaluated,
        not_evaluated=MappingProxyType(not_evaluated),
        excluded=_excluded(split, part) if sets is None else _IN_SETS.format(part=part),
        sample=f"sample of {chosen.size:,} of {eligible.size:,} users" if chosen.size < eligible.size else None,
        notes=tuple(notes),
        per_user=MappingProxyType(per_user),
        ranks=ranking,
        sets=sets,
        beyond_accuracy=MappingProxyType(_beyond_accuracy(ranking, split, [k for k in config.ks if k <= lists])),
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


def _per_user(metric: Metric, ranking: Ranks | SetRanks) -> Floats:
    """(U,) the metric of each evaluated user, read-only; within candidate sets the mean over the user's sets."""
    if isinstance(ranking, SetRanks):
        by_set = metrics.per_user(metric, ranking.ranks, np.arange(ranking.ranks.size + 1), ranking.candidates)  # (S,)
        sums = np.add.reduceat(by_set, ranking.indptr[:-1]) if by_set.size else by_set
        values = sums / np.diff(ranking.indptr)
    else:
        values = metrics.per_user(metric, ranking.ranks, ranking.indptr, ranking.candidates)
    values.flags.writeable = False
    return values


def _usable(
    candidates: CandidateSets, positives: csr_array, chosen: Ints, part: Part
) -> tuple[CandidateSets, Ints, Unranked]:
    """The sets of the part that hold a negative; those of `chosen` who have any set, (U,); and what is not ranked."""
    row, item = positives.nonzero()
    n_items = positives.shape[1]
    positive_keys = row.astype(np.int64) * n_items + item  # (N,) each positive as one number
    set_keys = candidates.user.astype(np.int64) * n_items + candidates.answer  # (S,)
    fits = np.isin(set_keys, positive_keys) & (candidates.answer < n_items)
    if len(candidates) and not fits.any() and positives.nnz:
        raise DataError(
            f"none of the {len(candidates):,} candidate sets has a {part} item of this split as its answer. Use the "
            "predefined split that they came with (data.split=predefined), or sampled sets (eval.candidate_sets=drawn)."
        )
    of_chosen = fits & np.isin(candidates.user, chosen)
    empty = candidates.sizes == 0
    unranked = Unranked(
        without_positive=int((~fits).sum()),
        missing=int((np.isin(row, chosen) & ~np.isin(positive_keys, set_keys[fits])).sum()),
        empty=int((of_chosen & empty).sum()),
    )
    usable = candidates if (fits & ~empty).all() else candidates.only(fits & ~empty)
    return usable, np.intersect1d(chosen, candidates.user[of_chosen]), unranked


def _excluded(split: Split, part: Part) -> str:
    return EXCLUDED[part] + ("" if split.not_recommended is None else ", and those rated lower")


def _beyond_accuracy(ranking: Ranks | SetRanks, split: Split, ks: list[int]) -> dict[str, float]:
    if isinstance(ranking, SetRanks) or ranking.lists is None:
        return {}
    return beyond_accuracy(ranking.lists, np.bincount(split.train.indices, minlength=split.train.shape[1]), ks)
