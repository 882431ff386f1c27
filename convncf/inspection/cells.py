"""Reading a trace: the receptive field of a cell, how its value is computed, and a channel's statistics for a pair.

Plain numpy on the arrays of a `PairTrace`; no model is run. Shapes: C channels, k kernel size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from convncf.errors import UnknownIndexError
from convncf.inspection.trace import Array, LayerTrace, PairTrace, frozen


class Strided(Protocol):
    """All that a receptive field depends on: a layer's kernel size and stride (a LayerTrace, say)."""

    @property
    def kernel(self) -> int: ...
    @property
    def stride(self) -> int: ...


def receptive_field(layers: Sequence[Strided], layer: int, row: int, col: int) -> tuple[slice, slice]:
    """The rows and columns of the interaction map that a cell of a feature map depends on.

    `layer` counts from 0, as in `PairTrace.layers`; `row` and `col` are the cell's place in that layer's maps.
    A cell of layer l starts at row · s_1 · … · s_l; its side grows by (k - 1) times the strides below it.
    """
    if not 0 <= layer < len(layers):
        raise UnknownIndexError(f"layer {layer} is not one of the {len(layers)} layers (0 to {len(layers) - 1}).")
    if row < 0 or col < 0:
        raise UnknownIndexError(f"cell ({row}, {col}) is not on a map: rows and columns count from 0.")
    side = 1
    for step in reversed(layers[: layer + 1]):
        row, col = row * step.stride, col * step.stride
        side = (side - 1) * step.stride + step.kernel
    return slice(row, row + side), slice(col, col + side)


@dataclass(frozen=True, slots=True, eq=False)
class CellArithmetic:
    """How one cell of layer 1 is computed: relu(p_aᵀ W q_b + b)."""

    channel: int
    row: int
    col: int
    rows: slice
    """Which dimensions of p were read, a."""
    cols: slice
    """Which dimensions of q were read, b."""
    p: Array
    """p_a, (k,)."""
    q: Array
    """q_b, (k,)."""
    filter: Array
    """W of this channel, (k, k)."""
    product: float
    """p_aᵀ W q_b."""
    bias: float
    """b of this channel."""
    total: float
    """product + bias, before ReLU."""
    value: float
    """What the feature map holds: the total, or 0 where it is negative."""


def cell_arithmetic(trace: PairTrace, channel: int, row: int, col: int) -> CellArithmetic:
    """The arithmetic of one cell of layer 1, p_aᵀ W q_b + b, from the trace alone.

    Raises IndexError where the trace has no layer, or the layer no such channel or cell.
    """
    if not trace.layers:
        raise UnknownIndexError("this trace has no layers: matrix factorisation reads the diagonal of the map alone.")
    first = trace.layers[0]
    channels, height, width = first.shape
    if not (0 <= channel < channels and 0 <= row < height and 0 <= col < width):
        raise UnknownIndexError(
            f"layer 1 has {channels} channels of {height}×{width}: no channel {channel}, cell ({row}, {col})."
        )
    rows, cols = receptive_field(trace.layers, 0, row, col)
    p, q, weights = trace.p[rows], trace.q[cols], first.filters[channel, 0]  # (k,), (k,), (k, k)
    product = float(p.astype(np.float64) @ weights.astype(np.float64) @ q.astype(np.float64))
    bias = float(first.biases[channel])
    return CellArithmetic(
        channel=channel,
        row=row,
        col=col,
        rows=rows,
        cols=cols,
        p=p,
        q=q,
        filter=weights,
        product=product,
        bias=bias,
        total=product + bias,
        value=float(first.maps[channel, row, col]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ChannelStats:
    """A layer's channels in numbers, for one pair; every array is (C,)."""

    mean: Array
    minimum: Array
    maximum: Array
    zeros: Array
    """Share of cells that are exactly 0, from 0 to 1: what ReLU cut off."""

    @property
    def silent(self) -> tuple[int, ...]:
        """Channels that are zero everywhere for this pair; for another pair they need not be."""
        return tuple(int(channel) for channel in np.flatnonzero(self.zeros == 1))

    @property
    def words(self) -> str:
        """ "channel 3 is zero for this pair", or an empty text where no channel is zero everywhere."""
        silent = self.silent
        if not silent:
            return ""
        if len(silent) == len(self.zeros):
            return "every channel is zero for this pair"
        if len(silent) == 1:
            return f"channel {silent[0]} is zero for this pair"
        listed = ", ".join(str(channel) for channel in silent[:-1])
        return f"channels {listed} and {silent[-1]} are zero for this pair"


def channel_stats(layer: LayerTrace) -> ChannelStats:
    """Mean, minimum, maximum and share of zeros of each of a layer's channels."""
    maps = layer.maps.reshape(len(layer.maps), -1)  # (C, H·W)
    return ChannelStats(
        mean=frozen(maps.mean(axis=1, dtype=np.float64)),
        minimum=frozen(maps.min(axis=1)),
        maximum=frozen(maps.max(axis=1)),
        zeros=frozen((maps == 0).mean(axis=1)),
    )


def strongest_channel(layer: LayerTrace) -> int:
    """The channel with the largest value of a layer, the first where several share it."""
    return int(channel_stats(layer).maximum.argmax())


def strongest_cell(layer: LayerTrace, channel: int) -> tuple[int, int]:
    """(row, column) of the largest value in a channel's map, the first where several share it."""
    row, col = divmod(int(layer.maps[channel].argmax()), layer.shape[2])
    return row, col
