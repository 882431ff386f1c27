"""What the address of Compare says beside its runs: each choice that the page offers, also one equal to a default.

`?run=a&run=b&cutoff=10&intervals=no&along=epoch&smooth=0&part=pair&order=as trained&layer=1&against=b&align=none
&channels=beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import streamlit as st

from app import state
from app.wording import plain
from convncf.figures.network import ORDERS

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


def settle(runs: Sequence[str], known: Mapping[str, str] | None = None) -> None:
    """Put the runs, every choice with a fixed default, and `known`, into the address: one step of the browser's Back.

    `known` is what the parts of the page begin with; what the address has already stays.
    """
    before: dict[str, Any] = {name: st.query_params.get_all(name) for name in st.query_params}
    begins = {name: [first] for name, first in (known or {}).items()}
    after = begins | before | {"run": list(runs)} | {name: [value(name, each)] for name, each in CHOICES.items()}
    if "against" in after:  # else it would be said to be missing
        after["against"] = [name for name in after["against"] if name in runs[1:]] or begins.get("against", [])
    after = {name: values for name, values in after.items() if values and name not in ALSO}
    if after != before:
        st.query_params.from_dict(after)


def value(parameter: str, options: Sequence[str], default: str | None = None) -> str:
    """What the address asks for, else this session's last choice, else the default, else the first option."""
    asked = state.chosen(parameter)
    if asked is not None and asked in options:
        return asked
    return options[0] if default is None else default


def pick(
    label: str,
    parameter: str,
    options: Sequence[str] | None = None,
    *,
    default: str | None = None,
    words: Callable[[str], str] = str,
) -> str:
    """A row of options bound to the address; one that the address asks for and that is none of them is said."""
    offered = CHOICES[parameter] if options is None else options
    asked = st.query_params.get(parameter)
    here = value(parameter, offered, default)
    key = f"compare:{parameter}"
    st.session_state[key] = here
    st.segmented_control(
        label,
        offered,
        required=True,
        format_func=lambda option: plain(words(option)),
        key=key,
        label_visibility="collapsed",
        on_change=lambda: state.choose(**{parameter: st.session_state[key]}),
    )
    if asked and asked not in offered:
        st.caption(f"{plain(label)} {plain(repr(asked))} is not here; {plain(words(here))} is shown instead.")
    state.choose(**{parameter: here})
    return here
