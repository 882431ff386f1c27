"""Item similarity, computed in one go: ItemKNN by the users that two items share, EASE by inverting a matrix.

Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms", WWW 2001; Deshpande and Karypis,
"Item-based Top-N Recommendation Algorithms", TOIS 2004. The shrinkage, and which side is cut to its nearest, are as
in Ferrari Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019:

    similarity(i, j) = |users of both| / (√|users of i| · √|users of j| + shrinkage)
    score(u, i)    = Σ of similarity(i, j) over those training items j of u that are among the nearest of i

It is the neighbourhood of the scored item i that is cut, not that of each item the user has: matrix[j, i] is 0 where j
is not one of the nearest of i, though i may be one of the nearest of j.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8: with X the training matrix and
P = (XᵀX + λ·1)⁻¹, the weights B are B[j, i] = -P[j, i] / P[i, i], and 0 on the diagonal.

Both score by score(u, i) = Σ_{j in training items of u} matrix[j, i]. Matrix and training items are plain tensors, so
that a saved model scores alone. They stay on the CPU, where the sums are added up in one order whatever the number of
threads: no score depends on the machine's load.

Shapes: U users, I items, n training interactions, m similarities that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import lapack
from scipy.sparse import csc_array, csr_array
from torch import Tensor, nn

from convncf.config import Precision
from convncf.errors import DataError
from convncf.models.abilities import with_one_user
from convncf.models.record import Sizes
from convncf.models.records import item_similarity as records
from convncf.models.records.item_similarity import EASESettings, ItemKNNSettings

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


class ItemModel(nn.Module):
    """A model that is fitted to the training matrix, not trained; subclasses compute the matrix and add its rows up.

    `state_dict` and `load_state_dict` are those of any model, but the sizes of some tensors come with the data: before
    `fit` and before loading they are empty, and then every score is 0.
    """

    name: ClassVar[str]
    earlier_tensors: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Name of a tensor in files of earlier versions -> its present name."""
    history_start: Tensor
    """(U + 1,) int64: the training items of user u are history_items[history_start[u]:history_start[u + 1]]."""
    history_items: Tensor
    """(n,) int64 item indices, ascending for each user."""

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.n_users = n_users
        self.n_items = n_items
        self.register_buffer("history_start", torch.zeros(n_users + 1, dtype=torch.int64))
        self.register_buffer("history_items", torch.zeros(0, dtype=torch.int64))

    def fit(self, train: csr_array) -> Self:
        """Compute the matrix from the training matrix, (U, I), where what is stored is a positive."""
        if train.shape != (self.n_users, self.n_items):
            raise ValueError(f"training matrix of shape {train.shape}, expected {(self.n_users, self.n_items)}")
        ones = csr_array(
            (np.ones(train.nnz), np.array(train.indices), np.array(train.indptr)), shape=train.shape, dtype=np.float64
        )
        ones.sum_duplicates()
        ones.data[:] = 1.0
        self._compute(ones)
        self.history_start = torch.from_numpy(ones.indptr.astype(np.int64))
        self.history_items = torch.from_numpy(ones.indices.astype(np.int64))
        return self

    def of_items(self, items: Sequence[int]) -> tuple[Self, str]:
        """A model of one user, who has these items (ascending), and a sentence on it; nothing of this one changes."""
        single = with_one_user(self)
        single._buffers = dict(self._buffers)  # of the copy: the two below are set in it alone
        single.history_start, single.history_items = torch.tensor([0, len(items)]), torch.tensor(items)
        count = f"{len(items):,} picked item{'' if len(items) == 1 else 's'}"
        return single, f"{type(self).__name__} adds up its matrix' rows of {count}: exact, nothing is fitted."

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        return self.score_pairs(user, item)

    def score_items(self, user: int) -> Tensor:
        """Scores of every item, (I,) float32 on the CPU."""
        start = self.history_start.numpy()
        items = self.history_items.numpy()[start[user] : start[user + 1]]
        return torch.from_numpy(self._sum_of_rows(items).astype(np.float32))

    def score_pairs(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs, (B,), (B,) -> (B,) float32 on the CPU: the very numbers of `score_items`."""
        user, item = user.cpu(), item.cpu()
        scores = torch.zeros(len(user))
        for index in torch.unique(user).tolist():
            of_user = user == index
            scores[of_user] = self.score_items(index)[item[of_user]]
        return scores

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take the tensors of a fitted model, whatever their sizes. Raises RuntimeError where they cannot be."""
        present = self.state_dict()
        state_dict = {self.earlier_tensors.get(name, name): tensor for name, tensor in state_dict.items()}
        if state_dict.keys() != present.keys():
            raise RuntimeError(f"holds {sorted(state_dict)}, a model {self.name} has {sorted(present)}")
        tensors = {name: tensor.detach().to("cpu", present[name].dtype) for name, tensor in state_dict.items()}
        self._refuse_misfits(tensors)
        for name, tensor in tensors.items():
            setattr(self, name, tensor if assign else tensor.clone())
        return nn.modules.module._IncompatibleKeys([], [])

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """Nothing: `to("cuda")`, `double()` and the like leave the model as it is, float32 on the CPU."""
        return self

    def _compute(self, train: csr_array) -> None:
        """Set the matrix from the training matrix, (U, I) float64 of ones."""
        raise NotImplementedError

    def _sum_of_rows(self, items: Int64s) -> Floats:
        """Σ of the matrix' rows of these items, (k,) -> (I,), added up in their order."""
        raise NotImplementedError

    def _refuse_misfits(self, tensors: Mapping[str, Tensor]) -> None:
        """Raises RuntimeError where tensors of the right names are not those of such users and items."""
        refuse_unless_rows("history", tensors["history_start"], tensors["history_items"], self.n_users, self.n_items)


def refuse_unless_rows(name: str, start: Tensor, items: Tensor, n_rows: int, n_items: int) -> None:
    """Raises RuntimeError unless the offsets `start` (n_rows + 1,) cut the item indices `items` into rows."""
    covers = len(start) == n_rows + 1 and int(start[0]) == 0 and int(start[-1]) == len(items)
    if not covers or bool((start.diff() < 0).any()):
        raise RuntimeError(f"{name}: {len(start)} offsets and {len(items)} items are not {n_rows} rows")
    if len(items) and not 0 <= int(items.min()) <= int(items.max()) < n_items:
        raise RuntimeError(f"{name}: items {int(items.min())} to {int(items.max())}, of {n_items}")


_CHUNK_PAIRS: Final = 2**21
"""Pairs of interactions that a chunk of items may have with all others: some 100 MB."""


class ItemKNN(ItemModel):
    """Sums of shrunk cosines between columns of the training matrix."""

    name = records.ITEMKNN.name
    earlier_tensors: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "likeness_start": "similarity_start",
            "likeness_items": "similarity_items",
            "likeness": "similarity",
        }
    )
    similarity_start: Tensor
    """(I + 1,) int64: row j of the matrix lies between similarity_start[j] and similarity_start[j + 1]."""
    similarity_items: Tensor
    """(m,) int64: the items i of which j is one of the nearest, ascending."""
    similarity: Tensor
    """(m,) float32."""

    def __init__(self, n_users: int, n_items: int, neighbours: int = 100, shrinkage: float = 10.0) -> None:
        super().__init__(n_users, n_items)
        if neighbours < 1 or shrinkage < 0:
            raise ValueError(f"neighbours {neighbours} must be 1 or more, shrinkage {shrinkage:g} 0 or more")
        self.neighbours = neighbours
        self.shrinkage = shrinkage
        self.register_buffer("similarity_start", torch.zeros(n_items + 1, dtype=torch.int64))
        self.register_buffer("similarity_items", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("similarity", torch.zeros(0))

    @classmethod
    def of(cls, settings: ItemKNNSettings, sizes: Sizes, precision: Precision) -> Self:
        """By settings; there is one precision."""
        return cls(*sizes, settings.neighbours, settings.shrinkage)

    def _compute(self, train: csr_array) -> None:
        norm = np.sqrt(train.sum(axis=0))  # (I,)
        by_item = csr_array(train.T)  # (I, U)
        nearest = [self._nearest(by_item[chunk] @ train, chunk.start, norm) for chunk in _item_chunks(train)]
        item = np.concatenate([items for items, _, _ in nearest] or [np.zeros(0, np.int64)])
        neighbour = np.concatenate([neighbours for _, neighbours, _ in nearest] or [np.zeros(0, np.int64)])
        similarity = np.concatenate([similarities for _, _, similarities in nearest] or [np.zeros(0)])
        order = np.lexsort((item, neighbour))
        counts = np.bincount(neighbour, minlength=self.n_items)
        self.similarity_start = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        self.similarity_items = torch.from_numpy(item[order])
        self.similarity = torch.from_numpy(similarity[order].astype(np.float32))

    def _nearest(self, common: csr_array, first: int, norm: Floats) -> tuple[Int64s, Int64s, Floats]:
        """(item, neighbour, similarity) of items from `first` on; `common` (b, I): how many users two items share."""
        item = first + np.repeat(np.arange(common.shape[0]), np.diff(common.indptr))
        neighbour = common.indices.astype(np.int64)
        similarity = common.data / (norm[item] * norm[neighbour] + self.shrinkage)
        similarity[item == neighbour] = 0.0  # an item is no neighbour of itself
        near = similarity > 0
        for begin, end in pairwise(common.indptr.tolist()):
            if end - begin > self.neighbours:  # before anything is sorted: what is farther than the last that counts
                of_item = similarity[begin:end]
                near[begin:end] &= of_item >= np.partition(of_item, -self.neighbours)[-self.neighbours]
        item, neighbour, similarity = item[near], neighbour[near], similarity[near]
        order = np.lexsort((neighbour, -similarity, item))  # of equals, the first in index order is the nearer
        item, neighbour, similarity = item[order], neighbour[order], similarity[order]
        nearest = np.arange(len(item)) - np.searchsorted(item, item) < self.neighbours
        return item[nearest], neighbour[nearest], similarity[nearest]

    def _sum_of_rows(self, items: Int64s) -> Floats:
        start = self.similarity_start.numpy()
        lengths = start[items + 1] - start[items]
        ends = np.cumsum(lengths)
        places = np.repeat(start[items] - ends + lengths, lengths) + np.arange(int(lengths.sum()))
        scored, similarity = self.similarity_items.numpy()[places], self.similarity.numpy()[places]
        total: Floats = np.bincount(scored, weights=similarity, minlength=self.n_items).astype(np.float64)
        return total

    def _refuse_misfits(self, tensors: Mapping[str, Tensor]) -> None:
        super()._refuse_misfits(tensors)
        start, items = tensors["similarity_start"], tensors["similarity_items"]
        refuse_unless_rows("similarity", start, items, self.n_items, self.n_items)
        if len(tensors["similarity"]) != len(items):
            raise RuntimeError(f"similarity: {len(tensors['similarity'])} values for {len(items)} items")


def _item_chunks(train: csr_array) -> Iterator[slice]:
    """Items in chunks, each with at most _CHUNK_PAIRS pairs of interactions, or one item."""
    of_user = np.diff(train.indptr).astype(np.int64)  # (U,)
    per_item = np.bincount(train.indices, weights=np.repeat(of_user, of_user), minlength=train.shape[1])  # (I,)
    begin, chunk_pairs = 0, 0.0
    for item, pairs in enumerate(per_item.tolist()):
        if item > begin and chunk_pairs + pairs > _CHUNK_PAIRS:
            yield slice(begin, item)
            begin, chunk_pairs = item, 0.0
        chunk_pairs += pairs
    if begin < train.shape[1]:
        yield slice(begin, train.shape[1])


_COLUMNS: Final = 256
"""Items that EASE works on at a time."""


class EASE(ItemModel):
    """Σ of the weights between the items that a user has and the one that is scored."""

    name = records.EASE.name
    between: Tensor
    """(I, I) float32 weights B: row of an item that the user has, column of the scored one."""

    def __init__(self, n_users: int, n_items: int, l2: float = 300.0) -> None:
        super().__init__(n_users, n_items)
        if l2 <= 0:
            raise ValueError(f"l2 {l2:g} must be above 0, or the matrix may have no inverse")
        self.l2 = l2
        self.register_buffer("between", torch.zeros(0, 0))

    @classmethod
    def of(cls, settings: EASESettings, sizes: Sizes, precision: Precision) -> Self:
        """By settings; there is one precision."""
        return cls(*sizes, settings.ease_l2)

    def _compute(self, train: csr_array) -> None:
        records.refuse_unless_it_fits(self.n_items)
        n = self.n_items
        gram = np.empty((n, n), order="F")  # what LAPACK works on in place
        columns, by_item = csc_array(train), csr_array(train.T)
        for chunk in _column_chunks(n):
            gram[:, chunk] = (by_item @ columns[:, chunk]).toarray()
        gram[np.arange(n), np.arange(n)] += self.l2
        factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=0)
        if not failed:
            factor, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
        if failed:
            raise DataError(f"the item-item matrix has no inverse with model.ease_l2 {self.l2:g}. Give a larger value.")
        diagonal = factor.diagonal().copy()
        weights = np.empty((n, n), dtype=np.float32)
        for chunk in _column_chunks(n):  # only the lower half is filled: row and column of an item hold it together
            rows = np.arange(n)[chunk]
            inverse = np.where(rows[:, None] >= np.arange(n), factor[chunk], factor[:, chunk].T)  # (b, I)
            weights[chunk] = -inverse / diagonal
            weights[rows, rows] = 0.0
        self.between = torch.from_numpy(weights)

    def _sum_of_rows(self, items: Int64s) -> Floats:
        total, between = np.zeros(self.n_items), self.between.numpy()
        for item in items.tolist() if len(between) else ():
            total += between[item]
        return total

    def _refuse_misfits(self, tensors: Mapping[str, Tensor]) -> None:
        super()._refuse_misfits(tensors)
        shape = list(tensors["between"].shape)
        if shape not in ([self.n_items, self.n_items], [0, 0]):
            raise RuntimeError(f"between: shape {shape}, {self.n_items} items need {[self.n_items, self.n_items]}")


def _column_chunks(n: int) -> list[slice]:
    return [slice(begin, min(n, begin + _COLUMNS)) for begin in range(0, n, _COLUMNS)]
