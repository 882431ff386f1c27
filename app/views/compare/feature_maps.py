"""Feature maps of the same pair in several networks: side by side on one scale, or the baseline's less another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from app.ui import address, plots, widgets
from app.ui.run_rows import heading
from app.ui.text import plain
from app.views.compare import choice
from convncf import figures
from convncf.figures import wording
from convncf.figures.theme import RunStyle, number
from convncf.inspection import PairTrace
from convncf.inspection.alignment import FeatureDifference, feature_difference
from convncf.inspection.trace import LayerTrace

WAYS: Final = {
    "beside": "Side by side",
    "number": "Difference by number",
    "matched": "Difference of the nearest",
}
WARNING: Final = (
    "Channel k of one network has nothing to do with channel k of another, unless both began from the same filters: a "
    "difference by number may be no more than another order of channels."
)
MATCHED: Final = (
    "Each channel of the baseline less the one that is nearest to it in this pair, one for one; in another pair other "
    "channels may be nearest."
)
READ_DIFFERENCE: Final = "Warm where the first network's channel is stronger, blue where the other's is."


def width_of(pictures: int) -> int:
    """Width of each of so many pictures in pixels, so that they stand side by side at 1280."""
    return 500 if pictures <= 2 else 350


def show(traced: Sequence[tuple[str, PairTrace]], styles: Mapping[str, RunStyle]) -> None:
    """`traced` are run and trace of each network, the baseline first."""
    st.subheader("Feature maps", anchor=False)
    deepest = max(len(trace.layers) for _, trace in traced)
    layers = [str(layer) for layer in range(1, deepest + 1)]
    with st.container(horizontal=True, gap="medium"):
        place = int(widgets.one_of("Layer", layers, parameter="layer", words=lambda layer: f"Layer {layer}")) - 1
        way = "beside"
        if len(traced) > 1:
            way = choice.pick("Feature maps", "channels", words=lambda name: WAYS[name])
    if way == "beside":
        _beside(traced, place, styles)
    else:
        _less(traced, place, matched=way == "matched")


def _beside(traced: Sequence[tuple[str, PairTrace]], place: int, styles: Mapping[str, RunStyle]) -> None:
    shown = [trace.layers[place] for _, trace in traced if place < len(trace.layers)]
    limit = max(map(figures.channels.largest, shown)) if len(shown) > 1 else None
    columns = min(map(figures.channels.usual_columns, shown))
    width = width_of(len(traced))
    with st.container(horizontal=True, gap="medium"):
        for run, trace in traced:
            with st.container(width=width, gap="xsmall"):
                st.markdown(heading(run, styles[run]))
                if place >= len(trace.layers):
                    st.caption(f"This network has {len(trace.layers)} layers.")
                    continue
                layer = trace.layers[place]
                drawn = figures.feature_maps(layer, address.theme(), "shared", columns=columns, zmax=limit, width=width)
                plots.show(drawn, key=f"compare:features:{run}")
    shared = " All tiles of all models share one colour scale." if limit is not None else ""
    st.caption(f"{wording.READ_FEATURE_MAPS}{shared}")


def _less(traced: Sequence[tuple[str, PairTrace]], place: int, *, matched: bool) -> None:
    """The baseline's layer less each other's; where there is none of that shape, why."""
    (base, first), *others = traced
    found: dict[str, FeatureDifference] = {}
    for run, trace in others:
        one, other = _shape(first, place), _shape(trace, place)
        if one is None or one != other:
            words = f"{base} has {_words(one)} there and {run} {_words(other)}: they have no difference."
            st.caption(plain(words))
            continue
        found[run] = feature_difference(first.layers[place], trace.layers[place], matched=matched)
    if not found:
        return
    limit = max(figures.channels.largest(each.layer) for each in found.values()) or 1.0
    width = width_of(len(found))
    with st.container(horizontal=True, gap="medium"):
        for run, each in found.items():
            with st.container(width=width, gap="xsmall"):
                st.markdown(f"**{plain(f'{base} less {run}')}**")
                layer = replace(each.layer, name=f"{each.layer.name}, {base} less {run}")
                drawn = figures.feature_maps(layer, address.theme(), "shared", zmax=limit, width=width)
                plots.show(drawn, key=f"compare:features:less:{run}")
                st.caption(plain(_apart(each, matched)))
    st.caption(f"{READ_DIFFERENCE} {MATCHED if matched else WARNING}")


def _apart(found: FeatureDifference, matched: bool) -> str:
    words = f"The squared differences sum to {number(found.relative_difference)} times the baseline's squares."
    if matched:
        pairs = ", ".join(f"{mine}–{theirs}" for mine, theirs in enumerate(found.order.tolist()))
        words += f" Channels that were matched: {pairs}."
    return words


def _shape(trace: PairTrace, place: int) -> tuple[int, int, int] | None:
    layers: Sequence[LayerTrace] = trace.layers
    return layers[place].shape if place < len(layers) else None


def _words(shape: tuple[int, int, int] | None) -> str:
    return "no such layer" if shape is None else "{} maps of {}×{}".format(*shape)
