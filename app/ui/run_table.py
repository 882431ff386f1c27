"""Columns of the table of runs: what each is called, what it holds of a run, and how it is sorted."""

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
"""Stands for each run's own monitored metric, the one that its epoch was chosen by."""
SETTING: Final = "set:"
METRIC: Final = "test:"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `value` gives text, a number, a moment, a list of words, or None where a run has nothing there."""

    key: str
    head: str
    value: Callable[[RunSummary], Any]
    kind: Literal["text", "metric", "number", "whole", "moment", "words"] = "text"
    help: str = ""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("metric", "number", "whole")


def _epoch(summary: RunSummary) -> int | None:
    return summary.epoch if summary.trained else None


def _created(summary: RunSummary) -> datetime | None:
    return datetime.fromtimestamp(summary.created, UTC) if summary.created else None


_ALIKE_HELP: Final = (
    "Runs with the same letter were measured on the same data, split, protocol and candidate sets: only their figures "
    "can be ranked against each other."
)
_SPLIT_HELP: Final = "What was held out, and by which seed."
_OWN_HELP: Final = "The metric that the epoch was chosen by, on the test part, at the kept epoch."
FIXED: Final[tuple[Column, ...]] = (
    Column("run", "Run", lambda g: g.name),
    Column("state", "State", lambda g: text.STATE_WORDS[g.state]),
    Column("model", "Model", lambda g: g.model_words),
    Column("dataset", "Dataset", lambda g: g.dataset),
    Column("metric", "Metric", lambda g: "" if g.state == "broken" else g.monitor, help="Chosen by, in each run."),
    Column("test", "Test", lambda g: g.value, "metric", _OWN_HELP),
    Column("validation", "Validation", lambda g: g.validation.get(g.monitor), "metric", "The same, on validation."),
    Column("alike", "Alike", lambda g: "", help=_ALIKE_HELP),  # filled in among the others: see `letters`
    Column("epoch", "Epoch", _epoch, "whole", "Whose model is kept, and of which every metric of the row is."),
    Column("epochs", "Trained", lambda g: g.epochs if g.trained else None, "whole", "Epochs that were trained."),
    Column("seed", "Seed", lambda g: g.seed, "whole"),
    Column("seconds", "Took, s", lambda g: g.seconds, "number", "Training and evaluation, in seconds."),
    Column("created", "Created, UTC", _created, "moment"),
    Column("tags", "Tags", lambda g: list(g.labels.tags), "words"),
    Column("note", "Note", lambda g: g.labels.note),
    Column("split", "Split", lambda g: g.split, help=_SPLIT_HELP),
    Column("protocol", "Protocol", lambda g: g.protocol, help="What was ranked."),
    Column("preset", "Preset", lambda g: g.preset),
    Column("archived", "Archived", lambda g: "archived" if g.labels.archived else ""),
)
DEFAULT: Final = (
    *("run", "state", "model", "dataset", "metric", "test", "alike", "epoch"),
    *("seed", "seconds", "created", "tags", "note"),
)
"""Columns that are shown unless others are asked for; what matters most comes first, a narrow window cuts the last."""
_BY_KEY: Final = {column.key: column for column in FIXED}


def letters(seen: Iterable[RunSummary]) -> dict[str, str]:
    """Run -> a letter that it shares with the runs that it can be ranked against; none where nothing was tested.

    The oldest kind of measurement is A.
    """
    kinds: dict[tuple[str, ...], str] = {}
    found = {}
    for summary in sorted(seen, key=lambda g: (g.created, g.name)):
        if summary.measured is not None:
            place = len(kinds)
            found[summary.name] = kinds.setdefault(summary.measured, chr(65 + place) if place < 26 else str(place + 1))
    return found


def differing(seen: Sequence[RunSummary]) -> tuple[str, ...]:
    """Settings that have more than one value among these runs, sorted; numbers are of one type in every run."""
    values: dict[str, set[str]] = {}
    for summary in seen:
        for key, value in summary.settings.items():
            values.setdefault(key, set()).add(repr(value))
    shown = {"seed", "preset", "data.dataset", "model.name"}  # columns of their own
    return tuple(sorted(key for key, written in values.items() if len(written) > 1 and key not in shown))


def metrics(seen: Iterable[RunSummary]) -> tuple[str, ...]:
    """Metrics that any of these runs has on test, in the order of the reports."""
    return tuple(dict.fromkeys(name for summary in seen for name in summary.metrics))


def chosen(keys: Sequence[str], metric: str, seen: Sequence[RunSummary]) -> tuple[Column, ...]:
    """The columns of these keys; `metric`, where it is not OWN, stands in the place of each run's own."""
    alike = letters(seen)
    found: list[Column] = []
    for key in keys:
        if key == "alike":
            given = _BY_KEY[key]
            found.append(Column(key, given.head, lambda g: alike.get(g.name, ""), help=given.help))
        elif key == "test" and metric != OWN:
            found.append(_metric("test", metric))
        elif key in _BY_KEY:
            found.append(_BY_KEY[key])
        elif key.startswith(METRIC):
            found.append(_metric(key, key.removeprefix(METRIC)))
        elif key.startswith(SETTING):
            found.append(_setting(key, seen))
    return tuple(found)


def _metric(key: str, name: str) -> Column:
    return Column(key, f"Test {name}", lambda g: g.metrics.get(name), "metric", "At the kept epoch.")


def _setting(key: str, seen: Sequence[RunSummary]) -> Column:
    """A setting as numbers where it is one in every run that has it, else as it is written."""
    name = key.removeprefix(SETTING)
    values = [g.settings[name] for g in seen if g.settings.get(name) is not None]
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return Column(key, name, lambda g: g.settings.get(name), "number")
    return Column(key, name, lambda g: _words(g.settings.get(name)))


def _words(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else strict_json(value)


def ordered(seen: Sequence[RunSummary], column: Column, *, down: bool, letter: Mapping[str, str]) -> list[RunSummary]:
    """Sorted by a column, numbers as numbers; runs with nothing there come last, in the order given.

    By a metric, only runs that were measured alike are sorted among each other, one kind after the other.
    """
    values = {summary.name: _sortable(column.value(summary)) for summary in seen}
    kept = [summary for summary in seen if values[summary.name] is not None]
    empty = [summary for summary in seen if values[summary.name] is None]
    kept.sort(key=lambda summary: values[summary.name], reverse=down)
    if column.kind == "metric":
        kept.sort(key=lambda summary: letter.get(summary.name, "~"))  # stable: the order within a kind stays
    return kept + empty


def _sortable(value: Any) -> Any:
    if isinstance(value, list):
        value = ", ".join(value)
    if isinstance(value, str):
        return value.casefold() or None
    return value


def cell(column: Column, summary: RunSummary, *, short: bool = False) -> str:
    """The value as text for a file: numbers in full, or `short`, as the table shows them."""
    value = column.value(summary)
    if short and isinstance(value, float):
        return f"{value:.3f}" if column.kind == "metric" else number(value)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return ", ".join(value) if isinstance(value, list) else str(value)


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


def show(seen: Sequence[RunSummary], watched: str) -> None:
    """The runs at work and the newest others, newest first; the tick is at the run `watched`, and chooses another."""
    at_work = [summary for summary in seen if summary.active]
    others = [summary for summary in seen if not summary.active and not summary.labels.archived]
    names = {summary.name for summary in (*at_work, *others[:NEWEST])}
    short = [summary for summary in seen if summary.name in names]
    keys, own = _one_metric(short)
    columns = chosen(keys, OWN, short)
    order = address.run_order(tuple(summary.run for summary in seen))
    # Another run that is watched is another table: an old tick must not undo what the picker above has chosen.
    key = f"{_KEY}:{watched}"
    rows = draw(short, columns, order, key=key, mode="single-row", selected=(watched,), own=own)
    if rows and rows[0].name != watched:
        address.choose(run=rows[0].name)
        st.rerun()
    words = "Tick the box at the left of a row to watch that run."
    left = len(seen) - len(short)
    st.caption(f"{words} {left:,} more stand on the Runs page." if left else words)
    widgets.page_link("runs", "All runs")


def _one_metric(seen: Sequence[RunSummary]) -> tuple[tuple[str, ...], str]:
    """Without the column of metrics where all runs have the same, which then stands in the head."""
    found = {summary.monitor for summary in seen if summary.state != "broken"}
    if len(found) != 1:
        return _SHORT, ""
    return tuple(key for key in _SHORT if key != "metric"), found.pop()


def draw(
    seen: Sequence[RunSummary],
    columns: Sequence[Column],
    order: Sequence[str],
    *,
    key: str,
    mode: Literal["multi-row", "single-row"] = "multi-row",
    selected: Sequence[str] = (),
    own: str = "",
) -> list[RunSummary]:
    """Draw these rows in this order; those that are ticked. `order` gives each run its colour.

    Ticks go by position, so other rows are another table: `selected` says which of them are ticked at first.
    """
    names = [summary.name for summary in seen]
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


def _frame(seen: Sequence[RunSummary], columns: Sequence[Column], order: Sequence[str]) -> pd.DataFrame:
    theme = address.theme()
    made: dict[str, Any] = {_MARK: [_dot(figures.run_colour(summary.name, order, theme)) for summary in seen]}
    for column in columns:
        values = [column.value(summary) for summary in seen]
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
