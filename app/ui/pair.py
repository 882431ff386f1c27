"""Pair: which user and item, in which run at which epoch, Inspect looks at; what its panels share.

It holds names and raw ids, never a model: a fragment that is drawn again fetches what it needs, so that a run which
was deleted meanwhile is noticed.

They are buttons: the browser's address does not follow a link from a page to itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec

import streamlit as st

from app.ui import address, cache, widgets
from app.ui.cache import Model
from app.ui.text import plain, sentence
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
        return cache.model(address.store().open(self.run), self.epoch)

    def view(self) -> PairView:
        """Trace and rank."""
        model = self.model()
        interactions = model.dataset.interactions
        return cache.pair(model, interactions.users.index(self.user), interactions.items.index(self.item))

    def trace(self) -> PairTrace:
        """The trace, of a model that has one."""
        trace = self.view().trace
        assert isinstance(trace, PairTrace)
        return trace

    def command(self) -> list[str]:
        """The command line that shows the same."""
        words = ["convncf", "inspect", self.run]
        words += widgets.option("--user", self.user) + widgets.option("--item", self.item)
        return words if self.epoch is None else [*words, "--epoch", str(self.epoch)]


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
MAP, FEATURES, CLOSER, EXPORTS = "interaction-map", "feature-maps", "look-closer", "exports"
"""Fragments of Inspect: choosing a cell redraws those that show it, and nothing else."""


@dataclass(frozen=True, slots=True)
class Focus:
    """A layer, one of its channels, and a cell of that channel's map; all count from 0."""

    layer: int
    channel: int
    cell: tuple[int, int]


def focus(trace: PairTrace, wrong: list[str] | None = None) -> Focus:
    """What the address says (`layer=1&channel=0&cell=2-3`, layers counted from 1), else the strongest of each.

    What of it this network does not have is said in `wrong`; of a layer too far the last stands in.
    """
    said = [] if wrong is None else wrong
    layers = range(1, len(trace.layers) + 1)
    asked = _asked("layer", layers, said)
    past = (address.asked("layer") or "").isdecimal()  # not -1, not text
    layer = asked if asked is not None else len(layers) - 1 if past else 0
    shown: LayerTrace = trace.layers[layer]
    channels, height, width = shown.shape
    channel = _asked("channel", range(channels), said)
    if channel is None:
        channel = inspection.strongest_channel(shown)
    return Focus(layer, channel, _asked_cell(height, width, said) or inspection.strongest_cell(shown, channel))


def look_at(*, layer: int | None = None, channel: int | None = None, cell: tuple[int, int] | None = None) -> None:
    """Choose, from a callback; another layer begins at its strongest cell, another channel at its own."""
    address.choose(
        layer=address.asked("layer") if layer is None else str(layer + 1),
        channel=None if channel is None else str(channel),
        cell=None if cell is None else f"{cell[0]}-{cell[1]}",
    )
    # of the questions below, one alone is about a channel
    redraw(MAP, FEATURES, EXPORTS, *([CLOSER] if address.asked("look") == "channel" else []))


def redraw(*parts: str) -> None:
    """Draw these fragments again, from a callback."""
    st.rerun(list(parts))


def _asked(name: str, known: range, wrong: list[str]) -> int | None:
    """The place in `known` of what the address asks for; None where it asks for nothing, or for what is not there."""
    asked = address.asked(name)
    if not asked:
        return None
    if asked in map(str, known):
        return known.index(int(asked))
    wrong.append(f"This network has no {name} {asked!r}: they are {known[0]} to {known[-1]}.")
    return None


def _asked_cell(height: int, width: int, wrong: list[str]) -> tuple[int, int] | None:
    asked = address.asked("cell")
    if not asked:
        return None
    row, _, column = asked.partition("-")
    if row in map(str, range(height)) and column in map(str, range(width)):
        return int(row), int(column)
    wrong.append(f"This layer's maps have no cell {asked!r}: they have {height} rows and {width} columns, from 0.")
    return None


def to_pairs(model: Model, pairs: Sequence[tuple[int, int]], notes: Sequence[str] = (), *, key: str) -> None:
    """A button a pair of indices (user, item), with its note behind it; plain text."""
    for place, (user, item) in enumerate(pairs):
        note = f" · {notes[place]}" if notes else ""
        label = f"{model.item_label(item)} for user {model.user_id(user)}{note}"
        st.button(
            plain(label),
            type="tertiary",
            key=f"{key}:{place}",
            icon=widgets.ONWARD,
            icon_position="right",
            on_click=_go,
            args=(model.user_id(user), model.item_id(item)),
        )


def _go(user: str, item: str) -> None:
    address.choose(user=user, item=item)
    st.rerun()  # the whole page follows, not the part alone that the button is in
