"""A Split: which interactions are for training, validation and test, and the items excluded from rankings.

Shapes: U users, I items, n interactions; each part is a canonical bool matrix (U, I).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.data.id_hashing import alphabetical
from convncf.data.interactions import Interactions
from convncf.data.vocabulary import Vocabulary

Part = Literal["validation", "test"]
SplitKind = Literal["ratio", "leave-one-out", "predefined"]
LowRated = Literal["hidden", "negatives", "unseen"]
TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = ("training", "validation", "test")
_NAMED = 5
_NOTES, _LONGEST_NOTE = 8, 200
Int64s = npt.NDArray[np.int64]
Parts = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Split:
    """Which interactions are for training, validation and test. The parts are disjoint; together they are all."""

    interactions: Interactions
    part: Parts
    """(n,) 0 training, 1 validation, 2 test, in the interactions' order."""
    method: str
    """The method of the split, such as 'leave-one-out by time'."""
    n_users_without_validation: int
    """Users without a validation interaction; they are not evaluated on validation."""
    n_users_without_test: int
    notes: tuple[str, ...] = ()
    """Notes for readers of results, each a sentence."""
    kind: SplitKind = "ratio"
    below: sparse.csr_array | None = None
    """(U, I) bool, rated lower than data.min_rating: not positives of any part; None without a threshold."""
    low_rated: LowRated = "hidden"
    """How `below` is treated. hidden: neither recommended nor sampled as a negative. negatives: not recommended, but
    sampled as any other negative. unseen: as if never rated."""

    def __repr__(self) -> str:
        sizes = np.bincount(self.part, minlength=3)
        parts = ", ".join(f"{int(n):,} {name}" for n, name in zip(sizes, PARTS, strict=True))
        lines = [f"Split of {self.n_users:,} users and {self.n_items:,} items: {parts} interactions; {self.method}"]
        lines += [note if len(note) <= _LONGEST_NOTE else f"{note[:_LONGEST_NOTE]}…" for note in self.notes[:_NOTES]]
        lines += [f"and {len(self.notes) - _NOTES} more notes"] if len(self.notes) > _NOTES else []
        return "\n  ".join(lines)

    @property
    def n_users(self) -> int:
        """Users of all parts."""
        return self.interactions.n_users

    @property
    def n_items(self) -> int:
        """Items of all parts."""
        return self.interactions.n_items

    @cached_property
    def train(self) -> sparse.csr_array:
        """(U, I) interactions to learn from."""
        return self.interactions.matrix(self.part == TRAIN)

    @cached_property
    def validation(self) -> sparse.csr_array:
        """(U, I) interactions to choose the epoch by."""
        return self.interactions.matrix(self.part == VALIDATION)

    @cached_property
    def test(self) -> sparse.csr_array:
        """(U, I) interactions to report on."""
        return self.interactions.matrix(self.part == TEST)

    def positives(self, part: Part) -> sparse.csr_array:
        """(U, I) the interactions that a ranking for `part` should place high."""
        return self.validation if part == "validation" else self.test

    def excluded(self, part: Part) -> sparse.csr_array:
        """(U, I) items excluded before ranking: the one rule, everywhere.

        Training items, for test also validation items, and items rated too low, unless they count as unseen.
        """
        return self._excluded_for_validation if part == "validation" else self._excluded_for_test

    def excluded_in_words(self, user: int, part: Part) -> str:
        """The rule for one user: 'excluded: 20 training and 1 validation item'."""
        n_train = _row_length(self.train, user)
        sentence = f"excluded: {n_train:,} training item{'' if n_train == 1 else 's'}"
        if part == "test":
            n_validation = _row_length(self.validation, user)
            sentence = (
                f"excluded: {n_train:,} training and {n_validation:,} validation item{'' if n_validation == 1 else 's'}"
            )
        n_low = 0 if self.not_recommended is None else _row_length(self.not_recommended, user)
        return f"{sentence}, and {n_low:,} rated lower" if n_low else sentence

    @property
    def not_recommended(self) -> sparse.csr_array | None:
        """(U, I) pairs that were rated too low and are therefore excluded from rankings; None where there are none."""
        return None if self.low_rated == "unseen" else self.below

    @cached_property
    def excluded_as_negatives(self) -> sparse.csr_array:
        """(U, I) items never sampled as training negatives: training items, and those rated too low where hidden."""
        return union(self.train, self.below if self.low_rated == "hidden" else None)

    @cached_property
    def cold_users(self) -> Int64s:
        """Indices of users who have a test item and nothing in training, ascending."""
        return self._cold(self.interactions.user, self.interactions.n_users)

    @cached_property
    def cold_items(self) -> Int64s:
        """Indices of items that are in test and not in training, ascending."""
        return self._cold(self.interactions.item, self.interactions.n_items)

    @cached_property
    def fingerprint(self) -> str:
        """'sha256:' and 16 hex digits of the data, the part of each pair, and the items excluded for low ratings."""
        digest = hashlib.sha256(self.interactions.fingerprint.encode())
        digest.update(self.part[self.interactions.canonical_order].tobytes())
        if self.not_recommended is not None:
            rows, columns = self.not_recommended.nonzero()
            user, item = alphabetical(self.interactions.users)[rows], alphabetical(self.interactions.items)[columns]
            digest.update(b"rated lower\n" + np.sort(user * self.interactions.n_items + item).astype("<i8").tobytes())
        return f"sha256:{digest.hexdigest()[:16]}"

    @cached_property
    def _excluded_for_validation(self) -> sparse.csr_array:
        return union(self.train, self.not_recommended)

    @cached_property
    def _excluded_for_test(self) -> sparse.csr_array:
        return union(self.interactions.matrix(self.part != TEST), self.not_recommended)

    def _cold(self, index: npt.NDArray[np.int32], size: int) -> Int64s:
        train, test = np.zeros(size, bool), np.zeros(size, bool)
        train[index[self.part == TRAIN]] = True
        test[index[self.part == TEST]] = True
        return np.flatnonzero(test & ~train)


def cold_notes(split: Split) -> tuple[str, ...]:
    """Users and items in test that are not in training, counted and named, each kind a sentence."""
    kinds = ((split.interactions.users, split.cold_users), (split.interactions.items, split.cold_items))
    return tuple(
        f"{len(cold):,} {vocabulary.kind}{' is' if len(cold) == 1 else 's are'} in test and not in training: "
        f"{example_ids(vocabulary, cold)}"
        for vocabulary, cold in kinds
        if len(cold)
    )


def users_without(interactions: Interactions, part: Parts) -> tuple[int, int]:
    """How many users have nothing in validation, and how many nothing in test, under (n,) part numbers."""
    validation, test = (
        interactions.n_users - int(np.count_nonzero(np.bincount(interactions.user[part == held])))
        for held in (VALIDATION, TEST)
    )
    return validation, test


def example_ids(vocabulary: Vocabulary, indices: Int64s | Sequence[int]) -> str:
    """The first five raw ids: "'7', '9'", with "…" where there are more."""
    shown = ", ".join(repr(vocabulary.id(int(index))) for index in indices[:_NAMED])
    return f"{shown} …" if len(indices) > _NAMED else shown


def union(first: sparse.csr_array, second: sparse.csr_array | None) -> sparse.csr_array:
    """Where either matrix is true, canonical; the first itself where there is no second."""
    if second is None or not second.nnz:
        return first
    either = sparse.csr_array(first.astype(bool) + second.astype(bool))  # of bools: the sum is true where either is
    either.sum_duplicates()
    return either


def _row_length(matrix: sparse.csr_array, row: int) -> int:
    return int(matrix.indptr[row + 1] - matrix.indptr[row])
