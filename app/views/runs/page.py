"""Runs: every run in a table, to sort, search, rename, tag, annotate, archive, delete and export as CSV and LaTeX."""

from __future__ import annotations

import streamlit as st

from app.ui import address, first_runs, run_summary, run_table, widgets
from app.views.runs import actions, filters


def page() -> None:
    widgets.page_title("Runs", "Every run that was trained here. All metrics of a row were measured at its kept epoch.")
    widgets.notices()
    runs = address.store().all()
    if not runs:
        first_runs.none_yet()
        return
    summaries = run_summary.summaries(runs)
    choice = filters.show(summaries)
    shown = filters.matching(summaries, choice)
    st.caption(filters.count(summaries, shown, choice))
    above = st.container()  # above the table: ticking a row must not move it
    selected = actions.selected(summaries)
    columns = run_table.chosen(choice.columns, choice.metric, summaries)
    ticked = []
    if shown:
        ticked = run_table.draw(shown, columns, address.run_order(runs), key="runs:all", selected=selected)
        actions.remember(ticked)
    with above:
        actions.show(ticked, summaries)
    actions.show_downloads(shown, columns, choice)


page()
