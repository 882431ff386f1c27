"""Curves by step, and smooth ones: where points, the ring and the border stand, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from convncf.figures import LIGHT, learning
from convncf.figures.learning import steps
from tests.plotly_json import array, sent


def row(phase: str, epoch: int, ndcg: float | None, speed: float = 0.0, *, kept: bool = False) -> dict[str, Any]:
    """An epoch of 2 s, so that it has twice as many triples as `speed`."""
    return {
        "phase": phase,
        "epoch": epoch,
        "loss": None if epoch == 0 else 0.5,
        "validation": None if ndcg is None else {"NDCG@10": ndcg},
        "improved": kept,
        "seconds": 2.0,
        "validation_seconds": 1.0,
        "triples_per_second": speed,
    }


# pretraining: 2 epochs of 20 triples, the last one not validated; training: 2 epochs of 30
ROWS = [
    row("pretraining", 0, 0.01),
    row("pretraining", 1, 0.05, 10.0, kept=True),
    row("pretraining", 2, None, 10.0),
    row("training", 0, 0.06),
    row("training", 1, 0.08, 15.0, kept=True),
    row("training", 2, 0.07, 15.0),
]


def test_steps_count_on_through_the_phases_each_with_its_own_batch() -> None:
    found = learning.points(ROWS, "NDCG@10")
    # 20 triples in batches of 8 are 3 steps an epoch, also in the epoch without validation; 30 in batches of 10 are 3
    assert steps(found, {"pretraining": 8, "training": 10}) == (0, 3, 6, 9, 12)
    assert steps(found, {}) == (0, 20, 40, 70, 100), "triples, where the batches are not known"
    assert steps((), {}) == ()


def test_the_ring_and_the_border_stand_on_the_axis_of_steps() -> None:
    drawn = learning.curves(ROWS, LIGHT, "NDCG@10", "step", batches={"pretraining": 8, "training": 10})
    early, late, ring = sent(drawn)["data"]
    assert list(array(early["x"])) == [0, 3]
    assert list(array(late["x"])) == [6, 9, 12]
    assert list(array(ring["x"])) == [9]
    layout = sent(drawn)["layout"]
    assert layout["xaxis"]["title"]["text"] == "steps of training"
    assert layout["shapes"][0]["x0"] == 3, "where pretraining was last seen"
    counted = sent(learning.curves(ROWS, LIGHT, "NDCG@10", "step"))["layout"]["xaxis"]["title"]["text"]
    assert counted == "triples of training"


def test_a_smooth_curve_lies_over_its_ghost_and_the_ring_stays() -> None:
    drawn = sent(learning.smooth(learning.curves(ROWS, LIGHT, "NDCG@10"), 0.5))
    names = [trace.get("opacity") for trace in drawn["data"]]
    assert names == [0.3, None, 0.3, None, None]
    # 0.06; (0.5 · 0.06 + 0.08) / 1.5; (0.25 · 0.06 + 0.5 · 0.08 + 0.07) / 1.75
    assert list(array(drawn["data"][3]["y"])) == pytest.approx([0.06, 0.11 / 1.5, 0.125 / 1.75])
    assert list(array(drawn["data"][4]["y"])) == [0.08]
