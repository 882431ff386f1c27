"""Neighbours: the items nearest to one, what a user's history has in common, and who has some items.

Shapes: D embedding size, I items, k items listed, h items of a history; U users, m items asked for, n users
who have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.split import Split
from convncf.errors import DataError
from convncf.evaluation.ranking import Scorer
from convncf.inspection.trace import Array, frozen, mapped, opened, refuse_unknown
from convncf.runtime.random import rng

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Int64s = npt.NDArray[np.int64]
Measure = Literal["cosine of embeddings", "co-occurrence in training"]
SHRINKAGE: Final = 10.0
"""As ItemKNN's default: two items that share one user are no neighbours for that alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The items nearest to one, nearest first; equally near ones in index order."""

    item: int
    measure: Measure
    items: Int64s
    """(k,) or fewer."""
    similarity: Array
    """(k,) at most 1; of embeddings it may be negative."""
    together: Int64s | None
    """(k,) users who have both in training; None for embeddings."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanMaps:
    """The mean interaction map of a user with the own training items, and with as many random others."""

    user: int
    items: Int64s
    """(h,) the user's training items, ascending."""
    others: Int64s
    """As many items that the user has in no part of the split, ascending; fewer where there are fewer."""
    history: Array
    """(D, D): p times the mean q of the history."""
    random: Array
    """(D, D): p times the mean q of the others."""
    difference: Array
    """(D, D): history less random."""


def nearest_by_embedding(model: Scorer, item: int, k: int = 10) -> Neighbours:
    """The k items whose embeddings point most nearly the same way; cosines do not change with a rotation of the space.

    An embedding of length 0 has a cosine of 0 with every other. Raises TypeError for a model without embeddings,
    IndexError for an unknown item, ValueError for k below 1.
    """
    table = (
        opened(model, "item to be near to").item_embedding.weight.detach().cpu().numpy().astype(np.float64)
    )  # (I, D)
    _refuse(item, len(table), k)
    lengths = np.sqrt((table * table).sum(axis=1))  # (I,)
    dots = (table * table[item]).sum(axis=1)
    both = lengths * lengths[item]
    cosines = np.divide(dots, both, out=np.zeros(len(table)), where=both > 0)
    first = _first(cosines, np.flatnonzero(np.arange(len(table)) != item), k)
    return Neighbours(item, "cosine of embeddings", first, frozen(cosines[first]), None)


def nearest_by_cooccurrence(train: csr_array, item: int, k: int = 10) -> Neighbours:
    """The k items that most of the same users have in training, (U, I), for how many users have each.

    likeness(i, j) = |users of both| / (√|users of i| · √|users of j| + 10), as ItemKNN has it. Items without a user in
    common are not listed. Raises IndexError for an unknown item, ValueError for k below 1.
    """
    n_items = train.shape[1]
    _refuse(item, n_items, k)
    counts = np.bincount(train.indices, minlength=n_items)  # (I,)
    entries = np.flatnonzero(train.indices == item)
    users = np.searchsorted(train.indptr, entries, side="right") - 1
    together = np.zeros(n_items, np.int64)
    for user in users.tolist():
        together[train.indices[train.indptr[user] : train.indptr[user + 1]]] += 1
    similarity = together / (np.sqrt(counts * float(counts[item])) + SHRINKAGE)
    first = _first(similarity, np.flatnonzero((together > 0) & (np.arange(n_items) != item)), k)
    return Neighbours(item, "co-occurrence in training", first, frozen(similarity[first]), together[first])


def mean_maps(model: Scorer, split: Split, user: int, *, seed: int = 0) -> MeanMaps:
    """What the items a user has share in the interaction map, against as many random items the user does not have.

    A mean of maps p qᵀ with one p is p times the mean of the q. The random items are a function of (seed, user).
    Raises TypeError for a model without embeddings, IndexError for an unknown user, DataError for a user who has no
    training item, or every item.
    """
    known = mapped(model, "interaction map")
    refuse_unknown(known, user, 0)
    items = split.train.indices[split.train.indptr[user] : split.train.indptr[user + 1]].astype(np.int64)
    if not items.size:
        raise DataError(f"user {split.interactions.users.id(user)!r} has no training item, so no history to average.")
    has = np.zeros(known.n_items, bool)
    has[split.interactions.item[split.interactions.user == user]] = True
    free = np.flatnonzero(~has)
    if not free.size:
        raise DataError(f"user {split.interactions.users.id(user)!r} has every item: none is left to compare with.")
    drawn = rng(seed, "random items", user).choice(free, size=min(items.size, free.size), replace=False)
    others = np.sort(drawn).astype(np.int64)
    p = known.user_embedding.weight.detach()[user].cpu().numpy().astype(np.float64)  # (D,)
    q = known.item_embedding.weight.detach().cpu().numpy()  # (I, D)
    history, random = (np.outer(p, q[some].mean(axis=0, dtype=np.float64)) for some in (items, others))  # (D, D)
    return MeanMaps(user, items, others, frozen(history), frozen(random), frozen(history - random))


def _first(values: npt.NDArray[np.float64], candidates: Int64s, k: int) -> Int64s:
    """The k candidates with the highest values, ties in index order."""
    order = np.argsort(-values[candidates], kind="stable")[:k]
    return candidates[order].astype(np.int64)


def _refuse(item: int, n_items: int, k: int) -> None:
    if not 0 <= item < n_items:
        raise IndexError(f"item {item} is not one of the {n_items} items (0 to {n_items - 1})")
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")


@dataclass(frozen=True, slots=True, eq=False)
class UsersOfItems:
    """Users who have at least one of the items, those with most of them first, else in the order of their indices."""

    users: npt.NDArray[np.int64]
    """(n,)."""
    items: npt.NDArray[np.int64]
    """(n,) the first of the items asked for that each of them has."""


def users_of_items(held: sparse.csc_array, items: Sequence[int]) -> UsersOfItems:
    """`held` is (U, I), whatever is stored counts as had; `items` are indices, (m,)."""
    columns = [held.indices[held.indptr[item] : held.indptr[item + 1]] for item in items]
    if not columns:
        return UsersOfItems(np.zeros(0, np.int64), np.zeros(0, np.int64))
    users = np.concatenate(columns).astype(np.int64)
    which = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    found, first, counts = np.unique(users, return_index=True, return_counts=True)
    order = np.lexsort((found, -counts))
    return UsersOfItems(found[order], np.asarray(items, np.int64)[which[first]][order])
