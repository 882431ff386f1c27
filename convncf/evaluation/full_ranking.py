"""Full ranking of a population: every positive of every user, by the rule of ranking.py.

Streams score some users, one each at a time, and the caller ranks those: memory does not grow with users x items, and
numpy's short calls do not wait for each other.

Memory: a group of users' scores, and the comparisons of some of their positives or some of their scores in order,
`FLOATS` numbers each at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convncf.errors import NonFiniteScoreError, TrainingStopped
from convncf.evaluation.beyond_accuracy import NOTHING
from convncf.evaluation.ranking import Ints, Scorer, Scores, UserRanks, items_of, rank_positives
from convncf.runtime import threads

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Tensor

FLOATS_ON_DEVICE: Final = 2**27


class DeviceScorer(Protocol):
    """A scorer whose scores stay on its device."""

    @property
    def n_items(self) -> int: ...
    @property
    def device(self) -> Any: ...
    def score_users(self, users: Tensor) -> Tensor:
        """(U,) -> (U, n_items), without waiting for the device."""
        ...


def ranked(
    scorer: DeviceScorer,
    users: Ints,
    positives: csr_array,
    excluded: csr_array,
    after: Callable[[int], None],
    floats: int = FLOATS_ON_DEVICE,
    *,
    lists: NDArray[np.int32] | None = None,
) -> Ints:
    """Rank of each positive of `users` (U,), by the rule of ranking.py, one user after the other: (N,).

    `lists` (U, L), where given, is filled with the first L candidates of each user, NOTHING where there are fewer.
    `after(done)` is called after each group of users. Errors are those of ranking.py, told after the last group.
    """
    part = positives[users]
    counts, scores, finite = _same_or_higher(scorer, users, part, excluded[users], after, floats, lists)
    if not finite.all():
        raise NonFiniteScoreError(
            f"The scores of {(~finite).sum():,} of {users.size:,} users hold some that are not finite, the first of "
            f"them user {users[~finite][0]} (by index). The model's weights have probably overflowed: train with a "
            "lower learning rate, or take an earlier checkpoint."
        )
    if (hidden := np.isneginf(scores)).any():  # all scores were finite, so these were left out
        raise ValueError(f"items {part.indices[hidden].tolist()} are positives and left out as well")
    owner = np.repeat(np.arange(users.size), np.diff(part.indptr))
    return counts - _behind(owner, part.indices, scores)


def _same_or_higher(
    scorer: DeviceScorer,
    users: Ints,
    positives: csr_array,
    excluded: csr_array,
    after: Callable[[int], None],
    floats: int,
    lists: NDArray[np.int32] | None,
) -> tuple[Ints, NDArray[np.float32], NDArray[np.bool_]]:
    """Candidates that score the same as each positive or higher, itself among them, and its score: (N,), (N,).

    Both matrices have a row for each of `users`.
    """
    import torch

    counts, scores_of, finite, tops = [], [], [], []
    together = max(1, floats // scorer.n_items)
    for first in range(0, users.size, together):
        some = slice(first, first + together)
        scores = scorer.score_users(_to(scorer, users[some]))  # (U, n_items)
        finite.append(torch.isfinite(scores).all(dim=1))
        row, item = _entries(scorer, excluded[some])
        scores[row, item] = -torch.inf
        if lists is not None:
            tops.append(_first_on_device(scores, lists.shape[1], max(1, together // 8)))
        row, item = _entries(scorer, positives[some])
        for at in range(0, len(row), together):
            here = slice(at, at + together)
            own = scores[row[here], item[here]]  # (P,)
            counts.append((scores[row[here]] >= own[:, None]).sum(dim=1))
            scores_of.append(own)
        after(min(first + together, users.size))
    if lists is not None:
        lists[:] = torch.cat(tops).cpu().numpy()
    found = (torch.cat(parts).cpu().numpy() for parts in (counts, scores_of, finite))
    return next(found), next(found), next(found)


def _first_on_device(scores: Tensor, places: int, together: int) -> Tensor:
    """The best candidates of each user, ties in index order: (U, n_items) -> (U, places) int32.

    `together` rows are put in order at a time, which takes some eight numbers a score.
    """
    import torch

    # torch.topk leaves the order of ties open. Adding 0 makes -0.0 the 0.0 that it ties with.
    ordered = [(some + 0.0).sort(dim=1, descending=True, stable=True) for some in torch.split(scores, together)]
    items = torch.cat([one.indices[:, :places] for one in ordered]).int()
    values = torch.cat([one.values[:, :places] for one in ordered])
    return items.masked_fill(torch.isneginf(values), NOTHING)


def _behind(users: Ints, items: NDArray[np.integer[Any]], scores: NDArray[np.float32]) -> Ints:
    """How many positives of its user have exactly the score of each, (N,), and a higher index: (N,)."""
    order = np.lexsort((items, scores, users))
    same = (np.diff(users[order]) == 0) & (np.diff(scores[order]) == 0)  # as the one before
    ends = np.flatnonzero(np.append(~same, True))  # the last of each group of equals
    found = np.empty(users.size, dtype=np.int64)
    found[order] = ends[np.searchsorted(ends, np.arange(users.size))] - np.arange(users.size)
    return found


def _entries(scorer: DeviceScorer, matrix: csr_array) -> tuple[Tensor, Tensor]:
    """Rows and items of a matrix's entries, on the device."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return _to(scorer, row), _to(scorer, matrix.indices)


def _to(scorer: DeviceScorer, array: NDArray[Any]) -> Tensor:
    import torch

    return torch.from_numpy(array.astype(np.int64)).to(scorer.device, non_blocking=True)


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
    excluded: csr_array,
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
    if not positives.shape == excluded.shape == shape:
        raise ValueError(f"the scorer is {shape}, but positives are {positives.shape}, left-out items {excluded.shape}")
    wanted, hidden = _canonical(positives), _canonical(excluded)
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
        width = threads.width()
        together = width * max(1, min(USERS_TOGETHER, FLOATS // (width * shape[1])))
        for first in range(0, chosen.size, together):
            scored: dict[int, Scores] = {}
            threads.share(partial(score, first, scored), last := min(together, chosen.size - first))
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
