"""Feature maps of the same pair in several networks: side by side on one scale, or their difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from app.ui import address, plots, widgets
from app.ui.run_rows import heading
from app.ui.text import percent, plain
from app.views.compare import choice
from convncf import figures
from convncf.figures import wording
from convncf.figures.theme import RunStyle
from convncf.inspection import PairTrace
from convncf.inspection.alignment import FeatureDifference, feature_difference
from convncf.inspection.trace import LayerTrace

WAYS: Final = {
    "beside": "Side by side",
    "number": "Difference by channel number",
    "matched": "Difference of matched channels",
}
WARNING: Final = (
    "Channel k of one network is unrelated to channel k of another, unless both started from the same filters: a "
    "difference by number may be no more than another order of channels."
)
MATCHED: Final = (
    "Each channel of the baseline minus the one matched to it, one to one, by this pair's feature maps; another pair "
    "may match other channels."
)
READ_DIFFERENCE: Final = "Warm where the first network's channel is stronger, blue where the other's is."


def width_of(pictures: int) -> int:
    """Width of one of several pictures in pixels, so that they fit side by side at 1280."""
    return 500 if pictures <= 2 else 350


def show(traced: Sequence[tuple[str, PairTrace]], styles: Mapping[str, RunStyle]) -> None:
    """`traced` has run and trace of each network, the baseline first."""
    st.subheader("Feature maps", anchor=False)
    deepest = max(len(trace.layers) for _, trace in traced)
    layers = [str(number) for number in range(1, deepest + 1)]
    with st.container(horizontal=True, gap="medium"):
        index = int(widgets.one_of("Layer", layers, parameter="layer", labels=lambda layer: f"Layer {layer}")) - 1
        mode = "beside"
        if len(traced) > 1:
            mode = choice.pick("Feature maps", "channels", labels=lambda name: WAYS[name])
    if mode == "beside":
        _beside(traced, index, styles)
    else:
        _differences(traced, index, matched=mode == "matched")


def _beside(traced: Sequence[tuple[str, PairTrace]], index: int, styles: Mapping[str, RunStyle]) -> None:
    layers = [trace.layers[index] for _, trace in traced if index < len(trace.layers)]
    limit = max(map(figures.channels.largest, layers)) if len(layers) > 1 else None
    columns = min(map(figures.channels.usual_columns, layers))
    width = width_of(len(traced))
    with st.container(horizontal=True, gap="medium"):
        for run, trace in traced:
            with st.container(width=width, gap="xsmall"):
                st.markdown(heading(run, styles[run]))
                if index >= len(trace.layers):
                    st.caption(f"This network has {len(trace.layers)} layers.")
                    continue
                layer = trace.layers[index]
                figure = figures.feature_maps(
                    layer, address.theme(), "shared", columns=columns, zmax=limit, width=width
                )
                plots.show(figure, key=f"compare:features:{run}")
    shared = " All tiles of all models share one colour scale." if limit is not None else ""
    st.caption(f"{wording.READ_FEATURE_MAPS}{shared}")


def _differences(traced: Sequence[tuple[str, PairTrace]], index: int, *, matched: bool) -> None:
    """The baseline's layer minus each other network's; a message where the shapes differ."""
    (base, first), *others = traced
    differences: dict[str, FeatureDifference] = {}
    for run, trace in others:
        shape, other_shape = _shape(first, index), _shape(trace, index)
        if shape is None or shape != other_shape:
            message = (
                f"{base} has {_shape_text(shape)} there and {run} {_shape_text(other_shape)}: there is no difference."
            )
            st.caption(plain(message))
            continue
        differences[run] = feature_difference(first.layers[index], trace.layers[index], matched=matched)
    if not differences:
        return
    limit = max(figures.channels.largest(difference.layer) for difference in differences.values()) or 1.0
    width = width_of(len(differences))
    with st.container(horizontal=True, gap="medium"):
        for run, difference in differences.items():
            with st.container(width=width, gap="xsmall"):
                st.markdown(f"**{plain(f'{base} minus {run}')}**")
                layer = replace(difference.layer, name=f"{difference.layer.name}, {base} minus {run}")
                figure = figures.feature_maps(layer, address.theme(), "shared", zmax=limit, width=width)
                plots.show(figure, key=f"compare:features:less:{run}")
                st.caption(plain(_apart(difference, matched)))
    st.caption(f"{READ_DIFFERENCE} {MATCHED if matched else WARNING}")


def _apart(difference: FeatureDifference, matched: bool) -> str:
    text = f"Relative squared difference: {percent(difference.relative_difference)}."
    if matched:
        pairs = ", ".join(f"{mine}–{theirs}" for mine, theirs in enumerate(difference.order.tolist()))
        text += f" Matched channels: {pairs}."
    return text


def _shape(trace: PairTrace, index: int) -> tuple[int, int, int] | None:
    layers: Sequence[LayerTrace] = trace.layers
    return layers[index].shape if index < len(layers) else None


def _shape_text(shape: tuple[int, int, int] | None) -> str:
    return "no such layer" if shape is None else "{} maps of {}×{}".format(*shape)
