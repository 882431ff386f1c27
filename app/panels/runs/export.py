"""The table as it is filtered, to take away: CSV with numbers in full, LaTeX as it is shown; and its command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import widgets
from app.panels.glance import Glance
from app.panels.runs import columns as runs_columns
from app.panels.runs.columns import Column
from app.panels.runs.filters import Choice
from convncf.tables import csv_table, latex_table

_CAPTION: Final = "Runs; the metrics of a row are all of its kept epoch."


def show(shown: Sequence[Glance], columns: Sequence[Column], choice: Choice) -> None:
    """Two downloads under the table, and the same list in a terminal."""
    if shown:
        with st.container(horizontal=True):
            st.download_button(
                "CSV",
                data=lambda: as_csv(shown, columns),
                file_name="runs.csv",
                mime="text/csv",
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key="runs:csv",
                help="The rows and columns above; numbers in full.",
            )
            st.download_button(
                "LaTeX",
                data=lambda: as_latex(shown, columns),
                file_name="runs.tex",
                mime="text/x-tex",
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key="runs:latex",
                help="The rows and columns above, as they are shown; for the packages booktabs and textcomp.",
            )
    widgets.terminal(command(choice))


def as_csv(shown: Sequence[Glance], columns: Sequence[Column]) -> str:
    """The rows under their heads; text as it is, numbers in full."""
    rows = [[runs_columns.cell(column, glance) for column in columns] for glance in shown]
    return csv_table([column.head for column in columns], rows)


def as_latex(shown: Sequence[Glance], columns: Sequence[Column]) -> str:
    """The rows as a table for a paper, numbers as the page shows them."""
    rows = [[runs_columns.cell(column, glance, short=True) for column in columns] for glance in shown]
    numbers = {place for place, column in enumerate(columns) if column.numeric}
    return latex_table([column.head for column in columns], rows, numbers=numbers, caption=_CAPTION)


def command(choice: Choice) -> list[str]:
    """The command that lists the same runs, newest first."""
    parts = ["convncf", "runs", "list"]
    if choice.search:
        parts += ["--search", choice.search]
    for name, value in choice.of.items():
        parts += [f"--{name}", value]
    return parts + {"no": [], "yes": ["--archived"], "only": ["--archived-only"]}[choice.archived]
