"""Compare: two to four finished runs side by side, the first as the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import loading, state, widgets
from app.panels import first_runs, metrics_table, run_choice, settings_table, shared_pair
from app.panels.pair import in_words
from app.wording import NOT_VALIDATED, plain, sentence, terms
from convncf import figures
from convncf.comparison import Comparison
from convncf.errors import ConvNCFError
from convncf.figures.learning import Abscissa
from convncf.figures.theme import run_style
from convncf.runs import Run

ALONG: Final[tuple[Abscissa, ...]] = ("epoch", "time")


def page() -> None:
    widgets.page_title(
        "Compare", "Finished runs side by side: what they reach, how they learned, and what they see in a pair."
    )
    widgets.notices()
    runs = state.store().all()
    if not runs:
        return first_runs.none_yet()
    finished = [run for run in runs if loading.finished(run)]
    if not finished:
        return first_runs.none_finished()
    chosen = run_choice.show(finished)
    if len(chosen) < 2:
        return first_runs.one_more(len(finished))
    try:
        _compare(chosen, loading.compared(chosen), state.run_order(runs))
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _compare(runs: Sequence[Run], found: Comparison, order: Sequence[str]) -> None:
    styles = {run.name: run_style(run.name, order, state.theme()) for run in runs}
    for words in found.unlike:
        st.warning(plain(words))
    metrics_table.show(found, styles, order)
    _curves(runs, found, order)
    settings_table.show(found, runs)
    shared_pair.show(runs, styles)
    widgets.terminal(["convncf", "compare", *(run.name for run in runs)])


@in_words
def _curves(runs: Sequence[Run], found: Comparison, order: Sequence[str]) -> None:
    """Validation over epochs or time, one stable colour a run."""
    records = {run.name: rows for run in runs if (rows := run.metrics())}
    if not records:
        return
    alone = all(map(figures.learning.unvalidated, records.values()))  # then the loss is all there is to draw
    if alone:
        widgets.section("Loss", terms("epoch"))
    else:
        widgets.section(f"{found.monitor} on validation", terms(found.monitor, "validation", "epoch"))
    x = st.segmented_control(
        "Along",
        ALONG,
        default=ALONG[0],
        required=True,
        format_func=lambda name: f"by {name}",
        key="compare:x",
        label_visibility="collapsed",
    )
    metric = "loss" if alone else found.monitor
    drawn = figures.learning.validation(records, state.theme(), metric, x, order=order)
    widgets.figure(drawn, key="compare:validation")
    st.caption(f"{NOT_VALIDATED} {figures.wording.READ_LOSS}" if alone else figures.wording.READ_VALIDATION)


page()
