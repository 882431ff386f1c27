"""Look closer at the runs compared: questions of which one is open at a time; only what is open is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from app import widgets
from app.panels.compare import address as compare_address
from app.panels.compare import bands as compare_bands
from app.panels.compare import lists as compare_lists
from app.panels.compare import seeds as compare_seeds
from app.panels.compare import shared_pair
from app.panels.inspect.pair import in_words
from convncf.comparison import Comparison
from convncf.figures.theme import RunStyle
from convncf.runs import Run

Draw = Callable[[Sequence[Run], Comparison, Mapping[str, RunStyle], Sequence[str]], None]

_PARTS: Final[Mapping[str, tuple[str, Draw]]] = {
    "pair": ("The same pair", shared_pair.show),
    "lists": ("Lists of one user", compare_lists.show),
    "bands": ("Whom they serve", compare_bands.show),
    "seeds": ("Over seeds", compare_seeds.show),
}


@st.fragment(key="compare:closer")
@in_words
def show(runs: Sequence[Run], found: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The choice, and what is chosen; a change in it redraws this part alone."""
    widgets.section("Look closer")
    part = compare_address.pick("Look closer", "part", words=lambda name: _PARTS[name][0])
    _PARTS[part][1](runs, found, styles, order)
