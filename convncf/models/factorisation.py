"""MF-BPR: the dot product of two embeddings, trained pairwise. What ConvNCF's embeddings are pretrained with.

Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.
Shapes: B pairs, N items, D embedding size.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from convncf.config import Precision
from convncf.models.abilities import MappedModel, Summands
from convncf.models.base import scoring
from convncf.models.record import Sizes
from convncf.models.records.factorisation import RECORD, FactorisationSettings


class MatrixFactorisation(MappedModel):
    """ŷ = p·q. It has no weights besides the embeddings."""

    name = RECORD.name
    settings = FactorisationSettings
    linear = True

    @classmethod
    def of(cls, settings: FactorisationSettings, sizes: Sizes, precision: Precision) -> Self:
        """By settings; there is one precision."""
        return cls(settings, sizes)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        p = self.user_embedding(user)  # (B, D)
        q = self.item_embedding(item)  # (B, D)
        scores: Tensor = (p * q).sum(dim=-1)  # (B,)
        return scores

    def map_scores(self, maps: Tensor) -> Tensor:
        """The sum of each map's diagonal, which is all that is read of it: (n, 1, D, D) -> (n,)."""
        return maps[:, 0].diagonal(dim1=1, dim2=2).sum(dim=1)

    def vector_score(self, p: Tensor, q: Tensor) -> Tensor:
        """p · q: (D,), (D,) -> []."""
        return p @ q

    def summands(self, interaction_map: Tensor) -> Summands:
        """The diagonal of the map."""
        diagonal = interaction_map[0, 0].diagonal()  # (D,)
        sentence = (
            "The score is p · q, the sum of the map's diagonal: "
            "matrix factorisation has no network, so there are no feature maps."
        )
        return Summands(diagonal, torch.ones_like(diagonal), 0.0, "dimension", sentence)

    def under_mask(self, p: Tensor, mask: Tensor) -> Tensor:
        """p under the mask's diagonal: (D,), (D, D) -> (D,)."""
        return p * mask.diagonal()

    def weights(self) -> list[Tensor]:
        """An empty list: it has no network."""
        return []

    def score_items(self, user: int) -> Tensor:
        """Scores of every item for one user, (n_items,) float32 on the CPU; no gradient."""
        with scoring(self):
            p = self.user_embedding.weight[user]  # (D,)
            q = self.item_embedding.weight  # (N, D)
            # not a matrix-vector product: row by row, a score cannot depend on threads or on the number of items
            scores: Tensor = (q * p).sum(dim=-1)  # (N,)
            return scores.float().cpu()

    def score_users(self, users: Tensor) -> Tensor:
        """Scores of every item for several users, (U,) -> (U, n_items) float32 on the model's device."""
        if self.device == "cpu":
            return super().score_users(users)
        with scoring(self):
            scores: Tensor = self.user_embedding(users) @ self.item_embedding.weight.t()  # (U, D) · (D, N)
            return scores
