"""ItemKNN: an item scores by its likeness to the items that the user has.

Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms", WWW 2001; Deshpande and Karypis,
"Item-based Top-N Recommendation Algorithms", TOIS 2004. The shrinkage, and which side is cut to its nearest, are as
in Ferrari Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019.

    likeness(i, j) = |users of both| / (√|users of i| · √|users of j| + shrinkage)
    score(u, i)    = Σ of likeness(i, j) over those training items j of u that are among the nearest of i

It is the scored item i whose neighbourhood is cut, not that of each item the user has: matrix[j, i] is 0 where j is
not one of the nearest of i, though i may be one of the nearest of j.

Shapes: U users, I items, m likenesses kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from convncf.models.computed import Floats, Int64s, ItemModel, refuse_unless_rows

_AT_ONCE: Final = 2**21
"""Pairs of interactions that a block of items may have with all others: some 100 MB."""


class ItemKNN(ItemModel):
    """Sums of shrunk cosines between columns of the training matrix."""

    name = "itemknn"
    likeness_start: Tensor
    """(I + 1,) int64: row j of the matrix lies between likeness_start[j] and likeness_start[j + 1]."""
    likeness_items: Tensor
    """(m,) int64: the items i of which j is one of the nearest, ascending."""
    likeness: Tensor
    """(m,) float32."""

    def __init__(self, n_users: int, n_items: int, neighbours: int = 100, shrinkage: float = 10.0) -> None:
        super().__init__(n_users, n_items)
        if neighbours < 1 or shrinkage < 0:
            raise ValueError(f"neighbours {neighbours} must be 1 or more, shrinkage {shrinkage:g} 0 or more")
        self.neighbours = neighbours
        self.shrinkage = shrinkage
        self.register_buffer("likeness_start", torch.zeros(n_items + 1, dtype=torch.int64))
        self.register_buffer("likeness_items", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("likeness", torch.zeros(0))

    def _compute(self, train: csr_array) -> None:
        norm = np.sqrt(train.sum(axis=0))  # (I,)
        by_item = csr_array(train.T)  # (I, U)
        kept = [self._nearest(by_item[block] @ train, block.start, norm) for block in _blocks(train)]
        item = np.concatenate([part[0] for part in kept] or [np.zeros(0, np.int64)])
        near = np.concatenate([part[1] for part in kept] or [np.zeros(0, np.int64)])
        likeness = np.concatenate([part[2] for part in kept] or [np.zeros(0)])
        order = np.lexsort((item, near))
        counts = np.bincount(near, minlength=self.n_items)
        self.likeness_start = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        self.likeness_items = torch.from_numpy(item[order])
        self.likeness = torch.from_numpy(likeness[order].astype(np.float32))

    def _nearest(self, both: csr_array, first: int, norm: Floats) -> tuple[Int64s, Int64s, Floats]:
        """(item, near item, likeness) of the nearest of items from `first` on: `both` is (b, I), the users of both."""
        item = first + np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        near, likeness = both.indices.astype(np.int64), both.data / (norm[item] * norm[both.indices] + self.shrinkage)
        likeness[item == near] = 0.0  # an item is no neighbour of itself
        stays = likeness > 0
        for begin, end in pairwise(both.indptr.tolist()):
            if end - begin > self.neighbours:  # before anything is sorted: what is farther than the last that counts
                of_item = likeness[begin:end]
                stays[begin:end] &= of_item >= np.partition(of_item, -self.neighbours)[-self.neighbours]
        item, near, likeness = item[stays], near[stays], likeness[stays]
        order = np.lexsort((near, -likeness, item))  # of equals, the first in index order is the nearer
        item, near, likeness = item[order], near[order], likeness[order]
        among = np.arange(len(item)) - np.searchsorted(item, item) < self.neighbours
        return item[among], near[among], likeness[among]

    def _sum_of_rows(self, items: Int64s) -> Floats:
        start = self.likeness_start.numpy()
        lengths = start[items + 1] - start[items]
        ends = np.cumsum(lengths)
        at = np.repeat(start[items] - ends + lengths, lengths) + np.arange(int(lengths.sum()))
        near, likeness = self.likeness_items.numpy()[at], self.likeness.numpy()[at]
        total: Floats = np.bincount(near, weights=likeness, minlength=self.n_items).astype(np.float64)
        return total

    def _refuse_misfits(self, given: Mapping[str, Tensor]) -> None:
        super()._refuse_misfits(given)
        start, items = given["likeness_start"], given["likeness_items"]
        refuse_unless_rows("likeness", start, items, self.n_items, self.n_items)
        if len(given["likeness"]) != len(items):
            raise RuntimeError(f"likeness: {len(given['likeness'])} values for {len(items)} items")


def _blocks(train: csr_array) -> Iterator[slice]:
    """Items in blocks, each with as few pairs of interactions as memory should hold; at least one item a block."""
    of_user = np.diff(train.indptr).astype(np.int64)  # (U,)
    per_item = np.bincount(train.indices, weights=np.repeat(of_user, of_user), minlength=train.shape[1])  # (I,)
    begin, held = 0, 0.0
    for item, pairs in enumerate(per_item.tolist()):
        if item > begin and held + pairs > _AT_ONCE:
            yield slice(begin, item)
            begin, held = item, 0.0
        held += pairs
    if begin < train.shape[1]:
        yield slice(begin, train.shape[1])
