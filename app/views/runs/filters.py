"""Which runs the table shows, in what order and with which columns: controls whose every choice is in the address."""

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

_OF: Final[Mapping[str, tuple[str, Callable[[RunSummary], Iterable[str]]]]] = {
    "state": ("State", lambda g: (g.state,)),
    "dataset": ("Dataset", lambda g: (g.dataset,) if g.dataset else ()),
    "model": ("Model", lambda g: (g.model,) if g.model else ()),
    "tag": ("Tag", lambda g: g.labels.tags),
}
"""Parameter of the address -> its label, and what a run has there."""
_ANY: Final = "*"
_ARCHIVED: Final = {"no": "Left out", "yes": "Shown", "only": "Only these"}
_ORDER: Final = {"down": "Falling", "up": "Rising"}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen above the table."""

    search: str
    of: Mapping[str, str]
    """Parameter -> the value that a run must have there; only those that were asked for."""
    archived: str
    """no, yes, only."""
    metric: str
    """A metric, or OWN."""
    sort: str
    """Key of a column."""
    down: bool
    columns: tuple[str, ...]


def show(seen: Sequence[RunSummary]) -> Choice:
    """The controls, in two rows; a choice in the address that no run has is said in words, and not counted."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = _text()
        of = {name: _one(name, label, _values(seen, get), _ANY) for name, (label, get) in _OF.items()}
        archived = _one("archived", "Archived", _ARCHIVED, "no")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measured = run_table.metrics(seen)
        metric = _one("metric", "Metric", {OWN: "each run's own", **{name: name for name in measured}}, OWN, width=200)
        heads = {column.key: column.head for column in run_table.FIXED}
        heads |= {METRIC + name: f"Test {name}" for name in measured}
        heads |= {SETTING + key: key for key in run_table.differing(seen)}
        sort = _one("sort", "Sorted by", heads, "created", width=200)
        order = _one("order", "Order", _ORDER, "down")
        with st.popover("Columns", help=_COLUMNS_HELP):
            columns = _several("columns", "Columns of the table", heads, run_table.DEFAULT)
    wanted = {name: value for name, value in of.items() if value != _ANY}
    return Choice(search, wanted, archived, metric, sort, order == "down", columns or ("run",))


_COLUMNS_HELP: Final = "Settings are offered where the runs differ in them; numbers are equal however they are written."
_SEARCH_HELP: Final = "Words in the name, a tag, the note, the dataset or the model; all of them have to be there."


def kept(seen: Sequence[RunSummary], choice: Choice) -> list[RunSummary]:
    """The runs that a choice shows, sorted."""
    words = fold(choice.search).split()
    found = [
        summary
        for summary in seen
        if (choice.archived == "yes" or summary.labels.archived == (choice.archived == "only"))
        and all(wanted in _OF[name][1](summary) for name, wanted in choice.of.items())
        and all(word in _searched(summary) for word in words)
    ]
    column = run_table.chosen((choice.sort,), choice.metric, seen)[0]
    return run_table.ordered(found, column, down=choice.down, letter=run_table.letters(seen))


def _searched(summary: RunSummary) -> str:
    labels = summary.labels
    return fold(
        "\n".join([summary.name, *labels.tags, labels.note, summary.dataset, summary.model, summary.model_words])
    )


def _values(seen: Sequence[RunSummary], get: Callable[[RunSummary], Iterable[str]]) -> dict[str, str]:
    found = dict.fromkeys(sorted(value for summary in seen for value in get(summary)))
    return {_ANY: "Any", **{value: text.STATE_WORDS.get(value, label(value)) for value in found}}


# ---------------------------------------------------------------- the address
def _text() -> str:
    key = "runs:search"
    st.session_state[key] = address.asked("search") or ""
    found = st.text_input(
        "Search", key=key, help=_SEARCH_HELP, type="search", width=200, on_change=address.follow("search", key)
    )
    words = (found or "").strip()
    address.choose(search=words or None)
    return words


def _one(name: str, label: str, options: Mapping[str, str], default: str, *, width: int = 150) -> str:
    asked = address.asked(name) or default
    _say_absent(label, [asked], options)
    key = f"runs:{name}"
    st.session_state[key] = asked if asked in options else default
    found = st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda value: options.get(value, value),
        width=width,
        on_change=address.follow(name, key),
    )
    address.choose(**{name: found})
    return found


def _several(name: str, label: str, options: Mapping[str, str], default: Sequence[str]) -> tuple[str, ...]:
    wanted = address.values(name) or default
    _say_absent(label, wanted, options)
    key = f"runs:{name}"
    st.session_state[key] = [value for value in wanted if value in options]
    picked = st.pills(
        label,
        list(options),
        key=key,
        selection_mode="multi",
        format_func=lambda value: plain(options.get(value, value)),
        on_change=address.follow(name, key),
    )
    found = [value for value in options if value in picked]
    address.choose(**{name: found if found != list(default) else None})
    return tuple(found)


def _say_absent(label: str, wanted: Iterable[str], options: Mapping[str, str]) -> None:
    absent = [value for value in wanted if value not in options]
    if absent:
        st.caption(f"{plain(label)}: {plain(', '.join(map(repr, absent)))} is not here, so it is left aside.")


def count(seen: Sequence[RunSummary], shown: Sequence[RunSummary], choice: Choice) -> str:
    """How many runs are shown, how many are not and why, and whether their figures can be ranked; Markdown."""
    said = [f"{len(shown):,} of {theme.plural(len(seen), 'run')}."]
    put_aside = sum(summary.labels.archived for summary in seen)
    if choice.archived == "no" and put_aside:
        said.append(f"{put_aside:,} archived {'is' if put_aside == 1 else 'are'} left out.")
    kinds = {summary.measured for summary in shown if summary.measured is not None}
    if len(kinds) > 1:
        said.append(
            f"Their figures come from {len(kinds)} kinds of measurement (dataset, split, protocol): rank only runs "
            "with the same letter under Alike."
        )
    return " ".join(said)
