"""What a page knows: where things live, the theme, and which ids are chosen.

The address is the truth about what is chosen (`?run=…&user=…&item=…`, raw ids), so that every view can be shared and
survives a reload; the session only remembers it while the visitor is on another page. Nothing else is shared between
two visitors: no object, no module-level value.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Final

import streamlit as st

from convncf import figures
from convncf.runs import Run, RunStore
from convncf.runtime import files

PAGES: Final = {
    "start": "views/start/page.py",
    "data": "views/data/page.py",
    "train": "views/train/page.py",
    "runs": "views/runs/page.py",
    "inspect": "views/inspect/page.py",
    "compare": "views/compare/page.py",
    "recommend": "views/recommend/page.py",
    "learn": "views/learn/page.py",
}
"""Page name -> its file, for links from one page to another."""


def home() -> Path:
    """The folder with runs and datasets; the same that the command line uses."""
    return files.home()


def store() -> RunStore:
    """All runs under that home."""
    return RunStore(home())


def listed() -> tuple[Run, ...]:
    """Runs to choose among, newest first: all but those put aside, of which the ones in the address stay; else all."""
    runs, asked = store().all(), st.query_params.get_all("run")
    return tuple(run for run in runs if run.name in asked or not run.labels().archived) or runs


def read_only() -> bool:
    """Whether this server only shows (`CONVNCF_READ_ONLY=1`, for a class): nothing is launched, changed or deleted."""
    return os.environ.get("CONVNCF_READ_ONLY", "").strip().lower() not in ("", "0", "false", "no")


def theme() -> figures.Theme:
    """The figures' theme that goes with the page's, light where the browser has not said yet."""
    return figures.DARK if st.context.theme.type == "dark" else figures.LIGHT


def run_order(runs: tuple[Run, ...] | None = None) -> tuple[str, ...]:
    """Names of all runs: a run's place in it decides its colour, on every page, and is kept when others go.

    It is the run's own number; where that is missing or taken (an older version's run, a folder that was copied or
    cannot be read) the first free place, by age. A place that nobody has holds "".
    """
    found = store().all() if runs is None else runs
    places: dict[int, str] = {}
    rest: list[str] = []
    for run in sorted(found, key=lambda run: (not run.created, run.created, run.name)):
        if run.number is None or run.number in places:
            rest.append(run.name)
        else:
            places[run.number] = run.name
    free = (place for place in itertools.count() if place not in places)
    places |= dict(zip(free, rest, strict=False))
    return tuple(places.get(place, "") for place in range(max(places, default=-1) + 1))


# ---------------------------------------------------------------- what is chosen
def chosen(name: str) -> str | None:
    """The id chosen for `run`, `user`, `item`, …: from the address, else the last one of this session."""
    found = st.query_params.get(name) or st.session_state.get(_remembered(name))
    return str(found) if found else None


def choose(**ids: str | None) -> None:
    """Choose ids, in the address and in the session; None takes one away. One step for the browser's Back."""
    for name, value in ids.items():
        if value is None:
            st.session_state.pop(_remembered(name), None)
        else:
            st.session_state[_remembered(name)] = value
    before = {name: st.query_params.get_all(name) for name in st.query_params}
    after = before | {name: [value] for name, value in ids.items() if value is not None}
    after = {name: values for name, values in after.items() if ids.get(name, values) is not None}
    if after != before:
        st.query_params.from_dict(after)  # one message to the browser, however many ids


def go(page: str, **ids: str) -> None:
    """Open another page with these ids in its address. Ends the script that calls it."""
    for name, value in ids.items():
        st.session_state[_remembered(name)] = value
    st.switch_page(PAGES[page], query_params=ids)


def _remembered(name: str) -> str:
    return f"chosen:{name}"


MOST_COMPARED: Final = 4
