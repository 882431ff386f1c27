"""Choice of runs to compare, two to four of them in the address as run=…&run=…; the first is the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import state, widgets
from app.panels.sentences import sentence
from convncf.errors import RunNotFoundError
from convncf.runs import Run

MOST: Final = 4
_KEY: Final = "compare:runs"
_REMEMBERED: Final = "chosen:compare"
_ALSO: Final = ("other", "runs")
"""Parameters that are read too, for links written by hand: other=…, runs=a,b."""


def show(finished: Sequence[Run]) -> tuple[Run, ...]:
    """Pick among finished runs; those in the address that cannot be compared are named, and why."""
    by_name = {run.name: run for run in finished}
    asked = _asked()
    here = [name for name in asked if name in by_name][:MOST]
    for name in asked:
        if name not in by_name:
            widgets.problem(_why_not(name))
    if len(asked) > MOST:
        widgets.problem(f"At most {MOST} runs are compared at once; the first {MOST} are shown.")
    if not asked:
        remembered = [name for name in st.session_state.get(_REMEMBERED, ()) if name in by_name]
        here = remembered or _first(finished)
    _write(here)
    st.session_state[_KEY] = here
    st.multiselect(
        "Runs; the first is the baseline",
        list(by_name),
        key=_KEY,
        max_selections=MOST,
        placeholder="Choose two to four finished runs",
        on_change=lambda: _write(st.session_state[_KEY]),
    )
    return tuple(by_name[name] for name in here)


def _asked() -> list[str]:
    names = st.query_params.get_all("run")
    for name in _ALSO:
        names += [part for value in st.query_params.get_all(name) for part in value.split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _write(names: Sequence[str]) -> None:
    st.session_state[_REMEMBERED] = list(names)
    for name in _ALSO:
        if name in st.query_params:
            del st.query_params[name]
    if st.query_params.get_all("run") != list(names):
        st.query_params["run"] = list(names)


def _first(finished: Sequence[Run]) -> list[str]:
    """The newest three that share their data, the oldest of them as the baseline."""
    newest = finished[0]
    return [run.name for run in finished if run.fingerprint == newest.fingerprint][:3][::-1]


def _why_not(name: str) -> str:
    try:
        run = state.store().open(name)
    except RunNotFoundError as error:
        return sentence(error)
    reason = run.broken()
    if reason:
        return f"Run {name} cannot be read, so it is left aside. {reason}"
    return f"Run {name} has no report yet ({run.status().state}), so it is left aside until it is finished."
