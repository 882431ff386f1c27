"""Compare: two to four finished runs side by side, the first as the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import loading, state, widgets
from app.panels import compare_closer, compare_curves, first_runs, metrics_table, run_choice, settings_table
from app.wording import plain, sentence
from convncf.comparison import Comparison
from convncf.errors import ConvNCFError
from convncf.figures.theme import run_style
from convncf.runs import Run


def page() -> None:
    widgets.page_title(
        "Compare", "Finished runs side by side: what they reach, how they learned, and what they see in a pair."
    )
    widgets.notices()
    runs = state.listed()
    if not runs:
        return first_runs.none_yet()
    finished = [run for run in runs if loading.finished(run)]
    if not finished:
        return first_runs.none_finished()
    chosen = run_choice.show(finished)
    if len(chosen) < 2:
        return first_runs.one_more(len(finished))
    try:
        _compare(chosen, loading.compared(chosen), state.run_order())
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _compare(runs: Sequence[Run], found: Comparison, order: Sequence[str]) -> None:
    styles = {run.name: run_style(run.name, order, state.theme()) for run in runs}
    for words in found.unlike:
        st.warning(plain(words))
    if found.unlike:
        run_choice.offer_alike(runs)
    metrics_table.show(found, styles, order)
    settings_table.show(found, runs)
    compare_curves.show(runs, found.monitor, order)
    compare_closer.show(runs, found, styles, order)
    widgets.terminal(["convncf", "compare", *(run.name for run in runs)])


page()
