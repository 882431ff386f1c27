"""A pair in its place: the trace, the rank among the user's candidates, the history and the list beside it.

Ranks, lists and histories come from the same split and the same rule as the evaluation, so that they agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from convncf.data.splitting import Split
from convncf.inspection.ranks import rank_of
from convncf.inspection.trace import NoTrace, PairTrace, trace_pair
from convncf.ranking import ItemRank, Scorer, Scores, TopK, items_of, top_k

Standing = Literal["training", "validation", "test", "rated lower", "new"]


@dataclass(frozen=True, slots=True, eq=False)
class PairView:
    """Everything that Inspect shows of one user and one item, but for the pictures."""

    user: int
    item: int
    trace: PairTrace | NoTrace
    score: float
    rank: ItemRank
    standing: Standing
    """Which part of the split holds the pair; new where the user has not had the item."""
    left_out: str
    """What was left out before ranking, in words."""

    @property
    def rank_words(self) -> str:
        """The rank; and why the item is left out of the ranking where it is: the user has it, or rated it too low."""
        if self.rank.seen and self.standing == "rated lower":
            return f"rated lower by this user, would be {replace(self.rank, seen=False).words}"
        return self.rank.words


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a user has, latest first where there are times, else in the file's order."""

    items: npt.NDArray[np.int64]
    """(h,) item indices."""
    parts: tuple[Standing, ...]
    """(h,) which part of the split each belongs to."""
    seconds: npt.NDArray[np.int64] | None
    """(h,) when, in seconds since 1970; none where the data has no times."""


def view_pair(model: Scorer, split: Split, user: int, item: int, scores: Scores | None = None) -> PairView:
    """Trace and rank one pair as the test evaluation would rank it.

    `scores`, (n_items,), are the user's where they are at hand: of many items they take longer than all else.
    """
    trace = trace_pair(model, user, item)
    if scores is None:
        scores = model.score_items(user).numpy()
    rank = rank_of(scores, split, user, item)
    return PairView(
        user=user,
        item=item,
        trace=trace,
        score=float(scores[item]),
        rank=rank,
        standing=standing(split, user, item),
        left_out=split.left_out_words(user, "test"),
    )


def standing(split: Split, user: int, item: int) -> Standing:
    """Which part of the split holds the pair; "rated lower" where a threshold of rating left it out."""
    if item in items_of(split.train, user):
        return "training"
    if item in items_of(split.validation, user):
        return "validation"
    if item in items_of(split.test, user):
        return "test"
    return "rated lower" if split.below is not None and item in items_of(split.below, user) else "new"


def recommend(model: Scorer, split: Split, user: int, k: int) -> TopK:
    """The user's k best items among the test evaluation's candidates, so held-out test items are among them."""
    return listed(model.score_items(user).numpy(), split, user, k)


def listed(scores: Scores, split: Split, user: int, k: int) -> TopK:
    """`recommend` from scores that are at hand, (n_items,)."""
    return top_k(scores, items_of(split.left_out("test"), user), k, positives=items_of(split.test, user), user=user)


def history(split: Split, user: int) -> History:
    """The user's interactions, each with the part that holds it."""
    names: tuple[Standing, ...] = ("training", "validation", "test")
    interactions = split.interactions
    rows = np.flatnonzero(interactions.user == user)
    times = interactions.seconds
    if times is not None:
        rows = rows[np.argsort(-times[rows], kind="stable")]
    return History(
        items=interactions.item[rows].astype(np.int64),
        parts=tuple(names[part] for part in split.part[rows].tolist()),
        seconds=None if times is None else times[rows],
    )
