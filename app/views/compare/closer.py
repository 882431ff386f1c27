"""Look closer at the compared runs: questions, one open at a time; only the open one is computed."""

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
_QUESTIONS: Final[Mapping[str, tuple[str, Draw]]] = {
    "pair": ("The same pair", pair.show),
    "lists": ("Lists of one user", lists.show),
    "bands": ("By user group", groups.show_user_groups),
    "seeds": ("Over seeds", groups.show_seeds),
}


@st.fragment(key="compare:closer")
@report_errors
def show(runs: Sequence[Run], comparison: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The choice of a question, and its panel; a change in it redraws this fragment alone."""
    widgets.section("Look closer")
    question = choice.pick("Look closer", "part", labels=lambda name: _QUESTIONS[name][0])
    _QUESTIONS[question][1](runs, comparison, styles, order)
