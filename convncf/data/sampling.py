"""Draw (user, positive, negative) triples for pairwise training (BPR, Rendle et al., UAI 2009).

What is drawn at a position of an epoch is a function of (seed, epoch, position) alone: resuming, another batch size,
another order of calls, another device draw the same.
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
    """Each training interaction once an epoch, in random order, with one or more negatives drawn uniformly.

    With `by_user` an epoch has as many triples, but each is of a user drawn uniformly and of one of its training items
    drawn uniformly: a user with few counts as much as one with many. So the code of LightGCN does (He et al.,
    SIGIR 2020), and those that followed it.
    A negative is an item that is not barred for the user, which training items are, and more where that is asked. It
    is drawn exactly, without trying again: of a user with sorted barred items x_0 < x_1 < …, the r-th negative is
    r + #{j : x_j - j <= r}, since x_j - j negatives lie below x_j. So nothing hangs, however much a user has seen, and
    a GPU never has to be asked whether a draw was good.
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
        `candidates` above 1 a triple gets so many negatives, each sampled by itself, of which the hardest may be chosen
        (dns). Raises DataError where no user has a negative, or the arguments cannot be.
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
        never = union(train, excluded_as_negatives)
        n_barred = np.diff(never.indptr).astype(np.int64)  # (n_users,)
        degree = np.diff(train.indptr).astype(np.int64)
        everything = n_barred == self.n_items
        self.users_without_negatives: Int64s = np.flatnonzero(everything & (degree > 0))
        """Indices of users in training for whom every item is barred: they are left out of the triples."""
        user = np.repeat(np.arange(self.n_users, dtype=np.int64), degree)  # (nnz,)
        usable = ~everything[user]
        start = never.indptr.astype(np.int64)
        whose = np.repeat(np.arange(self.n_users, dtype=np.int64), n_barred)
        rank = np.arange(len(whose), dtype=np.int64) - start[whose]
        self._arrays = {
            "user": user[usable],
            "positive": train.indices.astype(np.int64)[usable],
            "n_negatives": self.n_items - n_barred,
            "start": start,
            # Ascending, so one search serves all users.
            "keys": whose * self.n_items + (never.indices.astype(np.int64) - rank),
        }
        self._held: dict[str, Tensor] = {}
        self._drawn: tuple[int, Tensor, int] | None = None
        if not self.n_triples:
            reason = "every user in training has seen all items" if len(user) else "there is no training interaction"
            raise DataError(
                f"no triple can be drawn: {reason}. At least one user must have a training item and an item not seen."
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
        here = order[step * batch_size : (step + 1) * batch_size]  # (B,)
        user, positive = self._on_device("user")[here], self._on_device("positive")[here]
        r = self._draw(begin, step * batch_size, user)
        return user, positive, self.negatives(user, r if self.candidates == 1 else r.view(len(user), self.candidates))

    def epoch(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All batches of an epoch, in order."""
        return (self.batch(epoch, step, batch_size) for step in range(self.steps(batch_size)))

    def negatives(self, user: Tensor, r: Tensor) -> Tensor:
        """The r-th item, in index order, that is not barred for the user; 0 <= r < their number; shaped as r."""
        import torch

        user = user if r.dim() == 1 else user[:, None]
        found = torch.searchsorted(self._on_device("keys"), user * self.n_items + r, right=True)
        return r + found - self._on_device("start")[user]

    def _draw(self, begin: int, first: int, user: Tensor) -> Tensor:
        """r of the negatives at positions first, first + 1, … of an epoch, each below its user's number of negatives.

        (B · n,), the n of a position side by side. Of 63 bits, the remainder favours no item by more than
        n_items / 2^63.
        """
        import torch

        n = self.candidates
        position = torch.arange(first * n + 1, (first + len(user)) * n + 1, device=self.device)
        limit = self._on_device("n_negatives")[user if n == 1 else user.repeat_interleave(n)]
        r: Tensor = _shifted(splitmix(position, begin), 1) % limit
        return r

    def _epoch(self, epoch: int) -> tuple[Tensor, int]:
        """Order of the triples, (n_triples,), and where the generator of negatives begins.

        The last epoch's are kept: a store of results, not a state.
        """
        import torch

        if self._drawn is None or self._drawn[0] != epoch:
            order = self._by_user(epoch) if self.by_user else rng(self.seed, "order", epoch).permutation(self.n_triples)
            begin = int(rng(self.seed, "negatives", epoch).integers(-(2**63), 2**63 - 1))
            self._drawn = (epoch, torch.from_numpy(order).to(self.device), begin)
        return self._drawn[1], self._drawn[2]

    def _by_user(self, epoch: int) -> Int64s:
        """(n_triples,) an interaction of each of so many users, drawn with repeats."""
        first, degree = self._of_each_user
        draw = rng(self.seed, "users", epoch)
        drawn = draw.integers(len(first), size=self.n_triples)
        return first[drawn] + draw.integers(degree[drawn])

    @cached_property
    def _of_each_user(self) -> tuple[Int64s, Int64s]:
        """Where the interactions of each user who has some begin, and how many there are: (users,), (users,)."""
        _, first, degree = np.unique(self._arrays["user"], return_index=True, return_counts=True)
        return first, degree

    def _on_device(self, name: str) -> Tensor:
        import torch

        if name not in self._held:
            self._held[name] = torch.from_numpy(self._arrays[name]).to(self.device)
        return self._held[name]


def splitmix(position: Tensor, begin: int) -> Tensor:
    """64 random bits at each position of a sequence, int64 -> int64; in wrapping integers, so alike on every device.

    SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
    """
    bits = position * _GOLDEN + begin
    bits = (bits ^ _shifted(bits, 30)) * _FIRST
    bits = (bits ^ _shifted(bits, 27)) * _SECOND
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Bits to the right, with zeros from the left: torch's own shift brings the sign along."""
    shifted: Tensor = (bits >> by) & (2 ** (64 - by) - 1)
    return shifted
