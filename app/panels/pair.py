"""Pair: which user and item, in which run at which epoch, Inspect looks at; what its panels share.

It holds names and raw ids, never a model: a fragment that is drawn again fetches what it needs, so that a run which
was deleted meanwhile is noticed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

import streamlit as st

from app import loading, state, widgets
from app.loading import Model
from app.wording import sentence
from convncf import inspection
from convncf.errors import ConvNCFError
from convncf.inspection import LayerTrace, PairTrace, PairView

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Pair:
    """One user and one item, by raw id, in one run."""

    run: str
    epoch: int | None
    """A kept epoch; None for the best."""
    user: str
    item: str

    def model(self) -> Model:
        """The run's model at this epoch."""
        return loading.model(state.store().open(self.run), self.epoch)

    def view(self) -> PairView:
        """Trace and rank."""
        model = self.model()
        interactions = model.dataset.interactions
        return loading.pair(model, interactions.users.index(self.user), interactions.items.index(self.item))

    def trace(self) -> PairTrace:
        """The trace, of a model that has one."""
        trace = self.view().trace
        assert isinstance(trace, PairTrace)
        return trace


def in_words(draw: Callable[P, None]) -> Callable[P, None]:
    """A panel that shows what went wrong as a sentence, such as a run that was deleted while the page was open."""

    @functools.wraps(draw)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except ConvNCFError as error:
            widgets.problem(sentence(error))

    return guarded


# ---------------------------------------------------------------- the part of the network that is looked at

MAP, FEATURES = "interaction-map", "feature-maps"
"""Fragments of Inspect: choosing a cell redraws both, and nothing else."""

_LAYER, _CHANNEL, _CELL = "inspect:layer", "inspect:channel", "inspect:cell"


@dataclass(frozen=True, slots=True)
class Focus:
    """A layer, one of its channels, and a cell of that channel's map; all count from 0."""

    layer: int
    channel: int
    cell: tuple[int, int]


def focus(trace: PairTrace) -> Focus:
    """What was chosen, as far as this network has it; else the strongest cell of the layer."""
    layer = min(st.session_state.get(_LAYER, 0), len(trace.layers) - 1)
    shown: LayerTrace = trace.layers[layer]
    channels, height, width = shown.shape
    channel = st.session_state.get(_CHANNEL)
    if channel is None or channel >= channels:
        channel = inspection.strongest_channel(shown)
    cell = st.session_state.get(_CELL)
    if cell is None or cell[0] >= height or cell[1] >= width:
        cell = inspection.strongest_cell(shown, channel)
    return Focus(layer, channel, cell)


def look_at(*, layer: int | None = None, channel: int | None = None, cell: tuple[int, int] | None = None) -> None:
    """Choose, from a callback; another layer begins at its strongest cell, another channel at its own."""
    if layer is not None:
        st.session_state[_LAYER] = layer
        st.session_state[_CHANNEL] = None
    if channel is not None:
        st.session_state[_CHANNEL] = channel
    st.session_state[_CELL] = cell
    st.rerun([MAP, FEATURES])
