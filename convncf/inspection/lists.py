"""Top-K lists: filters decided before a list is cut to K, and the lists of many users.

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
from convncf.evaluation.full_ranking import FLOATS, USERS_TOGETHER
from convncf.evaluation.ranking import Ints, Scorer, Scores, TopK, top_k
from convncf.inspection.pair import listed
from convncf.runtime import threads


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What is asked for. Raises ValueError where the share of popular items is not 0 to below 100."""

    popular: float = 0.0
    """Percent of all items that are hidden at most: those that most users have in training."""
    genres: tuple[str, ...] = ()
    """Only items with one of these genres or more; empty for all."""

    def __post_init__(self) -> None:
        if not 0 <= self.popular < 100:
            raise ValueError(f"the share of popular items to hide is 0 to below 100 percent, got {self.popular}")


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """Which items a filter lets through, and what it hides."""

    items: npt.NDArray[np.bool_]
    """(I,) whether the item may be listed."""
    popular: int
    """Items hidden for their popularity."""
    genre: int
    """Items hidden for their genre, of those that are left."""
    words: str
    """What is hidden; empty where nothing was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class FilteredList:
    """A user's best items among those that a filter lets through."""

    top: TopK
    """k entries, or fewer where fewer are left; ranks and ties are those among all candidates."""
    candidates: int
    """Items that the user could be shown without a filter."""
    left: int
    """Those of them that the filter lets through."""
    words: str
    """What the filter hides, and how many are left; empty without a filter."""


def allowed(wanted: ListFilter, train: csr_array, items: ItemTable) -> Allowed:
    """Apply a filter to all items; `train` is the training part, (U, I).

    Items that equally many users have are hidden together or not at all, so rather fewer are hidden than more.
    """
    n_items = train.shape[1]
    counts = np.bincount(train.indices, minlength=n_items)  # (I,) users that have the item in training
    hidden, fewest = _most_popular(counts, int(n_items * wanted.popular / 100))
    chosen = set(wanted.genres)
    of_genre = np.array([not chosen or bool(chosen.intersection(own)) for own in items.genres], dtype=np.bool_)
    parts = []
    if wanted.popular:
        parts.append(_popular_words(wanted.popular, n_items, int(hidden.sum()), fewest))
    by_genre = int(np.count_nonzero(~hidden & ~of_genre))
    if chosen:
        more = "more " if hidden.any() else ""
        parts.append(
            f"{by_genre:,} {more}item{'' if by_genre == 1 else 's'} without the genre {_either(wanted.genres)}"
        )
    return Allowed(~hidden & of_genre, int(hidden.sum()), by_genre, f"Hidden: {', and '.join(parts)}." if parts else "")


def filtered(
    scores: Scores, excluded: npt.ArrayLike, k: int, may: Allowed, *, positives: npt.ArrayLike = (), user: int | None
) -> FilteredList:
    """The k best of the candidates that the filter lets through, ties in index order; arguments as in `top_k`.

    Raises NonFiniteScoreError.
    """
    every = top_k(scores, excluded, len(scores), positives=positives, user=user)
    kept = np.flatnonzero(may.items[every.items])
    words = f"{may.words} {len(kept):,} of the {len(every.items):,} candidates are left." if may.words else ""
    return FilteredList(_part(every, kept[:k]), len(every.items), len(kept), words)


def genres(items: ItemTable) -> tuple[str, ...]:
    """Every genre that an item has, in alphabetical order; empty where none is known."""
    return tuple(sorted({genre for own in items.genres for genre in own}))


def _part(top: TopK, rows: npt.NDArray[np.signedinteger[Any]]) -> TopK:
    return TopK(top.items[rows], top.scores[rows], top.tied[rows], top.ranks[rows])


def _most_popular(counts: Ints, most: int) -> tuple[npt.NDArray[np.bool_], int]:
    """Which items to hide, at most so many, and the smallest count among them."""
    descending = np.sort(counts)[::-1]
    bound = descending[most]  # the first that stays; whatever equals it stays too
    hidden = counts > bound if most else np.zeros(len(counts), np.bool_)
    return hidden, int(counts[hidden].min()) if hidden.any() else 0


def _popular_words(percent: float, n_items: int, hidden: int, fewest: int) -> str:
    if not hidden:
        return f"no popular item, since too many are equally popular to hide {percent:g}% of {n_items:,}"
    users = f"{fewest:,} or more users"
    return f"the {hidden:,} most popular of {n_items:,} items (the top {percent:g}%, which {users} have in training)"


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def lists(model: Scorer, split: Split, users: npt.NDArray[np.int64], k: int) -> Iterator[tuple[int, TopK]]:
    """(user, their list of k) for each of `users`, (U,) indices, in their order; fewer items where fewer are left.

    Streams score some users at a time, as in full ranking. Raises NonFiniteScoreError where a score is NaN or infinite.
    """
    width = threads.width()
    together = width * max(1, min(USERS_TOGETHER, FLOATS // (width * split.interactions.n_items)))

    def score(some: list[int], scored: dict[int, Scores], number: int) -> None:
        scored[number] = np.asarray(model.score_items(some[number]))

    for first in range(0, len(users), together):
        some = users[first : first + together].tolist()
        scored: dict[int, Scores] = {}
        threads.share(partial(score, some, scored), len(some))
        for number, user in enumerate(some):
            yield user, listed(scored[number], split, user, k)
