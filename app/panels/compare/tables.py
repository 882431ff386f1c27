"""A table that leaves the page: as CSV, and as LaTeX for a paper."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import streamlit as st

from app import widgets
from convncf.tables import csv_table, latex_table


@dataclass(frozen=True, slots=True)
class Leaving:
    """A table as text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """As shown, for LaTeX."""
    exact: Sequence[Sequence[str]]
    """Every digit, for CSV."""
    caption: str
    bold: Collection[tuple[int, int]] = ()
    text_columns: int = 1
    """How many columns, from the left, hold words; the others stand to the right in LaTeX."""
    exact_columns: Sequence[str] | None = None
    """Of `exact`, where it has other columns."""

    def csv(self) -> str:
        """The exact table."""
        return csv_table(self.exact_columns or self.columns, self.exact)

    def latex(self) -> str:
        """The table as shown."""
        numbers = range(self.text_columns, len(self.columns))
        return latex_table(self.columns, self.rows, numbers=numbers, bold=self.bold, caption=self.caption)


def offer(table: Leaving, name: str) -> None:
    """Two buttons; `name` begins the names of the files."""
    with st.container(horizontal=True, gap="small"):
        for words, make, ending, mime in (
            ("CSV", table.csv, "csv", "text/csv"),
            ("LaTeX", table.latex, "tex", "text/x-tex"),
        ):
            st.download_button(
                words,
                data=make,
                file_name=f"{name}.{ending}",
                mime=mime,
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key=f"compare:{name}:{ending}",
                help=f"{table.caption}, as {words}",
            )
