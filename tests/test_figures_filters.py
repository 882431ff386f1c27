"""The filters of layer 1, by the numbers in their JSON."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convncf.figures import LIGHT, alt
from convncf.figures.channels import filters
from tests.made_traces import layer
from tests.plotly_json import array, sent
from tests.wording import values_in


def test_each_tile_is_a_channels_weights_on_one_zero_centred_scale() -> None:
    weights = np.array([[[[1.0, -2.0], [0.5, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]], np.float32)  # (2, 1, 2, 2)
    first = replace(layer(2), filters=weights)
    drawn = filters(first, LIGHT, selected=0)
    tiles = sent(drawn)["data"][0]
    np.testing.assert_array_equal(array(tiles["z"])[:2, :2], weights[0, 0])
    assert (tiles["zmin"], tiles["zmid"], tiles["zmax"]) == (-2, 0, 2)
    assert [tuple(stop) for stop in tiles["colorscale"]] == list(LIGHT.diverging)
    assert "−2.00 to 2.00" in alt(drawn)
    assert values_in(alt(drawn))[-1] == "1"


def test_a_later_layer_has_no_one_square_a_channel() -> None:
    with pytest.raises(ValueError, match="reads 3 channels"):
        filters(replace(layer(2), filters=np.zeros((2, 3, 2, 2), np.float32)), LIGHT)
