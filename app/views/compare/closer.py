"""Look closer at the runs compared: questions of which one is open at a time; only what is open is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from app.ui import widgets
from app.ui.pair import report_errors
from app.views.compare import choice, groups, lists, pair
from convncf.evaluation.comparison import Comparison
from convncf.figures.theme import RunStyle
from convncf.runs import Run

Draw = Callable[[Sequence[Run], Comparison, Mapping[str, RunStyle], Sequence[str]], None]
_PARTS: Final[Mapping[str, tuple[str, Draw]]] = {
    "pair": ("The same pair", pair.show),
    "lists": ("Lists of one user", lists.show),
    "bands": ("Whom they serve", groups.show_user_groups),
    "seeds": ("Over seeds", groups.show_seeds),
}


@st.fragment(key="compare:closer")
@report_errors
def show(runs: Sequence[Run], found: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The choice, and what is chosen; a change in it redraws this part alone."""
    widgets.section("Look closer")
    part = choice.pick("Look closer", "part", labels=lambda name: _PARTS[name][0])
    _PARTS[part][1](runs, found, styles, order)
