"""A metric in bands: by how active users are, or how popular items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.figures.theme import Theme, axis, axis_title, escape, layout, number, plural, run_style, shorten

READ_BANDS: Final = (
    "The metric in bands of nearly equal size, from the least to the most active or popular. A line that rises says "
    "that the model serves the well-known best; small bands waver."
)
_NAME_LENGTH: Final = 40
_SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "cross", "x")


def by_band(
    labels: Sequence[str],
    n: Sequence[int],
    means: Mapping[str, Sequence[float] | npt.NDArray[np.float64]],
    theme: Theme,
    *,
    metric: str,
    of: str,
    counted: str = "users",
    order: Sequence[str] | None = None,
) -> go.Figure:
    """A metric of several runs in bands, from `in_bands`; under each band its counts and how many it holds.

    `of` says what the bands are of ("training items of the user"), `counted` what `n` counts. `order` fixes the colours
    (see `run_style`). Raises ValueError where a run has another number of bands.
    """
    wrong = {run: len(values) for run, values in means.items() if len(values) != len(labels)}
    if wrong or len(n) != len(labels):
        raise ValueError(f"{len(labels)} bands, {len(n)} counts, runs with other numbers of values: {wrong}")
    order = list(means) if order is None else order
    lines = []
    for place, (run, values) in enumerate(means.items()):
        style, shown = run_style(run, order, theme), escape(shorten(run, _NAME_LENGTH))
        lines.append(
            go.Scatter(
                x=list(range(len(labels))),
                y=[float(value) for value in values],
                mode="lines+markers",
                line={"color": style.colour, "width": 2, "dash": style.dash},
                marker={"size": 9, "color": style.colour, "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
                name=shown,
                customdata=[
                    f"{escape(label)}, {size:,} {escape(counted)}" for label, size in zip(labels, n, strict=True)
                ],
                hovertemplate=f"{shown}<br>%{{customdata}}<br><b>{escape(metric)} %{{y:.4f}}</b><extra></extra>",
            )
        )
    told = "; ".join(
        f"{run} " + ", ".join(f"{label}: {number(float(value))}" for label, value in zip(labels, values, strict=True))
        for run, values in means.items()
    )
    top = max((float(value) for values in means.values() for value in values), default=1.0)
    looks = layout(
        theme,
        height=300,
        alt=f"{metric} by {of}, in {plural(len(labels), 'band')} of {', '.join(map(str, n))} {counted}. {told}.",
        revision=f"bands {metric} {of}",
        margin={"l": 58, "r": 16, "t": 36, "b": 64},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 12}},
        hovermode="closest",
        xaxis=axis(
            theme,
            range=[-0.4, len(labels) - 0.6],
            tickmode="array",
            tickvals=list(range(len(labels))),
            ticktext=[f"{escape(label)}<br>n = {size:,}" for label, size in zip(labels, n, strict=True)],
            fixedrange=True,
            title=axis_title(theme, escape(of)),
        ),
        yaxis=axis(
            theme, showgrid=True, nticks=5, range=[0, 1.08 * top or 1.0], title=axis_title(theme, escape(metric))
        ),
    )
    return go.Figure(lines, layout=looks)
