"""What can be done with the run that is watched: stop, kill, resume, train on, copy its settings, delete."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import state, widgets
from app.panels import commands
from app.panels.glance import Glance
from app.panels.train import address as train_address
from app.wording import plain
from convncf.config import TRAINED
from convncf.errors import ConvNCFError
from convncf.runs import Run


def show(seen: Glance) -> None:
    """The buttons that fit its state, in the row that is open; on a server that only shows, those that look."""
    run = seen.run
    if seen.finished:
        _onward(seen)
    if state.read_only():
        return
    if seen.active:
        _stop_buttons(run)
    elif seen.resumable:
        act = partial(commands.resume, run)
        widgets.main_button("Resume", key=f"watch:resume:{run.name}", on_click=widgets.attempt, args=(act,))
    if seen.state != "broken":
        if not seen.active and seen.model in TRAINED:
            _train_on(seen)
        if seen.finished and not seen.on_everything:
            _refit(run)
        st.button(
            "Copy settings",
            key=f"watch:copy:{run.name}",
            on_click=widgets.attempt,
            args=(partial(train_address.copy, run),),
            help="Fills the form above with what this run was trained with, to change some and train anew.",
        )
    if not seen.active:
        widgets.confirm(
            "Delete",
            f"Delete {run.name} with its models, curves and log? This cannot be undone.",
            "Delete it for good",
            partial(_delete, run),
            key=f"delete:{run.name}",
        )


def _stop_buttons(run: Run) -> None:
    asked = run.stop_asked()
    st.button(
        "Stopping" if asked else "Stop and save",
        key=f"stop:{run.name}",
        disabled=asked,
        on_click=widgets.attempt,
        args=(partial(commands.stop, run),),
        help="Ends between two steps; finished epochs are saved, and Resume goes on from there.",
    )
    widgets.confirm(
        "Kill",
        "End the worker at once, in the middle of whatever it is doing? Only epochs that are finished stay.",
        "Kill it",
        partial(commands.kill, run),
        key=f"kill:{run.name}",
        help="For a worker that does not stop.",
    )


def _train_on(seen: Glance) -> None:
    """More epochs for a run that has had its own."""
    try:
        before = seen.run.config().train.epochs
    except ConvNCFError:
        return
    key = f"watch:epochs:{seen.name}"
    # The key makes it another popover than the one of Kill, which stood in its place, open, a moment ago.
    words = "To more epochs in all, bit for bit as if it had been made with so many."
    with st.popover("Train on", help=words, key=f"{key}:popover"):
        epochs = st.number_input(
            "Epochs in all", min_value=before + 1, value=before + max(1, before // 2), step=1, key=key
        )
        widgets.main_button(
            "Train on",
            key=f"watch:extend:{seen.name}",
            on_click=widgets.attempt,
            args=(partial(commands.extend, seen.run, int(epochs)),),
        )
        st.caption(plain(f"In a terminal: convncf resume {seen.name} --epochs {int(epochs)}"))


def _refit(run: Run) -> None:
    """The same model with nothing held out, to recommend with."""
    with st.popover("Refit", help="Train anew on everything, to recommend with."):
        st.caption(
            "Trains a new run on all interactions, the held-out ones too, for the epochs that this run chose. What it "
            "reaches can no longer be measured: this run's figures are the estimate."
        )
        act = partial(commands.refit, run)
        widgets.main_button("Refit on everything", key=f"watch:refit:{run.name}", on_click=widgets.attempt, args=(act,))
        st.caption(plain(f"In a terminal: convncf refit {run.name}"))


def _onward(seen: Glance) -> None:
    if seen.model in TRAINED and widgets.main_button("Look inside", key="watch:inspect"):
        state.go("inspect", run=seen.name)
    if st.button("Compare", key="watch:compare"):
        state.go("compare", run=seen.name)
    if st.button("Recommend", key="watch:recommend"):
        state.go("recommend", run=seen.name)


def _delete(run: Run) -> str:
    words = commands.delete(run)
    state.choose(run=None)
    return words
