"""The interaction map, by the numbers in its JSON; and what the pictures of a pair have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from convncf.figures import LIGHT, Theme, alt, channel, feature_maps, interaction_map, score_terms
from convncf.figures.maps import ORDERS, Order, largest
from convncf.inspection import PairTrace
from tests.made_traces import THEMES, pair
from tests.plotly_json import array, is_binary, sent


@dataclass(frozen=True)
class Bar:
    height: float
    colour: str
    dimension: float


def bars(drawn: list[dict[str, Any]], along: str, up: str) -> dict[int, Bar]:
    """Place -> the bar there, of those that stand along x or y: five corners each, the last in the air."""
    found = {}
    for trace in drawn[1:]:
        if (along == "x") == ("yaxis" in trace):
            places, heights, numbers = array(trace[along]), array(trace[up]), array(trace["customdata"])
            for at in range(0, len(places), 5):
                corners = slice(at, at + 5)
                left, right = places[at], places[at + 2]
                assert np.isnan(places[corners][4])
                assert np.isnan(heights[corners][4])
                assert right - left == pytest.approx(0.84)
                assert heights[at] == heights[at + 3] == 0
                assert heights[at + 1] == heights[at + 2] == numbers[at, 1]
                found[round((left + right) / 2)] = Bar(heights[at + 1], trace["fillcolor"], numbers[at, 0])
    return found


@THEMES
@pytest.mark.parametrize("order", ORDERS)
def test_the_map_is_zero_centred_and_sent_as_float32(theme: Theme, order: Order) -> None:
    trace = pair()
    drawn = sent(interaction_map(trace, theme, order))["data"]
    heatmap = drawn[0]
    assert (heatmap["zmid"], heatmap["zmin"], heatmap["zmax"]) == (0, -largest(trace), largest(trace))
    assert is_binary(heatmap["z"])
    assert is_binary(heatmap["customdata"])
    assert heatmap["z"]["dtype"] == heatmap["customdata"]["dtype"] == "f4"
    assert [tuple(stop) for stop in heatmap["colorscale"]] == list(theme.diverging)
    p, q, *dims = np.moveaxis(array(heatmap["customdata"]), -1, 0)
    if order == "as trained":  # a cell's place is its dimensions
        assert dims == []
        assert "d = %{y}<br>" in heatmap["hovertemplate"]
        assert "e = %{x}<br>" in heatmap["hovertemplate"]
        dims = list(np.indices((8, 8)))
    d, e = dims
    z = array(heatmap["z"])
    np.testing.assert_array_equal(z, trace.map[d.astype(int), e.astype(int)])
    np.testing.assert_array_equal(z, p * q)
    top, left = bars(drawn, "x", "y"), bars(drawn, "y", "x")
    np.testing.assert_array_equal([top[place].height for place in range(8)], q[0])
    np.testing.assert_array_equal([left[place].height for place in range(8)], p[:, 0])
    assert [top[place].dimension for place in range(8)] == e[0].tolist()
    assert [left[place].dimension for place in range(8)] == d[:, 0].tolist()
    assert np.trace(z) == pytest.approx(float(trace.p @ trace.q), rel=1e-5)  # the diagonal stays the diagonal


@pytest.mark.parametrize(("order", "sorted_by"), [("by p", "p"), ("by q", "q")])
def test_a_sorted_map_has_the_largest_first_on_both_axes(order: Order, sorted_by: str) -> None:
    trace = pair()
    figure = sent(interaction_map(trace, LIGHT, order))
    hover = array(figure["data"][0]["customdata"])
    dims = hover[:, 0, 2].astype(int)
    np.testing.assert_array_equal(dims, hover[0, :, 3])
    assert list(getattr(trace, sorted_by)[dims]) == sorted(getattr(trace, sorted_by), reverse=True)
    assert sorted_by in figure["layout"]["xaxis"]["title"]["text"]
    assert figure["layout"]["xaxis"]["showticklabels"] is False


@THEMES
def test_bars_take_their_colour_from_their_sign(theme: Theme) -> None:
    trace = pair()
    drawn = sent(interaction_map(trace, theme))["data"]
    for values, found in ((trace.q, bars(drawn, "x", "y")), (trace.p, bars(drawn, "y", "x"))):
        assert len(found) == len(values)
        for place, value in enumerate(values.tolist()):
            assert found[place].colour == (theme.positive if value >= 0 else theme.negative)


def test_the_hover_names_each_bars_dimension_and_value() -> None:
    for trace in sent(interaction_map(pair(), LIGHT, "by q"))["data"][1:]:
        numbers = array(trace["customdata"])
        heights = array(trace["x" if "xaxis" in trace else "y"])
        np.testing.assert_array_equal(numbers[1::5, 1], heights[1::5])
        assert ("user dimension" in trace["hovertemplate"]) == ("xaxis" in trace)


def test_an_embedding_of_one_sign_has_one_outline() -> None:
    trace = replace(pair(), p=np.abs(pair().p) + 1)
    drawn = sent(interaction_map(trace, LIGHT))["data"]
    assert len([each for each in drawn if "xaxis" in each]) == 1


def test_a_shared_range_is_kept_and_what_it_clips_is_counted() -> None:
    trace = pair()
    free = sent(interaction_map(trace, LIGHT))
    shared = sent(interaction_map(trace, LIGHT, zmax=0.5))
    assert (shared["data"][0]["zmin"], shared["data"][0]["zmax"]) == (-0.5, 0.5)
    beyond_accuracy = int((np.abs(trace.map) > 0.5).sum())
    assert shared["layout"]["xaxis"]["title"]["text"].startswith(
        f"item dimension<br>{beyond_accuracy} cells beyond ±0.500"
    )
    assert free["layout"]["xaxis"]["title"]["text"] == "item dimension"
    assert f"{beyond_accuracy} cells beyond" in alt(interaction_map(trace, LIGHT, zmax=0.5))
    wider = sent(interaction_map(trace, LIGHT, zmax=2 * largest(trace)))
    assert wider["layout"]["xaxis"]["title"]["text"] == "item dimension"


def test_the_map_is_square_and_row_0_is_at_the_top() -> None:
    figure = sent(interaction_map(pair(), LIGHT))["layout"]
    assert figure["yaxis"]["scaleanchor"] == "x"
    assert figure["yaxis"]["range"] == [7.5, -0.5]
    assert figure["xaxis"]["range"] == [-0.5, 7.5]


@THEMES
def test_a_receptive_field_is_outlined_where_it_lies(theme: Theme) -> None:
    figure = sent(interaction_map(pair(), theme, field=(slice(2, 4), slice(4, 6))))
    shape = figure["layout"]["shapes"][-1]
    assert [shape[key] for key in ("y0", "y1", "x0", "x1")] == [1.5, 3.5, 3.5, 5.5]
    assert shape["line"]["color"] == theme.accent
    with pytest.raises(ValueError, match="trained order"):
        interaction_map(pair(), theme, "by p", field=(slice(2, 4), slice(4, 6)))


def test_a_pair_without_signal_still_has_a_range() -> None:
    trace = pair()
    zero = PairTrace(**{name: getattr(trace, name) for name in trace.__dataclass_fields__} | {"map": trace.map * 0})
    heatmap = sent(interaction_map(zero, LIGHT))["data"][0]
    assert (heatmap["zmin"], heatmap["zmax"]) == (-1, 1)


@THEMES
def test_each_says_itself_in_words_sits_on_the_page_and_keeps_its_zoom(theme: Theme) -> None:
    trace = pair()
    drawn = [
        interaction_map(trace, theme),
        feature_maps(trace.layers[0], theme),
        channel(trace.layers[0], 1, theme),
        score_terms(trace, theme),
    ]
    for figure in drawn:
        layout = sent(figure)["layout"]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
        assert layout["font"]["color"] == theme.ink
        assert layout["uirevision"]
        assert "title" not in layout
        assert alt(figure).endswith(".")
    assert "−1.00 to 0.990" in alt(drawn[0])
    assert "4 channels of 4 by 4" in alt(drawn[1])
    assert ": channel 0 +1.50" in alt(drawn[3])


@pytest.mark.parametrize("width", [350, 500])
def test_the_map_fills_a_figure_of_any_width(width: int) -> None:
    looks = sent(interaction_map(pair(), LIGHT, width=width))["layout"]
    room = looks["margin"]
    assert width - room["l"] - room["r"] == looks["height"] - room["t"] - room["b"]
