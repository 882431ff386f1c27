"""What Learn's address says: the step, the guess, and where each slider stands; a slider writes where it stands."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import state, widgets
from app.wording import plain

OF_STEP: Final[tuple[tuple[str, ...], ...]] = (
    ("dimension",),
    ("dimension",),
    ("filter", "place"),
    ("layer", "channel"),
    ("terms",),
    ("taken", "rate", "draw"),
)
"""The parameters of each step, in the steps' order; the address has no other step's."""


def step() -> int:
    """The step that is shown, from 1."""
    return whole("step", 1, 1, len(OF_STEP))


def go(step: int) -> None:
    """Show another step, from a callback. Its sliders stand where they stood, and its question is asked anew."""
    for name in {name for names in OF_STEP for name in names} - set(OF_STEP[step - 1]):
        st.query_params.pop(name, None)
    state.choose(step=str(step))


def whole(name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number of the address, else the session's last, else the default.

    One in the address that cannot be is said in words; the session's last is let go, since it was of another run.
    """
    asked = state.chosen(name)
    if asked is not None and asked.isdecimal() and len(asked) < 10 and lowest <= int(asked) <= highest:
        return int(asked)
    if name in st.query_params:
        widgets.problem(
            f"The address asks for {name} {asked!r}; here it is a whole number from {lowest} to {highest}. "
            f"{default} is shown."
        )
    return default


def slider(label: str, name: str, default: int, lowest: int, highest: int, *, help: str | None = None) -> int:
    """A slider over whole numbers whose place is `?name=…`; only words where there is one place."""
    value = whole(name, default, lowest, highest)
    state.choose(**{name: str(value)})
    if lowest == highest:
        st.markdown(f":small[{plain(label)}]  \n{value}")
        return value
    key = f"learn:{name}"
    st.session_state[key] = value
    st.slider(label, lowest, highest, key=key, help=help, on_change=_moved, args=(name, key))
    return value


def _moved(name: str, key: str) -> None:
    state.choose(**{name: str(st.session_state[key])})
