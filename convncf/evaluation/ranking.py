"""The rule of ranking: the rank of one user's items among all items that are not excluded.

The rule: rank of a positive = 1 + non-positive candidates that score the same or higher + positives that score
higher, where equal positives follow each other in index order. Ties count against the positive, or a model that
gives one score to everything would look perfect. A score that is not finite is an error, never a hit.
Candidates are the items that are not excluded; which those are is decided by Split.excluded alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convncf.errors import NonFiniteScoreError

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Tensor

Ints = NDArray[np.int64]
Scores = NDArray[np.floating[Any]]


class Scorer(Protocol):
    """An object that scores every item for one user, as every model here does."""

    @property
    def n_users(self) -> int: ...
    @property
    def n_items(self) -> int: ...
    def score_items(self, user: int) -> Tensor:
        """Scores of all items for one user, (n_items,) float on the CPU, without gradient."""
        ...


@dataclass(frozen=True, slots=True)
class ItemRank:
    """The rank of one item in a user's full ranking, or the rank that it would have."""

    rank: int
    """1-based, by the rule of this module."""
    candidates: int
    """Items ranked among, this one included."""
    tied: int
    """Other candidates with exactly the same score."""
    seen: bool
    """Whether the item is excluded for this user, so that the rank is the one that it would have."""

    @property
    def words(self) -> str:
        """Such as "rank 12 of 9,046 (tied with 3)"."""
        tie = f" (tied with {self.tied:,})" if self.tied else ""
        return f"{'already seen, would be rank' if self.seen else 'rank'} {self.rank:,} of {self.candidates:,}{tie}"


@dataclass(frozen=True, slots=True, eq=False)
class TopK:
    """The first items of a user's full ranking: k of them, or fewer where there are fewer candidates."""

    items: Ints
    """(k,) item indices, score descending; a list must break ties somehow: equal scores are in index order."""
    scores: Scores
    """(k,)"""
    tied: Ints
    """(k,) other candidates with the same score, in the list or after it."""
    ranks: Ints
    """(k,) the rank by the rule, equal to ItemRank.rank; without ties it is the position in the list."""


@dataclass(frozen=True, slots=True, eq=False)
class UserRanks:
    """Ranks of the held-out items of U users, N in all: among all candidates, or each in a set of its own."""

    users: Ints
    """(U,) user indices, ascending; every one has at least one such item."""
    indptr: Ints
    """(U + 1,) those of users[j] are items[indptr[j]:indptr[j + 1]]."""
    items: Ints
    """(N,) item indices, ascending within a user."""
    ranks: Ints
    """(N,) rank of each of them."""

    def of(self, user: int) -> tuple[Ints, Ints]:
        """The held-out items of one user and their ranks; two empty arrays where the user was not evaluated."""
        place = int(np.searchsorted(self.users, user))
        if place == self.users.size or self.users[place] != user:
            return self.items[:0], self.ranks[:0]
        row = slice(self.indptr[place], self.indptr[place + 1])
        return self.items[row], self.ranks[row]


def rank_positives(scores: ArrayLike, positives: ArrayLike, excluded: ArrayLike, *, user: int | None = None) -> Ints:
    """Rank of each positive, by the rule: (n_items,), (m,), (l,) -> (m,) in the order of `positives`.

    `user` is only named in the error. NonFiniteScoreError where a score is NaN or infinite; ValueError where a
    positive is excluded or given twice.
    """
    finite = _finite(scores, user)
    of_user = _items(positives)
    if np.unique(of_user).size < of_user.size:
        raise ValueError("a positive was given twice")
    return _ranks_of(of_user, finite, of_user, _ordered_candidates(finite, of_user, _items(excluded)))


def rank_item(
    scores: ArrayLike, item: int, positives: ArrayLike, excluded: ArrayLike, *, user: int | None = None
) -> ItemRank:
    """Rank of any item among the candidates: of a positive as in `rank_positives`, of another as a non-positive.

    An excluded item is ranked as if it alone were a candidate again, and is marked as seen.
    """
    finite = _finite(scores, user)
    if not 0 <= item < finite.size:
        raise ValueError(f"items are 0 to {finite.size - 1}, got {item}")
    of_user, not_candidates = _items(positives), _items(excluded)
    seen = bool((not_candidates == item).any())
    ordered = _ordered_candidates(finite, of_user, not_candidates[not_candidates != item])
    rank = _ranks_of(np.array([item]), finite, of_user, ordered)[0]
    return ItemRank(int(rank), ordered.size, int(_equal_to(finite[[item]], ordered)[0]) - 1, seen)


def top_k(
    scores: ArrayLike, excluded: ArrayLike, k: int, *, positives: ArrayLike = (), user: int | None = None
) -> TopK:
    """The k candidates with the highest scores, ties in index order.

    `positives` are the user's test (or validation) items where there are any, so that `ranks` follows the rule for them
    too; they change neither the list nor its order.
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    finite = _finite(scores, user)
    of_user = _items(positives)
    items = np.flatnonzero(_candidates(finite.size, of_user, _items(excluded)))  # (c,)
    if items.size > k:  # what ties with the k-th stays, to be counted and sorted
        kth = np.partition(finite[items], items.size - k)[items.size - k]
        items = items[finite[items] >= kth]
    items = items[np.argsort(-finite[items], kind="stable")]
    ordered = finite[items][::-1]  # ascending
    items = items[:k]
    listed = finite[items]
    return TopK(items, listed, _equal_to(listed, ordered) - 1, _ranks_of(items, finite, of_user, ordered))


def _ranks_of(items: Ints, scores: Scores, positives: Ints, ordered: Scores) -> Ints:
    """The rule for any candidates, (k,) -> (k,); `ordered` holds the scores of all candidates, ascending.

    Equivalently: candidates that score the same or higher, the item itself among them, minus the equal positives after
    it.
    """
    same_or_higher = (ordered.size - np.searchsorted(ordered, scores[items], side="left")).astype(np.int64)
    if positives.size == 0:
        return same_or_higher
    ascending = positives[np.lexsort((positives, -scores[positives]))[::-1]]  # (m,) by score, ties from the last index
    place = np.zeros(scores.size, dtype=np.int64)  # 1-based among the positives; 0: not a positive
    place[ascending] = np.arange(1, ascending.size + 1)
    equal_after = place[items] - 1 - np.searchsorted(scores[ascending], scores[items], side="left")
    return np.where(place[items] > 0, same_or_higher - equal_after, same_or_higher)


def _ordered_candidates(scores: Scores, positives: Ints, excluded: Ints) -> Scores:
    """Scores of the candidates, ascending: one sort serves all positives of the user."""
    return np.sort(scores[_candidates(scores.size, positives, excluded)])


def _candidates(n_items: int, positives: Ints, excluded: Ints) -> NDArray[np.bool_]:
    candidate = np.ones(n_items, dtype=np.bool_)
    candidate[excluded] = False
    if not candidate[positives].all():
        raise ValueError(f"items {positives[~candidate[positives]].tolist()} are positives and excluded as well")
    return candidate


def _equal_to(values: Scores, ordered: Scores) -> Ints:
    """How many of `ordered` equal each value; -0.0 equals 0.0."""
    right, left = (np.searchsorted(ordered, values, side=side) for side in ("right", "left"))
    return np.asarray(right - left, dtype=np.int64)


def _finite(scores: ArrayLike, user: int | None) -> Scores:
    array: Scores = np.asarray(scores)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if array.ndim != 1:
        raise ValueError(f"the scores of one user are one row, (n_items,), got shape {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        whose = "The scores" if user is None else f"The scores of user {user} (by index)"
        raise NonFiniteScoreError(
            f"{whose} hold {bad.size:,} of {array.size:,} that are not finite, the first {array[bad[0]]} at item "
            f"{bad[0]} (by index). The model's weights have probably overflowed: train with a lower learning rate, "
            "or take an earlier checkpoint."
        )
    return array


def items_of(matrix: csr_array, user: int) -> Ints:
    """The items in a user's row, ascending where the matrix is canonical: (U, I) -> (n,)."""
    return matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]].astype(np.int64)


def _items(indices: ArrayLike) -> Ints:
    return np.asarray(indices, dtype=np.int64).reshape(-1)
