"""Compare: two to four finished runs side by side, the first as the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import address, cache, first_runs, widgets
from app.ui.text import plain, sentence
from app.views.compare import choice, closer, curves, metrics, settings
from convncf.errors import ConvNCFError
from convncf.evaluation.comparison import Comparison
from convncf.figures.theme import run_style
from convncf.runs import Run


def page() -> None:
    widgets.page_title(
        "Compare", "Finished runs side by side: metrics, settings, learning curves, and the same pair in each."
    )
    widgets.notices()
    runs = address.selectable_runs()
    if not runs:
        return first_runs.none_yet()
    finished = [run for run in runs if cache.finished(run)]
    if not finished:
        return first_runs.none_finished()
    chosen = choice.show(finished)
    choice.settle([run.name for run in chosen])
    if len(chosen) < 2:
        return first_runs.one_more(len(finished))
    try:
        comparison = cache.compared(chosen)
        _compare(chosen, comparison, address.run_order())
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _compare(runs: Sequence[Run], comparison: Comparison, order: Sequence[str]) -> None:
    styles = {run.name: run_style(run.name, order, address.theme()) for run in runs}
    for difference in comparison.unlike:
        st.warning(plain(difference))
    if comparison.unlike:
        choice.offer_comparable(runs)
    metrics.show(comparison, styles, order)
    settings.show(comparison, runs)
    curves.show(runs, comparison.monitor, order, unlike=bool(comparison.unlike))
    closer.show(runs, comparison, styles, order)
    widgets.command_line(["convncf", "compare", *(run.name for run in runs)])


page()
