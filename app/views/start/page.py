"""Start: active and finished runs, and the next step."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import address, plots, run_rows, run_summary, widgets
from app.ui.run_summary import RunSummary
from app.ui.text import terms
from app.views.start import next_step
from convncf import figures
from convncf.jobs import DEMO_RUNS

RECENT = 6
_LEGEND_ROW = 20  # px; a docstring here would be displayed: Streamlit shows bare expressions of a page's file


def page() -> None:
    widgets.page_title("ConvNCF workbench")
    st.markdown(
        "ConvNCF is a recommender that multiplies every number of a user with every number of an item, and reads the "
        "grid like an image, with a small convolutional network. Here you train such models, look at every step in "
        "between, and compare them.",
    )
    widgets.notices()
    summaries = _summaries()
    with st.container():
        next_step.next_step(summaries)
    if summaries:
        live = any(summary.active for summary in summaries)
        st.fragment(_runs, run_every=1.0 if live else None)(run_summary.states(summaries))
    st.space("small")
    next_step.other_options()


def _summaries() -> tuple[RunSummary, ...]:
    """The demo runs in the order of their training, then the newest others."""
    runs = address.store().all()
    demo = sorted((run for run in runs if run.name in DEMO_RUNS), key=lambda run: list(DEMO_RUNS).index(run.name))
    others = [run for run in runs if run.name not in DEMO_RUNS]
    return run_summary.summaries([*demo, *others[:RECENT]])


def _runs(before: tuple[tuple[str, str], ...]) -> None:
    """The runs, read again each second while one is active; when a state changes, the whole page is drawn again."""
    summaries = _summaries()
    if run_summary.states(summaries) != before:
        st.rerun()
    order = address.run_order()
    demo = [summary for summary in summaries if summary.name in DEMO_RUNS]
    others = [summary for summary in summaries if summary.name not in DEMO_RUNS]
    rows, chart = st.columns([6, 5], gap="large")
    with rows:
        if demo:
            widgets.section("Demo models", terms("ConvNCF", "MF-BPR", "test", demo[0].monitor, "epoch"))
            run_rows.show(demo, order)
        if others:
            widgets.section("Recent runs")
            run_rows.show(others, order)
            widgets.page_link("runs", "All runs")
    with chart:
        _chart(summaries, order)


def _chart(summaries: Sequence[RunSummary], order: Sequence[str]) -> None:
    """The curves of the runs that have two epochs or more; one metric, that of the first."""
    with_rows = [(summary, run_summary.records(summary.run)) for summary in summaries if summary.state != "broken"]
    with_curve = [(summary, rows) for summary, rows in with_rows if sum(row["phase"] == "training" for row in rows) > 1]
    if not with_curve:
        return
    metric = with_curve[0][0].monitor
    widgets.section(f"{metric} on validation", terms(metric, "validation", "epoch"))
    records = {summary.name: rows for summary, rows in with_curve if summary.monitor == metric}
    figure = figures.learning.validation(records, address.theme(), metric, order=order)
    figure.update_layout(height=figure.layout.height + _LEGEND_ROW * max(0, len(records) - 2))  # a name takes a row
    plots.show(figure, key="start:validation")
    st.caption(figures.wording.READ_VALIDATION)


page()
