"""Pair of a user and an item, in a run at an epoch, that Inspect shows; and what its panels share.

It holds names and raw ids, never a model: a fragment that is drawn again fetches what it needs, so that a run which
was deleted meanwhile is noticed.
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
        """The command that prints this pair."""
        arguments = ["convncf", "inspect", self.run]
        arguments += widgets.option("--user", self.user) + widgets.option("--item", self.item)
        return arguments if self.epoch is None else [*arguments, "--epoch", str(self.epoch)]


def report_errors(draw: Callable[P, None]) -> Callable[P, None]:
    """Decorate a panel: an error, such as a run that was deleted meanwhile, is shown as a sentence."""

    @functools.wraps(draw)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except ConvNCFError as error:
            widgets.problem(sentence(error))

    return guarded


# ---------------------------------------------------------------- layer, channel and cell in focus
MAP, FEATURES, CLOSER, EXPORTS = "interaction-map", "feature-maps", "look-closer", "exports"
"""Fragments of Inspect: choosing a cell redraws those that show it, and nothing else."""


@dataclass(frozen=True, slots=True)
class Focus:
    """A layer, one of its channels, and a cell of that channel's map; all count from 0."""

    layer: int
    channel: int
    cell: tuple[int, int]


def focus(trace: PairTrace, problems: list[str] | None = None) -> Focus:
    """The focus in the address (`layer=1&channel=0&cell=2-3`, layers counted from 1), else the strongest of each.

    What this network does not have is appended to `problems`; a layer beyond the last is replaced by the last.
    """
    messages = [] if problems is None else problems
    layers = range(1, len(trace.layers) + 1)
    requested = _requested("layer", layers, messages)
    beyond_last = (address.value("layer") or "").isdecimal()  # not -1, not text
    layer = requested if requested is not None else len(layers) - 1 if beyond_last else 0
    layer_record: LayerTrace = trace.layers[layer]
    channels, height, width = layer_record.shape
    channel = _requested("channel", range(channels), messages)
    if channel is None:
        channel = inspection.strongest_channel(layer_record)
    return Focus(
        layer, channel, _requested_cell(height, width, messages) or inspection.strongest_cell(layer_record, channel)
    )


def set_focus(*, layer: int | None = None, channel: int | None = None, cell: tuple[int, int] | None = None) -> None:
    """Choose a focus, from a callback; another layer begins at its strongest cell, another channel at its own."""
    address.choose(
        layer=address.value("layer") if layer is None else str(layer + 1),
        channel=None if channel is None else str(channel),
        cell=None if cell is None else f"{cell[0]}-{cell[1]}",
    )
    # only one of the questions below is about a channel
    redraw(MAP, FEATURES, EXPORTS, *([CLOSER] if address.value("look") == "channel" else []))


def redraw(*fragments: str) -> None:
    """Draw these fragments again, from a callback."""
    st.rerun(list(fragments))


def _requested(name: str, valid: range, problems: list[str]) -> int | None:
    """Index in `valid` of the address's value; None where it has none, or one that is not valid."""
    requested = address.value(name)
    if not requested:
        return None
    if requested in map(str, valid):
        return valid.index(int(requested))
    problems.append(f"This network has no {name} {requested!r}: there are {valid[0]} to {valid[-1]}.")
    return None


def _requested_cell(height: int, width: int, problems: list[str]) -> tuple[int, int] | None:
    requested = address.value("cell")
    if not requested:
        return None
    row, _, column = requested.partition("-")
    if row in map(str, range(height)) and column in map(str, range(width)):
        return int(row), int(column)
    problems.append(
        f"This layer's maps have no cell {requested!r}: they have {height} rows and {width} columns, counted from 0."
    )
    return None


def to_pairs(model: Model, pairs: Sequence[tuple[int, int]], notes: Sequence[str] = (), *, key: str) -> None:
    """One button per pair of indices (user, item), with its note after it; plain text."""
    for position, (user, item) in enumerate(pairs):
        note = f" · {notes[position]}" if notes else ""
        label = f"{model.item_label(item)} for user {model.user_id(user)}{note}"
        st.button(
            plain(label),
            type="tertiary",
            key=f"{key}:{position}",
            icon=widgets.ONWARD,
            icon_position="right",
            on_click=_go,
            args=(model.user_id(user), model.item_id(item)),
        )


def _go(user: str, item: str) -> None:
    address.choose(user=user, item=item)
    st.rerun()  # the whole page, not only the fragment with the button
