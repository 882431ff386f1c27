"""Where a score comes from: what each cell of the interaction map adds to it, beside the map."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.figures.maps import colour_axis, panel, panel_axes, panel_title
from convncf.figures.theme import Theme, escape, layout, number

Array = npt.NDArray[np.floating[Any]]

WIDTH: Final = 1000
"""Pixels in which the maps fill their height."""
READ_ATTRIBUTION: Final = (
    "Left what the network reads, right what each cell of it adds to the score: warm raises it, blue lowers it, faint "
    "adds nothing. A cell that is strong on the left and faint on the right is not used."
)


def attribution_map(
    map_: Array, values: Array, theme: Theme, *, method: str, score: float, baseline: float
) -> go.Figure:
    """The interaction map and what its cells add to the score, (D, D) each, both zero-centred on scales of their own.

    `baseline` is the score of the all-zero map. The completeness error, by how much the cells miss score − baseline,
    is part of the text alternative. Raises ValueError where the shapes differ.
    """
    if map_.shape != values.shape:
        raise ValueError(f"a map of {map_.shape} has no attribution of {values.shape}: the shapes must be the same")
    total, gained = float(np.sum(values, dtype=np.float64)), score - baseline
    share = f" ({abs(total - gained) / abs(gained):.2%})" if gained else ""
    limits = [float(np.abs(some).max()) or 1.0 for some in (map_, values)]
    completeness = (
        f"The cells add up to {number(total)}; score {number(score)} less {number(baseline)}, that of the all-zero "
        f"map, is {number(gained)}: completeness error {number(total - gained, sign=True)}{share}"
    )
    row, col = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    alt = (
        f"Interaction map, ±{number(limits[0])}, and its attribution by {method}, ±{number(limits[1])}; the cell that "
        f"counts most is user dimension {row}, item dimension {col}, {number(float(values[row, col]), sign=True)}. "
        f"{completeness}."
    )
    looks = layout(
        theme,
        height=440,
        alt=alt,
        revision=f"attribution {method} {values.shape}",
        margin={"l": 46, "r": 64, "t": 32, "b": 44},
        coloraxis=colour_axis(theme, limits[0], x=0.44),
        coloraxis2=colour_axis(theme, limits[1], x=1.02),
        **panel_axes(theme, len(map_), (0.0, 0.43), "", title_y=True),
        **panel_axes(theme, len(values), (0.57, 1.0), "2"),
        annotations=[
            panel_title(theme, "interaction map", "x domain"),
            panel_title(theme, escape(method), "x2 domain"),
        ],
    )  # fmt: skip
    heatmaps = [
        panel(map_, theme, "", what="p·q ="),
        panel(values, theme, "2", coloraxis="coloraxis2", what="adds"),
    ]
    return go.Figure(heatmaps, layout=looks)
