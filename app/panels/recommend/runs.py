"""Choice of the runs whose lists are shown: one to four of one dataset, in the address as run=…&run=…"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from app import loading, state, widgets
from app.panels.recommend import address
from app.wording import sentence
from convncf.errors import ConvNCFError, RunNotFoundError
from convncf.runs import Run

MOST: Final = 4
_KEY: Final = "recommend:runs"


def usable(runs: Sequence[Run]) -> list[Run]:
    """Finished runs that have a model, the newest first."""
    return [run for run in runs if run.model_path.exists() and loading.finished(run)]


def show(ready: Sequence[Run]) -> tuple[Run, ...]:
    """Pick among the `usable` runs; those of the address that cannot be shown are named, and why."""
    by_name = {run.name: run for run in ready}
    asked = address.many("run")
    if not asked and not address.emptied("run"):
        asked = _first(ready)
    here, wrong = _sorted_out(asked, by_name)
    for words in wrong:
        widgets.problem(words)
    address.write("run", here)
    alike = [name for name in by_name if not here or by_name[name].fingerprint == by_name[here[0]].fingerprint]
    st.session_state[_KEY] = here
    st.multiselect(
        "Runs",
        alike,
        key=_KEY,
        max_selections=MOST,
        placeholder="Choose a run",
        on_change=lambda: address.write("run", st.session_state[_KEY]),
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
    start = by_name.get(state.chosen("run") or "")
    start = start or next((run for run in ready if run.config().model.name == "convncf"), ready[0])
    model = start.config().model.name
    others = (run for run in ready if run.fingerprint == start.fingerprint and run.config().model.name != model)
    return [run.name for run in (start, next(others, None)) if run is not None]


def _why_not(name: str) -> str:
    try:
        run = state.store().open(name)
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
