"""Pictures of Learn: what they draw is what they were given, in both themes, and their words say it."""

from __future__ import annotations

import numpy as np
import pytest

from convncf.figures import LIGHT, Theme, alt, lesson
from convncf.figures.lesson import bpr_steps as draw_steps
from convncf.figures.score import waterfall
from convncf.figures.theme import number
from convncf.inspection.bpr_step import BprSteps, Triple
from convncf.inspection.cells import CellArithmetic
from convncf.inspection.sums import Window, running_dot, score_sum
from tests.made_traces import THEMES, pair
from tests.plotly_json import array, sent


@THEMES
def test_the_running_sum_is_drawn_up_to_the_framed_dimension(theme: Theme) -> None:
    trace = pair(size=6)
    sums = running_dot(trace).sums
    figure = sent(lesson.running_dot(trace, sums, 3, theme))
    p, q, product, running = (array(bars["y"]) for bars in figure["data"])
    assert np.array_equal(p, trace.p)
    assert np.array_equal(q, trace.q)
    assert np.array_equal(product, np.diagonal(trace.map))
    assert np.array_equal(running[:4], sums[:4])
    assert np.isnan(running[4:]).all()
    assert array(figure["data"][0]["marker"]["opacity"]).tolist() == pytest.approx([1, 1, 1, 1, 0.3, 0.3])
    assert [figure["layout"]["shapes"][0][side] for side in ("x0", "x1")] == [2.5, 3.5]
    assert f"there is {number(float(sums[3]))}" in figure["layout"]["meta"]["alt"]


@pytest.mark.parametrize("dimension", [-1, 6])
def test_a_dimension_that_is_not_there_is_refused(dimension: int) -> None:
    trace = pair(size=6)
    with pytest.raises(IndexError, match=f"dimension {dimension} .* 6"):
        lesson.running_dot(trace, running_dot(trace).sums, dimension, LIGHT)


@THEMES
def test_the_maps_row_and_diagonal(theme: Theme) -> None:
    figure = sent(lesson.map_row(pair(size=6), 4, theme))
    *frames, diagonal = figure["layout"]["shapes"]
    assert {(frame["x0"], frame["x1"], frame["y0"], frame["y1"]) for frame in frames} == {(-0.5, 5.5, 3.5, 4.5)}
    assert [diagonal[end] for end in ("x0", "y0", "x1", "y1")] == [-0.5, -0.5, 5.5, 5.5]
    assert figure["layout"]["meta"]["alt"].endswith("Row 4 is framed.")


@THEMES
def test_the_windows_squares_are_patch_filter_and_products(theme: Theme) -> None:
    two = np.array([[1, 2], [3, 4]], np.float32)
    ones = np.ones(2, np.float32)
    at = CellArithmetic(3, 1, 2, slice(2, 4), slice(4, 6), ones, ones, two * 10, 300.0, -1.0, 299.0, 299.0)
    figure = sent(lesson.filter_window(Window(at, two, two * two * 10), theme))
    assert [array(square["z"]).tolist() for square in figure["data"]] == [
        [[1, 2], [3, 4]],
        [[10, 20], [30, 40]],
        [[10, 40], [90, 160]],
    ]
    assert [square["zmax"] for square in figure["data"]] == [4, 40, 160]
    words = figure["layout"]["meta"]["alt"]
    assert ("rows 2 to 3" in words, "columns 4 to 5" in words) == (True, True)
    assert ("to 300, " in words, "−1.00 to 299" in words) == (True, True)


@THEMES
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_waterfall_ends_at_the_score(theme: Theme, count: int) -> None:
    trace = pair([1.5, -0.25, 0.5], bias=0.125)
    figure = sent(waterfall(score_sum(trace), count, theme))
    bars = figure["data"][0]
    starts, steps = array(bars["base"]), array(bars["x"])
    assert starts[0] == 0
    assert starts[1:] == pytest.approx(starts[:-1] + steps[:-1])
    assert starts[-1] + steps[-1] == pytest.approx(trace.score)
    labels = ["bias", "channel 0", "channel 2", "channel 1"][: count + 1]
    rest = {0: ["3 others"], 1: ["2 others"], 3: []}[count]
    assert figure["layout"]["yaxis"]["ticktext"] == labels + rest
    sums = {0: "0.125", 1: "1.62", 3: "1.88"}[count]
    assert f"of 3 terms come to {sums}" in figure["layout"]["meta"]["alt"]


def test_more_terms_than_there_are_is_refused() -> None:
    with pytest.raises(IndexError, match="has 3"):
        waterfall(score_sum(pair()), 4, LIGHT)


def steps(loss: float = 0.3) -> BprSteps:
    """Two steps, with the positive at 1, 2, 3 and the negative at 0.5, 0, -0.5."""
    positive, negative = np.array([1, 2, 3], np.float32), np.array([0.5, 0, -0.5], np.float32)
    falling = np.array([0.5, 0.4, loss], np.float32)
    return BprSteps(Triple(0, 1, 2), 1.0, positive, negative, positive - negative, falling, falling,
                    np.ones((3, 3), np.float32), diverged=False)  # fmt: skip


@THEMES
def test_scores_and_loss_are_drawn_up_to_the_step(theme: Theme) -> None:
    figure = sent(draw_steps(steps(), 1, ("Heat <b>", "Alien"), theme))
    assert [array(line["y"]).tolist() for line in figure["data"]] == [
        [1, 2],
        [0.5, 0],
        pytest.approx([0.5, 0.4]),
    ]
    assert [note["text"] for note in figure["layout"]["annotations"]] == [
        "Heat &lt;b&gt; 2.00",
        "Alien 0",
        "loss 0.400",
        "ln 2",
    ]
    words = alt(draw_steps(steps(), 1, ("Heat <b>", "Alien"), theme))
    assert ("1 of 2 steps" in words, "Heat <b> scores 2.00, Alien 0" in words) == (True, True)
    assert "0.500 to 2.00" in words
    full = sent(draw_steps(steps(), 2, ("a", "b"), theme))["layout"]
    for axis in ("xaxis", "yaxis", "yaxis2"):
        assert figure["layout"][axis]["range"] == full[axis]["range"], "a step more moves no axis"


def test_a_loss_of_zero_has_a_place_on_the_logarithmic_axis() -> None:
    figure = sent(draw_steps(steps(loss=0.0), 2, ("a", "b"), LIGHT))
    assert array(figure["data"][2]["y"])[-1] > 0
    assert np.isfinite(figure["layout"]["yaxis2"]["range"]).all()


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (-1.2, 0.0, ["0.1", "0.2", "0.5", "1"]),
        (-0.4, -0.1, ["0.5"]),
        (-4.2, 0.1, ["0.0001", "0.001", "0.01", "0.1", "1"]),
        (-12.0, 0.0, ["1e-12", "1e-09", "1e-06", "0.001", "1"]),
    ],
)
def test_a_loss_axis_has_ticks_of_one_size(low: float, high: float, shown: list[str]) -> None:
    assert lesson._round_ticks(low, high)["ticktext"] == shown


def test_a_step_that_was_not_taken_is_refused() -> None:
    with pytest.raises(IndexError, match="step 3"):
        draw_steps(steps(), 3, ("a", "b"), LIGHT)
