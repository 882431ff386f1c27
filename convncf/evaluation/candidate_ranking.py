"""Ranking within candidate sets: where a held-out answer stands among the negatives of its set.

The rule is that of ranking.py: rank = 1 + negatives that score the same or higher. Ties count against the answer, and
so does a copy of it among its own negatives, as some published sets have them.
Pairs are scored in pieces of whole users, cut by the sets alone and never by the number of streams; within a piece
each pair is scored once, so that a repeat or a copy has the very same score.
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
"""Pairs scored for one piece, unless a single user's sets hold more."""


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
    """The candidate sets that a report stands on."""

    origin: str
    """Where they come from, in words."""
    n_sets: int
    fewest: int
    """Negatives in the smallest set that was ranked."""
    most: int

    @classmethod
    def of(cls, origin: str, candidates: Ints) -> Self:
        """The facts of the sets that were ranked: (S,) candidates of each, the answer included."""
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
    where `stop` said so.
    """
    owner, answer = (np.asarray(array, dtype=np.int64) for array in (sets.user, sets.answer))
    _refuse_strangers(scorer, owner, answer, sets.negatives)
    order = np.lexsort((answer, owner))
    if users is not None:
        order = order[np.isin(owner[order], np.asarray(users, dtype=np.int64))]
    owner, answer = owner[order], answer[order]
    starts, sizes = sets.offsets[:-1][order], np.diff(sets.offsets)[order]
    chosen, firsts = np.unique(owner, return_index=True)
    indptr = np.append(firsts, owner.size).astype(np.int64)
    found = np.empty(owner.size, dtype=np.int64)
    cuts = _pieces(np.add.reduceat(sizes + 1, firsts) if firsts.size else sizes)

    def rank(first: int, number: int) -> None:
        some = slice(indptr[cuts[first + number]], indptr[cuts[first + number + 1]])
        which = np.repeat(np.arange(some.stop - some.start), sizes[some])  # (c,) set of each negative
        before = np.cumsum(sizes[some]) - sizes[some]
        items = sets.negatives[np.arange(which.size) + (starts[some] - before)[which]]
        own, others = _scores(scorer, owner[some], answer[some], which, items)
        found[some] = 1 + np.bincount(which[others >= own[which]], minlength=own.size)

    after = between_users(progress, stop, chosen.size)
    after(0)
    width = threads.width()
    for first in range(0, len(cuts) - 1, width):
        here = min(width, len(cuts) - 1 - first)
        threads.share(partial(rank, first), here)
        after(cuts[first + here])
    candidates = (sizes + 1).astype(np.int64)
    for array in (chosen, indptr, answer, found, candidates):
        array.flags.writeable = False
    return SetRanks(chosen, indptr, answer, found, candidates)


def _pieces(pairs: Ints) -> list[int]:
    """Cuts between users, from 0 to U, such that a piece has at most PAIRS pairs or one user: (U,) pairs of each."""
    cuts, held = [0], 0
    for user, n in enumerate(pairs.tolist()):
        if held and held + n > PAIRS:
            cuts.append(user)
            held = 0
        held += n
    return [*cuts, pairs.size] if pairs.size else cuts


def _scores(scorer: Scorer | PairScorer, owner: Ints, answer: Ints, which: Ints, items: Ints) -> tuple[Scores, Scores]:
    """Scores of the answers of S sets and of their c negatives: (S,), (S,), (c,), (c,) -> (S,), (c,)."""
    pairs = np.concatenate([owner, owner[which]]) * scorer.n_items + np.concatenate([answer, items])
    distinct, back = np.unique(pairs, return_inverse=True)
    user, item = np.divmod(distinct, scorer.n_items)
    scores = _score_pairs(scorer, user, item)
    finite = np.isfinite(scores)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise NonFiniteScoreError(
            f"The scores of user {user[bad[0]]} (by index) hold {scores[bad[0]]} at item {item[bad[0]]}, and so do "
            f"{bad.size - 1:,} of {scores.size - 1:,} pairs beside it. The model's weights have probably overflowed: "
            "train with a lower learning rate, or take an earlier checkpoint."
        )
    return scores[back[: answer.size]], scores[back[answer.size :]]


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


def _refuse_strangers(scorer: Scorer, owner: Ints, answer: Ints, negatives: NDArray[np.integer[Any]]) -> None:
    for what, indices, n in (
        ("users", owner, scorer.n_users),
        ("answers", answer, scorer.n_items),
        ("negatives", negatives, scorer.n_items),
    ):
        if indices.size and not 0 <= indices.min() <= indices.max() < n:
            raise ValueError(f"{what} are 0 to {n - 1}, the candidate sets hold {indices.min()} to {indices.max()}")
