"""Interaction map of one pair, its score as a sum, the mean maps of the history, and attribution."""

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
@pair.report_errors
def show(shown: Pair) -> None:
    """p qᵀ with p along the left and q along the top; the order of dimensions is for display alone."""
    widgets.section("Interaction map")
    trace = shown.trace()
    order = widgets.one_of(
        "Order of dimensions",
        ORDERS,
        parameter="order",
        then=partial(pair.redraw, MAP, EXPORTS),
        help="The order of dimensions in the picture, the same on both axes.",
    )
    field = None
    if trace.layers and order == ORDERS[0]:
        focus = pair.focus(trace)
        field = inspection.receptive_field(trace.layers, focus.layer, *focus.cell)
    plots.show(figures.interaction_map(trace, address.theme(), order, field=field), key="inspect:map")
    reading = wording.READ_INTERACTION_MAP if trace.layers else wording.READ_INTERACTION_MAP_FACTORISATION
    if field is not None:
        reading += " The frame is the receptive field of the chosen cell below."
    st.caption(
        f"{reading}\n\n{wording.DIMENSIONS_HAVE_NO_ORDER if order == ORDERS[0] else wording.ORDER_IS_FOR_DISPLAY}"
    )


def show_score(trace: PairTrace, start: PairTrace | None) -> None:
    """A bar for each of the largest terms, then the others, the bias, and their sum.

    `start` is the same pair before the first step, where that was kept.
    """
    widgets.section("The score as a sum")
    plots.show(figures.score_terms(trace, address.theme()), key="inspect:parts")
    if not trace.layers:
        st.caption(wording.READ_SCORE_TERMS_FACTORISATION)
        return
    notes = [trace.words, figures.score.carried(trace, start) if start is not None else ""]
    reading = "Bars to the right raise the score, bars to the left lower it."
    st.caption("\n\n".join([*(plain(note) for note in notes if note), reading]))


def show_history(pair: Pair) -> None:
    """The two mean maps and their difference. Raises DataError for a user with no item, or every item, in training."""
    mean_maps = closer_results.mean_maps(pair.model(), pair.view().user)
    figure = figures.maps.beside(mean_maps.history, mean_maps.random, address.theme(), ("history", "random items"))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(figure, key="history:maps")
    history, random = plural(len(mean_maps.items), "training item"), plural(len(mean_maps.others), "random item")
    st.caption(
        f"{history} of the user against {random} "
        f"without an interaction of the user. {figures.maps.READ_MEAN_MAPS} {wording.NO_ORDER}"
    )


_METHODS: Final = {"integrated": "integrated gradients", "gradient": "gradient × input"}
"""Name in the address -> label; the first is the one whose cells sum to the score."""


def show_attribution(pair: Pair) -> None:
    """The choice of the method, the two maps, and how far the cells are from the score in sum."""
    method = widgets.one_of("Method", list(_METHODS), parameter="method", labels=_METHODS.__getitem__)
    view, trace = pair.view(), pair.trace()
    attribution = closer_results.attribution(pair.model(), view.user, view.item, integrated=method == "integrated")
    figure = figures.score.attribution_map(
        trace.map,
        attribution.values,
        address.theme(),
        method=attribution.method,
        score=attribution.score,
        baseline=attribution.baseline,
    )
    with st.container(width=figures.score.WIDTH):
        plots.show(figure, key="why:maps")
    st.markdown(plain(sentence(attribution.words)))
    if trace.layers and method == "gradient":
        st.caption("Biases and ReLU are between the map and the score, so these cells need not sum to it.")
    st.caption(f"{figures.score.READ_ATTRIBUTION} {wording.NO_ORDER}")
