"""What models can do beside scoring: read an interaction map, through layers or not; fold in a new user.

Inspection depends on these classes, never on one model. A model's record says the same before it is loaded.
Shapes: B pairs, n maps, D embedding size, C channels of the last layer, N terms of a score.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from convncf.config import Precision
from convncf.models.base import PairwiseModel

Term = Literal["channel", "dimension"]
Copied = TypeVar("Copied", bound=nn.Module)


class Summands(NamedTuple):
    """What a score is the sum of: Σ features · weights + bias."""

    features: Tensor
    """(N,)."""
    weights: Tensor
    """(N,)."""
    bias: float
    term: Term
    """What one of the N terms belongs to."""
    sentence: str
    """How the score comes about."""


class MappedModel(PairwiseModel):
    """A model that reads the interaction map of two embeddings, p qᵀ. Subclasses give `map_scores` and `summands`."""

    linear: ClassVar[bool] = False
    """Whether a score is a sum of cells of the map, each with a weight of its own."""

    @property
    def computed_in(self) -> Precision:
        """The precision of its scores; the maps that it shows are float32 in any case."""
        return "fp32"

    def interaction_map(self, user: Tensor, item: Tensor) -> Tensor:
        """Outer product of the two embeddings: (B,), (B,) -> (B, 1, D, D)."""
        p, q = self.user_embedding(user), self.item_embedding(item)  # (B, D), (B, D)
        return torch.einsum("bi,bj->bij", p, q)[:, None]

    def map_scores(self, maps: Tensor) -> Tensor:
        """Scores of maps, (n, 1, D, D) -> (n,); differentiable, in float32."""
        raise NotImplementedError

    def vector_score(self, p: Tensor, q: Tensor) -> Tensor:
        """Score of two vectors, (D,), (D,) -> []; differentiable, in float32."""
        return self.map_scores(torch.outer(p, q)[None, None])[0]

    def summands(self, interaction_map: Tensor) -> Summands:
        """What the score of one map (1, 1, D, D) is the sum of."""
        raise NotImplementedError

    def under_mask(self, p: Tensor, mask: Tensor) -> Tensor | None:
        """The user vector under which the model scores as under a mask on the map: (D,), (D, D) -> (D,).

        None where there is none, so that the masked maps have to be made.
        """
        return None


class LayeredModel(MappedModel):
    """A model that reads the map through convolution layers; the last maps are summed over space and weighted."""

    output: nn.Linear

    @property
    def layers(self) -> list[nn.Conv2d]:
        """The convolutional layers, first to last."""
        raise NotImplementedError

    def feature_maps(self, interaction_map: Tensor) -> list[Tensor]:
        """Output of each layer: (B, 1, D, D) -> one (B, C, H, W) a layer."""
        raise NotImplementedError

    def score_of(self, features: Tensor) -> Tensor:
        """Score from the last layer's maps: (B, C, H, W) -> (B,)."""
        raise NotImplementedError

    def map_scores(self, maps: Tensor) -> Tensor:
        """Scores of maps by the layers, (n, 1, D, D) -> (n,)."""
        return self.score_of(self.feature_maps(maps)[-1])

    def summands(self, interaction_map: Tensor) -> Summands:
        """The channels of the last layer, each summed over its map."""
        last = self.feature_maps(interaction_map)[-1]  # (1, C, H, W)
        features, side = last.sum(dim=(2, 3))[0], last.shape[2]  # (C,)
        summed = "" if side == 1 else f", each summed over its {side}×{side} map"
        sentence = (
            f"The score is the {len(features)} channels of the last layer{summed}, times their weights, plus a bias."
        )
        return Summands(features, self.output.weight[0], float(self.output.bias[0]), "channel", sentence)


@runtime_checkable
class FoldsIn(Protocol):
    """A model that folds in a new user by a formula: nothing is fitted."""

    def of_items(self, items: Sequence[int]) -> tuple[Any, str]:
        """A model of one user, user 0, who has these items (indices, ascending), and a sentence on it."""
        ...


def with_one_user(model: Copied) -> Copied:
    """A copy that shares every tensor and knows one user."""
    single: Any = copy.copy(model)
    single.n_users = 1
    return single  # type: ignore[no-any-return]
