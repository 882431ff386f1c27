"""The interaction map of one pair, with the patch that the chosen cell has read."""

from __future__ import annotations

import streamlit as st

from app import plots, state, widgets
from app.panels.inspect import pair
from app.panels.inspect.pair import EXPORTS, MAP, Pair
from convncf import figures, inspection
from convncf.figures import wording
from convncf.figures.network import ORDERS


@st.fragment(key=MAP)
@pair.in_words
def show(looked_at: Pair) -> None:
    """p qᵀ with p along the left and q along the top; the order of dimensions is for display alone."""
    widgets.section("Interaction map")
    trace = looked_at.trace()
    order = pair.one_of(
        "Order of dimensions",
        ORDERS,
        "order",
        redraws=(MAP, EXPORTS),
        help="In which order the dimensions are drawn, on both axes alike.",
    )
    field = None
    if trace.layers and order == ORDERS[0]:
        at = pair.focus(trace)
        field = inspection.receptive_field(trace.layers, at.layer, *at.cell)
    plots.show(figures.interaction_map(trace, state.theme(), order, field=field), key="inspect:map")
    read = wording.READ_INTERACTION_MAP if trace.layers else wording.READ_INTERACTION_MAP_FACTORISATION
    if field is not None:
        read += " The frame is the patch that the chosen cell below has read."
    st.caption(f"{read}\n\n{wording.DIMENSIONS_HAVE_NO_ORDER if order == ORDERS[0] else wording.ORDER_IS_FOR_DISPLAY}")
