"""Data: the datasets that are here, and adding your own."""

from __future__ import annotations

import streamlit as st

from app import state, widgets
from app.panels.commands import ONLY_SHOWS
from app.panels.data import add_dataset, dataset_card
from convncf.data import catalogue


def page() -> None:
    widgets.page_title("Data", "Who used what: models are trained on such interactions. Nothing leaves this machine.")
    widgets.notices()
    entries = catalogue.entries(state.home())
    if len(entries) > 1:
        dataset_card.table(entries)
    by_name = {entry.name: entry for entry in entries}
    with st.container(width=320):
        name = widgets.pick("Dataset", list(by_name), parameter="dataset")
    if name is not None:
        dataset_card.show(by_name[name])
    st.space("small")
    widgets.section("Add your own")
    if state.read_only():
        st.caption(ONLY_SHOWS)
    else:
        add_dataset.show()


page()
