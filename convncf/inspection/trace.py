"""The trace of a user-item pair: every array between two embeddings and one score.

Shapes: D embedding size, C channels of a layer, H = W = side of its feature maps, k kernel size.
The arrays come from the model's own steps, `interaction_map` and `feature_maps`; nothing is recomputed elsewhere, so
what is shown is what was scored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from convncf.config import Precision
from convncf.errors import NonFiniteScoreError, RefusedTypeError, RefusedValueError, UnknownIndexError
from convncf.evaluation.ranking import Scorer
from convncf.models.abilities import LayeredModel, MappedModel, Term
from convncf.models.base import PairwiseModel
from convncf.models.registry import with_ability
from convncf.runtime.arrays import read_only


def model_with_embeddings(model: Scorer, needed: str) -> PairwiseModel:
    """The model itself. Raises TypeError where it has no embeddings, naming what was `needed`."""
    if isinstance(model, PairwiseModel):
        return model
    raise RefusedTypeError(
        f"{type(model).__name__} has no embeddings, so there is no {needed}. Choose a {with_ability('embeddings')} run."
    )


def model_with_map(model: Scorer, needed: str) -> MappedModel:
    """The model itself. Raises TypeError where it reads no interaction map, naming what was `needed`."""
    if isinstance(model, MappedModel):
        return model
    lacks = "reads no interaction map" if isinstance(model, PairwiseModel) else "has no embeddings"
    raise RefusedTypeError(
        f"{type(model).__name__} {lacks}, so there is no {needed}. Choose a {with_ability('interaction_map')} run."
    )


def refuse_unknown(model: Scorer, user: int, item: int) -> None:
    """Raises IndexError for a user or item that the model does not have."""
    for kind, index, count in (("user", user, model.n_users), ("item", item, model.n_items)):
        if not 0 <= index < count:
            raise UnknownIndexError(f"{kind} {index} is not one of the model's {count} {kind}s (0 to {count - 1}).")


def frozen(values: npt.ArrayLike | Tensor) -> Array:
    """A read-only float32 copy."""
    array = np.array(
        values.detach().to("cpu", torch.float32).numpy() if isinstance(values, Tensor) else values, dtype=np.float32
    )
    return read_only(array)


Array = npt.NDArray[np.float32]
TOLERANCE = 1e-5
"""How far contributions + bias may be from the score, relative to the size of what is summed (float32)."""
TOLERANCE_BF16 = 2.0**-5
"""The same where a model's fast path rounds each layer's input to bf16: 2⁻⁹ a rounding, over some layers."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerTrace:
    """One convolution layer's feature maps for a pair, and the filters that made them."""

    name: str
    """Such as "layer 1"."""
    maps: Array
    """Feature maps after ReLU, (C, H, W)."""
    kernel: int
    stride: int
    filters: Array
    """W, (C, C_in, k, k)."""
    biases: Array
    """b, (C,)."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.maps.shape
        return channels, height, width


@dataclass(frozen=True, slots=True, eq=False)
class PairTrace:
    """Every array of one forward pass, read-only float32.

    The score is a sum: score = Σ contributions + bias, and contributions = features · weights, element by element.
    """

    user: int
    item: int
    p: Array
    """The user's embedding, (D,)."""
    q: Array
    """The item's embedding, (D,)."""
    map: Array
    """The interaction map p qᵀ, (D, D): rows are dimensions of p, columns dimensions of q."""
    layers: tuple[LayerTrace, ...]
    """The convolution layers in order; empty for matrix factorisation."""
    features: Array
    """Input of the output layer: the last layer's maps summed over space, (C,); p ∘ q in matrix factorisation, (D,)."""
    weights: Array
    """Of the output layer, (C,); ones for matrix factorisation."""
    bias: float
    """Of the output layer; 0 for matrix factorisation."""
    contributions: Array
    """features · weights, (C,) or (D,)."""
    score: float
    term: Term
    """What each term of the score belongs to: a channel, or a dimension."""
    words: str
    """One sentence on how this score comes about, and a second where its terms miss it by rounding."""
    precision: Precision = "fp32"
    """In which the score was computed; the arrays are float32 throughout."""

    def __post_init__(self) -> None:
        total = float(self.contributions.sum(dtype=np.float64)) + self.bias
        size = max(1.0, float(np.abs(self.contributions).sum(dtype=np.float64)) + abs(self.bias))
        tolerance = TOLERANCE if self.precision == "fp32" else TOLERANCE_BF16
        if not abs(total - self.score) <= tolerance * size:
            raise RefusedValueError(
                f"the terms of the score add up to {total:.9g}, but the model gives {self.score:.9g}: "
                "the traced steps are not those that compute the score."
            )


@dataclass(frozen=True, slots=True)
class NoTrace:
    """A model without an interaction map: it has a score for the pair, and no arrays to inspect."""

    user: int
    item: int
    score: float
    words: str
    """One sentence saying what the score is, and that there is nothing to inspect."""


@torch.no_grad()
def trace_pair(model: Scorer, user: int, item: int) -> PairTrace | NoTrace:
    """Trace one forward pass for a user and an item (indices); a NoTrace where the model reads no interaction map.

    The model is left as it was: its training mode and its gradients are untouched (no step traced here has dropout).

    Raises IndexError for a user or item that the model does not have.
    """
    refuse_unknown(model, user, item)
    if isinstance(model, MappedModel):
        return _trace(model, user, item)
    score = float(model.score_items(user)[item])
    return NoTrace(user=user, item=item, score=score, words=_why_no_trace(model))


def _why_no_trace(model: object) -> str:
    if reason := getattr(model, "no_trace", ""):
        return str(reason)
    if isinstance(model, PairwiseModel):
        return f"{type(model).__name__} has embeddings, but reads no interaction map: there is no map to inspect."
    return f"{type(model).__name__} has no embeddings and no feature maps: there is nothing to inspect."


def _trace(model: MappedModel, user: int, item: int) -> PairTrace:
    users, items = _indices(model, user, item)  # (1,), (1,)
    # cuDNN would round convolutions to TF32, and the terms would then miss the score in the fourth digit
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        interaction_map = model.interaction_map(users, items)  # (1, 1, D, D)
        layers = _layers(model, interaction_map) if isinstance(model, LayeredModel) else ()
        summands = model.summands(interaction_map)
    score, contributions = _score(model, user, item), frozen(summands.features * summands.weights)
    sentence = summands.sentence
    if model.computed_in == "bf16":
        sentence += (
            f" This run computes in bf16: the terms, in fp32, add up to {contributions.sum() + summands.bias:.4g}, "
            f"and the score that it ranks by is {score:.4g}, because of rounding."
        )
    return PairTrace(
        user=user,
        item=item,
        p=frozen(model.user_embedding.weight[user]),
        q=frozen(model.item_embedding.weight[item]),
        map=frozen(interaction_map[0, 0]),
        layers=layers,
        features=frozen(summands.features),
        weights=frozen(summands.weights),
        bias=summands.bias,
        contributions=contributions,
        score=score,
        term=summands.term,
        words=sentence,
        precision=model.computed_in,
    )


def _layers(model: LayeredModel, interaction_map: Tensor) -> tuple[LayerTrace, ...]:
    return tuple(
        LayerTrace(
            name=f"layer {number}",
            maps=frozen(maps[0]),
            kernel=int(convolution.kernel_size[0]),
            stride=int(convolution.stride[0]),
            filters=frozen(convolution.weight),
            biases=frozen(cast(Tensor, convolution.bias)),
        )
        for number, (maps, convolution) in enumerate(
            zip(model.feature_maps(interaction_map), model.layers, strict=True), start=1
        )
    )


def _indices(model: PairwiseModel, user: int, item: int) -> tuple[Tensor, Tensor]:
    device = model.user_embedding.weight.device
    return torch.tensor([user], device=device), torch.tensor([item], device=device)


def _score(model: PairwiseModel, user: int, item: int) -> float:
    score = float(model.score_pairs(torch.tensor([user]), torch.tensor([item]))[0])
    if not math.isfinite(score):
        raise NonFiniteScoreError(
            f"the model scores user {user} and item {item} as {score}: its weights diverged in training. "
            "Inspect an earlier checkpoint, or train again with a lower learning rate."
        )
    return score
