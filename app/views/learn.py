"""Learn: the method told step by step on a run of one's own, with a question before each picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import loading, state, widgets
from app.panels import commands
from app.panels.inspect import pair_controls
from app.panels.inspect.pair import Pair
from app.panels.learn import address as learn_address
from app.panels.learn import question as learn_question
from app.panels.learn import results as learn_results
from app.panels.learn import steps as learn_steps
from app.wording import BROKEN, MODEL_WORDS, sentence
from convncf.errors import ConvNCFError, RunNotFoundError
from convncf.runs import Run

# Pixels: this row has no epoch, so a long name has more room. (Streamlit would write a string here onto the page.)
_RUN_WIDTH: Final = 288


def page() -> None:
    widgets.page_title("Learn", "How a ConvNCF comes to its score, in six steps, on a run of yours.")
    widgets.notices()
    runs = state.listed()
    told = learn_results.told(runs)
    asked = st.query_params.get("run")
    if asked and asked not in {run.name for run in told}:
        _why_not(asked, runs)
    if not told:
        _none_yet(runs)
        return
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        run = pair_controls.run(told, width=_RUN_WIDTH)
    if run is None:
        return
    try:
        _tell(run, controls)
    except ConvNCFError as error:
        widgets.problem(sentence(error))


def _tell(run: Run, controls: st.delta_generator.DeltaGenerator) -> None:
    model = loading.model(run)
    wrong: list[str] = []
    user = pair_controls.user_index(model, wrong)
    item = pair_controls.item_index(model, user, wrong)
    step = learn_address.step()
    pair_controls.remember(model, user, item, run=run.name, step=str(step))
    with controls:
        pair_controls.both(model, user, item)
    for words in wrong:
        widgets.problem(words)
    if user is None or item is None:
        return
    pair = Pair(run.name, None, model.user_id(user), model.item_id(item))
    learn_question.forget_if_other("\n".join((pair.run, pair.user, pair.item, str(step))))
    learn_steps.chooser(step)
    learn_steps.show(pair, step)
    learn_steps.read_on(pair, step)


def _why_not(name: str, runs: Sequence[Run]) -> None:
    """Why the run that the address names cannot be told."""
    run = next((run for run in runs if run.name == name), None)
    if run is None:
        try:
            state.store().open(name)
        except RunNotFoundError as error:
            widgets.problem(sentence(error))
    elif run.broken():
        widgets.broken_run(run)
        st.caption(BROKEN)
    elif (model := run.config().model.name) != "convncf":
        widgets.problem(
            f"Run {name} is {MODEL_WORDS.get(model, model)}: it has no network, so the story cannot be told on it. "
            "Choose a ConvNCF run."
        )
    else:
        widgets.problem(f"Run {name} has no model yet. Once its first epoch is over, the story can be told on it.")


def _none_yet(runs: Sequence[Run]) -> None:
    """No ConvNCF to tell the story on: one click starts the demo."""
    widgets.empty(
        "There is no ConvNCF run yet, and the story needs one."
        + (" Those that are there have no network, or no model yet." if runs else "")
    )
    if state.read_only():
        st.caption(commands.ONLY_SHOWS)
        return
    if widgets.main_button("Train the demo models", key="demo", on_click=widgets.attempt, args=(commands.start_demo,)):
        state.go("start")


page()
