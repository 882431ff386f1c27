"""A pair: its trace, its rank among the candidates, the user's history and list; and a first pair to show.

Ranks, lists and histories come from the same split and the same rule as the evaluation, so that they agree with it.

A reader cannot follow a user with five hundred items, and one with five says little. So the first pair is of a user
with a moderate history, if possible one where the model ranks an item of the test part high.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from convncf.data.split import Split
from convncf.evaluation.ranking import ItemRank, Scorer, Scores, TopK, items_of, rank_item, top_k
from convncf.inspection.trace import NoTrace, PairTrace, trace_pair


def rank_of(scores: npt.NDArray[np.floating[Any]], split: Split, user: int, item: int) -> ItemRank:
    """Rank of an item under a user's scores (n_items,), among what the test evaluation ranks.

    Raises NonFiniteScoreError where a score is NaN or infinite.
    """
    return rank_item(scores, item, items_of(split.test, user), items_of(split.excluded("test"), user), user=user)


PairPart = Literal["training", "validation", "test", "rated lower", "new"]


@dataclass(frozen=True, slots=True, eq=False)
class PairView:
    """What the app's page Inspect shows of one user and one item, apart from the figures."""

    user: int
    item: int
    trace: PairTrace | NoTrace
    score: float
    rank: ItemRank
    part: PairPart
    """Which part of the split holds the pair; new where the user has not had the item."""
    excluded: str
    """What was excluded before ranking, in words."""

    @property
    def rank_words(self) -> str:
        """The rank; and why the item is excluded from the ranking where it is: the user has it, or rated it too low."""
        if self.rank.seen and self.part == "rated lower":
            return f"rated lower by this user, would be {replace(self.rank, seen=False).words}"
        return self.rank.words


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a user has, latest first where there are times, else in the file's order."""

    items: npt.NDArray[np.int64]
    """(h,) item indices."""
    parts: tuple[PairPart, ...]
    """(h,) which part of the split each belongs to."""
    seconds: npt.NDArray[np.int64] | None
    """(h,) when, in seconds since 1970; none where the data has no times."""


def view_pair(model: Scorer, split: Split, user: int, item: int, scores: Scores | None = None) -> PairView:
    """Trace and rank one pair as the test evaluation would rank it.

    `scores`, (n_items,), are the user's where they are computed already: for many items that takes longest.
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
        part=part_of(split, user, item),
        excluded=split.excluded_in_words(user, "test"),
    )


def part_of(split: Split, user: int, item: int) -> PairPart:
    """Which part of the split holds the pair; "rated lower" where a minimum rating dropped it."""
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
    """`recommend` from scores that are computed already, (n_items,)."""
    return top_k(scores, items_of(split.excluded("test"), user), k, positives=items_of(split.test, user), user=user)


def history(split: Split, user: int) -> History:
    """The user's interactions, each with the part that holds it."""
    names: tuple[PairPart, ...] = ("training", "validation", "test")
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


USUAL: Final = 40
"""Interactions of a user whose history is easy to read; those nearest to it are tried first."""
FEWEST: Final = 20
MOST: Final = 60
_TRIED: Final = 16
_TOP: Final = 10


def first_pair(model: Scorer, split: Split) -> tuple[int, int]:
    """A user and an item (indices), the same at each call: a held-out item in the top 10 of a moderate history.

    At most 16 users are scored. Where none of them has such an item, the first one's best item is taken; of a user who
    has every item, one of their own.
    """
    users = _moderate(split)
    for user in users[:_TRIED].tolist():
        for item in recommend(model, split, user, _TOP).items.tolist():
            if part_of(split, user, item) == "test":
                return user, item
    user = int(users[0])
    best = recommend(model, split, user, 1).items
    return user, int((best if len(best) else history(split, user).items)[0])


def _moderate(split: Split) -> npt.NDArray[np.intp]:
    """Users with a test item and 20 to 60 interactions, nearest to 40 first; all users where there is none."""
    counts = np.bincount(split.interactions.user, minlength=split.interactions.n_users)
    nearest = np.argsort(np.abs(counts - USUAL), kind="stable")
    tested = np.diff(split.test.indptr) > 0
    moderate = tested & (counts >= FEWEST) & (counts <= MOST)
    for eligible in (moderate, tested):
        if eligible.any():
            return nearest[eligible[nearest]]
    return nearest
