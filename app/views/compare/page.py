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
        "Compare", "Finished runs side by side: what they reach, how they learned, and what they see in a pair."
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
        found = cache.compared(chosen)
        _compare(chosen, found, address.run_order())
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _compare(runs: Sequence[Run], found: Comparison, order: Sequence[str]) -> None:
    styles = {run.name: run_style(run.name, order, address.theme()) for run in runs}
    for words in found.unlike:
        st.warning(plain(words))
    if found.unlike:
        choice.offer_alike(runs)
    metrics.show(found, styles, order)
    settings.show(found, runs)
    curves.show(runs, found.monitor, order, unlike=bool(found.unlike))
    closer.show(runs, found, styles, order)
    widgets.command_line(["convncf", "compare", *(run.name for run in runs)])


page()
