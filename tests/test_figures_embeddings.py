"""The space of embeddings: every point where it is, told apart by more than its colour, names as they are."""

from __future__ import annotations

import numpy as np
import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, embeddings
from tests.made_traces import THEMES
from tests.plotly_json import array, is_binary, sent

XY = np.array([[0.0, 1.0], [2.0, -1.0], [-2.0, 0.5]], np.float32)
NAME = "<i>AT&T</i> $5"
SHOWN = "&lt;i&gt;AT&amp;T&lt;/i&gt; &#36;5"
NAMES = ["Heat", NAME, "Fargo"]
INDEX = np.array([7, 3, 9])


@THEMES
def test_points_by_count_grow_with_it(theme: Theme) -> None:
    counts = np.array([0, 9, 99])
    figure = sent(embeddings.embeddings(XY, NAMES, theme, index=INDEX, explained=(0.5, 0.25), counts=counts))
    (dots,) = figure["data"]
    assert is_binary(dots["x"])
    assert (array(dots["x"]).tolist(), array(dots["y"]).tolist()) == ([0, 2, -2], [1, -1, 0.5])
    assert array(dots["customdata"]).tolist() == [7, 3, 9]
    np.testing.assert_allclose(array(dots["marker"]["color"]), [0, 1, 2], atol=1e-6)
    np.testing.assert_allclose(array(dots["marker"]["size"]), [5, 9, 13], atol=1e-5)
    assert dots["marker"]["colorbar"]["ticktext"] == ["0", "1", "10"]
    assert dots["text"] == ["Heat", SHOWN, "Fargo"]
    assert dots["hovertext"] == ["0 interactions", "9 interactions", "99 interactions"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "first component, 50%"
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
    words = (
        "3 items on a plane that holds 75% of their variance, 50% along x and 25% along y, coloured by interactions, 0"
    )
    assert words in figure["layout"]["meta"]["alt"]


@THEMES
def test_categories_have_a_colour_and_a_sign_of_their_own(theme: Theme) -> None:
    figure = sent(
        embeddings.embeddings(XY, NAMES, theme, index=INDEX, explained=(0.5, 0.2), categories=["War", NAME, "War"])
    )
    war, other = figure["data"]
    assert (war["name"], other["name"]) == ("War (2)", f"{SHOWN} (1)")
    assert (array(war["customdata"]).tolist(), array(other["customdata"]).tolist()) == ([7, 9], [3])
    assert war["marker"]["color"] != other["marker"]["color"]
    assert war["marker"]["symbol"] != other["marker"]["symbol"]
    assert figure["layout"]["showlegend"] is True


def test_what_is_selected_is_ringed_and_named() -> None:
    drawn = embeddings.embeddings(XY, NAMES, LIGHT, index=INDEX, explained=(0.5, 0.2), selected=3)
    ring = sent(drawn)["data"][-1]
    assert (array(ring["x"]).tolist(), array(ring["y"]).tolist(), ring["text"]) == ([2], [-1], [SHOWN])
    assert ring["marker"]["color"] == LIGHT.accent
    assert alt(drawn).endswith(f"{NAME} is at (2.00, −1.00).")
    elsewhere = embeddings.embeddings(XY, NAMES, LIGHT, index=INDEX, explained=(0.5, 0.2), selected=4)
    assert len(sent(elsewhere)["data"]) == 1, "it is not among the points shown"


def test_points_without_their_values_are_refused() -> None:
    with pytest.raises(ValueError, match="'names': 2"):
        embeddings.embeddings(XY, NAMES[:2], LIGHT, index=INDEX, explained=(1, 0))
    with pytest.raises(ValueError, match="by categories"):
        embeddings.embeddings(XY, NAMES, LIGHT, index=INDEX, explained=(1, 0), counts=INDEX, categories=NAMES)


@THEMES
def test_neighbours_are_bars_nearest_first(theme: Theme) -> None:
    similarity = np.array([0.75, 0.5, -0.25])
    drawn = embeddings.neighbours(NAMES, similarity, theme, item="Alien", measure="cosine of embeddings")
    figure = sent(drawn)
    (bars,) = figure["data"]
    assert array(bars["x"]).tolist() == [0.75, 0.5, -0.25]
    assert bars["text"] == ["0.750", "0.500", "−0.250"]
    assert bars["marker"]["color"] == [theme.positive, theme.positive, theme.negative]
    assert figure["layout"]["yaxis"]["ticktext"] == ["Heat", SHOWN, "Fargo"]
    assert figure["layout"]["yaxis"]["range"] == [2.5, -0.5]
    assert f": Heat 0.750; {NAME} 0.500" in alt(drawn)


def test_users_of_both_stand_beside_and_nobody_is_said() -> None:
    drawn = embeddings.neighbours(["Heat"], np.array([0.5]), DARK, item="Alien", measure="m", together=np.array([1]))
    assert sent(drawn)["data"][0]["text"] == ["0.500 · 1 user"]
    nobody = embeddings.neighbours([], np.zeros(0), DARK, item="Alien", measure="m", together=np.zeros(0, int))
    assert "in common" in sent(nobody)["layout"]["annotations"][0]["text"]
    assert alt(nobody).endswith(": none.")
