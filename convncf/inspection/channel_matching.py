"""Feature maps of two networks, one less the other: channel by channel, or each against its nearest.

Channel k of one network has nothing to do with channel k of another, unless training began from the same filters. So a
difference by number may be no more than another order of channels; `matched` takes the order in which the two layers
of this pair come nearest to each other, one channel for one (Kuhn, "The Hungarian Method for the Assignment Problem",
1955, as scipy solves it).

Shapes: C channels, H × W cells each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from convncf.inspection.alignment import apart
from convncf.inspection.embedded import frozen
from convncf.inspection.trace import LayerTrace


@dataclass(frozen=True, slots=True, eq=False)
class FeatureDifference:
    """A layer of the first network less the same layer of the second."""

    layer: LayerTrace
    """Its maps (C, H, W) are signed: above 0 where the first is higher. All else is the first network's."""
    order: npt.NDArray[np.int64]
    """(C,) which channel of the second was taken from channel k of the first."""
    apart: float
    """Sum of squared differences, as a multiple of the first's sum of squares; inf where that is 0 and they differ."""


def feature_difference(first: LayerTrace, second: LayerTrace, *, matched: bool = False) -> FeatureDifference:
    """Subtract, channel by channel or each from its nearest. Raises ValueError where the shapes differ."""
    if first.shape != second.shape:
        raise ValueError(f"feature maps of {first.shape} and {second.shape} have no difference")
    order = np.arange(len(first.maps))
    if matched:
        one, other = first.maps[:, None].astype(np.float64), second.maps[None].astype(np.float64)
        order = linear_sum_assignment(((one - other) ** 2).sum(axis=(2, 3)))[1]  # rows come in order
    taken = second.maps[order]
    less = replace(first, maps=frozen(first.maps - taken))
    return FeatureDifference(less, order.astype(np.int64), apart(first.maps, taken))
