"""Learn, step 1: two embeddings, and their dot product, summed dimension by dimension."""

from __future__ import annotations

import streamlit as st

from app.ui import address, plots
from app.ui.pair import Pair
from app.ui.text import plain
from app.views.learn.question import Question, ask, slider
from convncf.figures import lesson
from convncf.figures.theme import number
from convncf.inspection import PairTrace
from convncf.inspection.sums import running_dot


def question(trace: PairTrace) -> Question:
    """Is p·q above 0?"""
    dot = running_dot(trace)
    return Question(
        f"Multiplied dimension by dimension and added up, do the {len(trace.p)} products come out above 0?",
        {"above": "above 0", "below": "0 or below"},
        "above" if dot.product > 0 else "below",
        f"The products above 0 add up to {number(dot.positive_sum)}, those below to {number(dot.negative_sum)}: p·q is "
        f"{number(dot.product)}.",
    )


def show(pair: Pair) -> None:
    """The question, the slider over dimensions, the bars."""
    model, trace = pair.model(), pair.trace()
    item = model.item_label(trace.item)
    st.markdown(
        f"The model knows user {plain(pair.user)} and {plain(item)} only as two lists of {len(trace.p)} numbers, their "
        "*embeddings*: **p** of the user, **q** of the item. Training found these numbers, so that a user's items "
        "score above other items. The simplest way to compare the two lists is the *dot "
        "product* p·q of matrix factorisation (MF): multiply them number by number, and add up."
    )
    ask(question(trace))
    size = len(trace.p)
    dimension = slider(
        "Add up to dimension", "dimension", 0, 0, size - 1, help="The sum in the bottom row grows as you move it."
    )
    dot = running_dot(trace)
    p, q = float(trace.p[dimension]), float(trace.q[dimension])
    st.markdown(
        f"Dimension {dimension}: {number(p)} × {number(q)} = **{number(float(trace.map[dimension, dimension]))}**. "
        f"Sum up to here: **{number(float(dot.sums[dimension]))}**."
    )
    plots.show(lesson.running_dot(trace, dot.sums, dimension, address.theme()), key="learn:running-dot")
    st.caption(lesson.READ_RUNNING_DOT)
