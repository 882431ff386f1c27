"""Learn, step 6: how training changes the embeddings, one BPR step after another, on copies of this run's."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui import address, plots, widgets
from app.ui.cache import Model
from app.ui.pair import Pair
from app.ui.text import plain
from app.views.learn.question import Question, ask, slider, steps_of, triple_of, whole
from convncf.figures.lesson import READ_BPR_STEPS, bpr_steps
from convncf.figures.theme import number, plural
from convncf.inspection.bpr_step import BprSteps

RATES: Final = ("0.1", "0.3", "1", "3", "10")
"""Step sizes to choose from; training takes many more and smaller steps."""
_DEFAULT: Final = "1"


def question(steps: BprSteps) -> Question:
    """Does the margin grow?"""
    before, after = float(steps.margin[0]), float(steps.margin[min(1, steps.n_steps)])
    return Question(
        f"One step is taken against the gradient, at step size {steps.rate:g}. What does the margin do, the score of i "
        "less that of j?",
        {"grows": "it grows", "stays": "it stays the same", "shrinks": "it shrinks"},
        "grows" if after > before else "shrinks" if after < before else "stays",
        f"Before the step it is {number(before, 4)}, after it {number(after, 4)}. A step that is short enough always "
        "lowers the loss, so the margin grows; one that is too long may go past its aim, and where the gradient is 0 "
        "nothing moves.",
    )


def show(pair: Pair) -> None:
    """The question, the sliders over steps and step sizes, the two scores and the loss."""
    model, view = pair.model(), pair.view()
    st.markdown(  # in braces, a formula stays on one line
        "How did the embeddings get their numbers? Training takes a user, an item *i* that the user has, and an item "
        "*j* sampled from those without an interaction of the user, so that i should score above j. The *BPR loss* is "
        r"${-\ln \sigma(s_i - s_j)}$ with ${\sigma(x) = 1 / (1 + e^{-x})}$: large while j is ahead, small once i leads "
        "well. A step moves the numbers a little against the gradient of the loss."
    )
    draw = whole("draw", 0, 0, 10**9 - 1)
    triple = triple_of(model, view.user, view.item, draw)
    rate = _rate()
    steps = steps_of(model, triple, float(rate))
    address.choose(rate=rate, draw=str(draw))
    ask(question(steps))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=420):
            step = slider("Steps taken", "taken", 0, 0, steps.n_steps)
        _rate_picker(rate)
        st.button("Sample another j", key="learn:draw", on_click=_sample, args=(draw + 1,))
    i, j = model.item_label(triple.positive), model.item_label(triple.negative)
    note = "" if triple.positive == view.item else _other_positive(model, view.item)
    st.markdown(f"i = **{plain(i)}**, j = **{plain(j)}** (sampled). {plain(note)}")
    with st.container(width=720):
        plots.show(bpr_steps(steps, step, (f"i: {i}", f"j: {j}"), address.theme()), key="learn:bpr")
    _numbers(steps, step)
    st.caption(
        f"{READ_BPR_STEPS} Only copies of three embeddings move here: p of the user, q of i and q of j. In training "
        "the filters and weights may move as well, many triples at a time. The saved model is not changed."
    )


def _numbers(steps: BprSteps, step: int) -> None:
    p, q_i, q_j = (number(float(length)) for length in steps.gradient[step])
    st.markdown(
        f"After {plural(step, 'step')}: $s_i$ = {number(float(steps.positive[step]))}, $s_j$ = "
        f"{number(float(steps.negative[step]))}, margin **{number(float(steps.margin[step]), 4)}**, loss "
        f"**{number(float(steps.loss[step]))}**. The gradient carries the factor −σ(−margin) = "
        f"**{number(-float(steps.pull[step]))}**, from −1 where j leads far to 0 where i does: where i "
        f"already leads, little is learned. Its length is {p} in p, {q_i} in $q_i$ and {q_j} in $q_j$."
    )
    if steps.diverged:
        widgets.problem(
            f"At step size {steps.rate:g} the scores are no longer finite after "
            f"{plural(steps.n_steps, 'step')}: the steps end there. Choose a smaller step size."
        )


def _other_positive(model: Model, item: int) -> str:
    return (
        f"The user does not have {model.item_label(item)} in training, so i is their latest item; choose an item of "
        "their history above to take the step on it."
    )


def _sample(draw: int) -> None:
    address.choose(draw=str(draw), guess=None)


# ---------------------------------------------------------------- step size
def _rate() -> str:
    requested = address.chosen_here("rate")
    if requested in RATES:
        return str(requested)
    if address.value("rate"):
        widgets.problem(
            f"The address asks for step size {requested!r}, not one of {', '.join(RATES)}. {_DEFAULT} is used."
        )
    return _DEFAULT


def _rate_picker(rate: str) -> None:
    key = "learn:rate"
    st.session_state[key] = rate
    st.select_slider("Step size", RATES, key=key, on_change=_rate_moved, width=200)


def _rate_moved() -> None:
    address.choose(rate=st.session_state["learn:rate"])
