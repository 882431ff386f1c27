"""Candidate sets: for a held-out answer, the negatives that it is to be ranked among; stored with the data, or drawn.

Shapes: S sets, c negatives in all, U users, I items.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.config import EvalConfig
from convncf.data.drawing import Free, distinct
from convncf.data.draws import id_hashes, mix, pair_bits
from convncf.data.interactions import Interactions
from convncf.errors import DataError

if TYPE_CHECKING:
    from convncf.data.parts import Part, Split
    from convncf.data.storage import Dataset

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CandidateSets:
    """S candidate sets; as published they may hold repeats and copies of the answer."""

    user: Int32s
    """(S,) whose set it is."""
    answer: Int32s
    """(S,) the held-out item."""
    offsets: Int64s
    """(S + 1,) the negatives of set s are negatives[offsets[s]:offsets[s + 1]]."""
    negatives: Int32s
    """(c,) item indices."""
    origin: str = "stored"
    """Where they come from, in words, with what was taken out and how many were asked and found."""

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
    def sizes(self) -> Int64s:
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
        return _holds(train, self.user[self._set], self.negatives)

    def cleaned(
        self,
        train: sparse.csr_array,
        validation: sparse.csr_array | None = None,
        test: sparse.csr_array | None = None,
        below: sparse.csr_array | None = None,
    ) -> Self:
        """The sets as they would be drawn: without copies of the answer, repeats, and what the user has in any part.

        `below` is what was rated too low and is left out of rankings; each matrix is bool, (U, I). The origin counts
        each reason; a negative for which two speak counts with the first.
        """
        gone = np.zeros(len(self.negatives), bool)
        counted = []
        for mask, one, many in (
            (self.answer_copies(), "copy of the answer", "copies of the answer"),
            (self.repeats(), "repeat", "repeats"),
            (self.seen(train), "seen in training", "seen in training"),
            (self._seen(validation), "seen in validation", "seen in validation"),
            (self._seen(test), "other test item of the user", "other test items of the user"),
            (self._seen(below), "rated lower", "rated lower"),
        ):
            new = mask & ~gone
            gone |= new
            if new.any():
                counted.append(_counted(int(new.sum()), one, many))
        told = f"{', '.join(counted)} taken out" if counted else "nothing had to be taken out"
        return self._with(~gone, f"{self.origin}, cleaned: {told}")

    def only(self, sets: Bools) -> Self:
        """Some of the sets as they are: (S,) which."""
        return replace(
            self,
            user=self.user[sets],
            answer=self.answer[sets],
            offsets=_offsets(self.sizes[sets]),
            negatives=self.negatives[sets[self._set]],
        )

    def restricted(self, user: Int32s, item: Int32s, test: sparse.csr_array) -> Self:
        """The sets in new indices, after filters: `user` (U,) and `item` (I,) give the new index of each old, or -1.

        Only sets stay whose answer is in `test`, the new (U, I) test part; it may be none. The origin counts.
        """
        new_user, new_answer = user[self.user], item[self.answer]
        known = (new_user >= 0) & (new_answer >= 0)
        known[known] = _holds(test, new_user[known], new_answer[known])
        kept = (item[self.negatives] >= 0) & known[self._set]
        n_sets, n_negatives = int((~known).sum()), int((known[self._set] & ~kept).sum())
        gone = f"{_counted(n_sets, 'set')} and {_counted(n_negatives, 'negative')}"
        if not known.any():
            gone = f"all of {_counted(n_sets, 'set')}"
        told = f", {gone} gone with the filters" if n_sets or n_negatives else ""
        sizes = np.bincount(self._set[kept], minlength=len(self))[known]
        return replace(
            self,
            user=new_user[known],
            answer=new_answer[known],
            offsets=_offsets(sizes),
            negatives=item[self.negatives[kept]],
            origin=f"{self.origin}{told}",
        )

    def fingerprint(self, interactions: Interactions) -> str:
        """'sha256:' and 16 hex digits of the sets by raw ids, whatever the order of sets, negatives and indices."""
        users, items = id_hashes(interactions.users), id_hashes(interactions.items)
        # A sum does not depend on the order, and counts a repeat as often as it is there.
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


def candidate_sets(dataset: Dataset, split: Split, part: Part, config: EvalConfig, seed: int) -> CandidateSets:
    """The sets that the settings ask for: stored with the data, cleaned or as published, or drawn by the seed.

    Validation always draws. Stored ones belong to the split that the data came with; where "auto" cannot take them,
    the origin says why. Raises DataError where stored ones are asked for and there are none for this split.
    """
    if part == "validation" or config.candidate_sets == "drawn":
        return draw_candidates(split, part, config.negatives, seed)
    stored = dataset.candidates
    if stored is None:
        why, way_out = "came without candidate sets", "or use data that comes with them"
    elif split.kind != "ready":
        why = f"has candidate sets for the split that it came with, and is divided anew here ({split.method})"
        way_out = "or use the split that came so (--set data.split=ready)"
    else:
        why, way_out = f"has none left: {stored.origin}", "or filter less"
    if not stored or split.kind != "ready":
        if config.candidate_sets == "auto":
            sets = draw_candidates(split, part, config.negatives, seed)
            return sets if stored is None else replace(sets, origin=f"{sets.origin}; not stored ones: the data {why}")
        raise DataError(
            f"eval.candidate_sets=stored, but dataset {dataset.name!r} {why}. "
            f"Draw them (--set eval.candidate_sets=drawn), {way_out}."
        )
    sets = (
        stored.cleaned(split.train, split.validation, split.test, split.not_recommended)
        if config.stored_sets == "cleaned"
        else replace(stored, origin=f"{stored.origin}, as published")
    )
    without = split.test.nnz - len(np.unique(sets.user.astype(np.int64) * split.interactions.n_items + sets.answer))
    told = [f"{_span(sets.sizes)} negative{'' if int(sets.sizes.max()) == 1 else 's'} each"]
    told += [f"{without:,} of {split.test.nnz:,} test items have no set"] if without else []
    return replace(sets, origin=f"{sets.origin}; {'; '.join(told)}")


def draw_candidates(split: Split, part: Part, n: int, seed: int) -> CandidateSets:
    """n negatives for each held-out item of a part, drawn uniformly and without repeats; fewer where fewer exist.

    None is a positive of the user in any part, nor rated too low where that is left out of rankings. What is drawn
    for a pair is a function of the data and of (seed, part, raw user id, raw item id) alone, whatever the order of
    rows and indices. There is no set where the part is empty. Raises DataError where n is below 1.
    """
    data = split.interactions
    user, answer = (index.astype(np.int32) for index in split.positives(part).nonzero())
    if n < 1:
        raise DataError(f"{n} negatives a candidate set: at least 1 is needed.")
    free = Free(split)
    sizes = np.minimum(free.count[user], n)
    state = pair_bits(seed, f"candidates {part}", id_hashes(data.users)[user], id_hashes(data.items)[answer])
    negatives = free.item(np.repeat(user, sizes), distinct(state, free.count[user], sizes))
    return CandidateSets(user, answer, _offsets(sizes), negatives, _drawn_words(sizes, n, part, seed))


def _drawn_words(sizes: Int64s, n: int, part: Part, seed: int) -> str:
    """'99 drawn a test item, seed 1'."""
    if not len(sizes):
        return f"none drawn: there is no {part} item"
    if int(sizes.min()) == n:
        return f"{n:,} drawn a {part} item, seed {seed}"
    n_short, n_empty = int((sizes < n).sum()), int((sizes == 0).sum())
    short = _counted(n_short, "set has", "sets have")
    words = f"{_span(sizes)} drawn a {part} item, seed {seed}: {n:,} were asked and {short} no more"
    return f"{words}, {n_empty:,} of them none at all" if n_empty else words


def _holds(matrix: sparse.csr_array, rows: Int32s, columns: Int32s) -> Bools:
    """(k,) whether the matrix is true at each of k places."""
    if not len(rows):  # scipy would give a matrix without rows
        return np.zeros(0, bool)
    return np.asarray(matrix[rows, columns]).ravel().astype(bool)


def _counted(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def _span(sizes: Int64s) -> str:
    fewest, most = int(sizes.min()), int(sizes.max())
    return f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _offsets(sizes: npt.NDArray[Any]) -> Int64s:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
