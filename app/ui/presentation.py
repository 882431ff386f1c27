"""Presentation mode: large type for a projector, as `present=1` in the address, kept from page to page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from app.ui import address
from convncf.figures import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

_KEY: Final = "presentation:on"
# Streamlit fixes font sizes when the server starts, in rem, so the root's font size scales all of them.
_STYLE: Final = "<style>html{font-size:22px !important}</style>"


def on() -> bool:
    """Whether presentation mode is on."""
    return address.chosen("present") == "1"


def prepare() -> None:
    """Before a page is drawn: enlarge its type, and write the choice into its address."""
    if on():
        address.choose(present="1")  # a link in the menu drops the address, not the session
        st.html(_STYLE)


def toggle() -> None:
    """The switch, at the foot of every page."""
    st.session_state[_KEY] = on()
    st.toggle("Large type, for a projector", key=_KEY, on_change=_switched)


def fit(figure: go.Figure) -> go.Figure:
    """The figure as it is shown: with larger type in presentation mode."""
    return theme.enlarged(figure) if on() else figure


def room(width: int) -> int:
    """Width of a map in pixels, larger in presentation mode, where large type takes some of it."""
    return round(1.12 * width) if on() else width


def _switched() -> None:
    address.choose(present="1" if st.session_state[_KEY] else None)
