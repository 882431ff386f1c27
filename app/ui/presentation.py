"""Presentation: type that a projector shows, as `present=1` in the address, kept from page to page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from app.ui import address
from convncf.figures import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

_KEY: Final = "presentation:on"
# Streamlit's size of type is fixed when the server starts; it counts in rem, so the root's size moves all of it.
_STYLE: Final = "<style>html{font-size:22px !important}</style>"


def on() -> bool:
    """Whether the visitor presents."""
    return address.chosen("present") == "1"


def prepare() -> None:
    """Before a page is drawn: enlarge its type, and write the choice into its address."""
    if on():
        address.choose(present="1")  # a link in the menu leaves the address behind, not the session
        st.html(_STYLE)


def toggle() -> None:
    """The switch, at the foot of every page."""
    st.session_state[_KEY] = on()
    st.toggle("Large type, for a projector", key=_KEY, on_change=_switched)


def fit(drawn: go.Figure) -> go.Figure:
    """The figure as it is shown: with larger type where the visitor presents."""
    return theme.enlarged(drawn) if on() else drawn


def room(width: int) -> int:
    """A width in pixels for a map, and more where large type takes some of it."""
    return round(1.12 * width) if on() else width


def _switched() -> None:
    address.choose(present="1" if st.session_state[_KEY] else None)
