"""Data: the datasets that are here, and adding your own."""

from __future__ import annotations

import streamlit as st

from app.ui import address, widgets
from app.ui.commands import ONLY_SHOWS
from app.views.data import add_dataset, dataset
from convncf.data import catalogue


def page() -> None:
    widgets.page_title("Data", "Who used what: models are trained on such interactions. Nothing leaves this machine.")
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
        st.caption(ONLY_SHOWS)
    else:
        add_dataset.show()


page()
