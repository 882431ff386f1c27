"""Why this score: what each cell of the interaction map adds to it, beside the map."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import plots, state
from app.panels.inspect import closer_results
from app.panels.inspect.pair import Pair
from app.wording import plain, sentence
from convncf import figures
from convncf.figures import wording

_METHODS: Final = {"integrated": "integrated gradients", "gradient": "gradient × input"}
"""Name in the address -> what it is called; the first is the one whose cells add up."""
_KEY: Final = "why:method"


def show(pair: Pair) -> None:
    """The choice of the method, the two maps, and how far the cells are from adding up."""
    asked = st.query_params.get("method")
    method = asked if asked in _METHODS else next(iter(_METHODS))
    st.session_state[_KEY] = method
    st.segmented_control(
        "Method",
        list(_METHODS),
        format_func=_METHODS.__getitem__,
        required=True,
        key=_KEY,
        label_visibility="collapsed",
        on_change=lambda: state.choose(method=st.session_state[_KEY]),
    )
    view, trace = pair.view(), pair.trace()
    found = closer_results.attribution(pair.model(), view.user, view.item, integrated=method == "integrated")
    drawn = figures.attribution.attribution_map(
        trace.map, found.values, state.theme(), method=found.method, score=found.score, baseline=found.baseline
    )
    with st.container(width=figures.attribution.WIDTH):
        plots.show(drawn, key="why:maps")
    st.markdown(plain(sentence(found.words)))
    if trace.layers and method == "gradient":
        st.caption("Biases and ReLU stand between the map and the score, so these cells need not add up to it.")
    st.caption(f"{figures.attribution.READ_ATTRIBUTION} {wording.NO_ORDER}")
