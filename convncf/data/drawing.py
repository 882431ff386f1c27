"""Draw distinct negatives: which items are free for a user, and a random choice of so many of them.

Shapes: S sets, c numbers in all, U users, I items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from convncf.data.draws import Uint64s, alphabetical, sequence

if TYPE_CHECKING:
    from convncf.data.parts import Split

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_AT_ONCE: Final = 2_000_000
"""Random numbers held at a time: 16 MB, and a few copies of it."""


class Free:
    """What may be drawn for each user: no positive of any part, nor what was rated too low and left out of rankings.

    The free items are counted in the order of raw ids, so that the r-th one does not depend on indices.
    """

    def __init__(self, split: Split) -> None:
        data = split.interactions
        self._by_name = np.argsort(alphabetical(data.items))  # (I,) item index at each place of the sorted raw ids
        place = np.argsort(self._by_name)
        low = split.not_recommended
        rows, columns = data.user.astype(np.int64), place[data.item]
        if low is not None:
            users, items = low.nonzero()
            rows, columns = np.append(rows, users), np.append(columns, place[items])
        self._n_items = data.n_items
        keys = np.unique(rows * data.n_items + columns)  # sorted by user, then place; a pair is taken once
        rows, columns = np.divmod(keys, data.n_items)
        n_taken = np.bincount(rows, minlength=data.n_users)
        self._start = np.concatenate([[0], np.cumsum(n_taken)]).astype(np.int64)
        self._keys = keys - (np.arange(len(keys)) - self._start[rows])  # the r-th free one as in TripleSampler
        self.count: Int64s = data.n_items - n_taken
        """(U,) how many items are free."""

    def item(self, user: Int32s, r: Int64s) -> Int32s:
        """(c,) the r-th free item of each user."""
        found = np.searchsorted(self._keys, user.astype(np.int64) * self._n_items + r, side="right")
        items: Int32s = self._by_name[r + found - self._start[user]].astype(np.int32)
        return items


def distinct(state: Uint64s, below: Int64s, sizes: Int64s) -> Int64s:
    """For each state, the first sizes[s] distinct numbers of its own random sequence over 0 … below[s] - 1, joined.

    All arguments are (S,). Each subset is equally likely. Where a set takes all there are, nothing is drawn.
    """
    drawn: list[Int64s] = [np.arange(size) for size in np.where(sizes == below, sizes, 0)]
    left = np.flatnonzero(sizes < below)
    length = int(sizes.max(initial=0)) * 5 // 4 + 16
    while len(left):
        lacking = []
        step = max(1, _AT_ONCE // length)
        for rows in (left[first : first + step] for first in range(0, len(left), step)):
            bits = sequence(state[rows], length) >> np.uint64(1)
            numbers = (bits % below[rows].astype(np.uint64)[:, None]).astype(np.int64)  # (s, length)
            new = _first_times(numbers)
            enough = new.sum(axis=1) >= sizes[rows]
            for s in np.flatnonzero(enough):
                drawn[rows[s]] = numbers[s][new[s]][: sizes[rows[s]]]
            lacking.append(rows[~enough])
        left = np.concatenate(lacking)
        length *= 2  # the longer sequence begins with the shorter one, so how long it was does not matter
    return np.concatenate(drawn) if drawn else np.zeros(0, np.int64)


def _first_times(numbers: Int64s) -> Bools:
    """(s, length) whether a number occurs in its row for the first time."""
    order = np.argsort(numbers, axis=1, kind="stable")
    ordered = np.take_along_axis(numbers, order, axis=1)
    first = np.ones(numbers.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new = np.empty_like(first)
    np.put_along_axis(new, order, first, axis=1)
    return new
