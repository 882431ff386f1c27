"""Full ranking: every positive of every user among all items that are not excluded, by the rule of ranking.py.

Streams score a group of users, one each at a time, and the caller ranks those: memory does not grow with users x items,
and numpy's short calls do not wait for each other.

Memory: the scores of a group of users, and the comparisons of a chunk of their positives or a chunk of sorted scores,
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
    `after(done)` is called after each group of users. Errors are those of ranking.py, raised after the last group.
    """
    of_users = positives[users]
    counts, scores, finite = _same_or_higher(scorer, users, of_users, excluded[users], after, floats, lists)
    if not finite.all():
        raise NonFiniteScoreError(
            f"The scores of {(~finite).sum():,} of {users.size:,} users hold values that are not finite, the first of "
            f"them user {users[~finite][0]} (by index). The model's weights have probably overflowed: train with a "
            "lower learning rate, or take an earlier checkpoint."
        )
    if (both := np.isneginf(scores)).any():  # all scores were finite, so these were excluded
        raise ValueError(f"items {of_users.indices[both].tolist()} are positives and excluded as well")
    row = np.repeat(np.arange(users.size), np.diff(of_users.indptr))
    return counts - _equal_positives_after(row, of_users.indices, scores)


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
        chunk = slice(first, first + together)
        scores = scorer.score_users(_to_device(scorer, users[chunk]))  # (U, n_items)
        finite.append(torch.isfinite(scores).all(dim=1))
        row, item = _entries(scorer, excluded[chunk])
        scores[row, item] = -torch.inf
        if lists is not None:
            tops.append(_first_on_device(scores, lists.shape[1], max(1, together // 8)))
        row, item = _entries(scorer, positives[chunk])
        for begin in range(0, len(row), together):
            entries = slice(begin, begin + together)
            of_positives = scores[row[entries], item[entries]]  # (P,)
            counts.append((scores[row[entries]] >= of_positives[:, None]).sum(dim=1))
            scores_of.append(of_positives)
        after(min(first + together, users.size))
    if lists is not None:
        lists[:] = torch.cat(tops).cpu().numpy()
    all_counts, all_scores, all_finite = (torch.cat(chunks).cpu().numpy() for chunks in (counts, scores_of, finite))
    return all_counts, all_scores, all_finite


def _first_on_device(scores: Tensor, places: int, together: int) -> Tensor:
    """The best candidates of each user, ties in index order: (U, n_items) -> (U, places) int32.

    `together` rows are sorted at a time, which takes about eight numbers a score.
    """
    import torch

    # torch.topk leaves the order of ties open. Adding 0 makes -0.0 the 0.0 that it ties with.
    ordered = [(rows + 0.0).sort(dim=1, descending=True, stable=True) for rows in torch.split(scores, together)]
    items = torch.cat([rows.indices[:, :places] for rows in ordered]).int()
    values = torch.cat([rows.values[:, :places] for rows in ordered])
    return items.masked_fill(torch.isneginf(values), NOTHING)


def _equal_positives_after(users: Ints, items: NDArray[np.integer[Any]], scores: NDArray[np.float32]) -> Ints:
    """How many positives of its user have exactly the score of each, (N,), and a higher index: (N,)."""
    order = np.lexsort((items, scores, users))
    same = (np.diff(users[order]) == 0) & (np.diff(scores[order]) == 0)  # as the one before
    ends = np.flatnonzero(np.append(~same, True))  # the last of each group of equals
    n_after = np.empty(users.size, dtype=np.int64)
    n_after[order] = ends[np.searchsorted(ends, np.arange(users.size))] - np.arange(users.size)
    return n_after


def _entries(scorer: DeviceScorer, matrix: csr_array) -> tuple[Tensor, Tensor]:
    """Rows and items of a matrix's entries, on the device."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return _to_device(scorer, row), _to_device(scorer, matrix.indices)


def _to_device(scorer: DeviceScorer, array: NDArray[Any]) -> Tensor:
    import torch

    return torch.from_numpy(array.astype(np.int64)).to(scorer.device, non_blocking=True)


Progress = Callable[[int, int], None]
"""progress(done, total), in users."""
Stop = Callable[[], bool]
"""stop() is called after every few users; True ends the work with TrainingStopped."""
USERS_TOGETHER: Final = 8
"""Users for each stream between two calls of `stop` and `progress`; fewer, down to one, above FLOATS."""
FLOATS: Final = 2**24
"""Scores held at a time, unless one user for each stream takes more."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranks(UserRanks):
    """The rank of every positive of every evaluated user, among all items that are not excluded."""

    candidates: Ints
    """(U,) how many items were ranked for each user."""
    lists: NDArray[np.int32] | None = None
    """(U, L) the first L candidates of each user, as `top_k` lists them, NOTHING where there are fewer; or None."""


def between_users(progress: Progress | None, stop: Stop | None, total: int) -> Callable[[int], None]:
    """A function of the number of users done: it calls `progress`, and raises TrainingStopped for `stop`."""

    def after(done: int) -> None:
        if progress is not None and done:
            progress(done, total)
        if stop is not None and done < total and stop():
            raise TrainingStopped(f"Stopped as requested, with {done:,} of {total:,} users ranked.")

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

    With `lists`, the result has the first so many items of each user as well, from the same scores.

    Users without a positive are skipped. The result depends neither on the order of `users` nor on how they are spread
    over several calls. TrainingStopped where `stop` returned True.
    """
    shape = (scorer.n_users, scorer.n_items)
    if not positives.shape == excluded.shape == shape:
        raise ValueError(f"the scorer is {shape}, but positives are {positives.shape}, excluded items {excluded.shape}")
    positives, excluded = _canonical(positives), _canonical(excluded)
    chosen = users_with_positives(positives, users)
    indptr = np.concatenate([[0], np.cumsum(np.diff(positives.indptr)[chosen])]).astype(np.int64)
    items = positives[chosen].indices.astype(np.int64)
    rank = np.empty_like(items)
    places = min(lists, shape[1])
    tops = np.full((chosen.size, places), NOTHING, dtype=np.int32) if places else None
    candidates = (shape[1] - np.diff(excluded.indptr)[chosen]).astype(np.int64)

    def score(first: int, scored: dict[int, Scores], number: int) -> None:
        user = int(chosen[first + number])
        scored[number] = np.asarray(scorer.score_items(user))
        if scored[number].shape != shape[1:]:
            raise ValueError(f"score_items({user}) returned shape {scored[number].shape}, expected {shape[1:]}")

    after = between_users(progress, stop, chosen.size)
    after(0)
    if chosen.size and hasattr(scorer, "score_users") and getattr(scorer, "device", "cpu") != "cpu":
        rank[:] = ranked(cast(DeviceScorer, scorer), chosen, positives, excluded, after, lists=tops)
    elif chosen.size:
        width = threads.width()
        together = width * max(1, min(USERS_TOGETHER, FLOATS // (width * shape[1])))
        for first in range(0, chosen.size, together):
            scored: dict[int, Scores] = {}
            threads.share(partial(score, first, scored), last := min(together, chosen.size - first))
            for place in range(first, first + last):
                user, row = int(chosen[place]), slice(indptr[place], indptr[place + 1])
                scores, of_user = scored[place - first], items_of(excluded, user)
                rank[row] = rank_positives(scores, items[row], of_user, user=user)
                if tops is not None:
                    listed = _first(scores, of_user, places)
                    tops[place, : listed.size] = listed
            after(first + last)
    for array in (chosen, indptr, items, rank, candidates, tops):
        if array is not None:
            array.flags.writeable = False
    return Ranks(chosen, indptr, items, rank, candidates, tops)


def users_with_positives(positives: csr_array, users: ArrayLike | None = None) -> Ints:
    """The `users` (all, where None) who have a positive, ascending; ValueError for a repeated or unknown user."""
    eligible = np.flatnonzero(np.diff(positives.indptr))
    if users is None:
        return eligible.astype(np.int64)
    chosen = np.sort(np.asarray(users, dtype=np.int64).ravel())
    if chosen.size and (chosen[0] < 0 or chosen[-1] >= positives.shape[0]):
        raise ValueError(f"users are 0 to {positives.shape[0] - 1}, got {chosen[0]} to {chosen[-1]}")
    if (np.diff(chosen) == 0).any():
        raise ValueError("a user was given twice, and would count twice in every mean")
    return chosen[np.isin(chosen, eligible)]


def _first(scores: Scores, excluded: Ints, places: int) -> Ints:
    """The items of `top_k` alone: ties in index order."""
    ranked = scores.copy()
    ranked[excluded] = -np.inf
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
