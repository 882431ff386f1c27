"""What the address of Compare says: two to four runs, the first the baseline, and each choice beside them.

`?run=a&run=b&cutoff=10&intervals=no&along=epoch&smooth=0&part=pair&order=as trained&layer=1&against=b&align=none
&channels=beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from app.ui import address, cache, widgets
from app.ui.address import MOST_COMPARED
from app.ui.text import sentence
from convncf.errors import ConvNCFError, RunNotFoundError
from convncf.figures.maps import ORDERS
from convncf.runs import Run

CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "intervals": ("no", "yes"),
    "along": ("epoch", "step", "time"),
    "smooth": ("0", "0.6", "0.9"),
    "part": ("pair", "lists", "bands", "seeds"),
    "order": ORDERS,
    "align": ("none", "permutation", "rotation"),
    "channels": ("beside", "number", "matched"),
}
"""Parameter -> what it may be; the first where nothing else was chosen."""
ALSO: Final = ("other", "runs")
"""Parameters that are read too, for links written by hand: other=…, runs=a,b."""


def settle(runs: Sequence[str]) -> None:
    """Choose the runs, and say nothing any more of a run to hold against the baseline that is none of them."""
    address.choose(run=list(runs), **dict.fromkeys(ALSO))
    if address.value("against") not in (None, *runs[1:]):
        address.choose(against=None)


def cutoff(ks: Sequence[int]) -> int:
    """The K that is chosen among these, else the first of them."""
    asked = address.value("cutoff")
    return next((k for k in ks if str(k) == asked), ks[0])


def pick(label: str, parameter: str, *, words: Callable[[str], str] = str) -> str:
    """A row of options of CHOICES."""
    return widgets.one_of(label, CHOICES[parameter], parameter=parameter, labels=words)


_LABELS: Final = ("Baseline", "Compared with", "and with", "and with ")
_WIDTH: Final = 268
"""Pixels of a picker: four fill a row of 1280, and a name of 33 characters is whole."""


def show(finished: Sequence[Run]) -> tuple[Run, ...]:
    """Pick among finished runs; those in the address that cannot be compared are named, and why.

    The caller puts what is returned into the address, with all that follows from it.
    """
    by_name = {run.name: run for run in finished}
    asked = _asked()
    here = [name for name in asked if name in by_name][:MOST_COMPARED]
    for name in asked:
        if name not in by_name:
            widgets.problem(_why_not(name))
    if len(asked) > MOST_COMPARED:
        widgets.problem(f"At most {MOST_COMPARED} runs are compared at once; the first {MOST_COMPARED} are shown.")
    if not asked:
        here = _first(finished)
    with st.container(horizontal=True, vertical_alignment="top"):
        for place in range(min(len(here) + 1, MOST_COMPARED, len(finished))):
            _picker(place, here, by_name)
    return tuple(by_name[name] for name in here)


def offer_alike(chosen: Sequence[Run]) -> None:
    """A way out where some of the runs were not measured like the baseline, and others were."""
    alike = [run.name for run in chosen if cache.measured(run) == cache.measured(chosen[0])]
    if 1 < len(alike) < len(chosen):
        st.button(
            "Keep only the runs that were measured like the baseline",
            key="compare:alike",
            on_click=settle,
            args=(alike,),
        )


def _picker(place: int, chosen: Sequence[str], by_name: Mapping[str, Run]) -> None:
    """One of the runs; from the third on it can be taken away again."""
    key = f"compare:run:{place}"
    mine = chosen[place] if place < len(chosen) else None
    st.session_state[key] = mine
    with st.container(width=_WIDTH, gap="xxsmall"):
        _select(place, key, mine, chosen, by_name)
        if place and mine is not None:
            st.button(
                "Make it the baseline",
                type="tertiary",
                icon=":material/push_pin:",  # else it looks like plain text
                key=f"compare:baseline:{place}",
                on_click=settle,
                args=([mine, *(name for name in chosen if name != mine)],),
                help="What the others are held against",
            )


def _select(place: int, key: str, mine: str | None, chosen: Sequence[str], by_name: Mapping[str, Run]) -> None:
    st.selectbox(
        _LABELS[place],
        [name for name in by_name if name == mine or name not in chosen],
        key=key,
        index=0 if place < 2 and mine else None,  # with None a choice can be taken away again
        placeholder="Add a run" if place > 1 else "Choose a run",
        on_change=lambda: settle(_replaced(chosen, place, st.session_state[key])),
        width="stretch",
    )


def _replaced(chosen: Sequence[str], place: int, name: str | None) -> list[str]:
    kept = [*chosen[:place], name, *chosen[place + 1 :]]
    return [one for one in kept if one is not None]


def _asked() -> list[str]:
    names = address.values("run")
    for name in ALSO:
        names += [part for value in address.values(name) for part in value.split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _first(finished: Sequence[Run]) -> list[str]:
    """The newest three that can be ranked against each other, the oldest of them as the baseline.

    Else the newest two with figures on a test part; else none, for the reader to choose.
    """
    tested = {run.name: alike for run in finished if (alike := cache.measured(run)) is not None}
    for newest in tested.values():
        names = [name for name, measured in tested.items() if measured == newest]
        if len(names) > 1:
            return names[:3][::-1]
    return list(tested)[:2]


def _why_not(name: str) -> str:
    try:
        run = address.store().open(name)
    except RunNotFoundError as error:
        return sentence(error)
    reason = run.broken()
    if not reason:
        try:
            if run.report() is None:
                state_now = run.status().state
                return f"Run {name} has no report yet ({state_now}), so it is left aside until it is finished."
        except ConvNCFError as error:
            reason = str(error)
    return f"Run {name} cannot be read, so it is left aside. {reason}"
