"""Feature maps, by the numbers in their JSON: every value in its tile, and what the colours run over."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, channel, feature_maps, range_words
from convncf.figures.channels import SCALES, WIDTH, largest
from tests.made_traces import THEMES, layer
from tests.plotly_json import array, is_binary, sent
from tests.wording import values_in


def tiles(figure: Any, channels: int, side: int, columns: int) -> np.ndarray[Any, Any]:
    """Cut the tiled heatmap up again: (C, H, W, 1 + 4) of z and customdata."""
    heatmap = sent(figure)["data"][0]
    stacked = np.concatenate([array(heatmap["z"])[..., None], array(heatmap["customdata"])], axis=-1)
    chunks = []
    for index in range(channels):
        row, column = (place * (side + 1) for place in divmod(index, columns))
        chunks.append(stacked[row : row + side, column : column + side])
    return np.stack(chunks)


@THEMES
@pytest.mark.parametrize("side", [1, 2, 4, 16])
@pytest.mark.parametrize(("channels", "columns"), [(16, 8), (32, 8), (5, 4), (3, 8)])
def test_every_channel_is_in_its_tile_with_its_true_values(
    theme: Theme, side: int, channels: int, columns: int
) -> None:
    source = layer(channels, side)
    columns = min(columns, channels)
    figure = feature_maps(source, theme, "shared", columns=columns)
    found = tiles(figure, channels, side, columns)
    np.testing.assert_array_equal(found[..., 0], source.maps)
    np.testing.assert_array_equal(found[..., 4], source.maps)
    np.testing.assert_array_equal(found[:, 0, 0, 1], np.arange(channels))
    np.testing.assert_array_equal(found[0, :, 0, 2], np.arange(side))
    np.testing.assert_array_equal(found[0, 0, :, 3], np.arange(side))
    heatmap = sent(figure)["data"][0]
    z = array(heatmap["z"])
    rows = math.ceil(channels / columns)
    assert z.shape == (rows * (side + 1) - 1, columns * (side + 1) - 1)
    assert np.isnan(z).sum() == z.size - channels * side * side  # gutters, and the places of channels there are not
    assert is_binary(heatmap["z"])
    assert heatmap["z"]["dtype"] == "f4"
    assert heatmap["hoverongaps"] is False
    assert len(array(heatmap["x"])) == z.shape[1] + 1  # edges: tiles are one wide, whatever their number of cells
    assert len(array(heatmap["y"])) == z.shape[0] + 1
    assert (np.diff(array(heatmap["x"])) > 0).all()
    assert [tuple(stop) for stop in heatmap["colorscale"]] == list(theme.sequential)
    assert (heatmap["zmin"], heatmap["zmax"]) == (0, channels - 1)


def test_per_channel_each_runs_to_its_own_maximum_and_hover_stays_true() -> None:
    source = layer(channels=4, side=4)
    figure = feature_maps(source, LIGHT, "per channel", columns=2)
    found = tiles(figure, 4, 4, 2)
    np.testing.assert_allclose(found[..., 0].max(axis=(1, 2)), [0, 1, 1, 1])
    np.testing.assert_array_equal(found[..., 4], source.maps)
    heatmap = sent(figure)["data"][0]
    assert (heatmap["zmin"], heatmap["zmax"]) == (0, 1)


def test_the_range_is_printed() -> None:
    source = layer(channels=4, side=4)
    printed = {
        scale: [note["text"] for note in sent(feature_maps(source, LIGHT, scale))["layout"]["annotations"]]
        for scale in SCALES
    }
    told = {scale: [values_in(text) for text in texts] for scale, texts in printed.items()}
    assert ["0", "3.00"] in told["shared"]
    assert any("3.00" in values for values in told["per channel"])


def test_maps_of_one_cell_share_their_scale_and_show_their_value() -> None:
    figure = sent(feature_maps(layer(channels=3, side=1), LIGHT, "per channel"))
    assert figure["data"][0]["zmax"] == 2
    assert figure["data"][1]["text"] == ["0 zero", "1: 1.00", "2: 2.00"]
    assert figure["layout"]["annotations"][0]["text"].startswith("0 to 2.00, ")


def test_a_layer_that_is_zero_says_so() -> None:
    source = layer(channels=1)
    assert "zero" in range_words(source, "shared")
    heatmap = sent(feature_maps(source, LIGHT))["data"][0]
    assert (heatmap["zmin"], heatmap["zmax"]) == (0, 1)
    assert "1 of 1 channels" in alt(feature_maps(source, LIGHT))


@pytest.mark.parametrize("scale", SCALES)
def test_signed_maps_are_zero_centred(scale: Any) -> None:
    heatmap = sent(feature_maps(layer(low=-2), DARK, scale))["data"][0]
    assert (heatmap["zmid"], heatmap["zmin"]) == (0, -heatmap["zmax"])
    assert [tuple(stop) for stop in heatmap["colorscale"]] == list(DARK.diverging)


@THEMES
def test_the_selected_channel_is_outlined(theme: Theme) -> None:
    figure = sent(feature_maps(layer(), theme, selected=3, columns=2))
    shape = figure["layout"]["shapes"][-1]
    assert shape["line"]["color"] == theme.accent
    assert shape["x0"] < 1.12 < 2.12 < shape["x1"]  # column 1, behind a gutter of 0.12
    row = 1 + 2 * 28 / WIDTH  # under the numbers of its tiles
    assert shape["y0"] < row < row + 1 < shape["y1"]
    numbers = figure["data"][1]
    assert numbers["text"] == ["0 zero", "1", "2", "<b>3</b>"]
    assert numbers["textfont"]["color"] == [*[theme.muted] * 3, theme.accent]
    assert "shapes" not in sent(feature_maps(layer(), theme))["layout"]


def test_numbers_stand_above_their_tiles() -> None:
    numbers = sent(feature_maps(layer(), LIGHT, columns=2, selectable=True))["data"][1]
    np.testing.assert_allclose(array(numbers["x"]), [0, 1.12, 0, 1.12])
    np.testing.assert_allclose(array(numbers["y"]), np.array([0, 0, 1, 1]) * (1 + 2 * 28 / WIDTH) - 0.06)
    assert numbers["textposition"] == "top right"
    assert numbers["hoverinfo"] == "skip"


def test_a_click_tells_its_channel() -> None:
    figure = sent(feature_maps(layer(), LIGHT, columns=2, selectable=True))
    targets = figure["data"][2]
    assert targets["customdata"] == [0, 1, 2, 3]
    assert "customdata" not in figure["data"][0], "what is covered is not sent"
    np.testing.assert_allclose(array(targets["x"]), [0.5, 1.62, 0.5, 1.62])
    np.testing.assert_allclose(array(targets["y"]), np.array([0, 0, 1, 1]) * (1 + 2 * 28 / WIDTH) + 0.5)
    assert targets["text"][2].startswith("channel 2<br>maximum 2.00<br>mean 1.00")
    assert len(sent(feature_maps(layer(), LIGHT))["data"]) == 2


@THEMES
def test_one_channel_enlarged(theme: Theme) -> None:
    source = layer()
    figure = sent(channel(source, 2, theme, cell=(1, 3)))
    heatmap = figure["data"][0]
    np.testing.assert_array_equal(array(heatmap["z"]), source.maps[2])
    assert is_binary(heatmap["z"])
    assert (heatmap["zmin"], heatmap["zmax"]) == (0, 2)
    shape = figure["layout"]["shapes"][-1]
    assert [shape[key] for key in ("x0", "x1", "y0", "y1")] == [2.5, 3.5, 0.5, 1.5]
    assert sent(channel(source, 2, theme, zmax=3))["data"][0]["zmax"] == 3
    assert "row 3, column 3" in alt(channel(source, 2, theme))


def test_layers_of_two_models_on_one_scale() -> None:
    weak, strong = layer(3), layer(5)
    top = largest(strong)
    assert (largest(weak), top) == (2, 4)
    figure = sent(feature_maps(weak, LIGHT, "shared", zmax=top))
    heatmap = figure["data"][0]
    assert (heatmap["zmin"], heatmap["zmax"]) == (0, top)
    assert float(np.nanmax(array(heatmap["z"]))) == 2
    assert values_in(range_words(weak, "shared", top)) == ["0", "4.00", "2.00"]
    assert range_words(weak, "shared", top) in figure["layout"]["meta"]["alt"]


def test_cells_beyond_a_given_scale_are_counted() -> None:
    assert values_in(range_words(layer(3), "shared", 1.0))[-2:] == ["2.00", "8"]


def test_a_scale_per_channel_has_no_one_end() -> None:
    with pytest.raises(ValueError, match="own maximum"):
        feature_maps(layer(), LIGHT, "per channel", zmax=1)


@pytest.mark.parametrize(("channels", "columns"), [(1, 1), (8, 4), (16, 6), (32, 8)])
def test_few_channels_get_larger_tiles(channels: int, columns: int) -> None:
    heatmap = sent(feature_maps(layer(channels), LIGHT))["data"][0]
    assert array(heatmap["z"]).shape[1] == columns * 5 - 1


@pytest.mark.parametrize("width", [360, 680])
def test_tiles_stay_square_at_any_width(width: int) -> None:
    looks = sent(feature_maps(layer(16), LIGHT, width=width))["layout"]
    (left, right), (bottom, top) = looks["xaxis"]["range"], looks["yaxis"]["range"]
    room = looks["margin"]
    across = (width - room["l"] - room["r"]) / (right - left)
    assert (looks["height"] - room["t"] - room["b"]) / (bottom - top) == pytest.approx(across, rel=0.01)
