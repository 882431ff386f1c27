"""A model that is a function of scores: nothing is learnt, and nothing is stored.

Shapes: U users, I items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from convncf.models.record import Sizes

ScoresOf = Callable[[int, Sizes], npt.ArrayLike]
"""(user, sizes) -> scores of every item, (I,)."""


class FunctionModel(nn.Module):
    """Scores by `scores_of(user, sizes)`; the same at each call, or lists and ranks would contradict each other."""

    def __init__(self, sizes: Sizes, scores_of: ScoresOf) -> None:
        super().__init__()
        self.n_users, self.n_items = sizes
        self._scores_of = scores_of
        self.register_buffer("n_scored", torch.tensor(sizes.n_items))  # a saved model is recognised by its tensors

    @classmethod
    def build(cls, scores_of: ScoresOf) -> Callable[[Any, Sizes, Any], FunctionModel]:
        """What a record takes as `build` for a function."""
        return lambda settings, sizes, precision: cls(sizes, scores_of)

    def fit(self, train: csr_array) -> Self:
        """Nothing is computed from the training matrix, (U, I)."""
        return self

    def score_items(self, user: int) -> Tensor:
        """Scores of every item, (I,) float32 on the CPU."""
        return torch.as_tensor(self._scores_of(user, Sizes(self.n_users, self.n_items)), dtype=torch.float32)

    def score_pairs(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs, (B,), (B,) -> (B,) float32 on the CPU: the very numbers of `score_items`."""
        pairs = zip(user.tolist(), item.tolist(), strict=True)
        return torch.stack([self.score_items(u)[i] for u, i in pairs]) if len(user) else torch.zeros(0)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        return self.score_pairs(user, item)
