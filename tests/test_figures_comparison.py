"""Runs side by side, by the numbers in the JSON."""

from __future__ import annotations

import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, comparison, run_colour
from tests.made_traces import THEMES
from tests.plotly_json import array, sent
from tests.wording import values_in

NAME = '<i>$x$</i> %{x} "q" \\\nsecond 🎬'
SHOWN = '&lt;i&gt;&#36;x&#36;&lt;/i&gt; &#37;{x} "q" \\<br>second 🎬'
REPORTS = {
    "base": {"HR@10": 0.5, "NDCG@10": 0.2},
    NAME: {"HR@10": 0.6, "NDCG@10": 0.15},
    "partial": {"NDCG@10": 0.2},
}


@THEMES
def test_one_row_a_metric_and_one_dot_a_run(theme: Theme) -> None:
    figure = sent(comparison.metrics(REPORTS, theme, baseline="base"))
    spans, base, named, partial = figure["data"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["HR@10", "NDCG@10"]
    assert list(array(base["x"])) == [0.5, 0.2]
    assert list(array(named["x"])) == [0.6, 0.15]
    assert list(array(named["y"])) == [0, 1]
    assert (list(array(partial["x"])), list(array(partial["y"]))) == ([0.2], [1])
    assert spans["x"] == [0.5, 0.6, None, 0.15, 0.2, None]
    assert figure["layout"]["xaxis"]["range"][0] == 0
    assert figure["layout"]["xaxis"]["range"][1] > 0.6
    assert named["marker"]["color"] == run_colour(NAME, list(REPORTS), theme)


def test_the_baseline_is_hollow_and_the_others_say_how_far_they_are_from_it() -> None:
    _, base, named, partial = sent(comparison.metrics(REPORTS, LIGHT, baseline="base"))["data"]
    assert base["marker"]["symbol"] == "diamond"
    assert base["marker"]["color"] == LIGHT.paper
    assert base["name"] == "base (baseline)"
    assert base["customdata"] == ["", ""]
    assert named["customdata"] == [
        "<br>+0.100 from the baseline (+20.0 &#37;)",
        "<br>−0.0500 from the baseline (−25.0 &#37;)",
    ]
    assert partial["customdata"] == ["<br>0 from the baseline (0 &#37;)"]


def test_without_a_baseline_nothing_is_hollow() -> None:
    figure = sent(comparison.metrics(REPORTS, LIGHT))
    assert {trace["marker"]["symbol"] for trace in figure["data"][1:]} == {"circle"}
    assert all(trace["customdata"] == [""] * len(array(trace["x"])) for trace in figure["data"][1:])
    with pytest.raises(ValueError, match="'other'"):
        comparison.metrics(REPORTS, LIGHT, baseline="other")


def test_names_from_data_are_shown_as_they_are() -> None:
    named = sent(comparison.metrics(REPORTS, DARK))["data"][2]
    assert named["name"] == SHOWN
    assert named["hovertemplate"].startswith(SHOWN)
    assert NAME in alt(comparison.metrics(REPORTS, DARK))


def test_rows_can_be_chosen_and_ordered() -> None:
    figure = sent(comparison.metrics(REPORTS, LIGHT, names=["NDCG@10"]))
    assert figure["layout"]["yaxis"]["ticktext"] == ["NDCG@10"]
    assert figure["layout"]["xaxis"]["range"][1] == pytest.approx(1.06 * 0.2)


def test_metrics_in_words() -> None:
    words = alt(comparison.metrics({"a": {"HR@10": 0.5}, "b": {"HR@10": 0.6}}, LIGHT, baseline="a"))
    assert values_in(words) == ["2", "10", "0.500", "0.600"]


def test_intervals_are_lines_through_the_dots() -> None:
    ends = {"base": {"HR@10": (0.4, 0.7)}}
    _, base, named, _ = sent(comparison.metrics(REPORTS, LIGHT, baseline="base", intervals=ends))["data"]
    assert base["error_x"]["array"] == pytest.approx([0.2, 0])
    assert base["error_x"]["arrayminus"] == pytest.approx([0.1, 0])
    assert base["customdata"] == ["<br>95&#37; 0.400 to 0.700", ""]
    assert "error_x" not in named


def test_simple_models_are_muted_signs_for_scale_and_have_no_span() -> None:
    simple = {"Popularity": {"HR@10": 0.9}, "MF-BPR": {"NDCG@10": 0.1}}
    figure = sent(comparison.metrics(REPORTS, LIGHT, baseline="base", references=simple))
    spans, first, second = figure["data"][:3]
    assert spans["x"] == [0.5, 0.6, None, 0.15, 0.2, None]
    assert (list(array(first["x"])), list(array(first["y"]))) == ([0.9], [0])
    assert (list(array(second["x"])), list(array(second["y"]))) == ([0.1], [1])
    assert first["marker"]["color"] == second["marker"]["color"] == LIGHT.muted
    assert first["marker"]["symbol"] != second["marker"]["symbol"]
    assert figure["layout"]["xaxis"]["range"][1] > 0.9
    assert "Popularity 0.900" in figure["layout"]["meta"]["alt"]
