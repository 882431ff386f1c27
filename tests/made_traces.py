"""Traces made by hand, with known values, for the figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convncf.figures import DARK, LIGHT
from convncf.inspection import LayerTrace, PairTrace

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def layer(channels: int = 4, side: int = 4, low: float = 0.0) -> LayerTrace:
    """Maps with known values: channel c runs up to c, so channel 0 says nothing."""
    ramp = np.linspace(low, 1, side * side).reshape(side, side) if side > 1 else np.ones((1, 1))
    maps = np.stack([ramp * c for c in range(channels)]).astype(np.float32)
    return LayerTrace("layer 1", maps, 2, 2, np.zeros((channels, 1, 2, 2), np.float32), np.zeros(channels, np.float32))


def pair(contributions: Any = (1.5, -0.25, 0.5), bias: float = 0.125, size: int = 8, layers: bool = True) -> PairTrace:
    values = np.array(contributions, dtype=np.float32)
    p = np.linspace(-1, 0.5, size).astype(np.float32)
    q = np.cos(np.arange(size)).astype(np.float32)
    return PairTrace(
        user=0,
        item=0,
        p=p,
        q=q,
        map=np.outer(p, q),
        layers=(layer(),) if layers else (),
        features=values,
        weights=np.ones_like(values),
        bias=bias,
        contributions=values,
        score=float(values.sum(dtype=np.float64)) + bias,
        term="channel" if layers else "dimension",
        words="",
    )
