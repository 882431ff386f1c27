"""Learn, step 4: layer by layer the feature maps shrink, and each cell has a larger receptive field."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui import address, plots, presentation
from app.ui.pair import Pair
from app.ui.text import plain
from app.views.learn.question import Question, ask, slider
from convncf import figures, inspection
from convncf.figures import wording
from convncf.figures.theme import number
from convncf.inspection import PairTrace

MAP_WIDTH: Final = 400
TILES_WIDTH: Final = 640
"""Pixels; side by side they fill a page of 1280."""


def question(trace: PairTrace) -> Question:
    """How many channels of the last layer are silent?"""
    last = trace.layers[-1]
    silent, channels = len(inspection.channel_stats(last).silent), last.shape[0]
    return Question(
        f"The last layer has {channels} channels. How many of them are silent for this pair, zero everywhere?",
        {"none": "none", "some": "fewer than half", "half": "half or more"},
        "none" if not silent else "some" if 2 * silent < channels else "half",
        f"{silent} of {channels} are silent here; another pair may activate them. Only the others affect the score.",
    )


def show(pair: Pair) -> None:
    """The question, the sliders over layers and channels, the tiles, and a cell's receptive field."""
    trace = pair.trace()
    sides = " → ".join(f"{layer.shape[1]}×{layer.shape[2]}" for layer in trace.layers)
    st.markdown(
        "The next layer reads the feature maps as the first read the interaction map, through small windows, all "
        f"channels at once. So the maps shrink, {len(trace.p)}×{len(trace.p)} → {sides}, and each cell of a later "
        "layer depends on a larger part of the map: its *receptive field*."
    )
    ask(question(trace))
    left, right = st.columns(2)
    with left:
        layer_number = slider("Layer", "layer", 1, 1, len(trace.layers))
    layer = trace.layers[layer_number - 1]
    channels = layer.shape[0]
    with right:
        best = inspection.strongest_channel(layer)
        channel = slider("Channel", "channel", best, 0, channels - 1)
    row, col = inspection.strongest_cell(layer, channel)
    rows, cols = inspection.receptive_field(trace.layers, layer_number - 1, row, col)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=presentation.room(MAP_WIDTH)):
            figure = figures.interaction_map(trace, address.theme(), field=(rows, cols), width=MAP_WIDTH)
            plots.show(figure, key="learn:field")
            value = float(layer.maps[channel, row, col])
            strongest = f"The strongest cell of channel {channel}, ({row}, {col}), is {number(value)}."
            if value == 0:
                strongest = f"Channel {channel} is zero for this pair; the frame belongs to its first cell."
            field_size, size = f"{rows.stop - rows.start}×{cols.stop - cols.start}", len(trace.p)
            st.caption(
                f"{strongest} The receptive field of a cell of this layer is as large as the frame, {field_size} of "
                f"{size}×{size} cells. {wording.DIMENSIONS_HAVE_NO_ORDER}"
            )
        with st.container(width=TILES_WIDTH):
            figure = figures.feature_maps(layer, address.theme(), selected=channel, width=TILES_WIDTH)
            plots.show(figure, key="learn:tiles")
            silent = inspection.channel_stats(layer).words
            st.caption(
                f"{wording.READ_FEATURE_MAPS} {wording.SCALE_PER_CHANNEL}{f' Here {plain(silent)}.' if silent else ''}"
            )
