"""Scores and ranks of many pairs: for each what Inspect says of it, with a user's items scored once.

Shapes: n pairs, U distinct users among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from convncf import streams
from convncf.data.splitting import Split
from convncf.inspection.pair import Standing, standing
from convncf.inspection.ranks import rank_of
from convncf.ranking import ItemRank, Scorer

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """One pair (indices), by the rule of evaluation."""

    user: int
    item: int
    score: float
    rank: ItemRank
    """Of an item that is left out for this user what it would be, marked as seen."""
    standing: Standing
    """Which part of the split holds the pair."""


def score_pairs(
    model: Scorer,
    split: Split,
    users: npt.ArrayLike,
    items: npt.ArrayLike,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[ScoredPair, ...]:
    """Score and rank n pairs of indices, (n,) and (n,); the result is in their order.

    `progress` hears how many of the U users are done. Raises ValueError where the two differ in length, IndexError for
    an index that the model does not know, NonFiniteScoreError where a score is NaN or infinite.
    """
    user, item = (np.asarray(given, dtype=np.int64).reshape(-1) for given in (users, items))
    if len(user) != len(item):
        raise ValueError(f"{len(user)} users and {len(item)} items are no pairs")
    for kind, indices, count in (("user", user, model.n_users), ("item", item, model.n_items)):
        if indices.size and not (0 <= indices.min() and indices.max() < count):
            raise IndexError(f"a {kind} is not one of the model's {count} {kind}s (0 to {count - 1})")
    order = np.argsort(user, kind="stable")
    distinct, starts = np.unique(user[order], return_index=True)
    rows = np.split(order, starts[1:])  # U lists of places
    found: list[ScoredPair | None] = [None] * len(user)

    def work(first: int, number: int) -> None:
        one = int(distinct[first + number])
        scores = np.asarray(model.score_items(one))
        for place in rows[first + number].tolist():
            i = int(item[place])
            rank = rank_of(scores, split, one, i)
            found[place] = ScoredPair(one, i, float(scores[i]), rank, standing(split, one, i))

    together = 8 * streams.width()
    for first in range(0, len(distinct), together):
        some = min(together, len(distinct) - first)
        streams.share(partial(work, first), some)
        progress(first + some, len(distinct))
    return tuple(pair for pair in found if pair is not None)
