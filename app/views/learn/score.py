"""Learn, step 5: the last feature maps are weighted and summed to one number, the score."""

from __future__ import annotations

import streamlit as st

from app.ui import address, plots
from app.ui.pair import Pair
from app.ui.text import plain
from app.views.learn.question import Question, ask, slider
from convncf.figures.score import READ_WATERFALL, waterfall
from convncf.figures.theme import number, plural
from convncf.inspection import PairTrace
from convncf.inspection.sums import running_dot, score_sum


def question(trace: PairTrace) -> Question:
    """How many terms make the score, nearly?"""
    terms = score_sum(trace)
    few, several = 2, 8
    return Question(
        f"The score has {len(terms.values)} terms and a bias. Added from the largest on, how many terms does it take "
        "until the sum is within a tenth of the score, and stays there?",
        {"few": f"at most {few}", "some": f"{few + 1} to {several}", "many": f"more than {several}"},
        "few" if terms.n_terms_needed <= few else "some" if terms.n_terms_needed <= several else "many",
        f"It takes {plural(terms.n_terms_needed, 'term')}; {terms.n_nonzero} of {len(terms.values)} are not 0.",
    )


def show(pair: Pair, start: str) -> None:
    """The question, the slider over terms, the waterfall; `start` says how this network started, as plain text."""
    trace = pair.trace()
    terms = score_sum(trace)
    side = trace.layers[-1].shape[1]
    number_now = "is one number by now" if side == 1 else f"is added up over its {side}×{side} map to one number"
    st.markdown(
        f"Each of the last layer's {len(terms.values)} channels {number_now}. Each is multiplied by a weight that was "
        "learned, and all are added up with a bias. That sum is the *score*. It only orders the items of this "
        "user: it is neither a probability nor a rating."
    )
    ask(question(trace))
    count = slider("Add up the largest terms", "terms", 0, 0, len(terms.values))
    st.markdown(
        f"Bias and {plural(count, 'term')}: **{number(float(terms.sums[count]))}**. The others still add "
        f"{number(terms.remainder(count))}. Score: **{number(terms.score)}**."
    )
    with st.container(width=720):
        plots.show(waterfall(terms, count, address.theme()), key="learn:waterfall")
    st.caption(f"{READ_WATERFALL} {plain(trace.words)}")
    st.markdown(
        f"{plain(start)} The plain dot product of the same two embeddings is {number(running_dot(trace).product)}; the "
        f"network scores the pair {number(terms.score)}."
    )
