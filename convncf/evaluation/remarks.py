"""Remarks: what a reader of an evaluation's figures has to know, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from convncf.evaluation.candidate_ranking import SetFacts, SetRanks
from convncf.evaluation.full_ranking import Ranks
from convncf.metrics import Metric

if TYPE_CHECKING:
    from convncf.data.splitting import Part

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
        "left out": "left out",
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


def of_sets(sets: SetFacts, part: Part, unranked: Unranked) -> list[str]:
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
