"""The score as a sum: the bars add up to it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.figures import DARK, LIGHT, score_terms
from convncf.figures.score import carried, carriers, lead, lead_terms, lead_words, terms
from convncf.inspection import PairTrace
from tests.made_traces import pair
from tests.plotly_json import array, sent
from tests.wording import values_in


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40), st.floats(-10, 10, width=32), st.integers(1, 12)
)
def test_the_bars_add_up_to_the_score(contributions: list[float], bias: float, top: int) -> None:
    trace = pair(contributions, bias)
    bar = sent(score_terms(trace, LIGHT, top))["data"][0]
    assert math.fsum(array(bar["x"])) == pytest.approx(trace.score, rel=1e-12, abs=1e-12)


def test_the_largest_come_first_then_the_others_and_the_bias() -> None:
    trace = pair([0.1, -3, 0.2, 2, 0.3, 0.4])
    found = terms(trace, top=2)
    assert [part.label for part in found] == ["channel 1", "channel 3", "4 others", "bias"]
    assert [part.value for part in found] == pytest.approx([-3, 2, 1.0, 0.125], abs=1e-6)
    figure = sent(score_terms(trace, DARK, top=2))
    assert figure["data"][0]["marker"]["color"] == [DARK.negative, DARK.positive, DARK.positive, DARK.positive]
    assert figure["data"][0]["text"] == ["−3.00", "+2.00", "+1.00", "+0.12"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["channel 1", "channel 3", "4 others", "bias", "<b>score</b>"]
    assert figure["layout"]["annotations"][0]["text"] == "<b>0.13</b>"


def test_the_lead_is_the_difference_of_two_scores_part_by_part() -> None:
    ahead, behind = pair([1.0, -3, 2, 0.25, 0.5]), pair([1.0, -1, 0.5, 0, 0.25])
    found = lead(ahead, behind, top=2)
    assert [part.label for part in found] == ["channel 1", "channel 2", "3 others"]  # the bias is in both
    assert [part.value for part in found] == pytest.approx([-2, 1.5, 0.5], abs=1e-6)
    drawn = sent(lead_terms(ahead, behind, LIGHT, ("Fargo", "Heat"), top=2))
    assert math.fsum(array(drawn["data"][0]["x"])) == pytest.approx(ahead.score - behind.score, abs=1e-6)
    assert drawn["layout"]["yaxis"]["ticktext"][-1] == "<b>difference</b>"
    assert drawn["layout"]["meta"]["alt"].partition(": ")[2].startswith("channel 1 −2.00")


def test_what_would_be_shown_as_0_has_no_bar_of_its_own() -> None:
    # to three digits of 3.13 the hundredths are shown: 0.006 is 0.01 and 0.004 is 0
    found = terms(pair([3.13, 0.006, 0.004, 0.004, 0.004]))
    assert [part.label for part in found] == ["channel 0", "channel 1", "3 others", "bias"]


def test_a_rounded_score_is_told_from_the_parts() -> None:
    ahead, behind = pair([1.0, 2.0]), pair([1.0, 1.0])
    assert lead_words(ahead, behind) == ""
    rounded = replace(ahead, precision="bf16", score=ahead.score + 0.03125)
    assert [part.value for part in lead(rounded, replace(behind, precision="bf16"))] == pytest.approx([1, 0])
    words = lead_words(rounded, replace(behind, precision="bf16"))
    assert values_in(words)[-2:] == ["1.00", "1.03"]


def test_the_traces_of_two_models_have_no_lead() -> None:
    with pytest.raises(ValueError, match="one model"):
        lead(pair([1.0, 2.0]), pair([1.0]))


def test_one_other_is_shown_itself_and_factorisation_has_no_bias() -> None:
    assert [part.label for part in terms(pair([3, 2, 1]), top=2)] == ["channel 0", "channel 1", "channel 2", "bias"]
    assert [part.label for part in terms(pair([1, 2], bias=0, layers=False))] == ["dimension 1", "dimension 0"]


def test_channels_that_add_nothing_are_the_others() -> None:
    """As at the trace start, where all but one or two channels have an output weight of 0."""
    found = terms(pair([0, 0, 3, 0]), top=8)
    assert [(part.label, part.value) for part in found] == [("channel 2", 3), ("3 others", 0), ("bias", 0.125)]
    assert [part.label for part in terms(pair([0, 0]))] == ["2 others", "bias"]
    assert sent(score_terms(pair([0, 0, 3, 0]), LIGHT))["data"][0]["text"][1] == "0"


@pytest.mark.parametrize(("contributions", "anchor"), [([3, 1], "left"), ([-3, -1], "right"), ([-3, 1], "right")])
def test_the_total_stands_where_there_is_room_for_it(contributions: list[float], anchor: str) -> None:
    """Beside zero, on the side that the bars reach into: on the other there may be none."""
    figure = sent(score_terms(pair(contributions, bias=0), LIGHT))
    (total,) = figure["layout"]["annotations"]
    assert (total["x"], total["xanchor"]) == (0, anchor)
    low, high = figure["layout"]["xaxis"]["range"]
    assert (high if anchor == "left" else -low) > 1


def began(weights: list[float], score_is_product: bool = True) -> PairTrace:
    """A network's start with these output weights; p·q is 2, and the channels give it, or 1 more."""
    given = pair(np.zeros(len(weights)), bias=0, size=2)
    total = 2.0 if score_is_product else 3.0
    first = next((place for place, weight in enumerate(weights) if weight), 0)
    contributions = np.array([total * (place == first) for place in range(len(weights))], np.float32)
    return replace(
        given,
        p=np.array([1, 1], np.float32),
        q=np.array([3, -1], np.float32),
        weights=np.array(weights, np.float32),
        contributions=contributions,
        score=total,
    )


def test_what_carried_the_dot_product_is_read_from_the_weights() -> None:
    assert carriers(began([1, -1, 0, 0])) == (0, 1)
    assert carriers(began([0, 0, 1, -1])) == (2, 3), "whichever channels they are"
    assert carriers(began([1, -1, 0, 0], score_is_product=False)) == (), "it began as something else"
    assert carriers(pair([1, 2], bias=0, layers=False)) == ()


def test_what_they_add_by_now_stands_beside_the_dot_product() -> None:
    start = began([0, 1, -1])
    now = replace(start, contributions=np.array([0.5, 2, -0.25], np.float32), score=2.25)
    assert values_in(carried(now, start)) == ["1", "2", "1.75", "2.00"]
    assert carried(now, began([1, -1, 0], score_is_product=False)) == ""
