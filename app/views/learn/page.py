"""Learn: the method step by step on one of the user's own runs, with a question before each picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.ui import address, cache, commands, pair_controls, widgets
from app.ui.pair import Pair
from app.ui.text import BROKEN, sentence
from app.views.learn import question, steps
from convncf.errors import ConvNCFError, RunNotFoundError
from convncf.models.registry import label, record
from convncf.runs import Run

# Pixels: this row has no epoch, so a long name has more room. (Streamlit would display a docstring here on the page.)
_RUN_WIDTH: Final = 288


def page() -> None:
    widgets.page_title("Learn", "How a ConvNCF computes a score, in six steps, on one of your runs.")
    widgets.notices()
    runs = address.selectable_runs()
    networks = question.networks(runs)
    requested = address.value("run")
    if requested and requested not in {run.name for run in networks}:
        _why_not(requested, runs)
    if not networks:
        _none_yet(runs)
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        run = pair_controls.run(networks, width=_RUN_WIDTH)
    if run is None:
        return
    try:
        _steps(run, row)
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _steps(run: Run, row: st.delta_generator.DeltaGenerator) -> None:
    model = cache.model(run)
    problems: list[str] = []
    user = pair_controls.user_index(model, problems)
    item = pair_controls.item_index(model, user, problems)
    step = question.step()
    question.only(step)
    pair_controls.remember(model, user, item, run=run.name, step=str(step))
    with row:
        pair_controls.user_and_item(model, user, item)
    for problem in problems:
        widgets.problem(problem)
    if user is None or item is None:
        return
    pair = Pair(run.name, None, model.user_id(user), model.item_id(item))
    question.forget_if_other("\n".join((pair.run, pair.user, pair.item, str(step))))
    steps.chooser(step)
    steps.show(pair, step)
    steps.read_on(pair, step)


def _why_not(name: str, runs: Sequence[Run]) -> None:
    """Why the run that the address names cannot be explained here."""
    run = next((run for run in runs if run.name == name), None)
    if run is None:
        try:
            address.store().open(name)
        except RunNotFoundError as error:
            widgets.problem(sentence(error))
    elif run.broken():
        widgets.broken_run(run)
        st.caption(BROKEN)
    elif not record(model := run.config().model.name).layers:
        widgets.problem(
            f"Run {name} is {label(model)}: it has no network, which these steps explain. Choose a ConvNCF run."
        )
    else:
        widgets.problem(f"Run {name} has no model yet. It can be explained here after its first epoch.")


def _none_yet(runs: Sequence[Run]) -> None:
    """No ConvNCF to explain: one click starts the demo."""
    widgets.empty(
        "There is no ConvNCF run yet, and these steps need one."
        + (" The existing runs have no network, or no model yet." if runs else "")
    )
    if address.read_only():
        st.caption(commands.READ_ONLY)
        return
    if widgets.main_button("Train the demo models", key="demo", on_click=widgets.attempt, args=(commands.start_demo,)):
        address.go("start")


page()
