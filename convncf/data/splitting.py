"""Hold out part of each user's interactions: Interactions -> Split(train, validation, test).

Shapes: U users, I items, n interactions; each part is a canonical bool matrix (U, I).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.config import DataConfig
from convncf.data.interactions import Interactions
from convncf.errors import SplitError
from convncf.runtime import rng

Part = Literal["validation", "test"]

TRAIN, VALIDATION, TEST = 0, 1, 2
_NUMBERS = {"validation": VALIDATION, "test": TEST}

Int64s = npt.NDArray[np.int64]
Parts = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Split:
    """Which interactions are for training, validation and test. The parts are disjoint; together they are all."""

    interactions: Interactions
    part: Parts
    """(n,) 0 training, 1 validation, 2 test, in the interactions' order."""
    method: str
    """How it was split, in words."""
    n_users_without_validation: int
    """Users whose interactions are in no part for validation; they are not evaluated there."""
    n_users_without_test: int
    notes: tuple[str, ...] = ()
    """What a reader of results should know, each a sentence."""

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

    def left_out(self, part: Part) -> sparse.csr_array:
        """(U, I) what is left out before ranking: training, and for test also validation. The one rule, everywhere."""
        return self.train if part == "validation" else self._train_and_validation

    def left_out_words(self, user: int, part: Part) -> str:
        """The rule for one user: 'left out: 20 training and 1 validation item'."""
        n_train = _row_length(self.train, user)
        if part == "validation":
            return f"left out: {n_train} training item{'' if n_train == 1 else 's'}"
        n_validation = _row_length(self.validation, user)
        return f"left out: {n_train} training and {n_validation} validation item{'' if n_validation == 1 else 's'}"

    @cached_property
    def fingerprint(self) -> str:
        """'sha256:' and 16 hex digits of the data and of which pair is in which part."""
        digest = hashlib.sha256(self.interactions.fingerprint.encode())
        digest.update(self.part[self.interactions.canonical_order].tobytes())
        return f"sha256:{digest.hexdigest()[:16]}"

    @cached_property
    def _train_and_validation(self) -> sparse.csr_array:
        return self.interactions.matrix(self.part != TEST)


def split(interactions: Interactions, config: DataConfig, seed: int) -> Split:
    """Hold out by the config's method, "ratio" or "leave-one-out"; a function of (data, config, seed) alone.

    Raises SplitError, before any work, where no user has enough interactions or leave-one-out lacks times.
    """
    if config.split == "leave-one-out":
        return leave_one_out(interactions)
    return ratio_split(interactions, config.ratios, seed)


def ratio_split(interactions: Interactions, ratios: tuple[float, float, float], seed: int) -> Split:
    """Divide each user's interactions at random.

    Of a user's n interactions, floor(n · ratio) go to validation and to test, but at least one to each part whose ratio
    is not zero; the rest is training, at least one. A user with fewer interactions than there are parts stays in
    training. The draw goes by raw ids: the same data in another order of rows or indices is split the same.
    """
    total = sum(map(_exact, ratios))
    if min(ratios) < 0 or ratios[0] == 0:
        raise SplitError(f"ratios {list(ratios)}: none may be negative and the first (training) must be above 0.")
    n_parts = sum(ratio > 0 for ratio in ratios)
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    _refuse_nothing_to_hold_out(counts, n_parts)

    enough = counts >= n_parts
    sizes = [_share(counts, _exact(ratio) / total) * enough for ratio in ratios[1:]]
    # Rounding a small part up to one may take the last training interaction: the larger part gives it back.
    lacking = enough & (counts - sizes[0] - sizes[1] < 1)
    validation_gives = lacking & (sizes[0] > sizes[1])
    sizes = [sizes[0] - validation_gives, sizes[1] - (lacking & ~validation_gives)]

    key = np.empty(len(interactions))
    key[interactions.canonical_order] = rng(seed, "split").random(len(interactions))
    from_end = _position_from_end(interactions.user, key, counts)
    notes = [] if n_parts > 1 else ["every interaction is for training: there is no validation and no test part"]
    if n_parts == 2:
        notes.append(f"there is no {'validation' if ratios[1] == 0 else 'test'} part")
    words = ":".join(f"{ratio:g}" for ratio in ratios)
    return _assemble(interactions, f"ratio {words} per user at random, seed {seed}", n_parts, from_end, sizes, notes)


def leave_one_out(interactions: Interactions) -> Split:
    """Each user's latest interaction is for test, the one before it for validation, the rest for training.

    Where times are equal, the later in the file counts as the later. A user with fewer than three stays in training.
    """
    if interactions.timestamp is None:
        raise SplitError(
            "leave-one-out holds out the latest interaction, and this data has no times. "
            "Use the ratio split (--set data.split=ratio), or read the file with its time column."
        )
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    _refuse_nothing_to_hold_out(counts, 3)
    from_end = _position_from_end(interactions.user, interactions.timestamp, counts)
    one_each = (counts >= 3).astype(np.int64)
    notes = []
    n_tied = _users_held_out_by_file_order(interactions, from_end, counts)
    if n_tied:
        words = "users have" if n_tied > 1 else "user has"
        notes.append(f"{n_tied:,} {words} equal times among the latest: there, the order of the file decides")
    return _assemble(interactions, "leave-one-out by time", 3, from_end, [one_each, one_each], notes)


def _assemble(
    interactions: Interactions, method: str, n_parts: int, from_end: Int64s, sizes: list[Int64s], notes: list[str]
) -> Split:
    """The last sizes[1][u] interactions of user u are test, the sizes[0][u] before them validation."""
    n_validation, n_test = (size[interactions.user] for size in sizes)
    part = np.zeros(len(interactions), np.int8)
    part[from_end < n_validation + n_test] = VALIDATION
    part[from_end < n_test] = TEST
    part.setflags(write=False)
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    n_short = int((counts < n_parts).sum())
    if n_short:
        whose = "users have" if n_short > 1 else "user has"
        notes.append(
            f"{n_short:,} {whose} fewer than {n_parts} interactions and stay{'' if n_short > 1 else 's'} in training"
        )
    without = [int((size == 0).sum()) for size in sizes]
    return Split(interactions, part, method, without[0], without[1], tuple(notes))


def _position_from_end(user: npt.NDArray[np.int32], key: npt.NDArray[np.generic], counts: Int64s) -> Int64s:
    """(n,) how many of the same user's interactions follow when sorted by key; equal keys keep the file's order."""
    order = np.lexsort((key, user))
    ends = np.cumsum(counts)
    position = np.empty(len(user), np.int64)
    position[order] = ends[user[order]] - 1 - np.arange(len(user))
    return position


def _users_held_out_by_file_order(interactions: Interactions, from_end: Int64s, counts: Int64s) -> int:
    """Users with three or more interactions of whose latest three two neighbours have the same time."""
    assert interactions.timestamp is not None
    latest = np.zeros((3, interactions.n_users), np.int64)
    for back in range(3):
        rows = np.flatnonzero(from_end == back)
        latest[back, interactions.user[rows]] = interactions.timestamp[rows]
    tied = (latest[0] == latest[1]) | (latest[1] == latest[2])
    return int((tied & (counts >= 3)).sum())


def _refuse_nothing_to_hold_out(counts: Int64s, needed: int) -> None:
    most = int(counts.max(initial=0))
    if most < needed:
        raise SplitError(
            f"no user has the {needed} interactions that {needed} parts need: the most is {most}. "
            "Use data with longer histories, or ratios with fewer parts (--set data.ratios=[0.9,0,0.1])."
        )


def _exact(ratio: float) -> Fraction:
    """0.1 as 1/10: floor(30 · 0.1) must not depend on how a float rounds."""
    return Fraction(ratio).limit_denominator(10**6)


def _share(counts: Int64s, ratio: Fraction) -> Int64s:
    if ratio == 0:
        return np.zeros_like(counts)
    return np.maximum(counts * ratio.numerator // ratio.denominator, 1)


def _row_length(matrix: sparse.csr_array, row: int) -> int:
    return int(matrix.indptr[row + 1] - matrix.indptr[row])
