"""How the runs learned: validation, or the loss, by epoch, step or time; smooth over its own values."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import address, plots, widgets
from app.ui.pair import report_errors
from app.ui.text import NOT_VALIDATED, plain, terms
from app.views.compare import choice
from convncf import figures
from convncf.evaluation.comparison import gain
from convncf.figures import learning
from convncf.figures.learning import Abscissa
from convncf.figures.theme import number
from convncf.models.registry import record
from convncf.runs import Run

GHOST = "The faint line is what was measured; the smooth one is a running mean of it."
UNLIKE = "These runs were not measured alike, so one curve above another does not mean a better model."
NO_BETTER = "no epoch did better, so that start was kept"
WORTH = (
    "What pretraining is worth, only the same network trained without it can say: clone one of these with no "
    "pretraining on the Train page, and put it beside them here."
)


@st.fragment(key="compare:curves")
@report_errors
def show(runs: Sequence[Run], monitor: str, order: Sequence[str], *, unlike: bool = False) -> None:
    """One stable colour a run; choosing redraws this part alone."""
    records = {run.name: rows for run in runs if (rows := run.metrics())}
    if not records:
        return
    alone = all(map(figures.learning.unvalidated, records.values()))  # then the loss is all there is to draw
    if alone:
        widgets.section("Loss", terms("epoch"))
    else:
        widgets.section(f"{monitor} on validation", terms(monitor, "validation", "epoch"))
    with st.container(horizontal=True, gap="medium"):
        picked = choice.pick("Along", "along", labels=lambda name: f"by {name}")
        smooth = choice.pick("Smoothing", "smooth", labels=_smoothing)
    along: Abscissa = "time" if picked == "time" else "step" if picked == "step" else "epoch"
    drawn = figures.learning.validation(
        records,
        address.theme(),
        "loss" if alone else monitor,
        along,
        order=order,
        batches={run.name: run.config().train.batch_size for run in runs},
    )
    plots.show(learning.smooth(drawn, float(smooth)), key="compare:validation")
    read = f"{NOT_VALIDATED} {figures.wording.READ_LOSS}" if alone else figures.wording.READ_VALIDATION
    st.caption(" ".join([*([UNLIKE] if unlike else []), read, *([GHOST] if float(smooth) else [])]))

    _gains(runs)


def _gains(runs: Sequence[Run]) -> None:
    """What training added to where each network began, and how to learn what pretraining is worth."""
    found = [(run, gain(run)) for run in runs if record(run.config().model.name).pretraining]
    gains = {run.name: each for run, each in found if each is not None}
    for name, each in gains.items():
        began = "from pretraining" if each.pretrained else "without pretraining"
        then = f"training brought it to {number(each.kept)} (epoch {each.epoch})" if each.epoch else NO_BETTER
        st.markdown(plain(f"{name} began {began} at {number(each.start)} on validation; {then}."))
    if gains and all(each.pretrained for each in gains.values()):
        st.caption(WORTH)


def _smoothing(weight: str) -> str:
    return "as it is" if weight == "0" else f"smoothed {weight}"
