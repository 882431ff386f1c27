"""Curves over epochs and time, by the numbers in their JSON."""

from __future__ import annotations

from typing import Any

import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, learning, run_colour
from convncf.figures.learning import phase_ticks
from convncf.training import EpochRecord
from tests.made_traces import THEMES
from tests.plotly_json import array, sent
from tests.wording import values_in

NAME = '<b>$x$</b> %{x} "q" \\'


def row(
    phase: str, epoch: int, ndcg: float | None, *, improved: bool = True, loss: float | None = None
) -> dict[str, Any]:
    return {
        "phase": phase,
        "epoch": epoch,
        "loss": loss,
        "validation": None if ndcg is None else {"NDCG@10": ndcg},
        "validation_users": 10,
        "improved": improved,
        "seconds": 2.0,
        "validation_seconds": 1.0,
        "triples_per_second": None,
        "time": "2024-01-01T00:00:00Z",
    }


PRETRAINED = [
    row("pretraining", 0, 0.01),
    row("pretraining", 1, 0.05, loss=0.7),
    row("pretraining", 2, None, improved=False, loss=0.6),
    row("training", 0, 0.06),
    row("training", 1, 0.08, loss=0.5),
    row("training", 2, 0.07, improved=False, loss=0.4),
]


def test_points_count_on_through_the_phases() -> None:
    found = learning.points(PRETRAINED, "NDCG@10")
    assert [(point.phase, point.epoch, point.step) for point in found] == [
        ("pretraining", 0, 0),
        ("pretraining", 1, 1),
        ("training", 0, 2),
        ("training", 1, 3),
        ("training", 2, 4),
    ]
    assert [point.seconds for point in found] == [3, 6, 12, 15, 18]  # the epoch without validation took its time too
    assert [point.kept for point in found] == [False, True, False, True, False]


def test_a_point_stays_where_it_was_when_epochs_come() -> None:
    for count in range(1, len(PRETRAINED)):
        fewer, all_of_them = learning.points(PRETRAINED[:count], "loss"), learning.points(PRETRAINED, "loss")
        assert [(p.step, p.seconds, p.value) for p in fewer] == [
            (p.step, p.seconds, p.value) for p in all_of_them[: len(fewer)]
        ]


def test_records_and_their_json_draw_the_same() -> None:
    records = [EpochRecord.from_json(each) for each in PRETRAINED]
    assert sent(learning.curves(records, LIGHT, "NDCG@10")) == sent(learning.curves(PRETRAINED, LIGHT, "NDCG@10"))


@THEMES
def test_pretraining_is_told_from_training(theme: Theme) -> None:
    figure = sent(learning.curves(PRETRAINED, theme))
    early, late = figure["data"]
    assert (early["name"], late["name"]) == ("pretraining", "training")
    assert list(array(early["x"])) == [1, 2]
    assert list(array(late["x"])) == [3, 4]
    assert list(array(late["y"])) == [0.5, 0.4]
    assert (early["line"]["color"], early["line"]["dash"]) == (theme.muted, "dot")
    assert (late["line"]["color"], late["line"]["dash"]) == (theme.accent, "solid")
    assert figure["layout"]["shapes"][0]["x0"] == 2  # where training's epoch 0 is
    assert {note["text"] for note in figure["layout"]["annotations"]} == {"pretraining", "training"}


def test_a_run_has_its_own_colour_and_its_pretraining_none() -> None:
    drawn = sent(learning.curves(PRETRAINED, LIGHT, "NDCG@10", colour="#123456"))["data"]
    assert [line["line"]["color"] for line in drawn if line["mode"] != "markers"] == [LIGHT.muted, "#123456"]


def test_ticks_count_each_phases_own_epochs() -> None:
    axis = sent(learning.curves(PRETRAINED, LIGHT, "NDCG@10"))["layout"]["xaxis"]
    assert dict(zip(axis["tickvals"], axis["ticktext"], strict=True)) == {0: "0", 1: "1", 2: "0", 3: "1", 4: "2"}


def test_no_two_ticks_touch_where_phases_meet() -> None:
    found = [("pretraining", epoch, epoch) for epoch in range(36)] + [
        ("training", epoch, 36 + epoch) for epoch in range(9)
    ]
    ticks = phase_ticks(found)
    assert dict(zip(ticks["tickvals"], ticks["ticktext"], strict=True)) == {
        **{place: str(place) for place in range(0, 35, 5)},
        36: "0",
        41: "5",
    }


@pytest.mark.parametrize(("epochs", "step"), [(2, 1), (12, 1), (13, 2), (100, 10), (5000, 500), (50000, 50000)])
def test_ticks_are_whole_epochs(epochs: int, step: int) -> None:
    rows = [row("training", 0, 0.1), row("training", epochs, 0.2)]
    for figure in (learning.curves(rows, LIGHT, "NDCG@10"), learning.validation({"run": rows}, LIGHT)):
        axis = sent(figure)["layout"]["xaxis"]
        assert (axis["tickmode"], axis["tick0"], axis["dtick"]) == ("linear", 0, step)


def test_the_kept_epoch_is_ringed_on_validation_curves_alone() -> None:
    figure = sent(learning.curves(PRETRAINED, LIGHT, "NDCG@10"))
    ring = figure["data"][2]
    assert (list(array(ring["x"])), list(array(ring["y"]))) == ([3], [0.08])
    assert "kept: epoch 1, 0.0800" in [note["text"] for note in figure["layout"]["annotations"]]
    assert len(sent(learning.curves(PRETRAINED, LIGHT, "loss"))["data"]) == 2


@pytest.mark.parametrize(
    ("seconds", "unit", "last"), [(2.0, "seconds", 18), (100.0, "minutes", 10.1), (7199.0, "hours", 12)]
)
def test_time_is_in_a_unit_that_suits_it(seconds: float, unit: str, last: float) -> None:
    rows = [each | {"seconds": seconds} for each in PRETRAINED]
    figure = sent(learning.curves(rows, LIGHT, x="time"))
    assert figure["layout"]["xaxis"]["title"]["text"] == f"{unit} of training and validation"
    assert array(figure["data"][1]["x"])[-1] == pytest.approx(last)


def test_no_epoch_yet_is_said() -> None:
    for rows in ([], [row("training", 0, None)]):
        figure = sent(learning.curves(rows, LIGHT))
        assert figure["data"] == []
        assert figure["layout"]["annotations"][0]["text"].startswith("no epoch")


def test_a_loss_that_is_not_finite_is_left_out() -> None:
    assert learning.points([row("training", 1, float("nan"), loss=float("inf"))], "loss") == ()
    assert learning.points([row("training", 1, float("nan"))], "NDCG@10") == ()


def test_zoom_survives_new_epochs_and_not_another_axis() -> None:
    def revision(rows: list[dict[str, Any]], **asked: Any) -> str:
        return str(sent(learning.curves(rows, LIGHT, **asked))["layout"]["uirevision"])

    assert revision(PRETRAINED) == revision(PRETRAINED[:3])
    assert len({revision(PRETRAINED), revision(PRETRAINED, x="time"), revision(PRETRAINED, metric="NDCG@10")}) == 3


@THEMES
def test_each_run_keeps_its_colour_and_its_name(theme: Theme) -> None:
    order = ["gone", "first", NAME]
    figure = sent(learning.validation({NAME: PRETRAINED, "first": PRETRAINED}, theme, order=order))
    named, first = figure["data"]
    assert named["line"]["color"] == run_colour(NAME, order, theme)
    assert first["line"]["color"] == run_colour("first", order, theme)
    assert named["name"] == '&lt;b&gt;&#36;x&#36;&lt;/b&gt; &#37;{x} "q" \\'
    assert named["hovertemplate"].startswith(named["name"])
    assert figure["layout"]["showlegend"] is True
    assert NAME in alt(learning.validation({NAME: PRETRAINED}, theme))


def test_by_epoch_runs_start_together_and_by_time_pretraining_counts() -> None:
    plain = [row("training", 0, 0.02), row("training", 1, 0.03)]
    runs = {"with": PRETRAINED, "without": plain}
    by_epoch = sent(learning.validation(runs, LIGHT))["data"]
    assert [list(array(line["x"])) for line in by_epoch] == [[0, 1, 2], [0, 1]]
    by_time = sent(learning.validation(runs, LIGHT, x="time"))["data"]
    assert [list(array(line["x"])) for line in by_time] == [[3, 6, 12, 15, 18], [3, 6]]


def test_a_run_without_epochs_is_named() -> None:
    figure = sent(learning.validation({"a": PRETRAINED, "still <pretraining>": PRETRAINED[:2]}, DARK))
    assert figure["layout"]["annotations"][0]["text"].endswith(": still &lt;pretraining&gt;")


def test_curves_in_words() -> None:
    words = alt(learning.curves(PRETRAINED, LIGHT, "NDCG@10"))
    assert values_in(words) == ["10", "5", "0.0700", "2", "0.0800", "1"]


@pytest.mark.parametrize("epochs", [1, 2])
def test_the_first_epochs_have_whole_numbers_on_their_axis_and_nothing_before_0(epochs: int) -> None:
    records = [row("training", epoch, 0.1) for epoch in range(epochs)]
    for figure in (learning.curves(records, LIGHT, "NDCG@10"), learning.validation({"a": records}, LIGHT)):
        looks = sent(figure)["layout"]["xaxis"]
        assert (looks["tickmode"], looks["tick0"], looks["dtick"]) == ("linear", 0, 1)
        assert looks["range"][0] > -1
        assert 1 < looks["range"][1] < 2


UNVALIDATED = [row("training", 0, None), row("training", 1, None, loss=0.5), row("training", 2, None, loss=0.4)]
"""A run on all interactions: each epoch is taken, and none is measured."""


def test_a_run_without_validation_has_its_loss_and_says_why_there_is_no_more() -> None:
    assert learning.unvalidated(UNVALIDATED)
    assert not learning.unvalidated([])
    assert not learning.unvalidated([*UNVALIDATED, row("training", 3, 0.1)])
    assert list(array(sent(learning.curves(UNVALIDATED, LIGHT))["data"][0]["y"])) == [0.5, 0.4]
    figure = sent(learning.curves(UNVALIDATED, LIGHT, "NDCG@10"))
    assert figure["layout"]["annotations"][0]["text"] == "nothing was validated"


def test_each_run_without_a_curve_is_named_with_its_reason() -> None:
    runs = {"a": PRETRAINED, "waits": PRETRAINED[:2], "refit": UNVALIDATED}
    said = sent(learning.validation(runs, LIGHT))["layout"]["annotations"][0]["text"]
    assert [line.split(": ")[1] for line in said.split("<br>")] == ["waits", "refit"]
    alone = sent(learning.validation({"refit": UNVALIDATED}, LIGHT))["layout"]["annotations"][0]["text"]
    assert alone.endswith("validated: refit")
    assert not sent(learning.validation({"refit": UNVALIDATED}, LIGHT, "loss"))["layout"].get("annotations")
