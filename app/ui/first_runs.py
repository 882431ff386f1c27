"""Empty states of Inspect, Compare and Runs: what to do while there is no run to show, with the button for it."""

from __future__ import annotations

import streamlit as st

from app.ui import address, commands, widgets


def none_yet() -> None:
    """No run at all: one click starts the demo, and opens Start, where it trains."""
    if address.read_only():
        widgets.empty("There is no trained model here yet.")
        st.caption(commands.READ_ONLY)
        return
    widgets.empty("There is no trained model yet. The demo trains three small ones in a few minutes.")
    arguments = (commands.start_demo,)
    if widgets.main_button("Train the demo models", key="demo", on_click=widgets.attempt, args=arguments):
        address.go("start")


def none_finished() -> None:
    """There are runs, but none with a report."""
    widgets.empty("No run is finished yet. As soon as two are, they can be compared here.")
    st.page_link(address.PAGES["start"], label="See what is being trained")


def one_more(finished: int) -> None:
    """One run is chosen, or there is only one."""
    if finished > 1:
        widgets.empty("A comparison needs two runs: choose another one above.")
        return
    widgets.empty(
        "Only one run is finished yet, and a comparison needs two. Train another one, or wait for one in training."
    )
    if not address.read_only():
        st.page_link(address.PAGES["train"], label="Train another model")
