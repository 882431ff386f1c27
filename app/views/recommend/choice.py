"""Choices of Recommend, kept in the address: runs, K, filters, picked titles; and their controls.

`?run=a&run=b&user=15&k=20&popular=5&genre=Drama&item=318`, or `whose=new&like=318&like=296`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.ui import address, cache, widgets
from app.ui.cache import Model
from app.ui.text import sentence
from app.views.recommend import results
from convncf.errors import ConvNCFError, RunNotFoundError
from convncf.inspection.lists import ListFilter
from convncf.models.registry import record
from convncf.runs import Run

LONGEST: Final = 100
DEFAULT_K: Final = 10
POPULAR: Final = (0, 1, 2, 5, 10, 20, 50)
"""Offered shares of items to hide, in percent."""


@dataclass(frozen=True, slots=True)
class ListChoice:
    """Length and filters of the lists."""

    k: int
    filter: ListFilter


def show_filters(model: Model) -> ListChoice:
    """The controls in a row, and their choice; genres only where the data has any."""
    k, popular, chosen, problems = _requested(results.known_genres(model))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["recommend:k"] = k
        st.number_input(
            "List length", 1, LONGEST, key="recommend:k", on_change=address.follow("k", "recommend:k"), width=120
        )
        st.session_state["recommend:popular"] = popular
        st.select_slider(
            "Hide the most popular",
            sorted({*POPULAR, popular}),
            key="recommend:popular",
            format_func=lambda percent: f"{percent:g}%" if percent else "none",
            on_change=address.follow("popular", "recommend:popular"),
            help="Hides this share of all items, those with the most users in training.",
            width=220,
        )
        if known_genres := results.known_genres(model):
            st.session_state["recommend:genre"] = chosen
            st.multiselect(
                "Only genres",
                known_genres,
                key="recommend:genre",
                placeholder="All genres",
                on_change=address.follow("genre", "recommend:genre"),
                help="Only items with at least one of these genres.",
                width=320,
            )
    for problem in problems:
        widgets.problem(problem)
    return ListChoice(k, ListFilter(popular, tuple(chosen)))


def _requested(known_genres: tuple[str, ...]) -> tuple[int, float, list[str], list[str]]:
    """K, percent and genres in the address; invalid values are reported, and replaced by the defaults."""
    problems: list[str] = []
    k = _number("k", DEFAULT_K, 1, LONGEST, problems)
    popular = _number("popular", 0, 0, 99, problems)
    requested = address.values("genre")
    chosen = [genre for genre in requested if genre in known_genres]
    problems += [f"No item of this data has the genre {genre!r}." for genre in requested if genre not in known_genres]
    address.choose(k=str(k), popular=str(popular), genre=chosen)
    return k, popular, chosen, problems


def _number(name: str, default: int, lowest: int, highest: int, problems: list[str]) -> int:
    text = address.chosen(name) or ""
    if text.isdecimal() and len(text) < 4 and lowest <= int(text) <= highest:
        return int(text)
    problems.append(f"{name}={text} is no whole number from {lowest} to {highest}; {default} is used.")
    return default


MOST: Final = 4
_KEY: Final = "recommend:runs"


def usable(runs: Sequence[Run]) -> list[Run]:
    """Finished runs that have a model, the newest first."""
    return [run for run in runs if run.model_path.exists() and cache.finished(run)]


def show_runs(ready: Sequence[Run]) -> tuple[Run, ...]:
    """Pick among the `usable` runs; those in the address that cannot be shown are reported with the reason."""
    by_name = {run.name: run for run in ready}
    requested = address.values("run")
    if not requested and not address.cleared("run"):
        requested = _first(ready)
    chosen, problems = _partition(requested, by_name)
    for problem in problems:
        widgets.problem(problem)
    address.choose(run=chosen)
    selectable = [name for name in by_name if not chosen or by_name[name].fingerprint == by_name[chosen[0]].fingerprint]
    st.session_state[_KEY] = chosen
    st.multiselect(
        "Runs",
        selectable,
        key=_KEY,
        max_selections=MOST,
        placeholder="Choose a run",
        on_change=address.follow("run", _KEY),
        help=f"One to {MOST} runs of one dataset: while one is chosen, runs of other data are not offered.",
    )
    return tuple(by_name[name] for name in chosen)


def _partition(requested: Sequence[str], by_name: Mapping[str, Run]) -> tuple[list[str], list[str]]:
    """The names that can be shown beside each other, and why the others cannot."""
    shown: list[str] = []
    problems: list[str] = []
    for name in requested:
        if name not in by_name:
            problems.append(_why_not(name))
        elif shown and by_name[name].fingerprint != by_name[shown[0]].fingerprint:
            problems.append(f"Run {name} has other data than {shown[0]}, so its list is not shown beside it.")
        elif len(shown) == MOST:
            problems.append(f"At most {MOST} lists are shown at once: {name} is not shown.")
        else:
            shown.append(name)
    return shown, problems


def _first(ready: Sequence[Run]) -> list[str]:
    """The run of Inspect, else the newest ConvNCF; and beside it the newest of another model on the same data."""
    by_name = {run.name: run for run in ready}
    first = by_name.get(address.shared_choice("run") or "")
    first = first or next((run for run in ready if record(run.config().model.name).layers), ready[0])
    model = first.config().model.name
    second = (run for run in ready if run.fingerprint == first.fingerprint and run.config().model.name != model)
    return [run.name for run in (first, next(second, None)) if run is not None]


def _why_not(name: str) -> str:
    try:
        run = address.store().open(name)
        reason = run.broken()
        if not reason and not run.model_path.exists():
            return f"Run {name} has no model ({run.status().state}), so it has no list."
        if not reason:
            return f"Run {name} is not finished ({run.status().state}), so its list is not shown."
    except RunNotFoundError as error:
        return sentence(error)
    except ConvNCFError as error:
        reason = str(error)
    return f"Run {name} cannot be read, so it is not shown. {reason}"
