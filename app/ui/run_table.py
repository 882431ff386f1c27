"""Table of runs: its columns with their heads, values and sort order, and its widget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import pandas as pd
import streamlit as st

from app.ui import address, text, widgets
from app.ui.run_summary import RunSummary
from convncf import figures
from convncf.figures.theme import number
from convncf.runtime.files import strict_json

OWN: Final = "own"
"""Placeholder for each run's own monitored metric, the one that its epoch was selected by."""
SETTING: Final = "set:"
METRIC: Final = "test:"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `value` gives text, a number, a time, a list of tags, or None where a run has no value."""

    key: str
    head: str
    value: Callable[[RunSummary], Any]
    kind: Literal["text", "metric", "number", "whole", "time", "list"] = "text"
    help: str = ""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("metric", "number", "whole")


def _epoch(summary: RunSummary) -> int | None:
    return summary.epoch if summary.trained else None


def _created(summary: RunSummary) -> datetime | None:
    return datetime.fromtimestamp(summary.created, UTC) if summary.created else None


_COMPARABLE_HELP: Final = (
    "Runs with the same letter were measured on the same data, split, protocol and candidate sets: only their figures "
    "can be ranked against each other."
)
_SPLIT_HELP: Final = "What was held out, and by which seed."
_OWN_HELP: Final = "The metric that selected the epoch, on the test part, at the kept epoch."
FIXED: Final[tuple[Column, ...]] = (
    Column("run", "Run", lambda summary: summary.name),
    Column("state", "State", lambda summary: text.STATE_LABELS[summary.state]),
    Column("model", "Model", lambda summary: summary.model_words),
    Column("dataset", "Dataset", lambda summary: summary.dataset),
    Column(
        "metric",
        "Metric",
        lambda summary: "" if summary.state == "broken" else summary.monitor,
        help="The metric that selects the epoch, in each run.",
    ),
    Column("test", "Test", lambda summary: summary.value, "metric", _OWN_HELP),
    Column(
        "validation",
        "Validation",
        lambda summary: summary.validation.get(summary.monitor),
        "metric",
        "The same metric, on the validation part.",
    ),
    Column("alike", "Comparable", lambda summary: "", help=_COMPARABLE_HELP),  # needs the other runs: see `letters`
    Column(
        "epoch", "Epoch", _epoch, "whole", "The epoch whose model is kept; every metric of the row was measured at it."
    ),
    Column(
        "epochs",
        "Trained",
        lambda summary: summary.epochs if summary.trained else None,
        "whole",
        "Epochs that were trained.",
    ),
    Column("seed", "Seed", lambda summary: summary.seed, "whole"),
    Column("seconds", "Duration, s", lambda summary: summary.seconds, "number", "Training and evaluation, in seconds."),
    Column("created", "Created, UTC", _created, "time"),
    Column("tags", "Tags", lambda summary: list(summary.labels.tags), "list"),
    Column("note", "Note", lambda summary: summary.labels.note),
    Column("split", "Split", lambda summary: summary.split, help=_SPLIT_HELP),
    Column("protocol", "Protocol", lambda summary: summary.protocol, help="What was ranked."),
    Column("preset", "Preset", lambda summary: summary.preset),
    Column("archived", "Archived", lambda summary: "archived" if summary.labels.archived else ""),
)
DEFAULT: Final = (
    *("run", "state", "model", "dataset", "metric", "test", "alike", "epoch"),
    *("seed", "seconds", "created", "tags", "note"),
)
"""Columns that are shown by default; the most important come first, since a narrow window cuts off the last."""
_BY_KEY: Final = {column.key: column for column in FIXED}


def letters(summaries: Iterable[RunSummary]) -> dict[str, str]:
    """Run -> a letter that it shares with the runs that are comparable with it; none where nothing was tested.

    The oldest kind of measurement is A.
    """
    kinds: dict[tuple[str, ...], str] = {}
    by_run = {}
    for summary in sorted(summaries, key=lambda summary: (summary.created, summary.name)):
        if summary.measured is not None:
            place = len(kinds)
            by_run[summary.name] = kinds.setdefault(summary.measured, chr(65 + place) if place < 26 else str(place + 1))
    return by_run


def differing(summaries: Sequence[RunSummary]) -> tuple[str, ...]:
    """Settings that have more than one value among these runs, sorted; numbers are of one type in every run."""
    values: dict[str, set[str]] = {}
    for summary in summaries:
        for key, value in summary.settings.items():
            values.setdefault(key, set()).add(repr(value))
    own_columns = {"seed", "preset", "data.dataset", "model.name"}  # columns of their own
    return tuple(sorted(key for key, texts in values.items() if len(texts) > 1 and key not in own_columns))


def metrics(summaries: Iterable[RunSummary]) -> tuple[str, ...]:
    """Metrics that any of these runs has on test, in the order of the reports."""
    return tuple(dict.fromkeys(name for summary in summaries for name in summary.metrics))


def chosen(keys: Sequence[str], metric: str, summaries: Sequence[RunSummary]) -> tuple[Column, ...]:
    """The columns of these keys; `metric`, where it is not OWN, replaces each run's own."""
    letter = letters(summaries)
    columns: list[Column] = []
    for key in keys:
        if key == "alike":
            template = _BY_KEY[key]
            columns.append(Column(key, template.head, lambda summary: letter.get(summary.name, ""), help=template.help))
        elif key == "test" and metric != OWN:
            columns.append(_metric("test", metric))
        elif key in _BY_KEY:
            columns.append(_BY_KEY[key])
        elif key.startswith(METRIC):
            columns.append(_metric(key, key.removeprefix(METRIC)))
        elif key.startswith(SETTING):
            columns.append(_setting(key, summaries))
    return tuple(columns)


def _metric(key: str, name: str) -> Column:
    return Column(key, f"Test {name}", lambda summary: summary.metrics.get(name), "metric", "At the kept epoch.")


def _setting(key: str, summaries: Sequence[RunSummary]) -> Column:
    """The column of a setting: numeric where its value is a number in every run that has it, else text."""
    name = key.removeprefix(SETTING)
    values = [summary.settings[name] for summary in summaries if summary.settings.get(name) is not None]
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return Column(key, name, lambda summary: summary.settings.get(name), "number")
    return Column(key, name, lambda summary: _as_text(summary.settings.get(name)))


def _as_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else strict_json(value)


def ordered(
    summaries: Sequence[RunSummary], column: Column, *, down: bool, letter: Mapping[str, str]
) -> list[RunSummary]:
    """Runs sorted by a column, numbers as numbers; runs without a value come last, in the order given.

    By a metric, only comparable runs are sorted among each other, one kind of measurement after the other.
    """
    values = {summary.name: _sortable(column.value(summary)) for summary in summaries}
    present = [summary for summary in summaries if values[summary.name] is not None]
    absent = [summary for summary in summaries if values[summary.name] is None]
    present.sort(key=lambda summary: values[summary.name], reverse=down)
    if column.kind == "metric":
        present.sort(key=lambda summary: letter.get(summary.name, "~"))  # stable: the order within a kind stays
    return present + absent


def _sortable(value: Any) -> Any:
    if isinstance(value, list):
        value = ", ".join(value)
    if isinstance(value, str):
        return value.casefold() or None
    return value


def cell(column: Column, summary: RunSummary, *, short: bool = False) -> str:
    """The value as text for a file: numbers in full, or, where `short`, as the table shows them."""
    value = column.value(summary)
    if short and isinstance(value, float):
        return f"{value:.3f}" if column.kind == "metric" else number(value)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return ", ".join(value) if isinstance(value, list) else str(value)


NEWEST: Final = 10
"""Runs on the Train page, besides those that are active."""
_SHORT: Final = ("run", "state", "model", "dataset", "metric", "test", "created", "seconds", "epoch", "seed")
_KEY: Final = "runs:table"
_COLOUR: Final = "colour"
_COLOUR_HELP: Final = "The run's colour on every page."
_ROW: Final = 35
"""Height of a row, px."""
_ROWS: Final = 16
"""Rows that are visible without scrolling."""


def show(summaries: Sequence[RunSummary], watched: str) -> None:
    """Active runs and the newest others, newest first; the run `watched` is ticked, and a tick selects another."""
    active = [summary for summary in summaries if summary.active]
    inactive = [summary for summary in summaries if not summary.active and not summary.labels.archived]
    names = {summary.name for summary in (*active, *inactive[:NEWEST])}
    listed = [summary for summary in summaries if summary.name in names]
    keys, own = _one_metric(listed)
    columns = chosen(keys, OWN, listed)
    order = address.run_order(tuple(summary.run for summary in summaries))
    # Each watched run has a table of its own: an old tick must not undo what the picker above has chosen.
    key = f"{_KEY}:{watched}"
    ticked = draw(listed, columns, order, key=key, mode="single-row", selected=(watched,), own=own)
    if ticked and ticked[0].name != watched:
        address.choose(run=ticked[0].name)
        st.rerun()
    hint = "Tick the box at the left of a row to watch that run."
    unlisted = len(summaries) - len(listed)
    st.caption(f"{hint} {unlisted:,} more are on the Runs page." if unlisted else hint)
    widgets.page_link("runs", "All runs")


def _one_metric(summaries: Sequence[RunSummary]) -> tuple[tuple[str, ...], str]:
    """Keys without the column Metric where all runs share one, and that metric for the head of the column Test."""
    monitors = {summary.monitor for summary in summaries if summary.state != "broken"}
    if len(monitors) != 1:
        return _SHORT, ""
    return tuple(key for key in _SHORT if key != "metric"), monitors.pop()


def draw(
    summaries: Sequence[RunSummary],
    columns: Sequence[Column],
    order: Sequence[str],
    *,
    key: str,
    mode: Literal["multi-row", "single-row"] = "multi-row",
    selected: Sequence[str] = (),
    own: str = "",
) -> list[RunSummary]:
    """Draw these rows in this order; return the ticked ones. `order` gives each run its colour.

    Ticks go by position, so other rows make another table: `selected` are the runs that are ticked at first.
    """
    names = [summary.name for summary in summaries]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    positions = [position for position, name in enumerate(names) if name in selected]
    ticked = st.dataframe(
        _frame(summaries, columns, order),
        hide_index=True,
        placeholder="–",
        key=f"{key}:{digest}",
        height=_ROW * (min(len(names), _ROWS) + 1) + 3,
        row_height=_ROW,
        on_select="rerun",
        selection_mode=mode,
        selection_default={"selection": {"rows": positions}},
        column_config={_COLOUR: st.column_config.ImageColumn("", width=36, help=_COLOUR_HELP, pinned=True)}
        | {column.key: _config(column, own) for column in columns},
        alt=f"{len(names)} runs with {', '.join(column.head for column in columns)}",
    )
    return [summaries[row] for row in ticked.selection.rows if row < len(summaries)]


def _frame(summaries: Sequence[RunSummary], columns: Sequence[Column], order: Sequence[str]) -> pd.DataFrame:
    theme = address.theme()
    data: dict[str, Any] = {_COLOUR: [_dot(figures.run_colour(summary.name, order, theme)) for summary in summaries]}
    for column in columns:
        values = [column.value(summary) for summary in summaries]
        data[column.key] = pd.Series(values, dtype="float64" if column.numeric else "object")
        if column.kind == "time":
            data[column.key] = pd.to_datetime(data[column.key], utc=True)
    return pd.DataFrame(data)


def _dot(colour: str) -> str:
    """A round mark as an SVG data URL, so that nothing is fetched for it."""
    circle = f"<circle cx='8' cy='8' r='4' fill='{colour}'/>"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='16' height='16'>{circle}</svg>"
    return f"data:image/svg+xml,{quote(svg)}"


def _config(column: Column, own: str) -> Any:
    head = f"{column.head} {own}".strip() if column.key == "test" else column.head
    help = column.help or None
    kinds = st.column_config
    if column.kind == "metric":
        return kinds.NumberColumn(head, format="%.3f", help=help)
    if column.kind == "whole":
        return kinds.NumberColumn(head, format="%d", help=help, width=64)
    if column.kind == "number":
        return kinds.NumberColumn(head, format="%.0f" if column.key == "seconds" else None, help=help)
    if column.kind == "time":
        return kinds.DatetimeColumn(head, format="YYYY-MM-DD HH:mm", help=help, width=122)
    if column.kind == "list":
        return kinds.ListColumn(head, help=help)
    return kinds.TextColumn(head, help=help, pinned=True if column.key == "run" else None)
