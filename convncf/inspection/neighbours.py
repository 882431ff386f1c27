"""Neighbours: the items most similar to one, what a user's history has in common, and the users who have given items.

Shapes: D embedding size, I items, k items listed, h items of a history; U users, m given items, n users
who have at least one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.split import Split
from convncf.errors import DataError, RefusedValueError, UnknownIndexError
from convncf.evaluation.ranking import Scorer
from convncf.inspection.trace import Array, frozen, model_with_embeddings, model_with_map, refuse_unknown
from convncf.runtime.random import rng

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Int64s = npt.NDArray[np.int64]
Measure = Literal["cosine of embeddings", "co-occurrence in training"]
SHRINKAGE: Final = 10.0
"""As ItemKNN's default: sharing one user alone does not make two items similar."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The items most similar to one, most similar first; equally similar ones in index order."""

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
    """The mean interaction map of a user with their training items, and with as many random other items."""

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
    embedding = model_with_embeddings(model, "item similarity by embedding").item_embedding
    table = embedding.weight.detach().cpu().numpy().astype(np.float64)  # (I, D)
    _refuse(item, len(table), k)
    lengths = np.sqrt((table * table).sum(axis=1))  # (I,)
    dots = (table * table[item]).sum(axis=1)
    products = lengths * lengths[item]
    cosines = np.divide(dots, products, out=np.zeros(len(table)), where=products > 0)
    nearest = _highest(cosines, np.flatnonzero(np.arange(len(table)) != item), k)
    return Neighbours(item, "cosine of embeddings", nearest, frozen(cosines[nearest]), None)


def nearest_by_cooccurrence(train: csr_array, item: int, k: int = 10) -> Neighbours:
    """The k items with the most users in common in training, (U, I), relative to how many users have each.

    similarity(i, j) = |users of both| / (√|users of i| · √|users of j| + 10), as in ItemKNN. Items without a user
    in common are not listed. Raises IndexError for an unknown item, ValueError for k below 1.
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
    nearest = _highest(similarity, np.flatnonzero((together > 0) & (np.arange(n_items) != item)), k)
    return Neighbours(item, "co-occurrence in training", nearest, frozen(similarity[nearest]), together[nearest])


def mean_maps(model: Scorer, split: Split, user: int, *, seed: int = 0) -> MeanMaps:
    """The mean map of a user's training items, of as many random items they do not have, and the difference.

    A mean of maps p qᵀ with one p is p times the mean of the q. The random items are a function of (seed, user).
    Raises TypeError for a model without embeddings, IndexError for an unknown user, DataError for a user who has no
    training item, or every item.
    """
    mapped = model_with_map(model, "interaction map")
    refuse_unknown(mapped, user, 0)
    items = split.train.indices[split.train.indptr[user] : split.train.indptr[user + 1]].astype(np.int64)
    if not items.size:
        raise DataError(f"user {split.interactions.users.id(user)!r} has no training item, so no history to average.")
    has = np.zeros(mapped.n_items, bool)
    has[split.interactions.item[split.interactions.user == user]] = True
    not_had = np.flatnonzero(~has)
    if not not_had.size:
        raise DataError(f"user {split.interactions.users.id(user)!r} has every item: none is left to compare with.")
    sample = rng(seed, "random items", user).choice(not_had, size=min(items.size, not_had.size), replace=False)
    others = np.sort(sample).astype(np.int64)
    p = mapped.user_embedding.weight.detach()[user].cpu().numpy().astype(np.float64)  # (D,)
    q = mapped.item_embedding.weight.detach().cpu().numpy()  # (I, D)
    history, random = (np.outer(p, q[rows].mean(axis=0, dtype=np.float64)) for rows in (items, others))  # (D, D)
    return MeanMaps(user, items, others, frozen(history), frozen(random), frozen(history - random))


def _highest(values: npt.NDArray[np.float64], candidates: Int64s, k: int) -> Int64s:
    """The k candidates with the highest values, ties in index order."""
    order = np.argsort(-values[candidates], kind="stable")[:k]
    return candidates[order].astype(np.int64)


def _refuse(item: int, n_items: int, k: int) -> None:
    if not 0 <= item < n_items:
        raise UnknownIndexError(f"item {item} is not one of the {n_items} items (0 to {n_items - 1}).")
    if k < 1:
        raise RefusedValueError(f"k must be 1 or more, got {k}.")


@dataclass(frozen=True, slots=True, eq=False)
class UsersOfItems:
    """Users who have at least one of the items, those with most of them first, else in the order of their indices."""

    users: npt.NDArray[np.int64]
    """(n,)."""
    items: npt.NDArray[np.int64]
    """(n,) the first of the given items that each of them has."""


def users_of_items(interactions: sparse.csc_array, items: Sequence[int]) -> UsersOfItems:
    """`interactions` is (U, I): every stored cell counts as one; `items` are indices, (m,)."""
    starts, rows = interactions.indptr, interactions.indices
    columns = [rows[starts[item] : starts[item + 1]] for item in items]
    if not columns:
        return UsersOfItems(np.zeros(0, np.int64), np.zeros(0, np.int64))
    users = np.concatenate(columns).astype(np.int64)
    which = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    distinct, first, counts = np.unique(users, return_index=True, return_counts=True)
    order = np.lexsort((distinct, -counts))
    return UsersOfItems(distinct[order], np.asarray(items, np.int64)[which[first]][order])
