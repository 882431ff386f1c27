"""Candidate sets: for a held-out positive, the negatives among which it is ranked; stored with the data, or sampled.

Shapes: S sets, c negatives in all, U users, I items.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.id_hashing import id_hashes, mix
from convncf.data.interactions import Interactions
from convncf.errors import DataError
from convncf.runtime.arrays import read_only

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CandidateSets:
    """S candidate sets; as published they may hold repeats and copies of the positive."""

    user: Int32s
    """(S,) the user of each set."""
    answer: Int32s
    """(S,) the held-out positive item."""
    offsets: Int64s
    """(S + 1,) the negatives of set s are negatives[offsets[s]:offsets[s + 1]]."""
    negatives: Int32s
    """(c,) item indices."""
    origin: str = "stored"
    """Where they come from, with the counts of removed and of missing negatives."""

    def __post_init__(self) -> None:
        n = len(self.user)
        if len(self.answer) != n or len(self.offsets) != n + 1 or (np.diff(self.offsets) < 0).any():
            raise DataError(f"candidates: {n} users, {len(self.answer)} positives and {len(self.offsets)} offsets.")
        if int(self.offsets[0]) != 0 or int(self.offsets[-1]) != len(self.negatives):
            raise DataError(
                f"candidates: offsets end at {self.offsets[-1]}, there are {len(self.negatives)} negatives."
            )
        for name in ("user", "answer", "offsets", "negatives"):
            array: npt.NDArray[Any] = np.array(getattr(self, name))
            object.__setattr__(self, name, read_only(array))

    def __len__(self) -> int:
        return len(self.user)

    @property
    def sizes(self) -> Int64s:
        """(S,) negatives in each set."""
        return np.diff(self.offsets)

    def of(self, index: int) -> Int32s:
        """The negatives of one set."""
        return self.negatives[self.offsets[index] : self.offsets[index + 1]]

    def answer_copies(self) -> Bools:
        """(c,) whether a negative is the positive of its set."""
        return np.equal(self.negatives, self.answer[self._set])

    def repeats(self) -> Bools:
        """(c,) whether a negative occurs earlier in its set; copies of the positive do not count."""
        order = np.lexsort((np.arange(len(self.negatives)), self.negatives, self._set))
        again = np.zeros(len(order), bool)
        again[1:] = (self.negatives[order][1:] == self.negatives[order][:-1]) & (
            self._set[order][1:] == self._set[order][:-1]
        )
        repeated = np.empty(len(order), bool)
        repeated[order] = again
        return repeated & ~self.answer_copies()

    def seen(self, train: sparse.csr_array) -> Bools:
        """(c,) whether the user has the negative in `train`, a bool matrix (U, I)."""
        return _holds(train, self.user[self._set], self.negatives)

    def cleaned(
        self,
        train: sparse.csr_array,
        validation: sparse.csr_array | None = None,
        test: sparse.csr_array | None = None,
        below: sparse.csr_array | None = None,
    ) -> Self:
        """The sets without copies of the positive, repeats, and items that the user has in any part.

        `below` holds pairs rated too low and excluded from rankings; each matrix is bool, (U, I). The origin counts
        each reason; a negative with two reasons counts under the first.
        """
        removed = np.zeros(len(self.negatives), bool)
        counted = []
        for mask, singular, plural in (
            (self.answer_copies(), "copy of the positive", "copies of the positive"),
            (self.repeats(), "repeat", "repeats"),
            (self.seen(train), "seen in training", "seen in training"),
            (self._seen(validation), "seen in validation", "seen in validation"),
            (self._seen(test), "other test item of the user", "other test items of the user"),
            (self._seen(below), "rated lower", "rated lower"),
        ):
            new = mask & ~removed
            removed |= new
            if new.any():
                counted.append(_counted(int(new.sum()), singular, plural))
        removals = f"{', '.join(counted)} removed" if counted else "nothing to remove"
        return self._with(~removed, f"{self.origin}, cleaned: {removals}")

    def only(self, sets: Bools) -> Self:
        """The sets that are true in the mask `sets` (S,)."""
        return replace(
            self,
            user=self.user[sets],
            answer=self.answer[sets],
            offsets=_offsets(self.sizes[sets]),
            negatives=self.negatives[sets[self._set]],
        )

    def restricted(self, user: Int32s, item: Int32s, test: sparse.csr_array) -> Self:
        """The sets in new indices, after filters: `user` (U,) and `item` (I,) give the new index of each old, or -1.

        Only sets whose positive is in `test`, the new (U, I) test part, stay; there may be none. The origin counts.
        """
        new_user, new_answer = user[self.user], item[self.answer]
        stays = (new_user >= 0) & (new_answer >= 0)
        stays[stays] = _holds(test, new_user[stays], new_answer[stays])
        kept_negatives = (item[self.negatives] >= 0) & stays[self._set]
        n_sets, n_negatives = int((~stays).sum()), int((stays[self._set] & ~kept_negatives).sum())
        removed = f"{_counted(n_sets, 'set')} and {_counted(n_negatives, 'negative')}"
        if not stays.any():
            removed = f"all of {_counted(n_sets, 'set')}"
        removals = f", {removed} removed by the filters" if n_sets or n_negatives else ""
        sizes = np.bincount(self._set[kept_negatives], minlength=len(self))[stays]
        return replace(
            self,
            user=new_user[stays],
            answer=new_answer[stays],
            offsets=_offsets(sizes),
            negatives=item[self.negatives[kept_negatives]],
            origin=f"{self.origin}{removals}",
        )

    def fingerprint(self, interactions: Interactions) -> str:
        """'sha256:' and 16 hex digits of the sets by raw ids, whatever the order of sets, negatives and indices."""
        users, items = id_hashes(interactions.users), id_hashes(interactions.items)
        # A sum does not depend on the order, and counts a repeat as often as it occurs.
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mix(items)[self.negatives], dtype=np.uint64)])
        of_set = sums[self.offsets[1:]] - sums[self.offsets[:-1]]
        sets = mix(mix(mix(users[self.user]) ^ items[self.answer]) ^ of_set)
        return f"sha256:{hashlib.sha256(np.sort(sets).astype('<u8').tobytes()).hexdigest()[:16]}"

    def _with(self, stays: Bools, origin: str) -> Self:
        sizes = np.bincount(self._set[stays], minlength=len(self))
        return replace(self, offsets=_offsets(sizes), negatives=self.negatives[stays], origin=origin)

    def _seen(self, part: sparse.csr_array | None) -> Bools:
        return np.zeros(len(self.negatives), bool) if part is None else self.seen(part)

    @property
    def _set(self) -> Int64s:
        """(c,) which set each negative is in."""
        return np.repeat(np.arange(len(self)), self.sizes)


def _holds(matrix: sparse.csr_array, rows: Int32s, columns: Int32s) -> Bools:
    """(k,) whether the matrix is true at each of k places."""
    if not len(rows):  # scipy would give a matrix without rows
        return np.zeros(0, bool)
    return np.asarray(matrix[rows, columns]).ravel().astype(bool)


def _counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n:,} {singular if n == 1 else plural or f'{singular}s'}"


def _span(sizes: Int64s) -> str:
    fewest, most = int(sizes.min()), int(sizes.max())
    return f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _offsets(sizes: npt.NDArray[Any]) -> Int64s:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
