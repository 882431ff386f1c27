"""One dataset: its counts, where it comes from, what reading it left out, and what leads on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from app import state, widgets
from app.panels import reading_report
from app.wording import percent, plain
from convncf.data import catalogue
from convncf.data.storage import DatasetEntry
from convncf.errors import ConvNCFError


def density(entry: DatasetEntry) -> float:
    """Share of all user-item pairs that are interactions."""
    pairs = entry.n_users * entry.n_items
    return entry.n_interactions / pairs if pairs else 0.0


def table(entries: Sequence[DatasetEntry]) -> None:
    """All datasets, one a row."""
    rows = [
        {
            "Dataset": entry.name,
            "Users": entry.n_users,
            "Items": entry.n_items,
            "Interactions": entry.n_interactions,
            "Density": 100 * density(entry),
            "From": "embedded" if entry.embedded else entry.source,
            "Fingerprint": entry.fingerprint if entry.problem is None else "damaged",
        }
        for entry in entries
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            **{name: st.column_config.NumberColumn(format="localized") for name in ("Users", "Items", "Interactions")},
            "Density": st.column_config.NumberColumn("Density, %", format="%.3g"),
        },
        alt="Datasets with their counts and fingerprints",
    )


def show(entry: DatasetEntry) -> None:
    """The chosen dataset."""
    if entry.problem is not None:
        widgets.problem(entry.problem)
        _delete_button(entry)
        return
    widgets.facts(
        {
            "Users": f"{entry.n_users:,}",
            "Items": f"{entry.n_items:,}",
            "Interactions": f"{entry.n_interactions:,}",
            "Density": percent(density(entry)),
            "Fingerprint": entry.fingerprint,
        }
    )
    st.caption(plain(entry.source))
    with st.container(horizontal=True):
        if widgets.main_button("Train on it", key="dataset:train"):
            state.go("train", dataset=entry.name)
        if not entry.embedded:
            _delete_button(entry)
    if not entry.embedded:
        _report(entry)


def _report(entry: DatasetEntry) -> None:
    try:
        report = _report_of(entry.name, entry.fingerprint, str(state.home()))
    except ConvNCFError as error:
        widgets.problem(error)
        return
    if report:
        with st.expander("What was read"):
            reading_report.show(report)


@st.cache_data(max_entries=8, show_spinner=False)
def _report_of(name: str, fingerprint: str, home: str) -> dict[str, object] | None:
    return catalogue.load(name, state.home()).report


def _delete_button(entry: DatasetEntry) -> None:
    if entry.embedded:
        return
    widgets.confirm(
        "Delete",
        f"Delete the dataset {entry.name}? Runs that were trained on it can no longer be looked into. "
        "This cannot be undone.",
        "Delete it for good",
        partial(_delete, entry.name),
        key=f"dataset:delete:{entry.name}",
    )


def _delete(name: str) -> str:
    catalogue.delete(name, state.home())
    state.choose(dataset=None)
    return f"{name} was deleted."
