"""Runs as a table, each with its colour; rows can be ticked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Literal
from urllib.parse import quote

import pandas as pd
import streamlit as st

from app import state, widgets
from app.panels.glance import Glance
from app.panels.runs import columns as runs_columns
from app.panels.runs.columns import Column
from convncf import figures

NEWEST: Final = 10
"""Runs on the Train page, beside those that are at work."""
_SHORT: Final = ("run", "state", "model", "dataset", "metric", "test", "created", "seconds", "epoch", "seed")
_KEY: Final = "runs:table"
_MARK: Final = "colour"
_MARK_HELP: Final = "The run's colour on every page."
_ROW: Final = 35
"""Height of a row, px."""
_ROWS: Final = 16
"""Rows that are seen without scrolling."""


def show(seen: Sequence[Glance], watched: str) -> None:
    """The runs at work and the newest others, newest first; the tick is at the run `watched`, and chooses another."""
    at_work = [glance for glance in seen if glance.active]
    others = [glance for glance in seen if not glance.active and not glance.labels.archived]
    names = {glance.name for glance in (*at_work, *others[:NEWEST])}
    short = [glance for glance in seen if glance.name in names]
    keys, own = _one_metric(short)
    columns = runs_columns.chosen(keys, runs_columns.OWN, short)
    order = state.run_order(tuple(glance.run for glance in seen))
    # Another run that is watched is another table: an old tick must not undo what the picker above has chosen.
    key = f"{_KEY}:{watched}"
    rows = draw(short, columns, order, key=key, mode="single-row", selected=(watched,), own=own)
    if rows and rows[0].name != watched:
        state.choose(run=rows[0].name)
        st.rerun()
    words = "Tick the box at the left of a row to watch that run."
    left = len(seen) - len(short)
    st.caption(f"{words} {left:,} more stand on the Runs page." if left else words)
    widgets.onward("runs", "All runs")


def _one_metric(seen: Sequence[Glance]) -> tuple[tuple[str, ...], str]:
    """Without the column of metrics where all runs have the same, which then stands in the head."""
    found = {glance.monitor for glance in seen if glance.state != "broken"}
    if len(found) != 1:
        return _SHORT, ""
    return tuple(key for key in _SHORT if key != "metric"), found.pop()


def draw(
    seen: Sequence[Glance],
    columns: Sequence[Column],
    order: Sequence[str],
    *,
    key: str,
    mode: Literal["multi-row", "single-row"] = "multi-row",
    selected: Sequence[str] = (),
    own: str = "",
) -> list[Glance]:
    """Draw these rows in this order; those that are ticked. `order` gives each run its colour.

    Ticks go by position, so other rows are another table: `selected` says which of them are ticked at first.
    """
    names = [glance.name for glance in seen]
    rows = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    here = [place for place, name in enumerate(names) if name in selected]
    ticked = st.dataframe(
        _frame(seen, columns, order),
        hide_index=True,
        placeholder="–",
        key=f"{key}:{rows}",
        height=_ROW * (min(len(names), _ROWS) + 1) + 3,
        row_height=_ROW,
        on_select="rerun",
        selection_mode=mode,
        selection_default={"selection": {"rows": here}},
        column_config={_MARK: st.column_config.ImageColumn("", width=36, help=_MARK_HELP, pinned=True)}
        | {column.key: _config(column, own) for column in columns},
        alt=f"{len(names)} runs with {', '.join(column.head for column in columns)}",
    )
    return [seen[row] for row in ticked.selection.rows if row < len(seen)]


def _frame(seen: Sequence[Glance], columns: Sequence[Column], order: Sequence[str]) -> pd.DataFrame:
    theme = state.theme()
    made: dict[str, Any] = {_MARK: [_dot(figures.run_colour(glance.name, order, theme)) for glance in seen]}
    for column in columns:
        values = [column.value(glance) for glance in seen]
        made[column.key] = pd.Series(values, dtype="float64" if column.numeric else "object")
        if column.kind == "moment":
            made[column.key] = pd.to_datetime(made[column.key], utc=True)
    return pd.DataFrame(made)


def _dot(colour: str) -> str:
    """A picture of a round mark, in the text itself: nothing is fetched for it."""
    circle = f"<circle cx='8' cy='8' r='4' fill='{colour}'/>"
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' width='16' height='16'>{circle}</svg>"
    return f"data:image/svg+xml,{quote(picture)}"


def _config(column: Column, own: str) -> Any:
    head = f"{column.head} {own}".strip() if column.key == "test" else column.head
    help = column.help or None
    made = st.column_config
    if column.kind == "metric":
        return made.NumberColumn(head, format="%.3f", help=help)
    if column.kind == "whole":
        return made.NumberColumn(head, format="%d", help=help, width=64)
    if column.kind == "number":
        return made.NumberColumn(head, format="%.0f" if column.key == "seconds" else None, help=help)
    if column.kind == "moment":
        return made.DatetimeColumn(head, format="YYYY-MM-DD HH:mm", help=help, width=122)
    if column.kind == "words":
        return made.ListColumn(head, help=help)
    return made.TextColumn(head, help=help, pinned=True if column.key == "run" else None)
