"""Over training: the pair at each kept model of the run, from pretraining to the last epoch."""

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
    """A slider over the moments; it moves the interaction map, the score and the rank together."""
    run, view = address.store().open(pair.run), pair.view()
    found = closer_results.over_training(run, view.user, view.item)
    for lost in found.unreadable:
        widgets.problem(f"{sentence(lost.label)} Left out: {sentence(lost.words)}")
    if not found.checkpoints:
        st.caption("No kept model of this run can be read, so there is nothing to follow.")
        return
    labels = [checkpoint.label for checkpoint in found.checkpoints]
    chosen = _chosen(labels, _looked_at(found.checkpoints, pair.epoch))
    place = labels.index(chosen)
    _slider(labels, chosen, {checkpoint.label for checkpoint in found.checkpoints if checkpoint.best})
    at = found.checkpoints[place]
    st.markdown(f"**{plain(chosen)}**: score **{number(at.score)}**, **{plain(at.rank.words)}**")
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=presentation.room(MAP_WIDTH)):
            _map(pair, found, chosen)
        with st.container():
            _curve(found, labels, place)


def _looked_at(checkpoints: Sequence[PairAtCheckpoint], epoch: int | None) -> str:
    """The moment that the rest of the page is at."""
    return next(
        (one.label for one in checkpoints if (one.best if epoch is None else one.epoch == epoch)), checkpoints[-1].label
    )


def _chosen(labels: Sequence[str], otherwise: str) -> str:
    asked = address.asked("moment")
    if not asked or asked in labels:
        return asked or otherwise
    widgets.problem(f"The run kept no {asked!r} that can be read. Kept: {', '.join(labels)}. {otherwise} is shown.")
    return otherwise


def _slider(labels: Sequence[str], chosen: str, best: set[str]) -> None:
    if len(labels) < 2:
        st.caption("No other model of this run was kept.")
        return
    st.session_state[_KEY] = chosen
    st.select_slider(
        "Moment of training",
        labels,
        key=_KEY,
        format_func=lambda label: f"{label} · best" if label in best else label,
        on_change=address.follow("moment", _KEY),
        width=420,
    )


def _map(pair: Pair, found: OverTraining, label: str) -> None:
    view = closer_results.at_checkpoint(address.store().open(pair.run), label, found.user, found.item)
    assert isinstance(view.trace, PairTrace)  # what can be followed has embeddings
    # one scale at every moment, so that a map which grows is seen to grow
    limit = max(max(-checkpoint.lowest, checkpoint.highest) for checkpoint in found.checkpoints)
    drawn = figures.interaction_map(view.trace, address.theme(), zmax=limit, width=MAP_WIDTH)
    plots.show(drawn, key="over-training:map")
    st.caption(f"One colour scale for all moments. {wording.NO_ORDER}")


def _curve(found: OverTraining, labels: Sequence[str], place: int) -> None:
    drawn = figures.change.over_training(
        labels,
        [checkpoint.epoch for checkpoint in found.checkpoints],
        [checkpoint.score for checkpoint in found.checkpoints],
        [checkpoint.rank.rank for checkpoint in found.checkpoints],
        address.theme(),
        chosen=place,
        candidates=found.checkpoints[place].rank.candidates,
    )
    plots.show(drawn, key="over-training:curve")
    st.caption(f"{figures.change.READ_OVER_TRAINING} {plain(sentence(found.excluded))}")
