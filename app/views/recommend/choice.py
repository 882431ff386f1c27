"""What the address of Recommend says: runs, K, filters, picked titles; and their controls.

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
USUAL: Final = 10
POPULAR: Final = (0, 1, 2, 5, 10, 20, 50)
"""Shares of items to hide that are offered, in percent."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of list is asked for."""

    k: int
    filter: ListFilter


def show_filters(model: Model) -> Wanted:
    """The controls in a row, and what they say; genres only where the data has any."""
    k, popular, chosen, wrong = _asked(results.known_genres(model))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["recommend:k"] = k
        st.number_input(
            "Items a list", 1, LONGEST, key="recommend:k", on_change=address.follow("k", "recommend:k"), width=120
        )
        st.session_state["recommend:popular"] = popular
        st.select_slider(
            "Hide the most popular",
            sorted({*POPULAR, popular}),
            key="recommend:popular",
            format_func=lambda percent: f"{percent:g}%" if percent else "none",
            on_change=address.follow("popular", "recommend:popular"),
            help="So many percent of all items, those that most users have in training.",
            width=220,
        )
        if known := results.known_genres(model):
            st.session_state["recommend:genre"] = chosen
            st.multiselect(
                "Only genres",
                known,
                key="recommend:genre",
                placeholder="All genres",
                on_change=address.follow("genre", "recommend:genre"),
                help="Items with one of these genres or more.",
                width=320,
            )
    for words in wrong:
        widgets.problem(words)
    return Wanted(k, ListFilter(popular, tuple(chosen)))


def _asked(known: tuple[str, ...]) -> tuple[int, float, list[str], list[str]]:
    """K, percent and genres as the address has them; what cannot be is said, and the usual taken."""
    wrong: list[str] = []
    k = _number("k", USUAL, 1, LONGEST, wrong)
    popular = _number("popular", 0, 0, 99, wrong)
    asked = address.values("genre")
    chosen = [genre for genre in asked if genre in known]
    wrong += [f"No item of this data has the genre {genre!r}." for genre in asked if genre not in known]
    address.choose(k=str(k), popular=str(popular), genre=chosen)
    return k, popular, chosen, wrong


def _number(name: str, usual: int, lowest: int, highest: int, wrong: list[str]) -> int:
    text = address.chosen(name) or ""
    if text.isdecimal() and len(text) < 4 and lowest <= int(text) <= highest:
        return int(text)
    wrong.append(f"{name}={text} is no whole number from {lowest} to {highest}; {usual} is taken.")
    return usual


MOST: Final = 4
_KEY: Final = "recommend:runs"


def usable(runs: Sequence[Run]) -> list[Run]:
    """Finished runs that have a model, the newest first."""
    return [run for run in runs if run.model_path.exists() and cache.finished(run)]


def show_runs(ready: Sequence[Run]) -> tuple[Run, ...]:
    """Pick among the `usable` runs; those of the address that cannot be shown are named, and why."""
    by_name = {run.name: run for run in ready}
    asked = address.values("run")
    if not asked and not address.cleared("run"):
        asked = _first(ready)
    here, wrong = _sorted_out(asked, by_name)
    for words in wrong:
        widgets.problem(words)
    address.choose(run=here)
    alike = [name for name in by_name if not here or by_name[name].fingerprint == by_name[here[0]].fingerprint]
    st.session_state[_KEY] = here
    st.multiselect(
        "Runs",
        alike,
        key=_KEY,
        max_selections=MOST,
        placeholder="Choose a run",
        on_change=address.follow("run", _KEY),
        help=f"One to {MOST} runs, of one dataset: while one is chosen, those of other data are not offered.",
    )
    return tuple(by_name[name] for name in here)


def _sorted_out(asked: Sequence[str], by_name: Mapping[str, Run]) -> tuple[list[str], list[str]]:
    """Which of the names can be shown beside each other, and why the others cannot."""
    here: list[str] = []
    wrong: list[str] = []
    for name in asked:
        if name not in by_name:
            wrong.append(_why_not(name))
        elif here and by_name[name].fingerprint != by_name[here[0]].fingerprint:
            wrong.append(f"Run {name} is of other data than {here[0]}, so its list is not shown beside it.")
        elif len(here) == MOST:
            wrong.append(f"At most {MOST} lists are shown at once: {name} is left aside.")
        else:
            here.append(name)
    return here, wrong


def _first(ready: Sequence[Run]) -> list[str]:
    """The run of Inspect, else the newest ConvNCF; and beside it the newest of another model on the same data."""
    by_name = {run.name: run for run in ready}
    start = by_name.get(address.shared_choice("run") or "")
    start = start or next((run for run in ready if record(run.config().model.name).layers), ready[0])
    model = start.config().model.name
    others = (run for run in ready if run.fingerprint == start.fingerprint and run.config().model.name != model)
    return [run.name for run in (start, next(others, None)) if run is not None]


def _why_not(name: str) -> str:
    try:
        run = address.store().open(name)
        reason = run.broken()
        if not reason and not run.model_path.exists():
            return f"Run {name} has no model ({run.status().state}), so it has no list."
        if not reason:
            return f"Run {name} is not finished ({run.status().state}), so its list is left aside."
    except RunNotFoundError as error:
        return sentence(error)
    except ConvNCFError as error:
        reason = str(error)
    return f"Run {name} cannot be read, so it is left aside. {reason}"
