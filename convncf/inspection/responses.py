"""Responses: what a channel answers to many pairs, so that one pair's activations can be held against them.

Of a channel's feature map two numbers are kept, the largest activation and the mean. Reference pairs are drawn from all
pairs of user and item, seeded; nothing is known of names here, pairs go by index.

Shapes: n pairs, C channels of a layer, H = W side of its maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from convncf.inspection.cells import channel_stats
from convncf.inspection.trace import Array, PairTrace, frozen
from convncf.models.abilities import LayeredModel
from convncf.models.base import scoring
from convncf.runtime.random import rng

Ints = npt.NDArray[np.int64]
By = Literal["maximum", "mean"]

PAIRS: Final = 1000
"""Random pairs to hold one against: a percentile is then good to a point or two."""


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """How the channels of every layer answer to n pairs."""

    users: Ints
    """(n,) user indices."""
    items: Ints
    """(n,) item indices."""
    maximum: tuple[Array, ...]
    """For each layer (n, C): the largest activation of each channel's map."""
    mean: tuple[Array, ...]
    """For each layer (n, C): the mean activation."""

    def dead(self, layer: int) -> tuple[int, ...]:
        """Channels that are 0 everywhere for all of these pairs; layers count from 0."""
        return _channels((self.maximum[layer] == 0).all(axis=0))

    def constant(self, layer: int) -> tuple[int, ...]:
        """Channels that say the same to all of these pairs, and are not dead: a bias at work, not the map."""
        same = (np.ptp(self.maximum[layer], axis=0) == 0) & (np.ptp(self.mean[layer], axis=0) == 0)
        return _channels(same & (self.maximum[layer] > 0).any(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class AmongPairs:
    """Where a pair's activations stand among those of n other pairs, for one layer; every array is (C,)."""

    pairs: int
    """n."""
    maximum: Array
    """Percentile of the largest activation, 0 to 100: pairs below it, and half of those equal."""
    mean: Array
    """Percentile of the mean activation."""

    @property
    def outliers(self) -> tuple[int, ...]:
        """Channels whose largest or mean activation is above that of every one of these pairs."""
        return _channels((self.maximum == 100) | (self.mean == 100))


@dataclass(frozen=True, slots=True, eq=False)
class Strongest:
    """The pairs that a channel answers to most, strongest first; m of them, or fewer."""

    users: Ints
    """(m,) user indices."""
    items: Ints
    """(m,) item indices."""
    values: Array
    """(m,) the activation that they are ordered by; none is 0."""


def random_pairs(n_users: int, n_items: int, n: int = PAIRS, *, seed: int) -> tuple[Ints, Ints]:
    """n different pairs, each as likely as any other: (n,) user and (n,) item indices; all pairs where n are not there.

    The same at each call with the same arguments. Raises ValueError for none.
    """
    if n < 1:
        raise ValueError(f"at least 1 random pair is needed, got {n}")
    every = n_users * n_items
    drawn = rng(seed, "random pairs").choice(every, min(n, every), replace=False)
    users, items = np.divmod(drawn.astype(np.int64), n_items)
    return users, items


def respond(model: LayeredModel, users: Sequence[int] | Ints, items: Sequence[int] | Ints) -> Responses:
    """Largest and mean activation of every channel for the given pairs, (n,) user and (n,) item indices.

    Raises IndexError for an index that the model does not know, ValueError where there are not as many of one as of the
    other.
    """
    pairs = [np.asarray(indices, dtype=np.int64).reshape(-1) for indices in (users, items)]
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(f"{len(pairs[0])} users and {len(pairs[1])} items are no pairs")
    for kind, indices, count in zip(("user", "item"), pairs, (model.n_users, model.n_items), strict=True):
        unknown = indices[(indices < 0) | (indices >= count)]
        if len(unknown):
            raise IndexError(f"{kind} {unknown[0]} is not one of the model's {count} {kind}s (0 to {count - 1})")
    layers = len(model.layers)
    maximum: list[list[torch.Tensor]] = [[] for _ in range(layers)]
    mean: list[list[torch.Tensor]] = [[] for _ in range(layers)]
    user, item = (torch.from_numpy(indices).to(model.device) for indices in pairs)
    with scoring(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for some, of_some in zip(*(torch.split(one, model.pairs_at_once) for one in (user, item)), strict=True):
            for layer, maps in enumerate(model.feature_maps(model.interaction_map(some, of_some))):  # (b, C, H, W)
                maximum[layer].append(maps.amax(dim=(2, 3)).cpu())
                mean[layer].append(maps.mean(dim=(2, 3)).cpu())
    return Responses(
        users=_held(pairs[0]),
        items=_held(pairs[1]),
        maximum=tuple(frozen(torch.cat(parts)) for parts in maximum),
        mean=tuple(frozen(torch.cat(parts)) for parts in mean),
    )


def stand_among(trace: PairTrace, responses: Responses, layer: int) -> AmongPairs:
    """Where the channels of a traced pair's layer, counted from 0, stand among the responses to other pairs."""
    stats = channel_stats(trace.layers[layer])
    return AmongPairs(
        pairs=len(responses.users),
        maximum=_percentiles(stats.maximum, responses.maximum[layer]),
        mean=_percentiles(stats.mean, responses.mean[layer]),
    )


def strongest_pairs(responses: Responses, layer: int, channel: int, m: int = 10, *, by: By = "maximum") -> Strongest:
    """The m of these pairs that a channel answers to most; equal ones in the order given, pairs at 0 left out.

    Raises IndexError where there is no such layer or channel.
    """
    of_layers = responses.maximum if by == "maximum" else responses.mean
    if not 0 <= layer < len(of_layers):
        raise IndexError(f"layer {layer} is not one of the {len(of_layers)} layers (0 to {len(of_layers) - 1})")
    channels = of_layers[layer].shape[1]
    if not 0 <= channel < channels:
        raise IndexError(f"channel {channel} is not one of layer {layer + 1}'s {channels} (0 to {channels - 1})")
    values = of_layers[layer][:, channel]  # (n,)
    first = np.argsort(-values, kind="stable")[: max(m, 0)]
    first = first[values[first] > 0]
    return Strongest(_held(responses.users[first]), _held(responses.items[first]), frozen(values[first]))


def _percentiles(values: Array, among: Array) -> Array:
    """(C,), (n, C) -> (C,)."""
    below, equal = (among < values).mean(axis=0), (among == values).mean(axis=0)
    return frozen(100 * (below + equal / 2))


def _channels(where: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(channel) for channel in np.flatnonzero(where))


def _held(indices: Ints) -> Ints:
    held = np.array(indices, dtype=np.int64)
    held.setflags(write=False)
    return held
