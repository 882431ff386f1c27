"""Runs: every run as a table, to sort, search, name, tag, note, archive, delete, and to take out as CSV and LaTeX."""

from __future__ import annotations

import streamlit as st

from app import state, widgets
from app.panels import first_runs, glance
from app.panels.runs import actions as runs_actions
from app.panels.runs import columns as runs_columns
from app.panels.runs import export as runs_export
from app.panels.runs import filters as runs_filters
from app.panels.runs import table as run_table


def page() -> None:
    widgets.page_title("Runs", "Every run that was trained here. The metrics of a row are all of its kept epoch.")
    widgets.notices()
    runs = state.store().all()
    if not runs:
        first_runs.none_yet()
        return
    seen = glance.look_at_all(runs)
    choice = runs_filters.show(seen)
    shown = runs_filters.kept(seen, choice)
    st.caption(runs_filters.count(seen, shown, choice))
    actions = st.container()  # above the table: ticking a row must not move it
    asked = runs_actions.asked(seen)
    columns = runs_columns.chosen(choice.columns, choice.metric, seen)
    ticked = []
    if shown:
        ticked = run_table.draw(shown, columns, state.run_order(runs), key="runs:all", selected=asked)
        runs_actions.remember(ticked)
    with actions:
        runs_actions.show(ticked, seen)
    runs_export.show(shown, columns, choice)


page()
