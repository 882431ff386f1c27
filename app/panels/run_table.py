"""All runs as a table; a click on a row watches that run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from app import state, wording
from app.panels.glance import Glance

_KEY = "runs:table"


def show(seen: Sequence[Glance]) -> None:
    """Newest first; columns sort by a click on their head, numbers as numbers.

    What matters most comes first: a narrow window cuts off the last columns.
    """
    names = [glance.name for glance in seen]
    metrics = {glance.monitor for glance in seen if glance.state != "broken"}
    shared = metrics.pop() if len(metrics) == 1 else ""  # then it stands in the head, not in each row
    rows = pd.DataFrame([_row(glance) for glance in seen])
    st.dataframe(
        rows.drop(columns="Metric") if shared else rows,
        hide_index=True,
        placeholder="–",
        key=_KEY,
        on_select=lambda: _watch(names),
        selection_mode="single-row",
        column_config={
            "Test": st.column_config.NumberColumn(
                f"Test {shared}".strip(), format="%.3f", help="On the test part, at the kept epoch."
            ),
            "Epoch": st.column_config.NumberColumn(
                format="%d", help="The epoch whose model is kept; none where it is computed in one go.", width=52
            ),
            "Seed": st.column_config.NumberColumn(format="%d", width=46),
            "Took": st.column_config.NumberColumn("Took, s", format="%.0f", width=58),
            "Created": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", width=122),
        },
        alt="All runs with state, model, dataset, test metric and duration",
    )
    st.caption("Click the box at the left of a row to watch that run.")


def _row(glance: Glance) -> dict[str, Any]:
    created = glance.run.created
    return {
        "Run": glance.name,
        "State": wording.STATE_WORDS[glance.state],
        "Model": glance.model_words,
        "Dataset": glance.dataset,
        "Metric": glance.monitor if glance.state != "broken" else "",
        "Test": glance.value,
        "Created": datetime.fromtimestamp(created, UTC) if created else None,
        "Took": glance.seconds,
        "Epoch": glance.epoch if glance.trained else None,
        "Seed": glance.seed,
    }


def _watch(names: Sequence[str]) -> None:
    rows = st.session_state[_KEY].selection.rows
    if rows and rows[0] < len(names):
        state.choose(run=names[rows[0]])
