"""Maps beside each other, their difference, and an attribution: known cells, one scale, zero in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, maps
from convncf.figures.score import attribution_map
from tests.made_traces import THEMES
from tests.plotly_json import array, is_binary, sent, texts

FIRST = np.array([[1.0, -2.0], [0.5, 0.0]], np.float32)
SECOND = np.array([[0.0, 1.0], [0.5, 4.0]], np.float32)
NAME = "<b>$x$</b> & %{y}"
SHOWN = "&lt;b&gt;&#36;x&#36;&lt;/b&gt; &amp; &#37;{y}"


@THEMES
def test_two_maps_and_their_difference_share_one_scale(theme: Theme) -> None:
    figure = sent(maps.beside(FIRST, SECOND, theme, ("history", NAME)))
    assert [is_binary(trace["z"]) for trace in figure["data"]] == [True] * 3
    for trace, values in zip(figure["data"], (FIRST, SECOND, FIRST - SECOND), strict=True):
        np.testing.assert_array_equal(array(trace["z"]), values)
        assert trace["coloraxis"] == "coloraxis"
    scale = figure["layout"]["coloraxis"]
    assert (scale["cmin"], scale["cmid"], scale["cmax"]) == (-4, 0, 4)
    assert [tuple(stop) for stop in scale["colorscale"]] == list(theme.diverging)
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["history", SHOWN, "difference"]
    words = alt(maps.beside(FIRST, SECOND, theme, ("history", NAME)))
    assert ("±4.00" in words, "from −2.00 to 1.00" in words, f"{NAME}: from 0 to 4.00" in words) == (True, True, True)
    assert not [text for text in texts(figure) if NAME in text]


def test_a_difference_alone_ends_at_its_own_largest() -> None:
    figure = sent(maps.difference(FIRST, SECOND, DARK, ("a", NAME)))
    np.testing.assert_array_equal(array(figure["data"][0]["z"]), FIRST - SECOND)
    assert figure["layout"]["coloraxis"]["cmax"] == 4
    assert figure["layout"]["annotations"][0]["text"] == f"a − {SHOWN}"
    assert figure["layout"]["yaxis"]["range"] == [1.5, -0.5], "row 0 is at the top"
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
    same = sent(maps.difference(FIRST, FIRST, LIGHT, ("a", "b")))
    assert same["layout"]["coloraxis"]["cmax"] == 1, "a map of zeros still has a range"


def test_maps_of_two_sizes_have_no_difference() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\) and \(3, 3\)"):
        maps.beside(FIRST, np.zeros((3, 3)), LIGHT, ("a", "b"))


def test_two_equal_maps_keep_their_own_scale() -> None:
    drawn = sent(maps.beside(FIRST / 8, FIRST / 8, LIGHT, ("a", "b")))
    assert drawn["layout"]["coloraxis"]["cmax"] == 0.25  # of the maps; their difference is 0 everywhere
    nothing = np.zeros((2, 2), np.float32)
    assert sent(maps.beside(nothing, nothing, LIGHT, ("a", "b")))["layout"]["coloraxis"]["cmax"] == 1


@THEMES
def test_an_attribution_stands_beside_the_map_each_on_its_own_scale(theme: Theme) -> None:
    values = np.array([[0.5, 0.0], [0.0, -0.125]], np.float32)
    drawn = attribution_map(FIRST, values, theme, method="integrated gradients", score=1.375, baseline=1.0)
    figure = sent(drawn)
    left, right = figure["data"]
    np.testing.assert_array_equal(array(left["z"]), FIRST)
    np.testing.assert_array_equal(array(right["z"]), values)
    assert (left["coloraxis"], right["coloraxis"]) == ("coloraxis", "coloraxis2")
    scales = [figure["layout"][name] for name in ("coloraxis", "coloraxis2")]
    assert [(scale["cmin"], scale["cmid"], scale["cmax"]) for scale in scales] == [(-2, 0, 2), (-0.5, 0, 0.5)]
    assert "1.38 less 1.00" in alt(drawn)
    assert alt(drawn).endswith("completeness error 0 (0.00%).")
    assert "dimension 0, +0.500" in alt(drawn)


def test_the_completeness_error_is_what_the_cells_miss() -> None:
    def words(score: float, baseline: float) -> str:
        drawn = attribution_map(FIRST, np.eye(2), LIGHT, method="gradient × input", score=score, baseline=baseline)
        return alt(drawn)

    assert "completeness error +0.400 (25.00%)" in words(2.0, 0.4)  # 2 against 1.6
    assert "completeness error −0.500 (20.00%)" in words(2.5, 0)
    assert words(1.0, 1.0).endswith("completeness error +2.00.")  # no share of nothing


def test_an_attribution_has_the_shape_of_its_map() -> None:
    with pytest.raises(ValueError, match="must be equal"):
        attribution_map(FIRST, np.zeros(4), LIGHT, method="x", score=0, baseline=0)
