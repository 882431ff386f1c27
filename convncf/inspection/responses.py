"""Responses: the activations of each channel for many pairs, so that one pair's can be compared with them.

Of a channel's feature map two numbers are kept, the largest activation and the mean. Random pairs are sampled from all
pairs of user and item, seeded; pairs are given by index.

Shapes: n pairs, C channels of a layer, H = W side of its maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from convncf.errors import RefusedValueError, UnknownIndexError
from convncf.inspection.cells import channel_stats
from convncf.inspection.trace import Array, PairTrace, frozen
from convncf.models.abilities import LayeredModel
from convncf.models.base import scoring
from convncf.runtime.arrays import read_only
from convncf.runtime.random import rng

Ints = npt.NDArray[np.int64]
By = Literal["maximum", "mean"]

PAIRS: Final = 1000
"""Random pairs to compare one with: a percentile is then accurate to a point or two."""


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """The activations of the channels of every layer for n pairs."""

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
        """Channels with one activation for all of these pairs, and not dead: it is a bias, not the map."""
        same = (np.ptp(self.maximum[layer], axis=0) == 0) & (np.ptp(self.mean[layer], axis=0) == 0)
        return _channels(same & (self.maximum[layer] > 0).any(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class ResponsePercentiles:
    """Percentiles of a pair's activations among those of n other pairs, for one layer; every array is (C,)."""

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
class StrongestPairs:
    """The pairs with the highest activation of a channel, highest first; m of them, or fewer."""

    users: Ints
    """(m,) user indices."""
    items: Ints
    """(m,) item indices."""
    values: Array
    """(m,) the activation that they are ordered by; none is 0."""


def random_pairs(n_users: int, n_items: int, n: int = PAIRS, *, seed: int) -> tuple[Ints, Ints]:
    """n different pairs, uniform: (n,) user and (n,) item indices; all pairs where there are fewer than n.

    The same at each call with the same arguments. Raises ValueError for n below 1.
    """
    if n < 1:
        raise RefusedValueError(f"at least 1 random pair is needed, got {n}.")
    total = n_users * n_items
    sample = rng(seed, "random pairs").choice(total, min(n, total), replace=False)
    users, items = np.divmod(sample.astype(np.int64), n_items)
    return users, items


def respond(model: LayeredModel, users: Sequence[int] | Ints, items: Sequence[int] | Ints) -> Responses:
    """Largest and mean activation of every channel for the given pairs, (n,) user and (n,) item indices.

    Raises IndexError for a user or item that the model does not have, ValueError where there are not as many users as
    items.
    """
    pairs = [np.asarray(indices, dtype=np.int64).reshape(-1) for indices in (users, items)]
    if len(pairs[0]) != len(pairs[1]):
        raise RefusedValueError(f"{len(pairs[0])} users and {len(pairs[1])} items are no pairs.")
    for kind, indices, count in zip(("user", "item"), pairs, (model.n_users, model.n_items), strict=True):
        unknown = indices[(indices < 0) | (indices >= count)]
        if len(unknown):
            raise UnknownIndexError(
                f"{kind} {unknown[0]} is not one of the model's {count} {kind}s (0 to {count - 1})."
            )
    layers = len(model.layers)
    maximum: list[list[torch.Tensor]] = [[] for _ in range(layers)]
    mean: list[list[torch.Tensor]] = [[] for _ in range(layers)]
    user, item = (torch.from_numpy(indices).to(model.device) for indices in pairs)
    with scoring(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        chunks = (torch.split(indices, model.pairs_at_once) for indices in (user, item))
        for user_chunk, item_chunk in zip(*chunks, strict=True):
            maps_by_layer = model.feature_maps(model.interaction_map(user_chunk, item_chunk))
            for layer, maps in enumerate(maps_by_layer):  # (b, C, H, W)
                maximum[layer].append(maps.amax(dim=(2, 3)).cpu())
                mean[layer].append(maps.mean(dim=(2, 3)).cpu())
    return Responses(
        users=_read_only(pairs[0]),
        items=_read_only(pairs[1]),
        maximum=tuple(frozen(torch.cat(chunks)) for chunks in maximum),
        mean=tuple(frozen(torch.cat(chunks)) for chunks in mean),
    )


def response_percentiles(trace: PairTrace, responses: Responses, layer: int) -> ResponsePercentiles:
    """Percentiles of a traced pair's activations in a layer, counted from 0, among the responses to other pairs."""
    stats = channel_stats(trace.layers[layer])
    return ResponsePercentiles(
        pairs=len(responses.users),
        maximum=_percentiles(stats.maximum, responses.maximum[layer]),
        mean=_percentiles(stats.mean, responses.mean[layer]),
    )


def strongest_pairs(
    responses: Responses, layer: int, channel: int, m: int = 10, *, by: By = "maximum"
) -> StrongestPairs:
    """The m of these pairs with the highest activation of a channel, without those at 0; equal ones in the order given.

    Raises IndexError where there is no such layer or channel.
    """
    by_layer = responses.maximum if by == "maximum" else responses.mean
    if not 0 <= layer < len(by_layer):
        raise UnknownIndexError(f"layer {layer} is not one of the {len(by_layer)} layers (0 to {len(by_layer) - 1}).")
    channels = by_layer[layer].shape[1]
    if not 0 <= channel < channels:
        raise UnknownIndexError(
            f"channel {channel} is not one of layer {layer + 1}'s {channels} (0 to {channels - 1})."
        )
    values = by_layer[layer][:, channel]  # (n,)
    highest = np.argsort(-values, kind="stable")[: max(m, 0)]
    highest = highest[values[highest] > 0]
    return StrongestPairs(
        _read_only(responses.users[highest]), _read_only(responses.items[highest]), frozen(values[highest])
    )


def _percentiles(values: Array, reference: Array) -> Array:
    """(C,), (n, C) -> (C,)."""
    below, equal = (reference < values).mean(axis=0), (reference == values).mean(axis=0)
    return frozen(100 * (below + equal / 2))


def _channels(where: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(channel) for channel in np.flatnonzero(where))


def _read_only(indices: Ints) -> Ints:
    copy = np.array(indices, dtype=np.int64)
    return read_only(copy)
