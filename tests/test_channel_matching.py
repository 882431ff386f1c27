"""Feature maps subtracted: by number, or each channel from its nearest."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from convncf.inspection.alignment import feature_difference
from convncf.inspection.trace import LayerTrace


def layer(maps: np.ndarray) -> LayerTrace:
    channels = len(maps)
    return LayerTrace(
        name="layer 1",
        maps=maps.astype(np.float32),
        kernel=2,
        stride=2,
        filters=np.zeros((channels, 1, 2, 2), np.float32),
        biases=np.zeros(channels, np.float32),
    )


def test_by_number_each_channel_is_taken_from_its_own() -> None:
    one, two = np.random.default_rng(0).random((2, 5, 3, 4))
    found = feature_difference(layer(one), layer(two))
    np.testing.assert_allclose(found.layer.maps, one - two, atol=1e-6)
    assert found.order.tolist() == [0, 1, 2, 3, 4]
    assert found.relative_difference == pytest.approx(((one - two) ** 2).sum() / (one**2).sum(), rel=1e-5)
    assert not found.layer.maps.flags.writeable


def test_channels_in_another_order_are_found_again() -> None:
    maps = np.random.default_rng(1).random((6, 2, 2))
    order = [3, 0, 5, 1, 4, 2]
    found = feature_difference(layer(maps), layer(maps[order]), matched=True)
    assert [order[place] for place in found.order] == list(range(6))
    assert found.relative_difference == 0
    assert not found.layer.maps.any()


def test_the_match_is_the_best_of_all_orders() -> None:
    one, two = np.random.default_rng(2).random((2, 4, 2, 3))
    found = feature_difference(layer(one), layer(two), matched=True)
    best = min(((one - two[list(order)]) ** 2).sum() for order in permutations(range(4)))
    assert found.relative_difference == pytest.approx(best / (one**2).sum(), rel=1e-5)


def test_nothing_less_nothing_is_nothing() -> None:
    nothing, something = layer(np.zeros((2, 2, 2))), layer(np.ones((2, 2, 2)))
    assert feature_difference(nothing, nothing, matched=True).relative_difference == 0
    assert feature_difference(nothing, something).relative_difference == np.inf


def test_layers_of_two_shapes_are_refused() -> None:
    one = layer(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"\(2, 2, 2\) and \(2, 2, 3\)"):
        feature_difference(one, replace(one, maps=np.zeros((2, 2, 3), np.float32)))
