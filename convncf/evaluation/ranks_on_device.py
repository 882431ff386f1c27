"""Full ranking where the scores are: on a GPU, nothing is fetched before the last user of a call is ranked.

Memory: a group of users' scores, and the comparisons of some of their positives or some of their scores in order,
`FLOATS` numbers each at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from convncf.errors import NonFiniteScoreError
from convncf.evaluation.beyond import NOTHING

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Tensor

Ints = NDArray[np.int64]

FLOATS: Final = 2**27


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
    left_out: csr_array,
    after: Callable[[int], None],
    floats: int = FLOATS,
    *,
    lists: NDArray[np.int32] | None = None,
) -> Ints:
    """Rank of each positive of `users` (U,), by the rule of ranking.py, one user after the other: (N,).

    `lists` (U, L), where given, is filled with the first L candidates of each user, NOTHING where there are fewer.
    `after(done)` is called after each group of users. Errors are those of ranking.py, told after the last group.
    """
    part = positives[users]
    counts, scores, finite = _same_or_higher(scorer, users, part, left_out[users], after, floats, lists)
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
    left_out: csr_array,
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
        row, item = _entries(scorer, left_out[some])
        scores[row, item] = -torch.inf
        if lists is not None:
            tops.append(_first(scores, lists.shape[1], max(1, together // 8)))
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


def _first(scores: Tensor, places: int, together: int) -> Tensor:
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
