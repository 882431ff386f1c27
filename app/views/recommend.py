"""Recommend: what a user would be shown under one to four runs, what a new user would, and the pairs of a file."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import state, widgets
from app.panels import first_runs
from app.panels.recommend import address
from app.panels.recommend import new_user as recommend_new_user
from app.panels.recommend import pairs as recommend_pairs
from app.panels.recommend import runs as recommend_runs
from app.panels.recommend import user as recommend_user
from app.wording import sentence
from convncf.errors import ConvNCFError
from convncf.figures.theme import run_style

# Name in the address -> what the choice is called. (Streamlit would write a string that stands here onto the page.)
WHOSE: Final = {"user": "A user of the data", "new": "A new user", "pairs": "A file of pairs"}
_KEY: Final = "recommend:whose"


def page() -> None:
    widgets.page_title("Recommend", "What a user would be shown, by one to four trained models side by side.")
    widgets.notices()
    runs = state.listed()
    if not runs:
        return first_runs.none_yet()
    ready = recommend_runs.usable(runs)
    if not ready:
        widgets.empty("No run is finished yet. As soon as one is, its lists can be seen here.")
        st.page_link(state.PAGES["start"], label="See what is being trained")
        return
    address.restore()
    whose = _whose()
    chosen = recommend_runs.show(ready)
    if not chosen:
        widgets.empty("Choose a run above.")
        return
    styles = {run.name: run_style(run.name, state.run_order(), state.theme()) for run in chosen}
    try:
        if whose == "user":
            recommend_user.show(chosen, styles)
        elif whose == "new":
            recommend_new_user.show(chosen, styles)
        else:
            recommend_pairs.show(chosen)
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _whose() -> str:
    """Whose list it is about; what is not chosen is not computed."""
    asked = address.one("whose", "user")
    whose = asked if asked in WHOSE else "user"
    address.write("whose", [whose])
    st.session_state[_KEY] = whose
    st.segmented_control(
        "Whose list",
        list(WHOSE),
        format_func=WHOSE.__getitem__,
        required=True,
        key=_KEY,
        label_visibility="collapsed",
        on_change=lambda: address.write("whose", [st.session_state[_KEY]]),
    )
    return whose


page()
