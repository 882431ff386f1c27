"""Feature maps of one pair: a layer as tiles, one channel enlarged, one cell and what it has read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import streamlit as st

from app.ui import address, pair, plots, widgets
from app.ui.cache import Model
from app.ui.pair import EXPORTS, FEATURES, Focus, Pair
from app.ui.plots import Click
from app.ui.text import plain
from app.views.inspect import closer_results
from convncf import figures, inspection
from convncf.figures import channels, wording
from convncf.figures.channels import SCALES, WIDTH
from convncf.figures.theme import number
from convncf.inspection import PairTrace, Responses


def show_responses(looked_at: Pair) -> None:
    """Choose a layer and a channel; the pictures and the links follow."""
    trace, model = looked_at.trace(), looked_at.model()
    at = pair.focus(trace)
    _choice(trace, at)
    layer, channel = at.layer, at.channel
    responses = closer_results.responses(model)
    among = inspection.response_percentiles(trace, responses, layer)
    largest = float(inspection.channel_stats(trace.layers[layer]).maximum[channel])
    what = f"Largest activation of channel {channel}, layer {layer + 1}"
    drawn = figures.channels.strip(
        responses.maximum[layer][:, channel], largest, float(among.maximum[channel]), address.theme(), what=what
    )
    plots.show(drawn, key="channel:strip")
    st.caption(f"{figures.channels.READ_STRIP} {_named(responses, among.outliers, layer, channel)}".strip())
    _strongest(model, responses, among.pairs, layer, channel)
    if layer == 0:
        _filters(trace, channel)


def _strongest(model: Model, responses: Responses, count: int, layer: int, channel: int) -> None:
    """The random pairs that the channel answers most to, each a click away."""
    strongest = inspection.strongest_pairs(responses, layer, channel)
    if not len(strongest.users):
        st.caption(f"It answers to none of the {count:,} random pairs.")
        return
    st.markdown(f"Of {count:,} random pairs, channel {channel} answers most to these:")
    pairs = list(zip(strongest.users.tolist(), strongest.items.tolist(), strict=True))
    with st.container(gap=None):
        pair.to_pairs(model, pairs, [number(value) for value in strongest.values.tolist()], key="channel:go")


def _filters(trace: PairTrace, channel: int) -> None:
    """What the channels of layer 1 look for, this one outlined."""
    st.subheader("Filters of layer 1", anchor=False)
    with st.container(width=WIDTH):
        plots.show(channels.filters(trace.layers[0], address.theme(), selected=channel), key="channel:filters")
    st.caption(f"{channels.READ_FILTERS} {wording.NO_ORDER}")


def _named(responses: Responses, outliers: Sequence[int], layer: int, channel: int) -> str:
    """What there is to know of this channel: dead, constant, or above every one of the random pairs."""
    if channel in responses.dead(layer):
        return "This channel is dead: it is 0 for every one of them."
    if channel in responses.constant(layer):
        return "This channel is constant: it says the same to every one of them."
    return "This pair is an outlier: above every one of them." if channel in outliers else ""


def _choice(trace: PairTrace, at: Focus) -> None:
    """The layer and the channel of the feature maps above, which follow, and which say where the address is wrong."""
    n_channels = trace.layers[at.layer].shape[0]
    with st.container(horizontal=True, gap="medium"):
        st.session_state["channel:layer"] = at.layer + 1
        st.number_input("Layer", 1, len(trace.layers), key="channel:layer", on_change=_layer_chosen, width=160)
        st.session_state["channel:channel"] = at.channel
        st.number_input(
            "Channel", 0, n_channels - 1, key="channel:channel", on_change=_channel_chosen, args=(at.layer,), width=160
        )


def _layer_chosen() -> None:
    pair.look_at(layer=st.session_state["channel:layer"] - 1)


def _channel_chosen(layer: int) -> None:
    pair.look_at(layer=layer, channel=st.session_state["channel:channel"])


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
        scale = widgets.one_of("Scale", SCALES, parameter="scale", then=partial(pair.redraw, FEATURES, EXPORTS))
    for words in wrong:
        widgets.problem(words)
    layer = trace.layers[at.layer]
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=WIDTH):
            drawn = figures.feature_maps(layer, address.theme(), scale, selected=at.channel, selectable=True)
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
    drawn = figures.channel(layer, at.channel, address.theme(), cell=at.cell)
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
