"""Points of a curve: smoothing with known answers, and steps from what was written."""

from __future__ import annotations

from typing import Any

import pytest

from convncf.figures import LIGHT, learning
from convncf.figures.learning import points, smoothed
from tests.plotly_json import array, sent


def row(epoch: int, value: float, triples: int = 1000, seconds: float = 3.0, phase: str = "training") -> dict[str, Any]:
    return {
        "phase": phase,
        "epoch": epoch,
        "loss": None if epoch == 0 else 0.5,
        "validation": {"NDCG@10": value},
        "improved": True,
        "seconds": 0.0 if epoch == 0 else seconds,
        "validation_seconds": 1.0,
        "triples_per_second": None if epoch == 0 else triples / seconds,
    }


def test_smoothing_has_known_answers() -> None:
    assert smoothed([1.0, 3.0], 0.5) == pytest.approx((1.0, (0.5 * 1 + 3) / 1.5))
    assert smoothed([2.0] * 5, 0.9) == pytest.approx((2.0,) * 5)
    assert smoothed([1.0, 7.0, 2.0], 0) == (1.0, 7.0, 2.0)
    assert smoothed([], 0.9) == ()


@pytest.mark.parametrize("weight", [-0.1, 1.0, 2.0])
def test_a_weight_beyond_its_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=str(weight)):
        smoothed([1.0], weight)


def test_the_triples_of_an_epoch_are_whole_again() -> None:
    found = points([row(0, 0.1), row(1, 0.2, triples=80_808, seconds=7.003)], "NDCG@10")
    assert [point.triples for point in found] == [0, 80_808]


def test_by_step_an_epoch_has_as_many_steps_as_it_needs_batches() -> None:
    records = {"a": [row(0, 0.1), row(1, 0.2), row(2, 0.3)], "b": [row(0, 0.1), row(1, 0.4)]}
    figure = sent(learning.validation(records, LIGHT, x="step", batches={"a": 300, "b": 1000}))
    assert [list(array(trace["x"])) for trace in figure["data"]] == [[0, 4, 8], [0, 1]]
    with pytest.raises(ValueError, match="batch size"):
        learning.validation(records, LIGHT, x="step", batches={"a": 300})


def test_a_smooth_curve_lies_over_a_ghost_of_its_own_values() -> None:
    records = {"a": [row(0, 0.1), row(1, 0.3), row(2, 0.2)]}
    ghost, smooth = sent(learning.smooth(learning.validation(records, LIGHT), 0.5))["data"]
    assert list(array(ghost["y"])) == [0.1, 0.3, 0.2]
    assert list(array(smooth["y"])) == pytest.approx(smoothed([0.1, 0.3, 0.2], 0.5))
    assert (ghost["opacity"] < 1, ghost["showlegend"]) == (True, False)
    assert ghost["legendgroup"] == smooth["legendgroup"]  # hidden and shown together
    assert smooth["hoverinfo"] == "skip", "the ghost says what was measured"
