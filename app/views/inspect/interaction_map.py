"""The interaction map of one pair, its score as a sum, what the history has in common, and attribution."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from app.ui import address, pair, plots, widgets
from app.ui.pair import EXPORTS, MAP, Pair
from app.ui.text import plain, sentence
from app.views.inspect import closer_results
from convncf import figures, inspection
from convncf.figures import wording
from convncf.figures.maps import ORDERS
from convncf.figures.theme import plural
from convncf.inspection import PairTrace


@st.fragment(key=MAP)
@pair.in_words
def show(looked_at: Pair) -> None:
    """p qᵀ with p along the left and q along the top; the order of dimensions is for display alone."""
    widgets.section("Interaction map")
    trace = looked_at.trace()
    order = widgets.one_of(
        "Order of dimensions",
        ORDERS,
        parameter="order",
        then=partial(pair.redraw, MAP, EXPORTS),
        help="In which order the dimensions are drawn, on both axes alike.",
    )
    field = None
    if trace.layers and order == ORDERS[0]:
        at = pair.focus(trace)
        field = inspection.receptive_field(trace.layers, at.layer, *at.cell)
    plots.show(figures.interaction_map(trace, address.theme(), order, field=field), key="inspect:map")
    read = wording.READ_INTERACTION_MAP if trace.layers else wording.READ_INTERACTION_MAP_FACTORISATION
    if field is not None:
        read += " The frame is the patch that the chosen cell below has read."
    st.caption(f"{read}\n\n{wording.DIMENSIONS_HAVE_NO_ORDER if order == ORDERS[0] else wording.ORDER_IS_FOR_DISPLAY}")


def show_score(trace: PairTrace, start: PairTrace | None) -> None:
    """A bar for each of the largest parts, then the others, the bias, and their sum.

    `start` is the same pair before the first step, where that was kept.
    """
    widgets.section("The score as a sum")
    plots.show(figures.score_terms(trace, address.theme()), key="inspect:parts")
    if not trace.layers:
        st.caption(wording.READ_SCORE_TERMS_FACTORISATION)
        return
    words = [trace.words, figures.score.carried(trace, start) if start is not None else ""]
    read = "Bars to the right raise the score, bars to the left lower it."
    st.caption("\n\n".join([*(plain(each) for each in words if each), read]))


def show_history(pair: Pair) -> None:
    """The two means and their difference. Raises DataError for a user with nothing, or everything, in training."""
    found = closer_results.mean_maps(pair.model(), pair.view().user)
    drawn = figures.maps.beside(found.history, found.random, address.theme(), ("history", "random items"))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(drawn, key="history:maps")
    st.caption(
        f"{plural(len(found.items), 'training item')} of the user against {plural(len(found.others), 'random item')} "
        f"that the user has not had. {figures.maps.READ_MEAN_MAPS} {wording.NO_ORDER}"
    )


_METHODS: Final = {"integrated": "integrated gradients", "gradient": "gradient × input"}
"""Name in the address -> what it is called; the first is the one whose cells add up."""


def show_attribution(pair: Pair) -> None:
    """The choice of the method, the two maps, and how far the cells are from adding up."""
    method = widgets.one_of("Method", list(_METHODS), parameter="method", words=_METHODS.__getitem__)
    view, trace = pair.view(), pair.trace()
    found = closer_results.attribution(pair.model(), view.user, view.item, integrated=method == "integrated")
    drawn = figures.score.attribution_map(
        trace.map, found.values, address.theme(), method=found.method, score=found.score, baseline=found.baseline
    )
    with st.container(width=figures.score.WIDTH):
        plots.show(drawn, key="why:maps")
    st.markdown(plain(sentence(found.words)))
    if trace.layers and method == "gradient":
        st.caption("Biases and ReLU stand between the map and the score, so these cells need not add up to it.")
    st.caption(f"{figures.score.READ_ATTRIBUTION} {wording.NO_ORDER}")
