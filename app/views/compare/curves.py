"""Learning curves of the runs: validation, or the loss, by epoch, step or time; smoothed on request."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import address, plots, widgets
from app.ui.pair import report_errors
from app.ui.text import NOT_VALIDATED, READ_SMOOTHING, SMOOTHING, plain, terms
from app.views.compare import choice
from convncf import figures
from convncf.evaluation.comparison import gain
from convncf.figures import learning
from convncf.figures.learning import Abscissa
from convncf.figures.theme import number
from convncf.models.registry import record
from convncf.runs import Run

NOT_COMPARABLE = "These runs are not comparable, so one curve above another does not mean a better model."
NO_BETTER = "no epoch improved on it, so the start was kept"
WORTH = (
    "Only the same network trained without pretraining shows the effect of pretraining: copy the settings of one of "
    "these on the Train page, train it without pretraining, and compare it here."
)


@st.fragment(key="compare:curves")
@report_errors
def show(runs: Sequence[Run], monitor: str, order: Sequence[str], *, unlike: bool = False) -> None:
    """One stable colour per run; a choice redraws this fragment alone."""
    records = {run.name: rows for run in runs if (rows := run.metrics())}
    if not records:
        return
    loss_only = all(map(figures.learning.unvalidated, records.values()))  # then only the loss can be drawn
    if loss_only:
        widgets.section("Loss", terms("epoch"))
    else:
        widgets.section(f"{monitor} on validation", terms(monitor, "validation", "epoch"))
    with st.container(horizontal=True, gap="medium"):
        picked = choice.pick("Along", "along", labels=lambda name: f"by {name}")
        smooth = choice.pick("Smoothing", "smooth", labels=_smoothing)
    abscissa: Abscissa = "time" if picked == "time" else "step" if picked == "step" else "epoch"
    figure = figures.learning.validation(
        records,
        address.theme(),
        "loss" if loss_only else monitor,
        abscissa,
        order=order,
        batches={run.name: run.config().train.batch_size for run in runs},
    )
    plots.show(learning.smooth(figure, float(smooth)), key="compare:validation")
    reading = f"{NOT_VALIDATED} {figures.wording.READ_LOSS}" if loss_only else figures.wording.READ_VALIDATION
    st.caption(" ".join([*([NOT_COMPARABLE] if unlike else []), reading, *([READ_SMOOTHING] if float(smooth) else [])]))

    _gains(runs)


def _gains(runs: Sequence[Run]) -> None:
    """How much training improved each network on its start, and how to measure the effect of pretraining."""
    measured = [(run, gain(run)) for run in runs if record(run.config().model.name).pretraining]
    gains = {run.name: gained for run, gained in measured if gained is not None}
    for name, gained in gains.items():
        origin = "from pretraining" if gained.pretrained else "without pretraining"
        outcome = f"training brought it to {number(gained.kept)} (epoch {gained.epoch})" if gained.epoch else NO_BETTER
        st.markdown(plain(f"{name} started {origin} at {number(gained.start)} on validation; {outcome}."))
    if gains and all(gained.pretrained for gained in gains.values()):
        st.caption(WORTH)


def _smoothing(weight: str) -> str:
    return "no smoothing" if weight == "0" else f"{SMOOTHING[weight]} smoothing"
