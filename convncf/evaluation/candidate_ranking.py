"""Ranking within candidate sets: the rank of a held-out answer among the negatives of its set.

The rule is that of ranking.py: rank = 1 + negatives that score the same or higher. Ties count against the answer, and
so does a copy of it among its own negatives, as some published sets have them.
Pairs are scored in chunks of whole users, which depend on the sets alone and never on the number of streams; within a
chunk each pair is scored once, so that a repeat or a copy has the same score.
Shapes: U users, S sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convncf.errors import NonFiniteScoreError
from convncf.evaluation.full_ranking import Progress, Stop, between_users
from convncf.evaluation.ranking import Ints, Scorer, Scores, UserRanks
from convncf.runtime import threads

if TYPE_CHECKING:
    from torch import Tensor

    from convncf.data.candidates import CandidateSets

PAIRS: Final = 2**15
"""Pairs in one chunk, unless a single user's sets hold more."""


class PairScorer(Scorer, Protocol):
    """A scorer that need not score every item to score one."""

    def score_pairs(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs, (B,), (B,) -> (B,) float on the CPU, without gradient."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SetRanks(UserRanks):
    """The rank of each answer within its candidate set; a user has as many sets as answers, N = S."""

    candidates: Ints
    """(S,) size of each set, the answer included."""


@dataclass(frozen=True, slots=True)
class CandidateSetSummary:
    """The candidate sets of a report, counted."""

    origin: str
    """Where they come from, as text."""
    n_sets: int
    fewest: int
    """Negatives in the smallest set that was ranked."""
    most: int

    @classmethod
    def of(cls, origin: str, candidates: Ints) -> Self:
        """Counted from the sets that were ranked: (S,) candidates of each, the answer included."""
        sizes = candidates - 1
        fewest, most = (int(sizes.min()), int(sizes.max())) if sizes.size else (0, 0)
        return cls(origin, sizes.size, fewest, most)

    @property
    def words(self) -> str:
        """Such as "6,040 candidate sets of 99 negatives"."""
        size = f"{self.most:,}" if self.fewest == self.most else f"{self.fewest:,} to {self.most:,}"
        negatives = "negative" if self.most == 1 else "negatives"
        return f"{self.n_sets:,} candidate set{'' if self.n_sets == 1 else 's'} of {size} {negatives}"


def rank_in_sets(
    scorer: Scorer | PairScorer,
    sets: CandidateSets,
    users: ArrayLike | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> SetRanks:
    """Rank the answer of every set, or of the sets of `users`, among its negatives.

    The result depends neither on the order of sets or users nor on the number of streams. NonFiniteScoreError where a
    score is NaN or infinite; ValueError where a set is of another user or item than the scorer knows; TrainingStopped
    where `stop` returned True.
    """
    user, answer = (np.asarray(array, dtype=np.int64) for array in (sets.user, sets.answer))
    _refuse_unknown_indices(scorer, user, answer, sets.negatives)
    order = np.lexsort((answer, user))
    if users is not None:
        order = order[np.isin(user[order], np.asarray(users, dtype=np.int64))]
    user, answer = user[order], answer[order]
    starts, sizes = sets.offsets[:-1][order], np.diff(sets.offsets)[order]
    ranked_users, firsts = np.unique(user, return_index=True)
    indptr = np.append(firsts, user.size).astype(np.int64)
    ranks = np.empty(user.size, dtype=np.int64)
    cuts = _chunks(np.add.reduceat(sizes + 1, firsts) if firsts.size else sizes)

    def rank(first: int, number: int) -> None:
        rows = slice(indptr[cuts[first + number]], indptr[cuts[first + number + 1]])
        which = np.repeat(np.arange(rows.stop - rows.start), sizes[rows])  # (c,) set of each negative
        before = np.cumsum(sizes[rows]) - sizes[rows]
        items = sets.negatives[np.arange(which.size) + (starts[rows] - before)[which]]
        of_answers, of_negatives = _scores(scorer, user[rows], answer[rows], which, items)
        ranks[rows] = 1 + np.bincount(which[of_negatives >= of_answers[which]], minlength=of_answers.size)

    after = between_users(progress, stop, ranked_users.size)
    after(0)
    width = threads.width()
    for first in range(0, len(cuts) - 1, width):
        n_chunks = min(width, len(cuts) - 1 - first)
        threads.share(partial(rank, first), n_chunks)
        after(cuts[first + n_chunks])
    candidates = (sizes + 1).astype(np.int64)
    for array in (ranked_users, indptr, answer, ranks, candidates):
        array.flags.writeable = False
    return SetRanks(ranked_users, indptr, answer, ranks, candidates)


def _chunks(pairs: Ints) -> list[int]:
    """Cuts between users, from 0 to U, such that a chunk has at most PAIRS pairs or one user: (U,) pairs of each."""
    cuts, chunk_pairs = [0], 0
    for user, n in enumerate(pairs.tolist()):
        if chunk_pairs and chunk_pairs + n > PAIRS:
            cuts.append(user)
            chunk_pairs = 0
        chunk_pairs += n
    return [*cuts, pairs.size] if pairs.size else cuts


def _scores(scorer: Scorer | PairScorer, user: Ints, answer: Ints, which: Ints, items: Ints) -> tuple[Scores, Scores]:
    """Scores of the answers of S sets and of their c negatives: (S,), (S,), (c,), (c,) -> (S,), (c,)."""
    pairs = np.concatenate([user, user[which]]) * scorer.n_items + np.concatenate([answer, items])
    distinct, inverse = np.unique(pairs, return_inverse=True)
    pair_user, pair_item = np.divmod(distinct, scorer.n_items)
    scores = _score_pairs(scorer, pair_user, pair_item)
    finite = np.isfinite(scores)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise NonFiniteScoreError(
            f"The scores of user {pair_user[bad[0]]} (by index) hold {scores[bad[0]]} at item {pair_item[bad[0]]}, and "
            f"so do {bad.size - 1:,} of {scores.size - 1:,} pairs beside it. The model's weights have probably "
            "overflowed: train with a lower learning rate, or take an earlier checkpoint."
        )
    return scores[inverse[: answer.size]], scores[inverse[answer.size :]]


def _score_pairs(scorer: Scorer | PairScorer, user: Ints, item: Ints) -> NDArray[np.floating[Any]]:
    """One score a pair, users ascending: (P,), (P,) -> (P,)."""
    score: Callable[[Tensor, Tensor], Tensor] | None = getattr(scorer, "score_pairs", None)
    if score is None:
        users, firsts = np.unique(user, return_index=True)
        rows = np.split(item, firsts[1:])
        return np.concatenate([np.asarray(scorer.score_items(int(u)))[row] for u, row in zip(users, rows, strict=True)])
    import torch

    scores: NDArray[np.floating[Any]] = np.asarray(score(torch.from_numpy(user), torch.from_numpy(item)))
    if scores.shape != user.shape:
        raise ValueError(f"score_pairs returned shape {scores.shape} for {user.size} pairs")
    return scores


def _refuse_unknown_indices(scorer: Scorer, user: Ints, answer: Ints, negatives: NDArray[np.integer[Any]]) -> None:
    for name, indices, n in (
        ("users", user, scorer.n_users),
        ("answers", answer, scorer.n_items),
        ("negatives", negatives, scorer.n_items),
    ):
        if indices.size and not 0 <= indices.min() <= indices.max() < n:
            raise ValueError(f"{name} are 0 to {n - 1}, the candidate sets hold {indices.min()} to {indices.max()}")
