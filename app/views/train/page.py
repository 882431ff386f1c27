"""Train: start a run, watch it learn, stop and resume it."""

from __future__ import annotations

import streamlit as st

from app.ui import address, run_summary, run_table, widgets
from app.ui.widgets import section
from app.views.train import new_run, watch


def page() -> None:
    widgets.page_title("Train", "Training runs in a process of its own: it continues when this page is closed.")
    widgets.notices()
    with st.container():
        new_run.show()
    runs = address.store().all()
    if not runs:
        widgets.empty("No run yet. Launch one above; its curves will appear here.")
        return
    summaries = run_summary.summaries(runs)
    st.space("small")
    watched = watch.show(runs, summaries)
    st.space("small")
    section("Recent runs")
    run_table.show(summaries, watched)


page()
