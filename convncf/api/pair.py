"""Pair: one user and one item under a model, by raw id, with every array between their embeddings and the score.

Shapes: D embedding size, C channels of a layer, H = W = side of its feature maps, k kernel size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convncf.api.arguments import whole
from convncf.api.dataset import Split
from convncf.api.drawing import figures, theme_or_default
from convncf.errors import ConvNCFError
from convncf.inspection import LayerTrace, PairTrace, PairView

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convncf.figures import Theme

    Array = npt.NDArray[np.float32]


class FeatureMaps:
    """The feature maps of one convolution layer for a pair, read-only; made by `Pair.feature_maps`.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> few = {"pretrain": {"epochs": 1}, "train": {"epochs": 1}}
        >>> pair = convncf.fit(split, "convncf", seed=1, **few).inspect("15", "318")
        >>> pair.feature_maps(1)
        Feature maps of layer 1: 16 channels of 8×8, by 4×4 filters with stride 4
    """

    def __init__(self, number: int, layer: LayerTrace) -> None:
        self.number, self.layer = number, layer

    @property
    def maps(self) -> Array:
        """(C, H, W), after ReLU."""
        return self.layer.maps

    @property
    def filters(self) -> Array:
        """(C, C of the layer before, k, k)."""
        return self.layer.filters

    @property
    def biases(self) -> Array:
        """(C,)"""
        return self.layer.biases

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.layer.shape

    def plot(self, theme: Theme | None = None, scale: str = "per channel") -> Any:
        """All channels as tiles, as a plotly figure.

        Args:
            theme: `convncf.figures.LIGHT` unless given.
            scale: "per channel" divides each channel by its maximum, "shared" draws all on one scale.

        Raises:
            ConvNCFError: plotly is not installed, or there is no such scale.
        """
        if scale not in ("per channel", "shared"):
            raise ConvNCFError(f"scale {scale!r} does not exist. Known: per channel, shared.")
        return figures().feature_maps(self.layer, theme_or_default(theme), scale)

    def __repr__(self) -> str:
        channels, height, width = self.shape
        size = self.layer.kernel
        return (
            f"Feature maps of layer {self.number}: {channels} channels of {height}×{width}, "
            f"by {size}×{size} filters with stride {self.layer.stride}"
        )


class Pair:
    """A user and an item under a model: score, rank among the test candidates, and every array, read-only float32.

    Made by `FittedModel.inspect`. The order of embedding dimensions is arbitrary: in an interaction map read patterns,
    not places.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> pair = convncf.fit(split, "ease").inspect("15", "318")
        >>> pair.title, pair.rank, pair.part
        ('Shawshank Redemption, The (1994)', 1, 'training')
    """

    def __init__(self, view: PairView, split: Split, model: str) -> None:
        self.view, self.split, self.model = view, split, model

    @property
    def user_id(self) -> str:
        """The user's raw id."""
        return self.split.interactions.users.id(self.view.user)

    @property
    def item_id(self) -> str:
        """The item's raw id."""
        return self.split.interactions.items.id(self.view.item)

    @property
    def title(self) -> str:
        """The item's title; its id where it has none."""
        return self.split.dataset.items.label(self.view.item)

    @property
    def score(self) -> float:
        """It orders items; it is neither a probability nor a rating."""
        return self.view.score

    @property
    def rank(self) -> int:
        """From 1, among the items that the test evaluation ranks for this user; ties count against the item."""
        return self.view.rank.rank

    @property
    def candidates(self) -> int:
        """How many items it is ranked among, itself included."""
        return self.view.rank.candidates

    @property
    def part(self) -> str:
        """The part of the split that holds the pair: training, validation or test; else rated lower, or new."""
        return self.view.part

    @property
    def trace(self) -> PairTrace:
        """Every array as the core has it. Raises ConvNCFError where the model has no embeddings."""
        if not isinstance(self.view.trace, PairTrace):
            raise ConvNCFError(f"{self.model}: {self.view.trace.words} Inspect a model that has embeddings.")
        return self.view.trace

    @property
    def p(self) -> Array:
        """(D,) the user's embedding."""
        return self.trace.p

    @property
    def q(self) -> Array:
        """(D,) the item's embedding."""
        return self.trace.q

    @property
    def interaction_map(self) -> Array:
        """(D, D) the outer product p qᵀ."""
        return self.trace.map

    @property
    def n_layers(self) -> int:
        """Convolution layers; 0 for matrix factorisation."""
        return len(self.trace.layers)

    def feature_maps(self, layer: int) -> FeatureMaps:
        """The feature maps of a layer, from 1.

        Raises:
            ConvNCFError: the model has no such layer.
        """
        trace = self.trace
        if not trace.layers:
            raise ConvNCFError(f"{self.model} has no convolution layer, so there are no feature maps. {trace.words}")
        number = whole("layer", layer)
        if number > len(trace.layers):
            raise ConvNCFError(
                f"{self.model} has {len(trace.layers)} layers, and no layer {number}. Layers count from 1."
            )
        return FeatureMaps(number, trace.layers[number - 1])

    @property
    def features(self) -> Array:
        """(C,) input of the output layer: the last layer's maps, summed; (D,) p · q for matrix factorisation."""
        return self.trace.features

    @property
    def weights(self) -> Array:
        """(C,) of the output layer; ones (D,) for matrix factorisation."""
        return self.trace.weights

    @property
    def contributions(self) -> Array:
        """(C,) or (D,) features · weights: with the bias they add up to the score."""
        return self.trace.contributions

    @property
    def bias(self) -> float:
        """Of the output layer; 0 for matrix factorisation."""
        return self.trace.bias

    def plot(self, theme: Theme | None = None) -> Any:
        """The interaction map with p along its left edge and q along its top, as a plotly figure.

        Args:
            theme: `convncf.figures.LIGHT` unless given.

        Raises:
            ConvNCFError: the model has no embeddings, or plotly is not installed.
        """
        trace = self.trace
        return figures().interaction_map(trace, theme_or_default(theme))

    def __repr__(self) -> str:
        head = f"score {self.score:.4f}, {self.view.rank_words}"
        lines = [
            f"User {self.user_id} and {self.title} (id {self.item_id}) under {self.model}: {head}",
            f"  {self.view.excluded}",
        ]
        trace = self.view.trace
        if isinstance(trace, PairTrace):
            size = trace.p.size
            layers = ", ".join(f"{c}×{h}×{w}" for c, h, w in (layer.shape for layer in trace.layers))
            lines.append(f"  interaction map {size}×{size}{f', feature maps {layers}' if layers else ''}")
        return "\n".join([*lines, f"  {trace.words}"])
