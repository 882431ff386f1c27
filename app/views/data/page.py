"""Data: the datasets, and adding your own."""

from __future__ import annotations

import streamlit as st

from app.ui import address, widgets
from app.ui.commands import READ_ONLY
from app.views.data import add_dataset, dataset
from convncf.data import catalogue


def page() -> None:
    widgets.page_title(
        "Data", "Interactions of users with items, which models are trained on. Nothing leaves this machine."
    )
    widgets.notices()
    entries = catalogue.entries(address.home())
    if len(entries) > 1:
        dataset.table(entries)
    by_name = {entry.name: entry for entry in entries}
    with st.container(width=320):
        name = widgets.pick("Dataset", list(by_name), parameter="dataset")
    if name is not None:
        dataset.show(by_name[name])
    st.space("small")
    widgets.section("Add your own")
    if address.read_only():
        st.caption(READ_ONLY)
    else:
        add_dataset.show()


page()
