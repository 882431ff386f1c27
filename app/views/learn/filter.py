"""Learn, step 3: a filter of layer 1 moves over the map, and each position gives one cell."""

from __future__ import annotations

import streamlit as st

from app.ui import address, plots, presentation
from app.ui.pair import Pair
from app.ui.text import percent
from app.views.learn.question import Question, ask, slider
from convncf import figures, inspection
from convncf.figures import lesson, wording
from convncf.figures.maps import WIDTH
from convncf.figures.theme import number
from convncf.inspection import PairTrace
from convncf.inspection.sums import Window, window, zero_share


def question(trace: PairTrace) -> Question:
    """How much of layer 1 does ReLU cut off?"""
    layer = trace.layers[0]
    share, (channels, height, width) = zero_share(layer), layer.shape
    return Question(
        f"Layer 1 turns the map into {channels} × {height} × {width} = {channels * height * width:,} cells, and sets "
        "those below 0 to 0 (ReLU). How many of them become 0?",
        {"few": "less than a third", "some": "a third to two thirds", "most": "more than two thirds"},
        "few" if share < 1 / 3 else "some" if share <= 2 / 3 else "most",
        f"{percent(share)} of the cells are 0 for this pair: there the filter does not respond.",
    )


def show(pair: Pair) -> None:
    """The question, the sliders over filters and positions, the window with its arithmetic."""
    trace = pair.trace()
    layer = trace.layers[0]
    channels, height, width = layer.shape
    k = layer.kernel
    st.markdown(
        f"The network reads the map through small windows. A *filter* is a square of {k}×{k} weights; laid on a "
        f"{k}×{k} patch of the map it multiplies cell by cell, adds up, adds a bias, and sets what is below 0 to 0. "
        f"Moved over the whole map, {layer.stride} cells at a time, it makes a smaller picture, {height}×{width}: its "
        f"*feature map*. Layer 1 has {channels} filters."
    )
    ask(question(trace))
    left, right = st.columns(2)
    with left:
        best = inspection.strongest_channel(layer)
        channel = slider("Filter", "filter", best, 0, channels - 1)
    row, col = inspection.strongest_cell(layer, channel)
    with right:
        position = slider(
            "Move the window", "place", row * width + col, 0, height * width - 1, help="Row by row, left to right."
        )
    window_on_map = window(trace, channel, *divmod(position, width))
    cell = window_on_map.arithmetic
    with st.container(horizontal=True, gap="large"):
        with st.container(width=presentation.room(WIDTH)):
            figure = figures.interaction_map(trace, address.theme(), field=(cell.rows, cell.cols))
            plots.show(figure, key="learn:window-on-map")
            st.caption(
                "The frame is the window: rows are dimensions of the user, columns dimensions of the item. "
                f"{wording.DIMENSIONS_HAVE_NO_ORDER}"
            )
        with st.container(width=WIDTH):
            plots.show(lesson.filter_window(window_on_map, address.theme()), key="learn:window")
            st.markdown(arithmetic(window_on_map))
            st.caption(lesson.READ_WINDOW)
            figure = figures.channel(layer, channel, address.theme(), cell=(cell.row, cell.col))
            with st.container(width=370):
                plots.show(figure, key="learn:first-map")
            st.caption(f"The feature map of filter {channel}; the frame is the cell of this window.")


def arithmetic(shown: Window) -> str:
    """p_aᵀ W q_b + b = …, in numbers; Markdown."""
    cell = shown.arithmetic
    sign = "−" if cell.bias < 0 else "+"
    cut = "" if cell.total > 0 else ", which is not above 0, so ReLU makes it 0"
    return (
        rf"Added up, $p_a^\top W q_b + b$ = {number(cell.product)} {sign} {number(abs(cell.bias))} = "
        f"{number(cell.total)}{cut}. "
        f"**Cell ({cell.row}, {cell.col}) is {number(cell.value)}.** Here $p_a$ is p at dimensions "
        f"{cell.rows.start} to {cell.rows.stop - 1}, and $q_b$ is q at {cell.cols.start} to {cell.cols.stop - 1}."
    )
