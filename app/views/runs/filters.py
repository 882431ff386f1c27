"""Filters, sort order and columns of the table of runs: controls whose every choice is in the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.ui import address, run_table, text
from app.ui.run_summary import RunSummary
from app.ui.run_table import METRIC, OWN, SETTING
from app.ui.text import plain
from convncf.data.items import fold
from convncf.figures import theme
from convncf.models.registry import label

_FILTERS: Final[Mapping[str, tuple[str, Callable[[RunSummary], Iterable[str]]]]] = {
    "state": ("State", lambda summary: (summary.state,)),
    "dataset": ("Dataset", lambda summary: (summary.dataset,) if summary.dataset else ()),
    "model": ("Model", lambda summary: (summary.model,) if summary.model else ()),
    "tag": ("Tag", lambda summary: summary.labels.tags),
}
"""Parameter of the address -> its label, and a run's values for it."""
_ANY: Final = "*"
_ARCHIVED: Final = {"no": "Excluded", "yes": "Included", "only": "Only archived"}
_ORDER: Final = {"down": "Descending", "up": "Ascending"}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen above the table."""

    search: str
    filters: Mapping[str, str]
    """Parameter -> the value that a run must have; only those that were chosen."""
    archived: str
    """no, yes, only."""
    metric: str
    """A metric, or OWN."""
    sort: str
    """Key of a column."""
    down: bool
    columns: tuple[str, ...]


def show(summaries: Sequence[RunSummary]) -> Choice:
    """The controls, in two rows; a choice in the address that no run has is reported, and ignored."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = _text()
        values = {name: _one(name, label, _values(summaries, get), _ANY) for name, (label, get) in _FILTERS.items()}
        archived = _one("archived", "Archived", _ARCHIVED, "no")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measured = run_table.metrics(summaries)
        metric = _one("metric", "Metric", {OWN: "each run's own", **{name: name for name in measured}}, OWN, width=200)
        heads = {column.key: column.head for column in run_table.FIXED}
        heads |= {METRIC + name: f"Test {name}" for name in measured}
        heads |= {SETTING + key: key for key in run_table.differing(summaries)}
        sort = _one("sort", "Sorted by", heads, "created", width=200)
        order = _one("order", "Order", _ORDER, "down")
        with st.popover("Columns", help=_COLUMNS_HELP):
            columns = _several("columns", "Columns of the table", heads, run_table.DEFAULT)
    chosen = {name: value for name, value in values.items() if value != _ANY}
    return Choice(search, chosen, archived, metric, sort, order == "down", columns or ("run",))


_COLUMNS_HELP: Final = "Settings are offered where the runs differ in them; numbers are compared by value."
_SEARCH_HELP: Final = "Words in the name, a tag, the note, the dataset or the model; a run must have all of them."


def matching(summaries: Sequence[RunSummary], choice: Choice) -> list[RunSummary]:
    """The runs that match a choice, sorted."""
    words = fold(choice.search).split()
    selected = [
        summary
        for summary in summaries
        if (choice.archived == "yes" or summary.labels.archived == (choice.archived == "only"))
        and all(value in _FILTERS[name][1](summary) for name, value in choice.filters.items())
        and all(word in _searched_text(summary) for word in words)
    ]
    column = run_table.chosen((choice.sort,), choice.metric, summaries)[0]
    return run_table.ordered(selected, column, down=choice.down, letter=run_table.letters(summaries))


def _searched_text(summary: RunSummary) -> str:
    labels = summary.labels
    return fold(
        "\n".join([summary.name, *labels.tags, labels.note, summary.dataset, summary.model, summary.model_words])
    )


def _values(summaries: Sequence[RunSummary], values_of: Callable[[RunSummary], Iterable[str]]) -> dict[str, str]:
    values = dict.fromkeys(sorted(value for summary in summaries for value in values_of(summary)))
    return {_ANY: "Any", **{value: text.STATE_LABELS.get(value, label(value)) for value in values}}


# ---------------------------------------------------------------- the address
def _text() -> str:
    key = "runs:search"
    st.session_state[key] = address.value("search") or ""
    entered = st.text_input(
        "Search", key=key, help=_SEARCH_HELP, type="search", width=200, on_change=address.follow("search", key)
    )
    search = (entered or "").strip()
    address.choose(search=search or None)
    return search


def _one(name: str, label: str, options: Mapping[str, str], default: str, *, width: int = 150) -> str:
    requested = address.value(name) or default
    _report_absent(label, [requested], options)
    key = f"runs:{name}"
    st.session_state[key] = requested if requested in options else default
    picked = st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda value: options.get(value, value),
        width=width,
        on_change=address.follow(name, key),
    )
    address.choose(**{name: picked})
    return picked


def _several(name: str, label: str, options: Mapping[str, str], default: Sequence[str]) -> tuple[str, ...]:
    requested = address.values(name) or default
    _report_absent(label, requested, options)
    key = f"runs:{name}"
    st.session_state[key] = [value for value in requested if value in options]
    picked = st.pills(
        label,
        list(options),
        key=key,
        selection_mode="multi",
        format_func=lambda value: plain(options.get(value, value)),
        on_change=address.follow(name, key),
    )
    chosen = [value for value in options if value in picked]
    address.choose(**{name: chosen if chosen != list(default) else None})
    return tuple(chosen)


def _report_absent(label: str, requested: Iterable[str], options: Mapping[str, str]) -> None:
    absent = [value for value in requested if value not in options]
    if absent:
        st.caption(f"{plain(label)}: {plain(', '.join(map(repr, absent)))} is not available and is ignored.")


def count(summaries: Sequence[RunSummary], shown: Sequence[RunSummary], choice: Choice) -> str:
    """How many runs are shown, how many are not and why, and whether they are comparable; Markdown."""
    sentences = [f"{len(shown):,} of {theme.plural(len(summaries), 'run')}."]
    archived = sum(summary.labels.archived for summary in summaries)
    if choice.archived == "no" and archived:
        sentences.append(f"{archived:,} archived {'is' if archived == 1 else 'are'} excluded.")
    kinds = {summary.measured for summary in shown if summary.measured is not None}
    if len(kinds) > 1:
        sentences.append(
            f"Their figures come from {len(kinds)} kinds of measurement (dataset, split, protocol): rank only runs "
            "with the same letter under Comparable."
        )
    return " ".join(sentences)
