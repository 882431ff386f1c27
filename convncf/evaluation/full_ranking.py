"""Full ranking of a population: every positive of every user, by the rule of ranking.py.

Streams score some users, one each at a time, and the caller ranks those: memory does not grow with users x items, and
numpy's short calls do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convncf import streams
from convncf.errors import TrainingStopped
from convncf.evaluation.beyond import NOTHING
from convncf.evaluation.ranks_on_device import DeviceScorer, ranked
from convncf.ranking import Ints, Scorer, Scores, UserRanks, items_of, rank_positives

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Progress = Callable[[int, int], None]
"""progress(done, total), in users."""
Stop = Callable[[], bool]
"""stop() is asked after every few users; True ends the work with TrainingStopped."""

USERS_TOGETHER: Final = 8
"""Users for each stream between two looks at `stop` and two words of `progress`; fewer, down to one, above FLOATS."""
FLOATS: Final = 2**24
"""Scores held at a time, unless one user for each stream takes more."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranks(UserRanks):
    """The rank of every positive of every evaluated user, among all items that are not left out."""

    candidates: Ints
    """(U,) how many items were ranked for each user."""
    lists: NDArray[np.int32] | None = None
    """(U, L) the first L candidates of each user as `top_k` lists them, NOTHING where there are fewer; where asked."""


def between_users(progress: Progress | None, stop: Stop | None, total: int) -> Callable[[int], None]:
    """What to call with the number of users that are done: tells `progress`, and raises TrainingStopped for `stop`."""

    def after(done: int) -> None:
        if progress is not None and done:
            progress(done, total)
        if stop is not None and done < total and stop():
            raise TrainingStopped(f"Stopped as asked, with {done:,} of {total:,} users ranked.")

    return after


def ranks(
    scorer: Scorer,
    positives: csr_array,
    left_out: csr_array,
    users: ArrayLike | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    *,
    lists: int = 0,
) -> Ranks:
    """Rank every positive of every user, or of `users`: two (n_users, n_items) matrices -> Ranks.

    With `lists`, the first so many items of each user come along, from the same scores.

    Users without a positive are passed over. The result depends neither on the order of `users` nor on how they
    are divided over several calls. TrainingStopped where `stop` said so.
    """
    shape = (scorer.n_users, scorer.n_items)
    if not positives.shape == left_out.shape == shape:
        raise ValueError(f"the scorer is {shape}, but positives are {positives.shape}, left-out items {left_out.shape}")
    wanted, hidden = _canonical(positives), _canonical(left_out)
    chosen = users_with_positives(wanted, users)
    indptr = np.concatenate([[0], np.cumsum(np.diff(wanted.indptr)[chosen])]).astype(np.int64)
    items = wanted[chosen].indices.astype(np.int64)
    found = np.empty_like(items)
    places = min(lists, shape[1])
    tops = np.full((chosen.size, places), NOTHING, dtype=np.int32) if places else None
    candidates = (shape[1] - np.diff(hidden.indptr)[chosen]).astype(np.int64)

    def score(first: int, scored: dict[int, Scores], number: int) -> None:
        user = int(chosen[first + number])
        scored[number] = np.asarray(scorer.score_items(user))
        if scored[number].shape != shape[1:]:
            raise ValueError(f"score_items({user}) returned shape {scored[number].shape}, expected {shape[1:]}")

    after = between_users(progress, stop, chosen.size)
    after(0)
    if chosen.size and hasattr(scorer, "score_users") and getattr(scorer, "device", "cpu") != "cpu":
        found[:] = ranked(cast(DeviceScorer, scorer), chosen, wanted, hidden, after, lists=tops)
    elif chosen.size:
        width = streams.width()
        together = width * max(1, min(USERS_TOGETHER, FLOATS // (width * shape[1])))
        for first in range(0, chosen.size, together):
            scored: dict[int, Scores] = {}
            streams.share(partial(score, first, scored), last := min(together, chosen.size - first))
            for at in range(first, first + last):
                user, row = int(chosen[at]), slice(indptr[at], indptr[at + 1])
                scores, seen = scored[at - first], items_of(hidden, user)
                found[row] = rank_positives(scores, items[row], seen, user=user)
                if tops is not None:
                    listed = _first(scores, seen, places)
                    tops[at, : listed.size] = listed
            after(first + last)
    for array in (chosen, indptr, items, found, candidates, tops):
        if array is not None:
            array.flags.writeable = False
    return Ranks(chosen, indptr, items, found, candidates, tops)


def users_with_positives(positives: csr_array, users: ArrayLike | None = None) -> Ints:
    """Those of `users` (of all, where None) who have a positive, ascending; ValueError for a repeat or a stranger."""
    have = np.flatnonzero(np.diff(positives.indptr))
    if users is None:
        return have.astype(np.int64)
    asked = np.sort(np.asarray(users, dtype=np.int64).ravel())
    if asked.size and (asked[0] < 0 or asked[-1] >= positives.shape[0]):
        raise ValueError(f"users are 0 to {positives.shape[0] - 1}, got {asked[0]} to {asked[-1]}")
    if (np.diff(asked) == 0).any():
        raise ValueError("a user was given twice, and would count twice in every mean")
    return asked[np.isin(asked, have)]


def _first(scores: Scores, seen: Ints, places: int) -> Ints:
    """The items of `top_k`, without what it tells of each: ties in index order."""
    ranked = scores.copy()
    ranked[seen] = -np.inf
    least = np.partition(ranked, ranked.size - places)[ranked.size - places]
    items = np.flatnonzero(ranked >= least) if least > -np.inf else np.flatnonzero(ranked > least)
    return items[np.argsort(-ranked[items], kind="stable")][:places]


def _canonical(matrix: csr_array) -> csr_array:
    """Item indices ascending within a user and without repeats; a copy only where they are not so yet."""
    if matrix.has_canonical_format:
        return matrix
    copy = matrix.copy()
    copy.sum_duplicates()
    return copy
