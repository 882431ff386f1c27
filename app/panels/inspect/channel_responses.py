"""What a channel responds to: where this pair stands among random pairs, and the strongest of these."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import plots, state
from app.loading import Model
from app.panels.inspect import closer_results, links, pair
from app.panels.inspect.pair import Focus, Pair
from app.wording import number
from convncf import figures, inspection
from convncf.figures import filters, wording
from convncf.figures.channels import WIDTH
from convncf.inspection import PairTrace, Responses


def show(looked_at: Pair) -> None:
    """Choose a layer and a channel; the pictures and the links follow."""
    trace, model = looked_at.trace(), looked_at.model()
    at = pair.focus(trace)
    _choice(trace, at)
    layer, channel = at.layer, at.channel
    responses = closer_results.responses(model)
    among = inspection.stand_among(trace, responses, layer)
    largest = float(inspection.channel_stats(trace.layers[layer]).maximum[channel])
    what = f"Largest activation of channel {channel}, layer {layer + 1}"
    drawn = figures.strips.strip(
        responses.maximum[layer][:, channel], largest, float(among.maximum[channel]), state.theme(), what=what
    )
    plots.show(drawn, key="channel:strip")
    st.caption(f"{figures.strips.READ_STRIP} {_named(responses, among.outliers, layer, channel)}".strip())
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
        links.to_pairs(model, pairs, [number(value) for value in strongest.values.tolist()], key="channel:go")


def _filters(trace: PairTrace, channel: int) -> None:
    """What the channels of layer 1 look for, this one outlined."""
    st.subheader("Filters of layer 1", anchor=False)
    with st.container(width=WIDTH):
        plots.show(filters.filters(trace.layers[0], state.theme(), selected=channel), key="channel:filters")
    st.caption(f"{filters.READ_FILTERS} {wording.NO_ORDER}")


def _named(responses: Responses, outliers: Sequence[int], layer: int, channel: int) -> str:
    """What there is to know of this channel: dead, constant, or above every one of the random pairs."""
    if channel in responses.dead(layer):
        return "This channel is dead: it is 0 for every one of them."
    if channel in responses.constant(layer):
        return "This channel is constant: it says the same to every one of them."
    return "This pair is an outlier: above every one of them." if channel in outliers else ""


def _choice(trace: PairTrace, at: Focus) -> None:
    """The layer and the channel of the feature maps above, which follow, and which say where the address is wrong."""
    channels = trace.layers[at.layer].shape[0]
    with st.container(horizontal=True, gap="medium"):
        st.session_state["channel:layer"] = at.layer + 1
        st.number_input("Layer", 1, len(trace.layers), key="channel:layer", on_change=_layer_chosen, width=160)
        st.session_state["channel:channel"] = at.channel
        st.number_input(
            "Channel", 0, channels - 1, key="channel:channel", on_change=_channel_chosen, args=(at.layer,), width=160
        )


def _layer_chosen() -> None:
    pair.look_at(layer=st.session_state["channel:layer"] - 1)


def _channel_chosen(layer: int) -> None:
    pair.look_at(layer=layer, channel=st.session_state["channel:channel"])
