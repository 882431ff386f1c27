"""Popularity: every user gets the items that most users have. The baseline that a personal model has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from convncf.config import Precision
from convncf.models.abilities import with_one_user
from convncf.models.record import Sizes
from convncf.models.records.popularity import PopularitySettings


class Popularity(nn.Module):
    """Scores an item by the number of users that have it in training; the same for each user."""

    counts: Tensor
    """(n_items,) float32: users per item; all 0 before `fit`."""

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.n_users = n_users
        self.n_items = n_items
        self.register_buffer("counts", torch.zeros(n_items))

    @classmethod
    def of(cls, settings: PopularitySettings, sizes: Sizes, precision: Precision) -> Self:
        """By settings, of which there are none; there is one precision."""
        return cls(*sizes)

    def fit(self, train: csr_array) -> Self:
        """Count from the training matrix, (n_users, n_items), where what is stored is a positive."""
        if train.shape != (self.n_users, self.n_items):
            raise ValueError(f"training matrix of shape {train.shape}, expected {(self.n_users, self.n_items)}")
        counts = np.bincount(train.indices, minlength=self.n_items)
        self.counts.copy_(torch.from_numpy(counts))
        return self

    no_trace: Final = (
        "Popularity scores an item by how many users have it in training, the same for everybody: "
        "it has no embeddings and no feature maps, so there is nothing to look into."
    )
    """The message where other models show their interaction map."""

    def of_items(self, items: Sequence[int]) -> tuple[Self, str]:
        """A model of one user, and a sentence on it; nothing of this one changes."""
        return with_one_user(self), "Popularity shows everybody the same items, whatever they picked."

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        return self.counts[item]

    def score_items(self, user: int) -> Tensor:
        """Scores of every item, (n_items,) float32 on the CPU."""
        return self.counts.detach().clone().cpu()

    def score_pairs(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs, (B,), (B,) -> (B,) float32 on the CPU."""
        return self.counts[item.to(self.counts.device)].cpu()
