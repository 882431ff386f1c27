"""What a channel responds to: where this pair stands among random pairs, and the strongest of these."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state, widgets
from app.panels import closer_results, links, pair
from app.panels.pair import Pair
from app.wording import number
from convncf import figures, inspection
from convncf.inspection import PairTrace, Responses


def show(looked_at: Pair) -> None:
    """Choose a layer and a channel; the pictures and the links follow."""
    trace, model = looked_at.trace(), looked_at.model()
    layer, channel = _chosen(trace)
    responses = closer_results.responses(model)
    among = inspection.stand_among(trace, responses, layer)
    largest = float(inspection.channel_stats(trace.layers[layer]).maximum[channel])
    what = f"Largest activation of channel {channel}, layer {layer + 1}"
    drawn = figures.strips.strip(
        responses.maximum[layer][:, channel], largest, float(among.maximum[channel]), state.theme(), what=what
    )
    widgets.figure(drawn, key="channel:strip")
    st.caption(f"{figures.strips.READ_STRIP} {_named(responses, among.outliers, layer, channel)}".strip())
    strongest = inspection.strongest_pairs(responses, layer, channel)
    if not len(strongest.users):
        st.caption(f"It answers to none of the {among.pairs:,} random pairs.")
        return
    st.markdown(f"Of {among.pairs:,} random pairs, channel {channel} answers most to these:")
    pairs = list(zip(strongest.users.tolist(), strongest.items.tolist(), strict=True))
    with st.container(gap=None):
        links.to_pairs(model, pairs, [number(value) for value in strongest.values.tolist()], key="channel:go")


def _named(responses: Responses, outliers: Sequence[int], layer: int, channel: int) -> str:
    """What there is to know of this channel: dead, constant, or above every one of the random pairs."""
    if channel in responses.dead(layer):
        return "This channel is dead: it is 0 for every one of them."
    if channel in responses.constant(layer):
        return "This channel is constant: it says the same to every one of them."
    return "This pair is an outlier: above every one of them." if channel in outliers else ""


def _chosen(trace: PairTrace) -> tuple[int, int]:
    """The layer and the channel, from 0; those of the feature maps above where the address has none."""
    wrong: list[str] = []
    at = pair.focus(trace)
    layer = _asked("layer", at.layer, range(1, len(trace.layers) + 1), wrong)
    channels = trace.layers[layer].shape[0]
    otherwise = at.channel if layer == at.layer else inspection.strongest_channel(trace.layers[layer])
    channel = _asked("channel", otherwise, range(channels), wrong)
    for words in wrong:
        widgets.problem(words)
    with st.container(horizontal=True, gap="medium"):
        st.session_state["channel:layer"] = layer + 1
        st.number_input("Layer", 1, len(trace.layers), key="channel:layer", on_change=_layer_chosen, width=160)
        st.session_state["channel:channel"] = channel
        st.number_input("Channel", 0, channels - 1, key="channel:channel", on_change=_channel_chosen, width=160)
    return layer, channel


def _asked(name: str, otherwise: int, known: range, wrong: list[str]) -> int:
    """The place in `known` of what the address asks for, else `otherwise`."""
    asked = st.query_params.get(name)
    if not asked:
        return otherwise
    if asked in map(str, known):
        return known.index(int(asked))
    wrong.append(f"This network has no {name} {asked!r}: they are {known[0]} to {known[-1]}.")
    return otherwise


def _layer_chosen() -> None:
    state.choose(layer=str(st.session_state["channel:layer"]), channel=None)


def _channel_chosen() -> None:
    layer, channel = st.session_state["channel:layer"], st.session_state["channel:channel"]
    state.choose(layer=str(layer), channel=str(channel))
