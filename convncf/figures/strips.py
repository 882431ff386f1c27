"""One value among many: where a pair's channel stands among random pairs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, plural

READ_STRIP: Final = (
    "Each dot is one random pair; their height only keeps them apart. The line is this pair: the further right, the "
    "stronger the channel answers to it than it usually does."
)


def strip(
    values: npt.NDArray[np.floating[Any]],
    value: float,
    percentile: float,
    theme: Theme,
    *,
    what: str,
    of: str = "random pair",
) -> go.Figure:
    """Where one value stands among others (N,): a dot each, and a line; `percentile` (0 to 100) is its place."""
    drawn = np.asarray(values, dtype=np.float32)
    place = (np.arange(drawn.size) * 0.6180339887) % 1  # spread evenly, the same at each drawing
    dots = go.Scatter(
        x=drawn,
        y=place.astype(np.float32),
        mode="markers",
        marker={"size": 5, "color": theme.muted, "opacity": 0.45},
        hovertemplate="%{x:.4g}<extra></extra>",
    )
    words = f"{number(value)}, percentile {number(percentile)} of {plural(drawn.size, of)}"
    low, high = min(value, float(drawn.min())), max(value, float(drawn.max()))
    room = 0.04 * ((high - low) or 1.0)
    late = value > (low + high) / 2
    looks = layout(
        theme,
        height=110,
        alt=f"{what}: {words}, which run from {number(float(drawn.min()))} to {number(float(drawn.max()))}.",
        revision=f"strip {what}",
        margin={"l": 16, "r": 16, "t": 22, "b": 40},
        xaxis=axis(theme, range=[low - room, high + room], nticks=6, title=axis_title(theme, escape(what))),
        yaxis=axis(theme, range=[-0.1, 1.1], showticklabels=False, fixedrange=True),
        shapes=[
            {
                "type": "line", "x0": value, "x1": value, "yref": "paper", "y0": 0, "y1": 1,
                "line": {"color": theme.accent, "width": 2},
            }
        ],
        annotations=[
            note(theme, words, colour=theme.accent, x=value, y=1, yref="paper", yanchor="bottom",
                 xanchor="right" if late else "left")
        ],
    )  # fmt: skip
    return go.Figure(dots, layout=looks)
