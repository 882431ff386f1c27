"""Start: what runs, what is done, and the one step that leads on."""

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
_LEGEND_ROW = 20  # px; a string here would be drawn: Streamlit shows bare expressions of a page's file


def page() -> None:
    widgets.page_title("ConvNCF workbench")
    st.markdown(
        "ConvNCF is a recommender that lays the numbers of a user against those of an item as a picture, and reads it "
        "with a small neural network. Here you train such models, look at every picture in between, and compare them.",
    )
    widgets.notices()
    seen = _shown()
    with st.container():
        next_step.next_step(seen)
    if seen:
        live = any(found.active for found in seen)
        st.fragment(_runs, run_every=1.0 if live else None)(run_summary.states(seen))
    st.space("small")
    next_step.ways_on()


def _shown() -> tuple[RunSummary, ...]:
    """The demo runs in the order of their training, then the newest others."""
    runs = address.store().all()
    demo = sorted((run for run in runs if run.name in DEMO_RUNS), key=lambda run: list(DEMO_RUNS).index(run.name))
    others = [run for run in runs if run.name not in DEMO_RUNS]
    return run_summary.summaries([*demo, *others[:RECENT]])


def _runs(before: tuple[tuple[str, str], ...]) -> None:
    """The runs, read anew each second while one is active; the whole page follows when one changes its state."""
    seen = _shown()
    if run_summary.states(seen) != before:
        st.rerun()
    order = address.run_order()
    demo = [found for found in seen if found.name in DEMO_RUNS]
    others = [found for found in seen if found.name not in DEMO_RUNS]
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
        _chart(seen, order)


def _chart(seen: Sequence[RunSummary], order: Sequence[str]) -> None:
    """The curves of the runs that have one, of two epochs or more; one metric, that of the first."""
    read = [(found, run_summary.records(found.run)) for found in seen if found.state != "broken"]
    drawn = [(found, rows) for found, rows in read if sum(row["phase"] == "training" for row in rows) > 1]
    if not drawn:
        return
    metric = drawn[0][0].monitor
    widgets.section(f"{metric} on validation", terms(metric, "validation", "epoch"))
    records = {found.name: rows for found, rows in drawn if found.monitor == metric}
    figure = figures.learning.validation(records, address.theme(), metric, order=order)
    figure.update_layout(height=figure.layout.height + _LEGEND_ROW * max(0, len(records) - 2))  # a name takes a row
    plots.show(figure, key="start:validation")
    st.caption(figures.wording.READ_VALIDATION)


page()
