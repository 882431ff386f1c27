"""Recommend: lists of a user or a new user under one to four runs, and scores for a file of pairs."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui import address, first_runs, widgets
from app.ui.text import sentence
from app.views.recommend import choice, new_user, pairs, user
from convncf.errors import ConvNCFError
from convncf.figures.theme import run_style

# Name in the address -> label of the choice. (Streamlit would display a docstring here on the page.)
WHOSE: Final = {"user": "A user of the data", "new": "A new user", "pairs": "A file of pairs"}


def page() -> None:
    widgets.page_title("Recommend", "Recommendations of one to four trained models, side by side.")
    widgets.notices()
    runs = address.selectable_runs()
    if not runs:
        return first_runs.none_yet()
    ready = choice.usable(runs)
    if not ready:
        widgets.empty("No run is finished yet. As soon as one is, its lists appear here.")
        st.page_link(address.PAGES["start"], label="See what is being trained")
        return
    whose = widgets.one_of("Whose list", list(WHOSE), parameter="whose", labels=WHOSE.__getitem__)
    chosen = choice.show_runs(ready)
    if not chosen:
        widgets.empty("Choose a run above.")
        return
    styles = {run.name: run_style(run.name, address.run_order(), address.theme()) for run in chosen}
    try:
        if whose == "user":
            user.show(chosen, styles)
        elif whose == "new":
            new_user.show(chosen, styles)
        else:
            pairs.show(chosen)
    except ConvNCFError as error:
        widgets.problem(sentence(error))


page()
