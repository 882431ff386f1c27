"""Sample (user, positive, negative) triples for pairwise training (BPR, Rendle et al., UAI 2009).

The sample at a position of an epoch is a function of (seed, epoch, position) alone: it does not change with resuming,
the batch size, the order of calls or the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.split import union
from convncf.errors import DataError
from convncf.runtime.random import rng

if TYPE_CHECKING:
    from torch import Tensor

Int64s = npt.NDArray[np.int64]

_GOLDEN: Final = 0x9E3779B97F4A7C15 - 2**64
_FIRST, _SECOND = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64


class TripleSampler:
    """Each training interaction once an epoch, in random order, with one or more negatives sampled uniformly.

    With `by_user` an epoch has as many triples, but each is of a user sampled uniformly and of one of its training
    items sampled uniformly: a user with few counts as much as one with many, as in the code of LightGCN (He et al.,
    SIGIR 2020) and its successors.
    A negative is an item that is not excluded for the user; training items are, and `excluded_as_negatives`. It is
    sampled directly, without rejection: of a user with sorted excluded items x_0 < x_1 < …, the r-th negative is
    r + #{j : x_j - j <= r}, since x_j - j negatives are below x_j. The time does not depend on how many items a user
    has, and a GPU need not wait to check a sample.
    """

    def __init__(
        self,
        train: sparse.csr_array,
        seed: int,
        device: str = "cpu",
        *,
        excluded_as_negatives: sparse.csr_array | None = None,
        candidates: int = 1,
        by_user: bool = False,
    ) -> None:
        """`train` is (n_users, n_items), bool; triples come on the device.

        `excluded_as_negatives`, of the same shape, is never sampled, and training items are not either. With
        `candidates` above 1 a triple gets so many negatives, each sampled independently; dns uses the hardest.
        Raises DataError where no user has a negative, or an argument is not allowed.
        """
        train = train.tocsr(copy=True)
        train.sum_duplicates()
        if candidates < 1:
            raise DataError(f"{candidates} negatives a triple: at least 1 is needed.")
        if excluded_as_negatives is not None and excluded_as_negatives.shape != train.shape:
            raise DataError(
                f"excluded_as_negatives has shape {excluded_as_negatives.shape}, training {train.shape}: "
                "they must be the same."
            )
        self.seed, self.device, self.candidates, self.by_user = seed, device, candidates, by_user
        self.n_users, self.n_items = train.shape
        excluded = union(train, excluded_as_negatives)
        n_excluded = np.diff(excluded.indptr).astype(np.int64)  # (n_users,)
        degree = np.diff(train.indptr).astype(np.int64)
        has_no_negative = n_excluded == self.n_items
        self.users_without_negatives: Int64s = np.flatnonzero(has_no_negative & (degree > 0))
        """Indices of users in training for whom every item is excluded: they have no triples."""
        user = np.repeat(np.arange(self.n_users, dtype=np.int64), degree)  # (nnz,)
        usable = ~has_no_negative[user]
        start = excluded.indptr.astype(np.int64)
        key_user = np.repeat(np.arange(self.n_users, dtype=np.int64), n_excluded)
        rank = np.arange(len(key_user), dtype=np.int64) - start[key_user]
        self._arrays = {
            "user": user[usable],
            "positive": train.indices.astype(np.int64)[usable],
            "n_negatives": self.n_items - n_excluded,
            "start": start,
            # Ascending, so one search finds the keys of all users.
            "keys": key_user * self.n_items + (excluded.indices.astype(np.int64) - rank),
        }
        self._tensors: dict[str, Tensor] = {}
        self._last_epoch: tuple[int, Tensor, int] | None = None
        if not self.n_triples:
            reason = "every user in training has seen all items" if len(user) else "there is no training interaction"
            raise DataError(
                f"no triple can be sampled: {reason}. At least one user must have a training item and an item not seen."
            )

    @property
    def n_triples(self) -> int:
        """Triples in an epoch: training interactions of users who have a negative."""
        return len(self._arrays["user"])

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-self.n_triples // batch_size)

    def batch(self, epoch: int, step: int, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        """The triples of one step: user, positive and negative item, (B,) int64 each. Steps count from 0.

        With `candidates` = n above 1, the negatives are (B, n).
        """
        if not 0 <= step < self.steps(batch_size):
            raise IndexError(f"step {step} is outside 0 to {self.steps(batch_size) - 1}")
        order, begin = self._epoch(epoch)
        rows = order[step * batch_size : (step + 1) * batch_size]  # (B,)
        user, positive = self._on_device("user")[rows], self._on_device("positive")[rows]
        r = self._sample(begin, step * batch_size, user)
        return user, positive, self.negatives(user, r if self.candidates == 1 else r.view(len(user), self.candidates))

    def epoch(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All batches of an epoch, in order."""
        return (self.batch(epoch, step, batch_size) for step in range(self.steps(batch_size)))

    def negatives(self, user: Tensor, r: Tensor) -> Tensor:
        """The r-th item, in index order, that is not excluded for the user; 0 <= r < their number; shaped as r."""
        import torch

        user = user if r.dim() == 1 else user[:, None]
        n_excluded = torch.searchsorted(self._on_device("keys"), user * self.n_items + r, right=True)
        return r + n_excluded - self._on_device("start")[user]

    def _sample(self, begin: int, first: int, user: Tensor) -> Tensor:
        """r of the negatives at positions first, first + 1, … of an epoch, each below its user's number of negatives.

        (B · n,), the n of a position side by side. The remainder of 63 bits favours no item by more than
        n_items / 2^63.
        """
        import torch

        n = self.candidates
        position = torch.arange(first * n + 1, (first + len(user)) * n + 1, device=self.device)
        limit = self._on_device("n_negatives")[user if n == 1 else user.repeat_interleave(n)]
        r: Tensor = _shifted(splitmix(position, begin), 1) % limit
        return r

    def _epoch(self, epoch: int) -> tuple[Tensor, int]:
        """Order of the triples, (n_triples,), and the start of the generator of negatives.

        Those of the last epoch are cached; the results do not depend on it.
        """
        import torch

        if self._last_epoch is None or self._last_epoch[0] != epoch:
            order = self._by_user(epoch) if self.by_user else rng(self.seed, "order", epoch).permutation(self.n_triples)
            begin = int(rng(self.seed, "negatives", epoch).integers(-(2**63), 2**63 - 1))
            self._last_epoch = (epoch, torch.from_numpy(order).to(self.device), begin)
        return self._last_epoch[1], self._last_epoch[2]

    def _by_user(self, epoch: int) -> Int64s:
        """(n_triples,) an interaction of each of n_triples users, sampled with replacement."""
        first, degree = self._of_each_user
        generator = rng(self.seed, "users", epoch)
        users = generator.integers(len(first), size=self.n_triples)
        return first[users] + generator.integers(degree[users])

    @cached_property
    def _of_each_user(self) -> tuple[Int64s, Int64s]:
        """First interaction and number of interactions of each user who has any: (users,), (users,)."""
        _, first, degree = np.unique(self._arrays["user"], return_index=True, return_counts=True)
        return first, degree

    def _on_device(self, name: str) -> Tensor:
        import torch

        if name not in self._tensors:
            self._tensors[name] = torch.from_numpy(self._arrays[name]).to(self.device)
        return self._tensors[name]


def splitmix(position: Tensor, begin: int) -> Tensor:
    """64 random bits at each position of a sequence, int64 -> int64; in wrapping integers, so equal on every device.

    SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
    """
    bits = position * _GOLDEN + begin
    bits = (bits ^ _shifted(bits, 30)) * _FIRST
    bits = (bits ^ _shifted(bits, 27)) * _SECOND
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Bits to the right, with zeros from the left: torch's own shift repeats the sign."""
    shifted: Tensor = (bits >> by) & (2 ** (64 - by) - 1)
    return shifted
