"""The score of one pair as a sum."""

from __future__ import annotations

import streamlit as st

from app import plots, state, widgets
from app.wording import plain
from convncf import figures
from convncf.figures import wording
from convncf.inspection import PairTrace


def show(trace: PairTrace, start: PairTrace | None) -> None:
    """A bar for each of the largest parts, then the others, the bias, and their sum.

    `start` is the same pair before the first step, where that was kept.
    """
    widgets.section("The score as a sum")
    plots.show(figures.score_parts(trace, state.theme()), key="inspect:parts")
    if not trace.layers:
        st.caption(wording.READ_SCORE_PARTS_FACTORISATION)
        return
    words = [trace.words, figures.score.carried(trace, start) if start is not None else ""]
    read = "Bars to the right raise the score, bars to the left lower it."
    st.caption("\n\n".join([*(plain(each) for each in words if each), read]))
