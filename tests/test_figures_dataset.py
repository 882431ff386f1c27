"""Figures of a dataset: the numbers in their JSON are those of `convncf.data.statistics`."""

from __future__ import annotations

import re

import numpy as np
import pytest

from convncf.data.statistics import Activity, DensityGrid, LongTail, Top
from convncf.figures import (
    DARK,
    LIGHT,
    Theme,
    alt,
    change,
    channels,
    comparison,
    dataset,
    embeddings,
    lists,
    maps,
    score,
)
from tests.made_traces import THEMES
from tests.plotly_json import array, is_binary, sent
from tests.test_figures import contrast

TAIL = LongTail(
    "item", np.array([9, 4, 4, 4, 1, 1, 1, 1]), 3, (Top(0.01, 1, 0.36), Top(0.05, 1, 0.36), Top(0.20, 2, 0.52))
)
COUNTS = np.array([[1000, 10], [1, 0]])
GRID = DensityGrid(COUNTS, 50, 20, 90, 30)


@THEMES
def test_the_curve_of_a_long_tail_goes_through_every_count(theme: Theme) -> None:
    figure = sent(dataset.long_tail(TAIL, theme))
    curve = figure["data"][0]
    x, y = array(curve["x"]), array(curve["y"])
    assert np.interp(np.arange(1, 9), x, y).tolist() == TAIL.counts.tolist()
    assert len(x) == 5, "levels are sent by their ends"
    assert figure["layout"]["xaxis"]["type"] == figure["layout"]["yaxis"]["type"] == "log"
    assert curve["line"]["color"] == theme.accent


def test_the_top_is_marked_where_it_ends() -> None:
    looks = sent(dataset.long_tail(TAIL, LIGHT))["layout"]
    assert [shape["x0"] for shape in looks["shapes"]] == [1, 2]
    # on a logarithmic axis a line stands at its value, words at its logarithm
    assert [(note["x"], note["text"]) for note in looks["annotations"]] == [
        (0.0, "top 5%<br><b>36%</b>"),
        (pytest.approx(np.log10(2)), "top 20%<br><b>52%</b>"),
    ]
    words = alt(dataset.long_tail(TAIL, LIGHT))
    assert ("the top 20% (2) have 52% " in words, "3 items" in words) == (True, True)


def test_one_item_alone_has_a_figure_too() -> None:
    alone = LongTail("user", np.array([1]), 0, (Top(0.01, 1, 1.0),))
    figure = sent(dataset.long_tail(alone, LIGHT))
    assert figure["layout"]["xaxis"]["range"] == pytest.approx([-0.03, 1.03])
    assert "1 user," in figure["layout"]["meta"]["alt"]


@THEMES
def test_activity_by_period(theme: Theme) -> None:
    found = Activity("month", 1, ("1999-12", "2000-01", "2000-02"), np.array([2, 0, 5]))
    figure = sent(dataset.activity(found, theme))
    (bars,) = figure["data"]
    assert (bars["x"], array(bars["y"]).tolist()) == (["1999-12", "2000-01", "2000-02"], [2, 0, 5])
    assert bars["marker"]["color"] == theme.accent
    assert figure["layout"]["xaxis"]["type"] == "category"
    words = "7 interactions by month from 1999-12 to 2000-02: at most 5, in 2000-02; 1 of 3 bins have none."
    assert alt(dataset.activity(found, theme)) == words
    decades = Activity("year", 10, ("1000", "1010"), np.array([1, 1]))
    assert sent(dataset.activity(decades, theme))["layout"]["xaxis"]["title"]["text"] == "10 years (UTC)"


@THEMES
def test_the_matrix_is_drawn_by_logarithms_with_nothing_where_it_is_empty(theme: Theme) -> None:
    figure = sent(dataset.density(GRID, theme))
    (heatmap,) = figure["data"]
    assert is_binary(heatmap["z"])
    np.testing.assert_allclose(array(heatmap["z"]), np.array([[3, 1], [0, np.nan]]), rtol=1e-6)
    np.testing.assert_array_equal(array(heatmap["customdata"]), COUNTS)
    assert (heatmap["zmin"], heatmap["zmax"]) == (0, 3)
    assert heatmap["colorbar"]["ticktext"] == ["1", "10", "100", "1,000"]
    assert heatmap["colorbar"]["tickvals"] == [0, 1, 2, 3]
    assert [heatmap[key] for key in ("x0", "dx", "y0", "dy")] == [10.5, 20, 25.5, 50]
    assert figure["layout"]["yaxis"]["autorange"] == "reversed"
    assert "up to 1,000 interactions in a cell, 25% of the cells are empty. All are 37.4 % of the pairs" in alt(
        dataset.density(GRID, theme)
    )


def test_one_interaction_a_cell_still_has_a_range() -> None:
    heatmap = sent(dataset.density(DensityGrid(np.array([[1, 0]]), 1, 1, 1, 2), LIGHT))["data"][0]
    assert (heatmap["zmin"], heatmap["zmax"], heatmap["colorbar"]["ticktext"]) == (0, 1, ["1"])


@THEMES
def test_a_single_interaction_can_be_seen_on_the_page(theme: Theme) -> None:
    lowest = sent(dataset.density(GRID, theme))["data"][0]["colorscale"][0]
    assert lowest[0] == 0
    assert contrast(lowest[1], theme.paper) > 2


def test_light_and_dark_differ() -> None:
    for light, dark in zip(
        *([dataset.long_tail(TAIL, theme), dataset.density(GRID, theme)] for theme in (LIGHT, DARK)), strict=True
    ):
        assert sent(light)["layout"]["font"]["color"] == LIGHT.ink
        assert sent(dark)["layout"]["font"]["color"] == DARK.ink


def test_how_to_read_each_is_plain_text() -> None:
    """Whoever shows such a line escapes it for the surface at hand, so it holds no syntax of its own."""
    modules = (dataset, score, comparison, change, lists, maps, embeddings, channels)
    lines = [text for module in modules for name, text in vars(module).items() if name.startswith("READ_")]
    assert len(lines) >= 12
    for text in lines:
        assert text.endswith(".")
        assert not re.search(r"[<>$*_`]", text), text
