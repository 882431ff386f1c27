"""Look closer: questions about one pair, opened one at a time; only the open one is computed.

A counterfactual is kept in the address alone, so that one visit never affects the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from app.ui import address, widgets
from app.ui.pair import CLOSER, Pair, report_errors
from app.ui.text import plain
from app.views.inspect import counterfactual, embeddings, feature_maps, interaction_map, other_item, over_training
from convncf.inspection import PairTrace


@dataclass(frozen=True, slots=True)
class Question:
    """A question that can be opened."""

    label: str
    draw: Callable[[Pair], None]
    needs: Literal["nothing", "embeddings", "a network"]
    """What the model must have; without it, the trace's own explanation is shown."""


QUESTIONS: Final = {
    "what-if": Question("What if", counterfactual.show, "embeddings"),
    "over-training": Question("Over training", over_training.show, "embeddings"),
    "why": Question("Why this score", interaction_map.show_attribution, "embeddings"),
    "other-item": Question("Why above another", other_item.show, "embeddings"),
    "channel": Question("Channels", feature_maps.show_responses, "a network"),
    "neighbours": Question("Neighbours", embeddings.show_neighbours, "nothing"),
    "history": Question("History", interaction_map.show_history, "embeddings"),
    "space": Question("All embeddings", embeddings.show, "embeddings"),
}
"""Name in the address -> the question."""
_KEY: Final = "closer:look"


@st.fragment(key=CLOSER)
@report_errors
def show(pair: Pair) -> None:
    """The choice of a question, and its panel; a change in it redraws this fragment alone."""
    widgets.section("Look closer")
    requested = address.value("look")
    st.session_state[_KEY] = requested if requested in QUESTIONS else None
    st.segmented_control(
        "Look closer",
        list(QUESTIONS),
        format_func=lambda name: QUESTIONS[name].label,
        key=_KEY,
        label_visibility="collapsed",
        on_change=address.follow("look", _KEY),
    )
    if requested not in QUESTIONS:
        st.caption("Choose a question about this pair.")
        return
    question, trace = QUESTIONS[requested], pair.view().trace
    if (question.needs != "nothing" and not isinstance(trace, PairTrace)) or (
        question.needs == "a network" and not (isinstance(trace, PairTrace) and trace.layers)
    ):
        st.caption(plain(trace.words))
        return
    question.draw(pair)
