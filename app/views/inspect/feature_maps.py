"""Feature maps of one pair: a layer as tiles, one channel enlarged, one cell and its receptive field."""

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


def show_responses(shown: Pair) -> None:
    """Responses of a chosen channel to random pairs, with links to the strongest, and its filter in layer 1."""
    trace, model = shown.trace(), shown.model()
    focus = pair.focus(trace)
    _choice(trace, focus)
    layer, channel = focus.layer, focus.channel
    responses = closer_results.responses(model)
    position = inspection.response_percentiles(trace, responses, layer)
    largest = float(inspection.channel_stats(trace.layers[layer]).maximum[channel])
    quantity = f"Largest activation of channel {channel}, layer {layer + 1}"
    figure = figures.channels.strip(
        responses.maximum[layer][:, channel], largest, float(position.maximum[channel]), address.theme(), what=quantity
    )
    plots.show(figure, key="channel:strip")
    st.caption(f"{figures.channels.READ_STRIP} {_unusual(responses, position.outliers, layer, channel)}".strip())
    _strongest(model, responses, position.pairs, layer, channel)
    if layer == 0:
        _filters(trace, channel)


def _strongest(model: Model, responses: Responses, count: int, layer: int, channel: int) -> None:
    """The random pairs that activate the channel most, each as a link."""
    strongest = inspection.strongest_pairs(responses, layer, channel)
    if not len(strongest.users):
        st.caption(f"None of the {count:,} random pairs activates it.")
        return
    st.markdown(f"Pairs that activate channel {channel} most, of {count:,} random ones:")
    pairs = list(zip(strongest.users.tolist(), strongest.items.tolist(), strict=True))
    with st.container(gap=None):
        pair.to_pairs(model, pairs, [number(value) for value in strongest.values.tolist()], key="channel:go")


def _filters(trace: PairTrace, channel: int) -> None:
    """The filters of layer 1, this channel's outlined."""
    st.subheader("Filters of layer 1", anchor=False)
    with st.container(width=WIDTH):
        plots.show(channels.filters(trace.layers[0], address.theme(), selected=channel), key="channel:filters")
    st.caption(f"{channels.READ_FILTERS} {wording.NO_ORDER}")


def _unusual(responses: Responses, outliers: Sequence[int], layer: int, channel: int) -> str:
    """A note where the channel is dead or constant, or this pair above all random pairs; else empty."""
    if channel in responses.dead(layer):
        return "This channel is dead: it is 0 for all of them."
    if channel in responses.constant(layer):
        return "This channel is constant: it has one value for all of them."
    return "This pair is an outlier: above all of them." if channel in outliers else ""


def _choice(trace: PairTrace, focus: Focus) -> None:
    """Layer and channel; the feature maps above follow them, and report what is invalid in the address."""
    n_channels = trace.layers[focus.layer].shape[0]
    with st.container(horizontal=True, gap="medium"):
        st.session_state["channel:layer"] = focus.layer + 1
        st.number_input("Layer", 1, len(trace.layers), key="channel:layer", on_change=_set_layer, width=160)
        st.session_state["channel:channel"] = focus.channel
        st.number_input(
            "Channel", 0, n_channels - 1, key="channel:channel", on_change=_set_channel, args=(focus.layer,), width=160
        )


def _set_layer() -> None:
    pair.set_focus(layer=st.session_state["channel:layer"] - 1)


def _set_channel(layer: int) -> None:
    pair.set_focus(layer=layer, channel=st.session_state["channel:channel"])


_BESIDE: Final = 400
"""Width of the enlarged channel in pixels: beside the tiles at 1280, under them at 800."""


@st.fragment(key=FEATURES)
@pair.report_errors
def show(shown: Pair) -> None:
    """Feature maps of every layer; a choice redraws this fragment and the frame on the interaction map."""
    widgets.section("Feature maps")
    trace = shown.trace()
    problems: list[str] = []
    focus = pair.focus(trace, problems)
    with st.container(horizontal=True, gap="medium"):
        _layers(trace, focus)
        scale = widgets.one_of("Scale", SCALES, parameter="scale", then=partial(pair.redraw, FEATURES, EXPORTS))
    for problem in problems:
        widgets.problem(problem)
    layer = trace.layers[focus.layer]
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=WIDTH):
            figure = figures.feature_maps(layer, address.theme(), scale, selected=focus.channel, selectable=True)
            plots.show(figure, key="inspect:tiles", on_click=_tile_clicked)
            effective = figures.channels.effective_scale(layer, scale)
            scale_note = wording.SCALE_SHARED if effective == "shared" else wording.SCALE_PER_CHANNEL
            silent = inspection.channel_stats(layer).words
            st.caption(f"{wording.READ_FEATURE_MAPS} {scale_note}{f' Here {plain(silent)}.' if silent else ''}")
        with st.container(width=_BESIDE):
            _channel(trace, focus)


def _layers(trace: PairTrace, focus: Focus) -> None:
    def label(number: int) -> str:
        channels, height, width = trace.layers[number].shape
        return f"{number + 1} · {channels} of {height}×{width}"

    key = "inspect:layer-control"
    st.session_state[key] = focus.layer
    st.segmented_control(
        "Layer",
        range(len(trace.layers)),
        format_func=label,
        required=True,
        key=key,
        label_visibility="collapsed",
        on_change=lambda: pair.set_focus(layer=st.session_state[key]),
    )


def _tile_clicked(click: Click) -> None:
    pair.set_focus(channel=int(click.customdata))


def _cell_clicked(channel: int, click: Click) -> None:
    row, column = click.place
    pair.set_focus(channel=channel, cell=(row, column))


# ---------------------------------------------------------------- one channel, one cell
def _channel(trace: PairTrace, focus: Focus) -> None:
    layer = trace.layers[focus.layer]
    channels, height, width = layer.shape
    set_focus = partial(pair.set_focus, channel=focus.channel)
    first, second, third = st.columns(3)
    with first:
        _number("Channel", focus.channel, channels, lambda chosen: pair.set_focus(channel=chosen))
    if height > 1:
        with second:
            _number("Row", focus.cell[0], height, lambda chosen: set_focus(cell=(chosen, focus.cell[1])))
        with third:
            _number("Column", focus.cell[1], width, lambda chosen: set_focus(cell=(focus.cell[0], chosen)))
    figure = figures.channel(layer, focus.channel, address.theme(), cell=focus.cell)
    plots.show(figure, key="inspect:channel-map", on_click=partial(_cell_clicked, focus.channel))
    _cell_details(trace, focus)


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


def _cell_details(trace: PairTrace, focus: Focus) -> None:
    """Value and receptive field of the cell, and for layer 1 the whole arithmetic."""
    rows, cols = inspection.receptive_field(trace.layers, focus.layer, *focus.cell)
    if focus.layer == 0:
        _arithmetic(trace, focus)
    else:
        value = number(float(trace.layers[focus.layer].maps[focus.channel][focus.cell]))
        st.markdown(
            f"Value {value}, from all {trace.layers[focus.layer - 1].shape[0]} channels of layer {focus.layer}."
        )
    st.caption(
        f"Reads dimensions {_dimensions(rows)} of the user and {_dimensions(cols)} of the item, framed above. "
        f"{wording.READ_CHANNEL}"
    )


def _arithmetic(trace: PairTrace, focus: Focus) -> None:
    """p_aᵀ W q_b + b, in numbers."""
    arithmetic = inspection.cell_arithmetic(trace, focus.channel, *focus.cell)
    p, q = _subscript(arithmetic.rows), _subscript(arithmetic.cols)
    sign = "-" if arithmetic.bias < 0 else "+"
    bias = _tex(abs(arithmetic.bias))
    relu = "" if arithmetic.total >= 0 else r" \;\xrightarrow{\text{ReLU}}\; 0"
    st.markdown(
        rf"$\begin{{aligned}} & p_{{{p}}}^\top W_{{{focus.channel}}}\, q_{{{q}}} + b_{{{focus.channel}}} \\"
        rf"& = {_tex(arithmetic.product)} {sign} {bias} = {_tex(arithmetic.total)}{relu} \end{{aligned}}$"
    )


def _tex(value: float) -> str:
    mantissa, exponent, power = number(value).replace("−", "-").partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if exponent else mantissa


def _subscript(span: slice) -> str:
    return str(span.start) if span.stop - span.start == 1 else rf"{span.start}\ldots{span.stop - 1}"


def _dimensions(span: slice) -> str:
    return str(span.start) if span.stop - span.start == 1 else f"{span.start} to {span.stop - 1}"
