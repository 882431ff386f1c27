"""A BPR step, seen by itself: one user, one item they have and one drawn against it, pulled apart by gradient descent.

Only copies of the three embeddings move; the network is asked for gradients and stays as it is, like the model on disk.
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
from convncf.errors import DataError
from convncf.evaluation.ranking import Scorer, items_of
from convncf.inspection.pair import history
from convncf.inspection.trace import Array, frozen, mapped, refuse_unknown
from convncf.models.base import scoring
from convncf.runtime.random import rng

STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Triple:
    """What BPR learns from: a user, an item they have in training, and one drawn that they do not; indices."""

    user: int
    positive: int
    negative: int


def sample_triple(split: Split, user: int, item: int, draw: int = 0) -> Triple:
    """The triple of a user: the `item` where they have it in training, else their latest that they do.

    The negative is uniform among what they do not have in training, as training draws it: a function of (user, draw).
    Raises DataError for a user who has nothing in training, or everything.
    """
    own = items_of(split.train, user)  # ascending
    n_items = split.interactions.n_items
    if not 0 < len(own) < n_items:
        has = "no item" if not len(own) else f"all {n_items} items"
        raise DataError(f"no triple can be drawn: this user has {has} in training. Choose another user.")
    found = history(split, user)
    latest = next(int(one) for one, part in zip(found.items, found.parts, strict=True) if part == "training")
    others = np.setdiff1d(np.arange(n_items), own)
    negative = int(rng(0, "a negative to look at", user, draw).choice(others))
    return Triple(user, item if item in own else latest, negative)


@dataclass(frozen=True, slots=True, eq=False)
class BprSteps:
    """Scores and loss of one triple before the first step and after each, read-only."""

    triple: Triple
    rate: float
    """Step size."""
    positive: Array
    """(S + 1,) scores s_i of the item that the user has."""
    negative: Array
    """(S + 1,) scores s_j of the drawn one."""
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
    def taken(self) -> int:
        """S: steps taken."""
        return len(self.margin) - 1


def bpr_steps(model: Scorer, triple: Triple, rate: float, steps: int = STEPS) -> BprSteps:
    """Steps of plain gradient descent on the triple's three embeddings, without a penalty; nothing else is changed.

    Raises IndexError for an index that the model does not know, TypeError for a model without embeddings, and
    ValueError for a rate that is not above 0 or a number of steps below 1.
    """
    if not rate > 0 or steps < 1:
        raise ValueError(f"a step size above 0 and at least 1 step are needed, got {rate} and {steps}")
    known = mapped(model, "embedding to move")
    for item in (triple.positive, triple.negative):
        refuse_unknown(known, triple.user, item)
    users, items = known.user_embedding.weight.detach(), known.item_embedding.weight.detach()
    moving = [users[triple.user], items[triple.positive], items[triple.negative]]  # (D,) each; never written to
    rows: list[tuple[float, ...]] = []
    diverged = False
    with scoring(known), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for step in range(steps + 1):
            with torch.enable_grad():
                p, q_i, q_j = (vector.requires_grad_() for vector in moving)
                s_i, s_j = known.vector_score(p, q_i), known.vector_score(p, q_j)
                loss = known.loss(s_i[None], s_j[None])
                gradients = torch.autograd.grad(loss, (p, q_i, q_j))
            lengths = [float(torch.linalg.vector_norm(each)) for each in gradients]
            row = (float(s_i), float(s_j), float(loss), *lengths)
            if step and not np.isfinite(row).all():
                diverged = True
                break
            rows.append(row)
            moving = [vector.detach() - rate * each for vector, each in zip(moving, gradients, strict=True)]
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
