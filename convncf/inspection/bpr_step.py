"""A BPR step by itself: one user, one positive and one sampled negative item, separated by gradient descent.

Only copies of the three embeddings change; the network gives gradients and stays as it is, like the model on disk.
Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.

    margin m = s_i - s_j;  loss = -ln σ(m);  d loss / d m = -σ(-m);  x <- x - rate · d loss / d x, for x = p, q_i, q_j

Shapes: D embedding size, S steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from convncf.data.split import Split
from convncf.errors import DataError, RefusedValueError
from convncf.evaluation.ranking import Scorer, items_of
from convncf.inspection.pair import history
from convncf.inspection.trace import Array, frozen, model_with_map, refuse_unknown
from convncf.models.base import scoring
from convncf.runtime.random import rng

STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Triple:
    """What BPR learns from: a user, an item they have in training, and a sampled one that they do not; indices."""

    user: int
    positive: int
    negative: int


def sample_triple(split: Split, user: int, item: int, draw: int = 0) -> Triple:
    """The triple of a user: the `item` where they have it in training, else their latest that they do.

    The negative is uniform among what they do not have in training, as in training: a function of (user, draw).
    Raises DataError for a user who has nothing in training, or everything.
    """
    positives = items_of(split.train, user)  # ascending
    n_items = split.interactions.n_items
    if not 0 < len(positives) < n_items:
        has = "no item" if not len(positives) else f"all {n_items} items"
        raise DataError(f"no triple can be sampled: this user has {has} in training. Choose another user.")
    owned = history(split, user)
    latest = next(int(index) for index, part in zip(owned.items, owned.parts, strict=True) if part == "training")
    negatives = np.setdiff1d(np.arange(n_items), positives)
    negative = int(rng(0, "a negative to look at", user, draw).choice(negatives))
    return Triple(user, item if item in positives else latest, negative)


@dataclass(frozen=True, slots=True, eq=False)
class BprSteps:
    """Scores and loss of one triple before the first step and after each, read-only."""

    triple: Triple
    rate: float
    """Step size."""
    positive: Array
    """(S + 1,) scores s_i of the item that the user has."""
    negative: Array
    """(S + 1,) scores s_j of the sampled negative."""
    margin: Array
    """(S + 1,) s_i - s_j."""
    loss: Array
    """(S + 1,) -ln σ(margin)."""
    pull: Array
    """(S + 1,) σ(-margin), 0 to 1: what the gradient is multiplied by; small where the order is right already."""
    gradient: Array
    """(S + 1, 3) lengths of the loss's gradient in p, q_i and q_j."""
    diverged: bool
    """Whether the steps ended early because a score was no longer finite."""

    @property
    def n_steps(self) -> int:
        """S: steps taken."""
        return len(self.margin) - 1


def bpr_steps(model: Scorer, triple: Triple, rate: float, steps: int = STEPS) -> BprSteps:
    """Steps of plain gradient descent on the triple's three embeddings, without a penalty; nothing else is changed.

    Raises IndexError for a user or item that the model does not have, TypeError for a model without embeddings, and
    ValueError for a rate that is not above 0 or a number of steps below 1.
    """
    if not rate > 0 or steps < 1:
        raise RefusedValueError(f"a step size above 0 and at least 1 step are needed, got {rate} and {steps}.")
    mapped = model_with_map(model, "embedding to change")
    for item in (triple.positive, triple.negative):
        refuse_unknown(mapped, triple.user, item)
    users, items = mapped.user_embedding.weight.detach(), mapped.item_embedding.weight.detach()
    vectors = [users[triple.user], items[triple.positive], items[triple.negative]]  # (D,) each; never written to
    rows: list[tuple[float, ...]] = []
    diverged = False
    with scoring(mapped), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for step in range(steps + 1):
            with torch.enable_grad():
                p, q_i, q_j = (vector.requires_grad_() for vector in vectors)
                s_i, s_j = mapped.vector_score(p, q_i), mapped.vector_score(p, q_j)
                loss = mapped.loss(s_i[None], s_j[None])
                gradients = torch.autograd.grad(loss, (p, q_i, q_j))
            lengths = [float(torch.linalg.vector_norm(gradient)) for gradient in gradients]
            row = (float(s_i), float(s_j), float(loss), *lengths)
            if step and not np.isfinite(row).all():
                diverged = True
                break
            rows.append(row)
            vectors = [vector.detach() - rate * gradient for vector, gradient in zip(vectors, gradients, strict=True)]
    table = np.array(rows)  # (S + 1, 6)
    margin = table[:, 0] - table[:, 1]
    return BprSteps(
        triple=triple,
        rate=rate,
        positive=frozen(table[:, 0]),
        negative=frozen(table[:, 1]),
        margin=frozen(margin),
        loss=frozen(table[:, 2]),
        pull=frozen(np.exp(-np.logaddexp(0, margin))),
        gradient=frozen(table[:, 3:]),
        diverged=diverged,
    )
