"""Beyond accuracy: coverage, Gini index and mean popularity of all users' lists together.

Shapes: U users, L places of a list, I items. None of these metrics says whether users like the listed items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NOTHING: Final = -1
"""The item in a list of (U, L) where a user has fewer than L candidates."""
FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        "Coverage": "Item coverage at K: the share of all items that are in the first K of at least one user's list.",
        "Gini": "Gini index at K of how often each item is in the first K of a list: 0 where all items are there"
        " equally often, near 1 where a few take all places.",
        "Popularity": "Mean popularity at K: how many users have an item in training, averaged over all places of the"
        " first K of all lists.",
    }
)
"""The definition of each metric."""


def beyond_accuracy(
    lists: NDArray[np.integer[Any]], popularity: NDArray[np.integer[Any]], ks: Iterable[int]
) -> dict[str, float]:
    """Coverage, Gini and mean popularity of lists (U, L), best item first, at each K; above L, of the whole lists.

    `popularity` (I,) is the number of training users of each item. Written names ("Coverage@10") -> values; nothing
    where no list holds an item. ValueError where an item is not one of the I, or K is below 1.
    """
    values: dict[str, float] = {}
    n_items = popularity.size
    if lists.size and (lists.max() >= n_items or lists.min() < NOTHING):
        raise ValueError(f"items are 0 to {n_items - 1}, or {NOTHING} for none, got {lists.min()} to {lists.max()}")
    for k in sorted(set(ks)):
        if k < 1:
            raise ValueError(f"K must be 1 or more, got {k}")
        first = lists[:, :k]
        items = first[first != NOTHING]
        if items.size == 0:
            continue
        counts = np.bincount(items, minlength=n_items)  # (I,)
        values[f"Coverage@{k}"] = float(np.count_nonzero(counts) / n_items)
        values[f"Gini@{k}"] = gini(counts)
        values[f"Popularity@{k}"] = float(counts @ popularity.astype(np.float64) / items.size)
    return values


def gini(counts: NDArray[np.integer[Any]]) -> float:
    """Gini index of counts (I,): the mean difference between two items over twice their mean; ValueError for all 0."""
    total = int(counts.sum())
    if total == 0:
        raise ValueError("counts that are all 0 have no Gini index")
    ascending = np.sort(counts).astype(np.float64)
    place = np.arange(1, counts.size + 1)
    return float((2 * place - counts.size - 1) @ ascending / (counts.size * total))
