"""Learn, step 2: every number of p times every number of q; matrix factorisation reads only the diagonal."""

from __future__ import annotations

import streamlit as st

from app.ui import address, plots, presentation
from app.ui.pair import Pair
from app.ui.text import percent
from app.views.learn.question import Question, ask, slider
from convncf.figures import lesson, wording
from convncf.figures.maps import WIDTH
from convncf.figures.theme import number
from convncf.inspection import PairTrace
from convncf.inspection.sums import diagonal_share


def question(trace: PairTrace) -> Question:
    """How much of the map lies on its diagonal?"""
    parts, size = diagonal_share(trace), len(trace.p)
    return Question(
        f"The diagonal is {size} of {size * size:,} cells. What share of the map's absolute values lies on it?",
        {"tenth": "less than a tenth", "half": "a tenth to a half", "more": "more than a half"},
        "tenth" if parts.share < 0.1 else "half" if parts.share <= 0.5 else "more",
        f"{percent(parts.share)} lies on it; if all cells were of one size it would be {percent(parts.even_share)}. "
        "The rest is what the network may read and matrix factorisation cannot.",
    )


def show(pair: Pair) -> None:
    """The question, the slider over dimensions, the map with one row framed."""
    trace = pair.trace()
    st.markdown(
        "The dot product multiplies a dimension of the user only with the same dimension of the item. ConvNCF "
        "multiplies every one with every other: the *outer product* p qᵀ is a square of all products, the "
        "*interaction map*. It is what the network reads, like an image."
    )
    ask(question(trace))
    size = len(trace.p)
    dimension = slider("Highlighted row", "dimension", 0, 0, size - 1)
    parts = diagonal_share(trace)
    with st.container(horizontal=True, gap="large"):
        with st.container(width=presentation.room(WIDTH)):
            plots.show(lesson.map_row(trace, dimension, address.theme()), key="learn:map")
        with st.container(width=WIDTH):  # with a fixed width, so that it wraps below the map where both do not fit
            p, cell = float(trace.p[dimension]), float(trace.map[dimension, dimension])
            st.markdown(
                f"**Row {dimension}** is q, all {size} numbers of it, times p at dimension {dimension}: {number(p)}. "
                f"On the diagonal it holds {number(cell)}."
            )
            st.markdown(
                f"**The diagonal** adds up to **{number(parts.diagonal)}**: p·q again, the score of matrix "
                "factorisation. GMF, its generalised form, gives each cell of the diagonal a weight of its own, and "
                "reads no more of the map than this line either."
            )
            st.markdown(
                f"**The rest**, {size * size - size:,} cells, adds up to {number(parts.rest)}. They combine "
                "one dimension of the user with another of the item: the network can learn whether that helps."
            )
            st.caption(f"{lesson.READ_MAP_ROW} {wording.READ_INTERACTION_MAP} {wording.DIMENSIONS_HAVE_NO_ORDER}")
