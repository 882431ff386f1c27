"""Candidate sets that came with the data: for a held-out answer, the negatives that it is to be ranked among.

Shapes: S sets, c negatives in all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.interactions import Interactions
from convncf.errors import DataError

Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StoredCandidates:
    """S candidate sets as they were published, repeats and copies of the answer included."""

    user: Int32s
    """(S,) whose set it is."""
    answer: Int32s
    """(S,) the held-out item."""
    offsets: npt.NDArray[np.int64]
    """(S + 1,) the negatives of set s are negatives[offsets[s]:offsets[s + 1]]."""
    negatives: Int32s
    """(c,) item indices."""

    def __post_init__(self) -> None:
        n = len(self.user)
        if len(self.answer) != n or len(self.offsets) != n + 1 or (np.diff(self.offsets) < 0).any():
            raise DataError(f"candidates: {n} users, {len(self.answer)} answers and {len(self.offsets)} offsets.")
        if int(self.offsets[0]) != 0 or int(self.offsets[-1]) != len(self.negatives):
            raise DataError(
                f"candidates: offsets end at {self.offsets[-1]}, there are {len(self.negatives)} negatives."
            )
        for name in ("user", "answer", "offsets", "negatives"):
            array: npt.NDArray[Any] = np.array(getattr(self, name))
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(S,) negatives in each set."""
        return np.diff(self.offsets)

    def of(self, index: int) -> Int32s:
        """The negatives of one set."""
        return self.negatives[self.offsets[index] : self.offsets[index + 1]]

    def answer_copies(self) -> Bools:
        """(c,) negatives that are their own set's answer."""
        return np.equal(self.negatives, self.answer[self._set])

    def repeats(self) -> Bools:
        """(c,) negatives that their set holds already, copies of the answer left out."""
        order = np.lexsort((np.arange(len(self.negatives)), self.negatives, self._set))
        again = np.zeros(len(order), bool)
        again[1:] = (self.negatives[order][1:] == self.negatives[order][:-1]) & (
            self._set[order][1:] == self._set[order][:-1]
        )
        repeated = np.empty(len(order), bool)
        repeated[order] = again
        return repeated & ~self.answer_copies()

    def seen(self, train: sparse.csr_array) -> Bools:
        """(c,) negatives that the user has in `train`, a bool matrix (U, I)."""
        if not len(self.negatives):
            return np.zeros(0, bool)
        return np.asarray(train[self.user[self._set], self.negatives]).ravel().astype(bool)

    def cleaned(self, train: sparse.csr_array) -> Self:
        """The sets without copies of the answer, repeats and what the user has in training."""
        stays = ~(self.answer_copies() | self.repeats() | self.seen(train))
        sizes = np.bincount(self._set[stays], minlength=len(self))
        return replace(
            self,
            offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            negatives=self.negatives[stays],
        )

    def fingerprint(self, interactions: Interactions) -> str:
        """'sha256:' and 16 hex digits of the sets by raw ids, in the order in which they came."""
        digest = hashlib.sha256()
        for s in range(len(self)):
            ids = [interactions.items.id(int(item)) for item in (self.answer[s], *self.of(s))]
            digest.update(repr((interactions.users.id(int(self.user[s])), ids)).encode("utf-8", "surrogatepass"))
        return f"sha256:{digest.hexdigest()[:16]}"

    @property
    def _set(self) -> npt.NDArray[np.int64]:
        """(c,) which set each negative is in."""
        return np.repeat(np.arange(len(self)), self.sizes)
