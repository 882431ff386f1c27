"""Choices of Compare, kept in the address: two to four runs, the first the baseline, and the options of each panel.

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
"""Parameter -> its values, the default first."""
ALIASES: Final = ("other", "runs")
"""Other parameters that are read, for links written by hand: other=…, runs=a,b."""


def settle(runs: Sequence[str]) -> None:
    """Choose the runs, and drop `against` where it is no longer one of them."""
    address.choose(run=list(runs), **dict.fromkeys(ALIASES))
    if address.value("against") not in (None, *runs[1:]):
        address.choose(against=None)


def cutoff(ks: Sequence[int]) -> int:
    """The K that is chosen among these, else the first of them."""
    requested = address.value("cutoff")
    return next((k for k in ks if str(k) == requested), ks[0])


def pick(label: str, parameter: str, *, labels: Callable[[str], str] = str) -> str:
    """A row of options of CHOICES."""
    return widgets.one_of(label, CHOICES[parameter], parameter=parameter, labels=labels)


_LABELS: Final = ("Baseline", "Compared with", "and with", "and with ")
_WIDTH: Final = 268
"""Width of a picker in pixels: four fill a row of 1280, and a name of 33 characters fits."""


def show(finished: Sequence[Run]) -> tuple[Run, ...]:
    """Pick among finished runs; those in the address that cannot be compared are reported with the reason.

    The caller writes the returned runs into the address, by `settle`.
    """
    by_name = {run.name: run for run in finished}
    requested = _requested()
    chosen = [name for name in requested if name in by_name][:MOST_COMPARED]
    for name in requested:
        if name not in by_name:
            widgets.problem(_why_not(name))
    if len(requested) > MOST_COMPARED:
        widgets.problem(f"At most {MOST_COMPARED} runs are compared at once; the first {MOST_COMPARED} are shown.")
    if not requested:
        chosen = _first(finished)
    with st.container(horizontal=True, vertical_alignment="top"):
        for position in range(min(len(chosen) + 1, MOST_COMPARED, len(finished))):
            _picker(position, chosen, by_name)
    return tuple(by_name[name] for name in chosen)


def offer_comparable(chosen: Sequence[Run]) -> None:
    """A button that keeps the comparable runs, where some are comparable with the baseline and others are not."""
    comparable = [run.name for run in chosen if cache.measured(run) == cache.measured(chosen[0])]
    if 1 < len(comparable) < len(chosen):
        st.button(
            "Keep only the runs that are comparable with the baseline",
            key="compare:comparable",
            on_click=settle,
            args=(comparable,),
        )


def _picker(position: int, chosen: Sequence[str], by_name: Mapping[str, Run]) -> None:
    """The picker of one run; from the third on it can be cleared."""
    key = f"compare:run:{position}"
    current = chosen[position] if position < len(chosen) else None
    st.session_state[key] = current
    with st.container(width=_WIDTH, gap="xxsmall"):
        _select(position, key, current, chosen, by_name)
        if position and current is not None:
            st.button(
                "Make it the baseline",
                type="tertiary",
                icon=":material/push_pin:",  # else it looks like plain text
                key=f"compare:baseline:{position}",
                on_click=settle,
                args=([current, *(name for name in chosen if name != current)],),
                help="The run that the others are compared with",
            )


def _select(position: int, key: str, current: str | None, chosen: Sequence[str], by_name: Mapping[str, Run]) -> None:
    st.selectbox(
        _LABELS[position],
        [name for name in by_name if name == current or name not in chosen],
        key=key,
        index=0 if position < 2 and current else None,  # with None a choice can be cleared
        placeholder="Add a run" if position > 1 else "Choose a run",
        on_change=lambda: settle(_replaced(chosen, position, st.session_state[key])),
        width="stretch",
    )


def _replaced(chosen: Sequence[str], position: int, name: str | None) -> list[str]:
    names = [*chosen[:position], name, *chosen[position + 1 :]]
    return [run_name for run_name in names if run_name is not None]


def _requested() -> list[str]:
    names = address.values("run")
    for name in ALIASES:
        names += [text for value in address.values(name) for text in value.split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _first(finished: Sequence[Run]) -> list[str]:
    """The newest three comparable runs, the oldest of them as the baseline.

    Else the newest two with figures on a test part; else none, for the reader to choose.
    """
    tested = {run.name: kind for run in finished if (kind := cache.measured(run)) is not None}
    for kind in tested.values():
        names = [name for name, measured in tested.items() if measured == kind]
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
                state = run.status().state
                return f"Run {name} has no report yet ({state}), so it is not shown until it is finished."
        except ConvNCFError as error:
            reason = str(error)
    return f"Run {name} cannot be read, so it is not shown. {reason}"
