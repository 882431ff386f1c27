"""Top-K lists: filters applied before a list is cut to K, and the lists of many users.

A filter changes neither scores nor ranks: an item keeps the rank that it has among all of the user's candidates.
Shapes: U users, I items, k items of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from convncf.data.items import ItemTable
from convncf.data.split import Split
from convncf.errors import RefusedValueError
from convncf.evaluation.full_ranking import FLOATS, USERS_TOGETHER
from convncf.evaluation.ranking import Ints, Scorer, Scores, TopK, top_k
from convncf.inspection.pair import listed
from convncf.runtime import threads


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Which items a list may hold. Raises ValueError where the share of popular items is not 0 to below 100."""

    popular: float = 0.0
    """At most this percentage of all items is hidden: those that most users have in training."""
    genres: tuple[str, ...] = ()
    """Only items with one of these genres or more; empty for all."""

    def __post_init__(self) -> None:
        if not 0 <= self.popular < 100:
            raise RefusedValueError(
                f"the share of popular items to hide is 0 to below 100 percent, got {self.popular}."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """Which items a filter allows, and what it hides."""

    items: npt.NDArray[np.bool_]
    """(I,) whether the item may be listed."""
    popular: int
    """Items hidden for their popularity."""
    genre: int
    """Items hidden for their genre, of those not hidden for popularity."""
    words: str
    """What is hidden, in words; empty without a filter."""


@dataclass(frozen=True, slots=True, eq=False)
class FilteredList:
    """A user's best items among those that a filter allows."""

    top: TopK
    """k items, or fewer where fewer are left; ranks and ties are those among all candidates."""
    candidates: int
    """Items that the user could be shown without a filter."""
    left: int
    """How many of them the filter allows."""
    words: str
    """What the filter hides, and how many are left; empty without a filter."""


def allowed(filters: ListFilter, train: csr_array, items: ItemTable) -> Allowed:
    """Apply filters to all items; `train` is the training part, (U, I).

    Items that equally many users have are hidden together or not at all, so fewer may be hidden than the limit.
    """
    n_items = train.shape[1]
    counts = np.bincount(train.indices, minlength=n_items)  # (I,) users that have the item in training
    hidden, fewest = _most_popular(counts, int(n_items * filters.popular / 100))
    chosen = set(filters.genres)
    has_genre = np.array([not chosen or bool(chosen.intersection(genres)) for genres in items.genres], dtype=np.bool_)
    reasons = []
    if filters.popular:
        reasons.append(_popularity_reason(filters.popular, n_items, int(hidden.sum()), fewest))
    by_genre = int(np.count_nonzero(~hidden & ~has_genre))
    if chosen:
        more = "more " if hidden.any() else ""
        reasons.append(
            f"{by_genre:,} {more}item{'' if by_genre == 1 else 's'} without the genre {_either(filters.genres)}"
        )
    return Allowed(
        ~hidden & has_genre, int(hidden.sum()), by_genre, f"Hidden: {', and '.join(reasons)}." if reasons else ""
    )


def filtered(
    scores: Scores,
    excluded: npt.ArrayLike,
    k: int,
    filter_: Allowed,
    *,
    positives: npt.ArrayLike = (),
    user: int | None,
) -> FilteredList:
    """The k best of the candidates that the filter allows, ties in index order; arguments as in `top_k`.

    Raises NonFiniteScoreError.
    """
    ranking = top_k(scores, excluded, len(scores), positives=positives, user=user)
    rows = np.flatnonzero(filter_.items[ranking.items])
    sentence = (
        f"{filter_.words} {len(rows):,} of the {len(ranking.items):,} candidates are left." if filter_.words else ""
    )
    return FilteredList(_rows_of(ranking, rows[:k]), len(ranking.items), len(rows), sentence)


def genres(items: ItemTable) -> tuple[str, ...]:
    """Every genre that an item has, in alphabetical order; empty where none is known."""
    return tuple(sorted({genre for genres in items.genres for genre in genres}))


def _rows_of(top: TopK, rows: npt.NDArray[np.signedinteger[Any]]) -> TopK:
    return TopK(top.items[rows], top.scores[rows], top.tied[rows], top.ranks[rows])


def _most_popular(counts: Ints, most: int) -> tuple[npt.NDArray[np.bool_], int]:
    """Which items to hide, at most `most` of them, and the smallest count among them."""
    descending = np.sort(counts)[::-1]
    bound = descending[most]  # the first that stays; whatever equals it stays too
    hidden = counts > bound if most else np.zeros(len(counts), np.bool_)
    return hidden, int(counts[hidden].min()) if hidden.any() else 0


def _popularity_reason(percent: float, n_items: int, hidden: int, fewest: int) -> str:
    if not hidden:
        return f"no popular item, since too many are equally popular to hide {percent:g}% of {n_items:,}"
    users = f"{fewest:,} or more users"
    return f"the {hidden:,} most popular of {n_items:,} items (the top {percent:g}%, which {users} have in training)"


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def lists(model: Scorer, split: Split, users: npt.NDArray[np.int64], k: int) -> Iterator[tuple[int, TopK]]:
    """(user, their list of k) for each of `users`, (U,) indices, in their order; fewer items where fewer are left.

    Several users are scored at a time, in threads. Raises NonFiniteScoreError where a score is NaN or infinite.
    """
    width = threads.width()
    together = width * max(1, min(USERS_TOGETHER, FLOATS // (width * split.interactions.n_items)))

    def score(chunk: list[int], scored: dict[int, Scores], number: int) -> None:
        scored[number] = np.asarray(model.score_items(chunk[number]))

    for first in range(0, len(users), together):
        chunk = users[first : first + together].tolist()
        scored: dict[int, Scores] = {}
        threads.share(partial(score, chunk, scored), len(chunk))
        for number, user in enumerate(chunk):
            yield user, listed(scored[number], split, user, k)
