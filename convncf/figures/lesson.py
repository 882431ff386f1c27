"""Figures of the lesson: the dot product as it grows, a row of the map, a filter at one place, a BPR step.

Shapes: D embedding size, k kernel size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.errors import UnknownIndexError
from convncf.figures.maps import WIDTH, interaction_map
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, outline, shorten

if TYPE_CHECKING:
    from convncf.inspection import PairTrace
    from convncf.inspection.bpr_step import BprSteps
    from convncf.inspection.sums import Window

READ_BPR_STEPS: Final = (
    "Above, the scores of the two items; the distance between the lines is the margin. Below, the loss on a "
    "logarithmic scale: it is ln 2 ≈ 0.693, the dotted line, where both score the same, and falls as the margin grows."
)
_LN_2: Final = 0.6931471805599453
_SMALLEST: Final = 1e-12
"""Below this the logarithmic axis ends: a loss of 0 in float32 has no place on it."""
_NAME: Final = 26


def bpr_steps(steps: BprSteps, step: int, names: tuple[str, str], theme: Theme) -> go.Figure:
    """Scores and loss up to `step`; `names` are the positive item and the sampled negative, as plain text.

    Raises IndexError where fewer steps were taken.
    """
    if not 0 <= step <= steps.n_steps:
        raise UnknownIndexError(f"step {step} was not taken: there are {steps.n_steps}.")
    places = list(range(step + 1))
    colours = (theme.positive, theme.negative)
    traces, notes = [], []
    for name, values, colour in zip(names, (steps.positive, steps.negative), colours, strict=True):
        shown = values[: step + 1]
        traces.append(_line(places, shown, colour, "", f"{escape(shorten(name, _NAME))}<br>score"))
        notes.append(
            note(theme, f"{escape(shorten(name, _NAME))} {number(float(shown[-1]))}", colour=colour, x=step,
                 y=float(shown[-1]), xanchor="left", xshift=8)
        )  # fmt: skip
    loss = np.maximum(steps.loss, _SMALLEST)
    traces.append(_line(places, loss[: step + 1], theme.muted, "2", "loss"))
    notes.append(note(theme, f"loss {number(float(steps.loss[step]))}", x=step, y=float(np.log10(loss[step])),
                      yref="y2", xanchor="left", xshift=8))  # fmt: skip
    notes.append(note(theme, "ln 2", xref="paper", x=1, y=math.log10(_LN_2), yref="y2", xanchor="right",
                      yanchor="bottom"))  # fmt: skip
    scores = np.concatenate([steps.positive, steps.negative])
    room = 0.1 * (float(scores.max() - scores.min()) or 1.0)
    low, high = np.log10(min(float(loss.min()), _LN_2)), np.log10(max(float(loss.max()), _LN_2))
    alt = (
        f"After {step} of {steps.n_steps} steps at step size {steps.rate:g}: {names[0]} scores "
        f"{number(float(steps.positive[step]))}, {names[1]} {number(float(steps.negative[step]))}; the margin went "
        f"from {number(float(steps.margin[0]))} to {number(float(steps.margin[step]))}, the loss from "
        f"{number(float(steps.loss[0]))} to {number(float(steps.loss[step]))}."
    )
    looks = layout(
        theme,
        height=380,
        alt=alt,
        revision="bpr steps",
        margin={"l": 72, "r": 8, "t": 10, "b": 42},
        # room at the right for the names; the axes hold every step, so that one more step moves nothing else
        xaxis=axis(theme, range=[-0.5, max(steps.n_steps, 1) * 1.5], tickmode="array", anchor="y2",
                   tickvals=list(range(0, steps.n_steps + 1, 5)), title=axis_title(theme, "steps taken")),
        yaxis=axis(theme, domain=[0.46, 1.0], range=[float(scores.min()) - room, float(scores.max()) + room],
                   showgrid=True, nticks=5, title=axis_title(theme, "score")),
        yaxis2=axis(theme, domain=[0.0, 0.36], type="log", range=[low - 0.15, high + 0.15], showgrid=True,
                    **_round_ticks(low - 0.15, high + 0.15), title=axis_title(theme, "loss")),
        shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "y0": _LN_2, "y1": _LN_2,
                 "line": {"color": theme.zero, "width": 1, "dash": "dot"}}],
        annotations=notes,
    )  # fmt: skip
    return go.Figure(traces, layout=looks)


def _round_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks of one size, at 1, 2 and 5 times powers of ten, at powers alone where there are many; ends as exponents."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    digits = (1, 2, 5) if high - low < 2 else (1,)
    step = max(1, round((high - low) / 4))
    values = [digit * 10.0**power for power in powers if power % step == 0 for digit in digits]
    shown = [value for value in values if low <= math.log10(value) <= high]
    return {"tickmode": "array", "tickvals": shown, "ticktext": [f"{value:g}" for value in shown]}


def _line(places: list[int], values: Any, colour: str, suffix: str, name: str) -> go.Scatter:
    return go.Scatter(
        x=places,
        y=np.asarray(values, np.float32),
        yaxis=f"y{suffix}",
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 6, "color": colour},
        hovertemplate=f"{name} %{{y:.4g}} after %{{x}} steps<extra></extra>",
    )


Array = npt.NDArray[np.floating[Any]]
READ_RUNNING_DOT: Final = (
    "A bar is one dimension; p and q share a scale, which is beside them; the products have their own. Up "
    "is positive. The bottom row is the sum of the products up to the framed dimension: its last bar is p·q."
)
READ_MAP_ROW: Final = (
    "The framed row is all of q times one number of p. The dashed line is the diagonal, where a dimension meets "
    "itself: its cells add up to p·q."
)
READ_WINDOW: Final = (
    "Left the patch of the map under the filter, in the middle the filter's weights, right their products cell by "
    "cell. Warm is positive, blue negative; each square has a scale of its own, written under it."
)
_ROWS: Final = ((0.79, 1.0), (0.53, 0.74), (0.27, 0.48), (0.0, 0.22))


def running_dot(trace: PairTrace, running: Array, dimension: int, theme: Theme) -> go.Figure:
    """Bars of p, q, their products, and the running sum (D,) up to `dimension`, which is framed.

    Raises IndexError where there is no such dimension.
    """
    size = len(trace.p)
    if not 0 <= dimension < size:
        raise UnknownIndexError(f"dimension {dimension} is not one of the {size} (0 to {size - 1}).")
    products = trace.p * trace.q  # (D,)
    sums = np.where(np.arange(size) <= dimension, running, np.nan)
    rows = (("p", trace.p), ("q", trace.q), ("p × q", products), ("sum", sums))
    shared = float(max(np.abs(trace.p).max(), np.abs(trace.q).max()))
    limits = (shared, shared, float(np.abs(products).max()), float(np.abs(running).max()))
    places = np.arange(size, dtype=np.float32)
    bars, axes = [], {}
    for place, ((name, values), limit, domain) in enumerate(zip(rows, limits, _ROWS, strict=True)):
        suffix = str(place + 1) if place else ""
        bars.append(
            go.Bar(
                x=places,
                y=np.asarray(values, np.float32),
                yaxis=f"y{suffix}",
                marker={
                    "color": [theme.positive if value >= 0 else theme.negative for value in values],
                    "opacity": np.where(places <= dimension, 1.0, 0.3).astype(np.float32),
                    "line": {"width": 0},
                },
                hovertemplate=f"dimension %{{x}}<br><b>{name} %{{y:.4g}}</b><extra></extra>",
            )
        )
        span = 1.08 * (limit or 1.0)
        axes[f"yaxis{suffix}"] = axis(
            theme,
            domain=list(domain),
            range=[-span, span],
            zeroline=True,
            fixedrange=True,
            tickmode="array",
            tickvals=[-limit, limit],
            ticktext=[number(-limit, 2), number(limit, 2)],
            title={"text": f"<b>{name}</b>", "font": {"size": 13, "color": theme.ink}, "standoff": 4},
        )
    frame = [{**shape, "yref": "paper"} for shape in outline(theme, (dimension - 0.5, dimension + 0.5), (0.0, 1.0))]
    alt = (
        f"Embeddings of {size} dimensions and their products. At dimension {dimension}: p "
        f"{number(float(trace.p[dimension]))}, q {number(float(trace.q[dimension]))}, product "
        f"{number(float(products[dimension]))}; the sum of the products up to there is "
        f"{number(float(running[dimension]))}."
    )
    looks = layout(
        theme,
        height=440,
        alt=alt,
        revision="running dot",
        margin={"l": 84, "r": 12, "t": 6, "b": 42},
        bargap=0.15,
        xaxis=axis(
            theme,
            range=[-0.5, size - 0.5],
            anchor="y4",
            nticks=9,
            tickformat="d",
            title=axis_title(theme, "dimension"),
        ),
        shapes=frame,
        **axes,
    )
    return go.Figure(bars, layout=looks)


def map_row(trace: PairTrace, dimension: int, theme: Theme, *, width: int = WIDTH) -> go.Figure:
    """The interaction map with one row framed, and its diagonal as a dashed line."""
    size = len(trace.p)
    figure = interaction_map(trace, theme, field=(slice(dimension, dimension + 1), slice(0, size)), width=width)
    edge = (-0.5, size - 0.5)
    figure.add_shape(type="line", x0=edge[0], x1=edge[1], y0=edge[0], y1=edge[1],
                    line={"color": theme.ink, "width": 1.5, "dash": "dot"})  # fmt: skip
    figure.layout.meta = {"alt": f"{figure.layout.meta['alt']} Row {dimension} is framed."}
    return figure


def filter_window(window: Window, theme: Theme) -> go.Figure:
    """Patch times filter is products: three squares of (k, k), each on a zero-centred scale of its own."""
    arithmetic, rows, cols = window.arithmetic, window.arithmetic.rows, window.arithmetic.cols
    squares = (("patch of the map", window.patch), (f"filter {arithmetic.channel}", arithmetic.filter),
               ("products", window.products))  # fmt: skip
    kernel = len(arithmetic.p)
    heatmaps, axes, notes = [], {}, []
    for place, (name, values) in enumerate(squares):
        suffix = str(place + 1) if place else ""
        limit = float(np.abs(values).max()) or 1.0
        left = place * 0.36
        heatmaps.append(
            go.Heatmap(
                z=np.ascontiguousarray(values, np.float32),
                zmin=-limit,
                zmid=0,
                zmax=limit,
                colorscale=theme.diverging,
                showscale=False,
                xgap=1,
                ygap=1,
                xaxis=f"x{suffix}",
                yaxis=f"y{suffix}",
                hovertemplate=f"{name}<br>row %{{y}}, column %{{x}}<br><b>%{{z:.4g}}</b><extra></extra>",
            )
        )
        axes[f"xaxis{suffix}"] = axis(
            theme, domain=[left, left + 0.28], range=[-0.5, kernel - 0.5], showticklabels=False, fixedrange=True,
            anchor=f"y{suffix}", constrain="domain",
        )  # fmt: skip
        axes[f"yaxis{suffix}"] = axis(
            theme, range=[kernel - 0.5, -0.5], scaleanchor=f"x{suffix}", showticklabels=False, fixedrange=True,
            anchor=f"x{suffix}", constrain="domain", constraintoward="top",
        )  # fmt: skip
        notes.append(_above(theme, name, f"x{suffix}"))
        notes.append(
            note(theme, f"±{number(limit)}", xref=f"x{suffix} domain", yref=f"y{suffix} domain", x=0.5, y=0,
                 yanchor="top", yshift=-4)
        )  # fmt: skip
    signs = [
        note(theme, sign, size=18, colour=theme.ink, xref="paper", yref="y domain", x=x, y=0.5, xanchor="center")
        for sign, x in (("×", 0.32), ("=", 0.68))
    ]
    alt = (
        f"Filter {arithmetic.channel} on rows {rows.start} to {rows.stop - 1} and columns {cols.start} to "
        f"{cols.stop - 1} of the map: the products add up to {number(arithmetic.product)}, with the bias "
        f"{number(arithmetic.bias)} to {number(arithmetic.total)}, and after ReLU the cell is "
        f"{number(arithmetic.value)}."
    )
    looks = layout(
        theme,
        height=190,
        width=WIDTH,
        alt=alt,
        revision="filter window",
        margin={"l": 4, "r": 4, "t": 28, "b": 24},
        annotations=[*notes, *signs],
        **axes,
    )
    return go.Figure(heatmaps, layout=looks)


def _above(theme: Theme, text: str, xaxis: str) -> dict[str, Any]:
    return note(theme, text, colour=theme.ink, xref=f"{xaxis} domain", yref="paper", x=0.5, y=1, yanchor="bottom",
                yshift=6)  # fmt: skip
