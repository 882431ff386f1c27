"""Runs: every run as a table, to sort, search, name, tag, note, archive, delete, and to take out as CSV and LaTeX."""

from __future__ import annotations

import streamlit as st

from app.ui import address, first_runs, run_summary, run_table, widgets
from app.views.runs import actions, filters


def page() -> None:
    widgets.page_title("Runs", "Every run that was trained here. The metrics of a row are all of its kept epoch.")
    widgets.notices()
    runs = address.store().all()
    if not runs:
        first_runs.none_yet()
        return
    seen = run_summary.summaries(runs)
    choice = filters.show(seen)
    shown = filters.kept(seen, choice)
    st.caption(filters.count(seen, shown, choice))
    above = st.container()  # above the table: ticking a row must not move it
    asked = actions.asked(seen)
    columns = run_table.chosen(choice.columns, choice.metric, seen)
    ticked = []
    if shown:
        ticked = run_table.draw(shown, columns, address.run_order(runs), key="runs:all", selected=asked)
        actions.remember(ticked)
    with above:
        actions.show(ticked, seen)
    actions.show_downloads(shown, columns, choice)


page()
