"""Look closer: questions about one pair, of which one is opened at a time; only what is open is computed.

An edit stands in the address alone: one that was made on one visit never colours the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from app.ui import address, widgets
from app.ui.pair import CLOSER, Pair, in_words
from app.ui.text import plain
from app.views.inspect import counterfactual, embeddings, feature_maps, interaction_map, other_item, over_training
from convncf.inspection import PairTrace


@dataclass(frozen=True, slots=True)
class Question:
    """A question that can be opened."""

    label: str
    draw: Callable[[Pair], None]
    needs: Literal["nothing", "embeddings", "a network"]
    """What the model must have; one that lacks it says so in its own words."""


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
@in_words
def show(pair: Pair) -> None:
    """The choice, and what is chosen; a change in it redraws this part alone."""
    widgets.section("Look closer")
    asked = address.asked("look")
    st.session_state[_KEY] = asked if asked in QUESTIONS else None
    st.segmented_control(
        "Look closer",
        list(QUESTIONS),
        format_func=lambda name: QUESTIONS[name].label,
        key=_KEY,
        label_visibility="collapsed",
        on_change=address.follow("look", _KEY),
    )
    if asked not in QUESTIONS:
        st.caption("Choose a question about this pair.")
        return
    question, trace = QUESTIONS[asked], pair.view().trace
    if (question.needs != "nothing" and not isinstance(trace, PairTrace)) or (
        question.needs == "a network" and not (isinstance(trace, PairTrace) and trace.layers)
    ):
        st.caption(plain(trace.words))
        return
    question.draw(pair)
