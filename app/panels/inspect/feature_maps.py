"""Feature maps of one pair: a layer as tiles, one channel enlarged, one cell and what it has read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import streamlit as st

from app import plots, state, widgets
from app.panels.inspect import pair
from app.panels.inspect.pair import EXPORTS, FEATURES, Focus, Pair
from app.plots import Click
from app.wording import number, plain
from convncf import figures, inspection
from convncf.figures import wording
from convncf.figures.channels import SCALES, WIDTH
from convncf.inspection import PairTrace

_BESIDE: Final = 400
"""Width of the enlarged channel in pixels: beside the tiles at 1280, under them at 800."""


@st.fragment(key=FEATURES)
@pair.in_words
def show(looked_at: Pair) -> None:
    """Every layer's feature maps; choosing redraws this part and the frame on the interaction map."""
    widgets.section("Feature maps")
    trace = looked_at.trace()
    wrong: list[str] = []
    at = pair.focus(trace, wrong)
    with st.container(horizontal=True, gap="medium"):
        _layers(trace, at)
        scale = pair.one_of("Scale", SCALES, "scale", redraws=(FEATURES, EXPORTS))
    for words in wrong:
        widgets.problem(words)
    layer = trace.layers[at.layer]
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=WIDTH):
            drawn = figures.feature_maps(layer, state.theme(), scale, selected=at.channel, selectable=True)
            plots.show(drawn, key="inspect:tiles", on_click=_tile_clicked)
            effective = figures.channels.effective_scale(layer, scale)
            read = wording.SCALE_SHARED if effective == "shared" else wording.SCALE_PER_CHANNEL
            silent = inspection.channel_stats(layer).words
            st.caption(f"{wording.READ_FEATURE_MAPS} {read}{f' Here {plain(silent)}.' if silent else ''}")
        with st.container(width=_BESIDE):
            _channel(trace, at)


def _layers(trace: PairTrace, at: Focus) -> None:
    def label(number: int) -> str:
        channels, height, width = trace.layers[number].shape
        return f"{number + 1} · {channels} of {height}×{width}"

    key = "inspect:layer-control"
    st.session_state[key] = at.layer
    st.segmented_control(
        "Layer",
        range(len(trace.layers)),
        format_func=label,
        required=True,
        key=key,
        label_visibility="collapsed",
        on_change=lambda: pair.look_at(layer=st.session_state[key]),
    )


def _tile_clicked(click: Click) -> None:
    pair.look_at(channel=int(click.customdata))


def _cell_clicked(channel: int, click: Click) -> None:
    row, column = click.place
    pair.look_at(channel=channel, cell=(row, column))


# ---------------------------------------------------------------- one channel, one cell


def _channel(trace: PairTrace, at: Focus) -> None:
    layer = trace.layers[at.layer]
    channels, height, width = layer.shape
    look = partial(pair.look_at, channel=at.channel)
    first, second, third = st.columns(3)
    with first:
        _number("Channel", at.channel, channels, lambda chosen: pair.look_at(channel=chosen))
    if height > 1:
        with second:
            _number("Row", at.cell[0], height, lambda chosen: look(cell=(chosen, at.cell[1])))
        with third:
            _number("Column", at.cell[1], width, lambda chosen: look(cell=(at.cell[0], chosen)))
    drawn = figures.channel(layer, at.channel, state.theme(), cell=at.cell)
    plots.show(drawn, key="inspect:channel-map", on_click=partial(_cell_clicked, at.channel))
    _reads(trace, at)


def _number(label: str, value: int, count: int, choose: Callable[[int], None]) -> None:
    key = f"inspect:{label}"
    st.session_state[key] = value
    st.number_input(
        label,
        0,
        count - 1,
        key=key,
        on_change=lambda: choose(st.session_state[key]),
    )


def _reads(trace: PairTrace, at: Focus) -> None:
    """What the cell depends on, and for layer 1 the whole arithmetic."""
    rows, cols = inspection.receptive_field(trace.layers, at.layer, *at.cell)
    if at.layer == 0:
        _arithmetic(trace, at)
    else:
        value = number(float(trace.layers[at.layer].maps[at.channel][at.cell]))
        st.markdown(f"Value {value}, from all {trace.layers[at.layer - 1].shape[0]} channels of layer {at.layer}.")
    st.caption(
        f"Reads dimensions {_range(rows)} of the user and {_range(cols)} of the item, framed on the map above. "
        f"{wording.READ_CHANNEL}"
    )


def _arithmetic(trace: PairTrace, at: Focus) -> None:
    """p_aᵀ W q_b + b, in numbers."""
    found = inspection.cell_arithmetic(trace, at.channel, *at.cell)
    p, q = _subscript(found.rows), _subscript(found.cols)
    sign = "-" if found.bias < 0 else "+"
    bias = _tex(abs(found.bias))
    relu = "" if found.total >= 0 else r" \;\xrightarrow{\text{ReLU}}\; 0"
    st.markdown(
        rf"$\begin{{aligned}} & p_{{{p}}}^\top W_{{{at.channel}}}\, q_{{{q}}} + b_{{{at.channel}}} \\"
        rf"& = {_tex(found.product)} {sign} {bias} = {_tex(found.total)}{relu} \end{{aligned}}$"
    )


def _tex(value: float) -> str:
    mantissa, exponent, power = number(value).replace("−", "-").partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if exponent else mantissa


def _subscript(span: slice) -> str:
    return str(span.start) if span.stop - span.start == 1 else rf"{span.start}\ldots{span.stop - 1}"


def _range(span: slice) -> str:
    return str(span.start) if span.stop - span.start == 1 else f"{span.start} to {span.stop - 1}"
