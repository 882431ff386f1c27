"""Smoothing: a learning curve made smooth over a ghost of itself, so that nobody takes the smooth line for the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

_GHOST: Final = 0.3
"""Opacity of the raw line."""


def smooth(figure: go.Figure, weight: float) -> go.Figure:
    """A figure of `learning` whose lines are running means (`smoothed`), each over the faint raw line.

    Marks, such as the ring around the kept epoch, stay at the value that was measured. Weight 0 changes nothing.
    Raises ValueError for a weight that is not at least 0 and below 1.
    """
    lines = [trace for trace in figure.data if "lines" in (trace.mode or "")]
    if weight == 0:
        return figure
    traces = []
    for trace in figure.data:
        if trace not in lines:
            traces.append(trace)
            continue
        ghost = go.Scatter(trace).update(opacity=_GHOST, showlegend=False, legendgroup=trace.name)
        line = go.Scatter(trace).update(
            y=smoothed([float(value) for value in trace.y], weight), mode="lines", hoverinfo="skip", hovertemplate=None
        )
        line.update(legendgroup=trace.name)
        traces += [ghost, line]
    return go.Figure(traces, layout=figure.layout)


def smoothed(values: Sequence[float], weight: float) -> tuple[float, ...]:
    """The running mean in which each value before weighs `weight` times the one after it: 0 leaves all as they are.

    It is corrected for its beginning, so that the first value is the first and a constant stays one. Raises ValueError
    for a weight that is not at least 0 and below 1.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"a smoothing weight is at least 0 and below 1, got {weight}")
    total, size = 0.0, 0.0
    found = []
    for value in values:
        total, size = weight * total + value, weight * size + 1
        found.append(total / size)
    return tuple(found)
