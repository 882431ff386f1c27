"""Candidate sets for a split: those stored with the data, or negatives sampled by the seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from convncf.config import EvalConfig
from convncf.data.candidates import CandidateSets, _counted, _offsets, _span
from convncf.data.id_hashing import Uint64s, alphabetical, id_hashes, pair_bits, sequence
from convncf.errors import DataError

if TYPE_CHECKING:
    from convncf.data.dataset import Dataset
    from convncf.data.split import Part, Split

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_AT_ONCE: Final = 2_000_000
"""Random numbers in memory at a time: 16 MB, and a few copies of it."""


class NegativeCandidates:
    """The items that may be sampled for each user: not positives of any part, nor rated too low and excluded.

    They are counted in the order of raw ids, so that the r-th one does not depend on indices.
    """

    def __init__(self, split: Split) -> None:
        data = split.interactions
        self._by_name = np.argsort(alphabetical(data.items))  # (I,) item index at each place of the sorted raw ids
        rank = np.argsort(self._by_name)
        rated_low = split.not_recommended
        rows, columns = data.user.astype(np.int64), rank[data.item]
        if rated_low is not None:
            users, items = rated_low.nonzero()
            rows, columns = np.append(rows, users), np.append(columns, rank[items])
        self._n_items = data.n_items
        keys = np.unique(rows * data.n_items + columns)  # sorted by user, then rank; each pair once
        rows, columns = np.divmod(keys, data.n_items)
        n_excluded = np.bincount(rows, minlength=data.n_users)
        self._start = np.concatenate([[0], np.cumsum(n_excluded)]).astype(np.int64)
        self._keys = keys - (np.arange(len(keys)) - self._start[rows])  # the r-th allowed one as in TripleSampler
        self.count: Int64s = data.n_items - n_excluded
        """(U,) number of allowed items."""

    def item(self, user: Int32s, r: Int64s) -> Int32s:
        """(c,) the r-th allowed item of each user."""
        n_excluded = np.searchsorted(self._keys, user.astype(np.int64) * self._n_items + r, side="right")
        items: Int32s = self._by_name[r + n_excluded - self._start[user]].astype(np.int32)
        return items


def distinct(state: Uint64s, limit: Int64s, sizes: Int64s) -> Int64s:
    """For each state, the first sizes[s] distinct numbers of its own random sequence below limit[s], concatenated.

    All arguments are (S,). Each subset is equally likely. Where a set takes all numbers, none is sampled.
    """
    numbers_of_set: list[Int64s] = [np.arange(size) for size in np.where(sizes == limit, sizes, 0)]
    unfinished = np.flatnonzero(sizes < limit)
    length = int(sizes.max(initial=0)) * 5 // 4 + 16
    while len(unfinished):
        still_unfinished = []
        step = max(1, _AT_ONCE // length)
        for rows in (unfinished[first : first + step] for first in range(0, len(unfinished), step)):
            bits = sequence(state[rows], length) >> np.uint64(1)
            numbers = (bits % limit[rows].astype(np.uint64)[:, None]).astype(np.int64)  # (s, length)
            new = _first_times(numbers)
            complete = new.sum(axis=1) >= sizes[rows]
            for s in np.flatnonzero(complete):
                numbers_of_set[rows[s]] = numbers[s][new[s]][: sizes[rows[s]]]
            still_unfinished.append(rows[~complete])
        unfinished = np.concatenate(still_unfinished)
        length *= 2  # the longer sequence begins with the shorter one, so how long it was does not matter
    return np.concatenate(numbers_of_set) if numbers_of_set else np.zeros(0, np.int64)


def _first_times(numbers: Int64s) -> Bools:
    """(s, length) whether a number occurs in its row for the first time."""
    order = np.argsort(numbers, axis=1, kind="stable")
    ordered = np.take_along_axis(numbers, order, axis=1)
    first = np.ones(numbers.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new = np.empty_like(first)
    np.put_along_axis(new, order, first, axis=1)
    return new


def candidate_sets(dataset: Dataset, split: Split, part: Part, config: EvalConfig, seed: int) -> CandidateSets:
    """The sets under the settings: stored with the data, cleaned or as published, or sampled by the seed.

    Validation sets are always sampled. Stored ones belong to the predefined split; where "auto" cannot use them, the
    origin says why. Raises DataError where stored ones are set and there are none for this split.
    """
    if part == "validation" or config.candidate_sets == "drawn":
        return sample_candidates(split, part, config.negatives, seed)
    stored = dataset.candidates
    if stored is None:
        why, remedy = "has no candidate sets", "or use data that has them"
    elif split.kind != "predefined":
        why = f"has candidate sets for its predefined split, and this is another split ({split.method})"
        remedy = "or use the predefined split (--set data.split=predefined)"
    else:
        why, remedy = f"has none left: {stored.origin}", "or relax the filters"
    if not stored or split.kind != "predefined":
        if config.candidate_sets == "auto":
            sets = sample_candidates(split, part, config.negatives, seed)
            return (
                sets if stored is None else replace(sets, origin=f"{sets.origin}; stored ones not used: the data {why}")
            )
        raise DataError(
            f"eval.candidate_sets=stored, but dataset {dataset.name!r} {why}. "
            f"Sample them (--set eval.candidate_sets=drawn), {remedy}."
        )
    sets = (
        stored.cleaned(split.train, split.validation, split.test, split.not_recommended)
        if config.stored_sets == "cleaned"
        else replace(stored, origin=f"{stored.origin}, as published")
    )
    n_without = split.test.nnz - len(np.unique(sets.user.astype(np.int64) * split.interactions.n_items + sets.answer))
    counts = [f"{_span(sets.sizes)} negative{'' if int(sets.sizes.max()) == 1 else 's'} each"]
    counts += [f"{n_without:,} of {split.test.nnz:,} test items have no set"] if n_without else []
    return replace(sets, origin=f"{sets.origin}; {'; '.join(counts)}")


def sample_candidates(split: Split, part: Part, n: int, seed: int) -> CandidateSets:
    """n negatives for each held-out item of a part, sampled uniformly and without repeats; fewer where fewer exist.

    None is a positive of the user in any part, nor rated too low where that is excluded from rankings. The negatives of
    a pair are a function of the data and of (seed, part, raw user id, raw item id) alone, whatever the order of
    rows and indices. There is no set where the part is empty. Raises DataError where n is below 1.
    """
    data = split.interactions
    user, answer = (index.astype(np.int32) for index in split.positives(part).nonzero())
    if n < 1:
        raise DataError(f"{n} negatives a candidate set: at least 1 is needed.")
    allowed = NegativeCandidates(split)
    sizes = np.minimum(allowed.count[user], n)
    state = pair_bits(seed, f"candidates {part}", id_hashes(data.users)[user], id_hashes(data.items)[answer])
    negatives = allowed.item(np.repeat(user, sizes), distinct(state, allowed.count[user], sizes))
    return CandidateSets(user, answer, _offsets(sizes), negatives, _sampled_origin(sizes, n, part, seed))


def _sampled_origin(sizes: Int64s, n: int, part: Part, seed: int) -> str:
    """'99 drawn a test item, seed 1'."""
    if not len(sizes):
        return f"none drawn: there is no {part} item"
    if int(sizes.min()) == n:
        return f"{n:,} drawn a {part} item, seed {seed}"
    n_short, n_empty = int((sizes < n).sum()), int((sizes == 0).sum())
    short = _counted(n_short, "set has", "sets have")
    origin = f"{_span(sizes)} drawn a {part} item, seed {seed}: {n:,} were asked and {short} no more"
    return f"{origin}, {n_empty:,} of them none at all" if n_empty else origin
