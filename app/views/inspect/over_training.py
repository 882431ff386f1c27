"""Over training: the pair at each kept checkpoint of the run, from pretraining to the last epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.ui import address, plots, presentation, widgets
from app.ui.pair import Pair
from app.ui.text import plain, sentence
from app.views.inspect import closer_results
from convncf import figures
from convncf.figures import wording
from convncf.figures.theme import number
from convncf.inspection import OverTraining, PairAtCheckpoint, PairTrace

MAP_WIDTH: Final = 420
_KEY: Final = "over-training:moment"


def show(pair: Pair) -> None:
    """A slider over the checkpoints; it moves the interaction map, the score and the rank together."""
    run, view = address.store().open(pair.run), pair.view()
    history = closer_results.over_training(run, view.user, view.item)
    for unreadable in history.unreadable:
        widgets.problem(f"{sentence(unreadable.label)} Skipped: {sentence(unreadable.words)}")
    if not history.checkpoints:
        st.caption("No checkpoint of this run can be read, so there is nothing to show over training.")
        return
    labels = [checkpoint.label for checkpoint in history.checkpoints]
    chosen = _chosen(labels, _label_of_page(history.checkpoints, pair.epoch))
    position = labels.index(chosen)
    _slider(labels, chosen, {checkpoint.label for checkpoint in history.checkpoints if checkpoint.best})
    checkpoint = history.checkpoints[position]
    st.markdown(f"**{plain(chosen)}**: score **{number(checkpoint.score)}**, **{plain(checkpoint.rank.words)}**")
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=presentation.room(MAP_WIDTH)):
            _map(pair, history, chosen)
        with st.container():
            _curve(history, labels, position)


def _label_of_page(checkpoints: Sequence[PairAtCheckpoint], epoch: int | None) -> str:
    """Label of the checkpoint that the rest of the page shows."""
    return next(
        (
            checkpoint.label
            for checkpoint in checkpoints
            if (checkpoint.best if epoch is None else checkpoint.epoch == epoch)
        ),
        checkpoints[-1].label,
    )


def _chosen(labels: Sequence[str], default: str) -> str:
    requested = address.value("moment")
    if not requested or requested in labels:
        return requested or default
    widgets.problem(f"The run has no readable checkpoint {requested!r}. Kept: {', '.join(labels)}. {default} is shown.")
    return default


def _slider(labels: Sequence[str], chosen: str, best: set[str]) -> None:
    if len(labels) < 2:
        st.caption("No other checkpoint of this run was kept.")
        return
    st.session_state[_KEY] = chosen
    st.select_slider(
        "Checkpoint",
        labels,
        key=_KEY,
        format_func=lambda label: f"{label} · best" if label in best else label,
        on_change=address.follow("moment", _KEY),
        width=420,
    )


def _map(pair: Pair, history: OverTraining, label: str) -> None:
    view = closer_results.at_checkpoint(address.store().open(pair.run), label, history.user, history.item)
    assert isinstance(view.trace, PairTrace)  # a model that can be followed has embeddings
    # one scale at every checkpoint, so that a map which grows is seen to grow
    limit = max(max(-checkpoint.lowest, checkpoint.highest) for checkpoint in history.checkpoints)
    figure = figures.interaction_map(view.trace, address.theme(), zmax=limit, width=MAP_WIDTH)
    plots.show(figure, key="over-training:map")
    st.caption(f"One colour scale for all checkpoints. {wording.NO_ORDER}")


def _curve(history: OverTraining, labels: Sequence[str], position: int) -> None:
    figure = figures.change.over_training(
        labels,
        [checkpoint.epoch for checkpoint in history.checkpoints],
        [checkpoint.score for checkpoint in history.checkpoints],
        [checkpoint.rank.rank for checkpoint in history.checkpoints],
        address.theme(),
        chosen=position,
        candidates=history.checkpoints[position].rank.candidates,
    )
    plots.show(figure, key="over-training:curve")
    st.caption(f"{figures.change.READ_OVER_TRAINING} {plain(sentence(history.excluded))}")
