"""Draw (user, positive, negative) triples for pairwise training (BPR, Rendle et al., UAI 2009).

What is drawn at a position of an epoch is a function of (seed, epoch, position) alone: resuming, another batch size,
another order of calls draw the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.errors import DataError
from convncf.runtime import rng

Int64s = npt.NDArray[np.int64]
Triples = tuple[Int64s, Int64s, Int64s]


class TripleSampler:
    """Each training interaction once an epoch, in random order, with one negative drawn uniformly.

    A negative is an item that is not among the user's training items. It is drawn exactly, without trying again: of a
    user with sorted training items x_0 < x_1 < …, the r-th negative is r + #{j : x_j - j <= r}, since x_j - j
    negatives lie below x_j. So nothing hangs, however much a user has seen.
    """

    def __init__(self, train: sparse.csr_array, seed: int) -> None:
        """`train` is (n_users, n_items), bool. Raises DataError where no user has a negative."""
        train = train.tocsr(copy=True)
        train.sum_duplicates()
        self.seed = seed
        self.n_users, self.n_items = train.shape
        degree = np.diff(train.indptr).astype(np.int64)  # (n_users,)
        everything = degree == self.n_items
        self.users_without_negatives: Int64s = np.flatnonzero(everything)
        """Indices of users who have seen every item: they have no negative and are left out of the triples."""
        user = np.repeat(np.arange(self.n_users, dtype=np.int64), degree)  # (nnz,)
        item = train.indices.astype(np.int64)
        usable = ~everything[user]
        self._user, self._positive = user[usable], item[usable]
        self._n_negatives = self.n_items - degree
        self._start = train.indptr.astype(np.int64)
        rank = np.arange(len(item), dtype=np.int64) - self._start[user]
        self._keys = user * self.n_items + (item - rank)  # ascending, so one search serves all users
        self._drawn: tuple[int, Int64s, Int64s] | None = None
        if not self.n_triples:
            reason = "every user in training has seen all items" if len(item) else "there is no training interaction"
            raise DataError(
                f"no triple can be drawn: {reason}. At least one user must have a training item and an item not seen."
            )

    @property
    def n_triples(self) -> int:
        """Triples in an epoch: training interactions of users who have a negative."""
        return len(self._user)

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-self.n_triples // batch_size)

    def batch(self, epoch: int, step: int, batch_size: int) -> Triples:
        """The triples of one step: user, positive and negative item, (B,) each. Steps count from 0."""
        if not 0 <= step < self.steps(batch_size):
            raise IndexError(f"step {step} is outside 0 to {self.steps(batch_size) - 1}")
        order, drawn = self._epoch(epoch)
        here = slice(step * batch_size, (step + 1) * batch_size)
        user = self._user[order[here]]
        return user, self._positive[order[here]], self.negatives(user, drawn[here])

    def epoch(self, epoch: int, batch_size: int) -> Iterator[Triples]:
        """All batches of an epoch, in order."""
        return (self.batch(epoch, step, batch_size) for step in range(self.steps(batch_size)))

    def negatives(self, user: Int64s, r: Int64s) -> Int64s:
        """(B,) the r-th item, in index order, that is not among the user's training items; 0 <= r < their number."""
        below = np.searchsorted(self._keys, user * self.n_items + r, side="right") - self._start[user]
        return r + below

    def _epoch(self, epoch: int) -> tuple[Int64s, Int64s]:
        """Order of the triples and r of each negative. The last epoch is kept: a store of results, not a state."""
        if self._drawn is None or self._drawn[0] != epoch:
            order = rng(self.seed, "order", epoch).permutation(self.n_triples)
            r = rng(self.seed, "negatives", epoch).integers(0, self._n_negatives[self._user[order]])
            self._drawn = (epoch, order, r)
        return self._drawn[1], self._drawn[2]
