"""What if and over training: the numbers before and after, and better is up or to the right."""

from __future__ import annotations

import pytest

from convncf.figures import DARK, LIGHT, Theme, alt, change
from tests.made_traces import THEMES
from tests.plotly_json import array, sent
from tests.wording import values_in

LABELS = ["pretraining", "start", "epoch 1", "epoch 5", "epoch 20"]
EPOCHS = [None, 0, 1, 5, 20]
SCORES = [1.0, 1.5, 2.0, 3.0, 2.5]
RANKS = [100, 80, 10, 2, 3]


def over(theme: Theme = LIGHT, chosen: int = 3) -> dict[str, object]:
    return sent(change.over_training(LABELS, EPOCHS, SCORES, RANKS, theme, chosen=chosen, candidates=8911))


@THEMES
def test_what_if_shows_score_and_rank_before_and_after(theme: Theme) -> None:
    figure = sent(change.counterfactual((2.31, 1.07), (4, 212), 8911, theme))
    score, rank = figure["data"]
    assert (score["x"], rank["x"]) == ([2.31, 1.07], [4, 212])
    assert [text.strip() for text in score["text"] + rank["text"]] == ["2.31", "1.07", "4", "212"]
    for row in (score, rank):
        assert row["marker"]["color"] == [theme.paper, theme.negative], "hollow, then filled"
        assert row["textposition"] == ["middle right", "middle left"], "outside of the line"
    left, right = figure["layout"]["xaxis2"]["range"]
    assert left > right, "rank 1 is on the right"
    words = alt(change.counterfactual((2.31, 1.07), (4, 212), 8911, theme, what="dimension 3 zeroed"))
    assert values_in(words.partition("dimension 3 zeroed")[2]) == ["2.31", "1.07", "4", "212", "8,911"]


def test_better_and_worse_are_told_apart_for_each() -> None:
    score, rank = sent(change.counterfactual((1.0, 2.0), (4, 9), 50, DARK))["data"]
    assert score["line"]["color"] == DARK.positive
    assert rank["line"]["color"] == DARK.negative
    assert score["textposition"] == ["middle left", "middle right"]


def test_what_did_not_move_says_so_and_the_rank_may_follow() -> None:
    figure = sent(change.counterfactual((1.07, 1.07), None, 8911, LIGHT))
    (score,) = figure["data"]
    assert [text.strip() for text in score["text"]] == ["", "1.07, unchanged"]
    assert score["line"]["color"] == LIGHT.muted
    assert "not computed" in figure["layout"]["meta"]["alt"]
    full = sent(change.counterfactual((1.0, 2.0), (1, 1), 1, LIGHT))
    assert full["layout"]["height"] == figure["layout"]["height"], "nothing jumps when the rank comes"


@THEMES
def test_over_training_draws_every_moment_at_its_epoch(theme: Theme) -> None:
    figure = sent(change.over_training(LABELS, EPOCHS, SCORES, RANKS, theme, chosen=3, candidates=8911))
    scores, score_ring, ranks, rank_ring = figure["data"]
    assert array(scores["x"]).tolist() == array(ranks["x"]).tolist() == [-1.6, 0, 1, 5, 20]
    assert (scores["y"], ranks["y"]) == (SCORES, RANKS)
    assert [(ring["x"], ring["y"]) for ring in (score_ring, rank_ring)] == [([5], [3.0]), ([5], [2])]
    assert score_ring["marker"]["color"] == theme.accent
    assert figure["layout"]["xaxis"]["ticktext"] == ["pretraining", "start", "1", "5", "20"]
    low, high = figure["layout"]["yaxis2"]["range"]
    assert low > high, "rank 1 is at the top"
    assert figure["layout"]["annotations"][0]["text"] == "3.00, rank 2"
    words = figure["layout"]["meta"]["alt"]
    assert "rank 100 → 3 of 8,911, best rank 2" in words


def test_many_moments_have_some_ticks_and_keep_the_start() -> None:
    n = 60
    labels = ["start"] + [f"epoch {epoch}" for epoch in range(1, n)]
    figure = sent(change.over_training(labels, list(range(n)), [1.0] * n, [1] * n, LIGHT, chosen=0, candidates=5))
    assert figure["layout"]["xaxis"]["ticktext"] == ["start", *(str(epoch) for epoch in range(6, n, 6))]


def test_labels_are_text() -> None:
    drawn = change.over_training(["<b>x</b>", "y"], [1, 2], [1, 2], [1, 2], LIGHT, chosen=0, candidates=5)
    assert sent(drawn)["data"][0]["customdata"][0] == "&lt;b&gt;x&lt;/b&gt;"


def test_light_and_dark_differ() -> None:
    assert over(LIGHT) != over(DARK)


def test_moments_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="'scores': 1"):
        change.over_training(["a", "b"], [0, 1], [1.0], [1, 2], LIGHT, chosen=0, candidates=5)
    with pytest.raises(IndexError, match="checkpoint 2"):
        change.over_training(["a", "b"], [0, 1], [1.0, 2.0], [1, 2], LIGHT, chosen=2, candidates=5)
