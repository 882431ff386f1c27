"""Fold-in: a new user, given by a few items, added to a trained model without changing it.

In a model with embeddings only p, the new user's, is fitted: the BPR loss over the picked items against random other
items is minimised, everything else stays. p is kept within a ball whose radius is the median length of the trained
users' embeddings: without that bound a few items are separated ever better by ever longer vectors, and the list gets
worse.
ItemKNN and EASE add up the picked items' rows of their matrix, their exact formula; Popularity is the same for all.

Shapes: D embedding size, m picked items, B triples of a step.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from convncf.errors import RefusedTypeError, RefusedValueError, UnknownIndexError
from convncf.evaluation.ranking import Scorer, TopK, top_k
from convncf.inspection.trace import Array, frozen
from convncf.models.abilities import FoldsIn, with_one_user
from convncf.models.base import PairwiseModel, scoring
from convncf.runtime.arrays import read_only
from convncf.runtime.random import rng
from convncf.training.optimisers import Adam, Group

Int64s = npt.NDArray[np.int64]

STEPS: Final = 40
_TRIPLES: Final = 128
_RATE: Final = 0.05
"""Times the median length over √D, falling to 0 over the steps: so a fit moves about as far as it began from 0.

With more or larger steps, the lists of users who were folded in by their own items were less similar to their own."""
_SMALLEST: Final = sys.float_info.min


@dataclass(frozen=True, slots=True, eq=False)
class FoldedUser:
    """A new user, in a model of its own in which it is user 0: `trace_pair(folded.model, 0, item)` works."""

    items: Int64s
    """(m,) the picked items, ascending."""
    model: Scorer
    """Shares all weights with the model it was folded into, which is unchanged; has this one user."""
    p: Array | None
    """The fitted embedding, (D,); None for a model without embeddings."""
    start: Array | None
    """Where the fit began, (D,): the mean of the items' embeddings, scaled to the median length of a user's."""
    loss_start: float | None
    """BPR loss per triple at the start, over a fixed sample of triples."""
    loss: float | None
    """The same at the end."""
    words: str
    """One sentence on how the user was made."""

    def recommend(self, k: int) -> TopK:
        """The k best items, the picked ones excluded. Raises NonFiniteScoreError."""
        return top_k(self.model.score_items(0).numpy(), self.items, k)


def fold_in(model: Scorer, items: Sequence[int] | npt.ArrayLike, *, seed: int = 0, steps: int = STEPS) -> FoldedUser:
    """A new user who has the `items` (indices) and nothing else; the same at each call with one seed.

    Raises ValueError where there is no item, one is given twice, or none is left to recommend; IndexError for an item
    that the model does not have; TypeError for a model without fold-in.
    """
    picked = _checked(items, model.n_items)
    if isinstance(model, PairwiseModel):
        return _fitted(model, picked, seed, steps)
    if isinstance(model, FoldsIn):
        one_user, sentence = model.of_items(picked.tolist())
        return FoldedUser(picked, one_user, None, None, None, None, sentence)
    raise RefusedTypeError(f"no user can be folded into a {type(model).__name__}. Choose a run of another model.")


def warm_up(model: Scorer) -> None:
    """Load what the first fit and the first list of a process need, about a second for a ConvNCF; nothing is changed.

    A page calls it before a title is picked. Raises TypeError for a model without fold-in.
    """
    if model.n_items > 1:  # with one item none is left to recommend
        fold_in(model, [0], steps=1).recommend(1)


def _fitted(model: PairwiseModel, picked: Int64s, seed: int, steps: int) -> FoldedUser:
    users, device = model.user_embedding.weight.detach(), model.device
    radius = float(torch.linalg.vector_norm(users, dim=1).median())
    mean = model.item_embedding.weight.detach()[torch.tensor(picked, device=device)].mean(dim=0)  # (D,)
    length = float(torch.linalg.vector_norm(mean))
    start = mean * (radius / length) if length else mean
    one_user = with_one_user(model)
    one_user._modules = dict(model._modules)  # of the copy: the embedding below is set only there
    one_user.user_embedding = nn.Embedding(1, len(start))
    one_user.user_embedding.weight = p = nn.Parameter(start[None].clone())  # (1, D)
    sampler = _TripleSampler(picked, model.n_items, seed, device)
    rates = [_RATE * radius / math.sqrt(len(start)) * (1 - step / steps) for step in range(steps)]
    optimiser = Adam([Group([p], 0.0)])
    with scoring(one_user):
        before = float(_loss(one_user, sampler.triples(0)))
        for step, rate in enumerate(rates, start=1):
            optimiser.rates = (rate,)
            with torch.enable_grad():
                (p.grad,) = torch.autograd.grad(_loss(one_user, sampler.triples(step)), p)
            optimiser.step()
            p.mul_(min(1.0, radius / max(float(torch.linalg.vector_norm(p)), _SMALLEST)))
        after = float(_loss(one_user, sampler.triples(0)))
    p.requires_grad_(False).grad = None
    return FoldedUser(
        items=picked,
        model=one_user,
        p=frozen(p[0].cpu()),
        start=frozen(start.cpu()),
        loss_start=before,
        loss=after,
        words=(
            f"A new user's embedding was fitted to {_count(picked)} in {steps} steps of BPR with everything else "
            f"unchanged, no longer than the median user's ({radius:.3g})."
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _TripleSampler:
    """Random triples of the new user: a picked item and a negative that was not picked, each uniform."""

    picked: Int64s
    n_items: int
    seed: int
    device: str

    def triples(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """User (0), positive and negative of a step, (B,) each: a function of (seed, step)."""
        random = rng(self.seed, "fold in", step)
        positive = self.picked[random.integers(len(self.picked), size=_TRIPLES)]
        r = random.integers(self.n_items - len(self.picked), size=_TRIPLES)  # the r-th of those not picked
        negative = r + np.searchsorted(self.picked - np.arange(len(self.picked)), r, side="right")
        user = torch.zeros(_TRIPLES, dtype=torch.long, device=self.device)
        return user, torch.from_numpy(positive).to(self.device), torch.from_numpy(negative).to(self.device)


def _loss(model: PairwiseModel, triples: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """BPR loss per triple, without L2: the bound on the length takes its place; shape []."""
    loss: Tensor = model.loss(*model.triple_scores(*triples)) / _TRIPLES
    return loss


def _checked(items: Sequence[int] | npt.ArrayLike, n_items: int) -> Int64s:
    """(m,) ascending, read-only."""
    indices = np.asarray(items, dtype=np.int64).reshape(-1)
    picked: Int64s = np.unique(indices)
    if not picked.size:
        raise RefusedValueError("no item was picked: a new user needs one or more.")
    if picked.size < indices.size:
        raise RefusedValueError(f"{indices.size - picked.size} of the picked items were given twice.")
    if picked[0] < 0 or picked[-1] >= n_items:
        wrong = picked[0] if picked[0] < 0 else picked[-1]
        raise UnknownIndexError(f"item {wrong} is not one of the model's {n_items} items (0 to {n_items - 1}).")
    if picked.size == n_items:
        raise RefusedValueError(f"all {n_items} items were picked: none is left to recommend.")
    return read_only(picked)


def _count(picked: Int64s) -> str:
    return f"{len(picked):,} picked item{'' if len(picked) == 1 else 's'}"
