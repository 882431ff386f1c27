"""The filters of layer 1 as tiles of one zero-centred heatmap: what each channel looks for in a patch of the map.

Later layers have a square of weights for each pair of channels, too many to be looked at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from convncf.figures.channels import WIDTH, feature_maps, range_words
from convncf.figures.theme import Theme

if TYPE_CHECKING:
    from convncf.inspection import LayerTrace

READ_FILTERS: Final = (
    "Each tile is what a channel of layer 1 multiplies a patch of the map with, cell by cell: warm weights are above "
    "0, blue below. All tiles share one scale."
)


def filters(first: LayerTrace, theme: Theme, *, selected: int | None = None, width: int = WIDTH) -> go.Figure:
    """W of each channel of layer 1, (C, 1, k, k), numbered, with the selected one outlined.

    Raises ValueError for the filters of a later layer.
    """
    channels, inputs, k, _ = first.filters.shape
    if inputs != 1:
        raise ValueError(
            f"{first.name} reads {inputs} channels: only layer 1, which reads the map, has one square each"
        )
    weights = replace(first, maps=first.filters[:, 0])
    drawn = feature_maps(weights, theme, "shared", selected=selected, width=width)
    silent = int((~weights.maps.any(axis=(1, 2))).sum())
    alt = (
        f"Filters of {first.name}: {channels} of {k} by {k} weights, {range_words(weights, 'shared')}; "
        f"{silent} of them are zero."
    )
    return drawn.update_layout(meta={"alt": alt}, uirevision=f"filters {channels} {k}")
