"""First rows of files, unchanged, to choose columns by; nothing of them is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from app.ui.text import plain
from convncf.data.reading import readers
from convncf.data.reading.first_rows import FirstRows
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.roles import make_read_plan
from convncf.data.reading.sources import files_at
from convncf.errors import ReadError
from convncf.figures.theme import plural

ROWS: Final = 8
_FILES: Final = 6
_WIDTH: Final = 200
"""Characters of a line or a field that are shown."""
_COLUMNS: Final = 60
"""Columns that are shown."""
_CHOICES: Final = 500
"""Columns that can be chosen."""


@dataclass(frozen=True)
class Preview:
    """The beginning of each file that would be read, the one with interactions first."""

    files: tuple[FirstRows, ...]
    titles: FirstRows | None = None
    """The beginning of the file with titles, where there is one."""

    @property
    def guess(self) -> dict[str, str]:
        """Role -> column name."""
        guess = dict(self.files[0].guess)
        if self.titles:
            guess |= {role: name for role, name in self.titles.guess.items() if role == "title"}
        return guess

    def columns(self, role: str) -> list[str]:
        """Names of the columns that may be chosen for a role."""
        file = self.titles if role == "title" and self.titles else self.files[0]
        names = dict.fromkeys(name for name in file.header if name)
        return list(names)[:_CHOICES]


def preview(paths: Sequence[Path], options: ReadOptions) -> Preview:
    """Read the beginnings of files. Raises ReadError where there is nothing to read."""
    try:
        plan = make_read_plan(list(paths), options)
        titles = plan.titles
        sources = [*(source for source, _ in plan.interactions), *([titles] if titles else [])]
        sources += [plan.candidates] if plan.candidates else []
    except ReadError:  # reading gives the reason; the rows may show it
        titles, sources = None, [source for path in paths for source in files_at(path).sources]
    files = {source: readers.first_rows(source, options, ROWS) for source in sources[:_FILES]}
    return Preview(tuple(files.values()), files.get(titles) if titles else None)


# ---------------------------------------------------------------- on the page
def show(preview: Preview) -> None:
    """Each file in a tab of its own."""
    if len(preview.files) == 1:
        _show(preview.files[0])
        return
    for tab, rows in zip(st.tabs([plain(rows.file) for rows in preview.files]), preview.files, strict=True):
        with tab:
            _show(rows)


def _show(rows: FirstRows) -> None:
    if rows.lines:
        st.code("\n".join(_cut(line, _WIDTH) for line in rows.lines), language=None)
        st.caption(f"First {plural(len(rows.lines), 'line')}, unchanged.")
        return
    width = max([len(rows.header), *map(len, rows.rows)])
    columns = _distinct([*rows.header, *[""] * (width - len(rows.header))][:_COLUMNS])
    cells = [[_cut(text, _WIDTH) for text in [*row, *[""] * width][: len(columns)]] for row in rows.rows]
    st.dataframe(
        pd.DataFrame(cells, columns=columns, dtype="object"),
        hide_index=True,
        column_config={name: st.column_config.TextColumn() for name in columns},
        alt=f"First {plural(len(rows.rows), 'row')} of the file, unchanged",
    )
    part = f" and {len(columns)} of {width:,} columns" if width > len(columns) else ""
    st.caption(f"First {plural(len(rows.rows), 'row')}{part}, unchanged.")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[:width]} …"


def _distinct(names: Sequence[str]) -> list[str]:
    """Heads for the table, which must be distinct and not empty."""
    heads: list[str] = []
    for number, name in enumerate(names, start=1):
        head = _cut(name, _WIDTH) or f"(column {number})"
        heads.append(head if head not in heads else f"{head} ({number})")
    return heads
