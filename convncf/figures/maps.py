"""Interaction maps: p qᵀ between the two embeddings it is made of, maps side by side, and the difference of two.

For a user's history against random items, for two items of one user, and for one pair in two models.

Feature maps are in `channels`, the score in `score`. D is the embedding size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.errors import RefusedValueError
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, outline, plural, shorten

if TYPE_CHECKING:
    from convncf.inspection import PairTrace

Order = Literal["as trained", "by p", "by q"]
ORDERS: Final[tuple[Order, ...]] = ("as trained", "by p", "by q")
WIDTH: Final = 500
"""Width in pixels at which the interaction map fills its figure; it stays square at any other."""
_MARGIN: Final = {"l": 48, "r": 64, "t": 6, "b": 46}
_STRIP: Final = 0.14
"""Share of the plot that the bars of p, and of q, take."""
_MAP_START: Final = 0.155
_HALF_BAR: Final = 0.42
"""Half the width of a bar, in dimensions."""


def largest(trace: PairTrace) -> float:
    """The largest |p·q| of the map; the larger of two, given as `zmax`, puts both maps on one scale."""
    return float(np.abs(trace.map).max())


def dimension_order(trace: PairTrace, order: Order) -> npt.NDArray[np.intp]:
    """The dimensions in the order shown, the same on both axes, so that the diagonal stays the diagonal.

    "by p" and "by q" put the largest value first. For display alone: the network sees the trained order.
    """
    if order == "as trained":
        return np.arange(len(trace.p))
    return np.argsort(-(trace.p if order == "by p" else trace.q), kind="stable")


def interaction_map(
    trace: PairTrace,
    theme: Theme,
    order: Order = "as trained",
    *,
    zmax: float | None = None,
    field: tuple[slice, slice] | None = None,
    width: int = WIDTH,
) -> go.Figure:
    """Heatmap of p qᵀ, zero-centred, with p along the left edge and q along the top.

    `zmax` sets the range to ±zmax, to share it between maps; cells beyond it have the end colour, and the figure says
    how many. `field` outlines a receptive field (rows, columns of the map). `width` is in pixels.

    Raises ValueError for a field in a sorted order, where it is no longer one square.
    """
    if field is not None and order != "as trained":
        raise RefusedValueError(f"a receptive field is one square in the trained order only, not {order!r}.")
    dims = dimension_order(trace, order)
    size = len(dims)
    p, q = trace.p[dims], trace.q[dims]  # (D,), (D,)
    z = np.ascontiguousarray(trace.map[np.ix_(dims, dims)])  # (D, D)
    row, col = np.indices((size, size))
    trained = order == "as trained"  # then a cell's place gives its dimensions, which need not be sent
    hover: list[npt.NDArray[Any]] = [p[row], q[col]]
    if not trained:
        hover += [dims[row], dims[col]]
    d, e = ("y", "x") if trained else ("customdata[2]:.0f", "customdata[3]:.0f")
    limit = (largest(trace) if zmax is None else zmax) or 1.0
    heatmap = go.Heatmap(
        z=z,
        zmid=0,
        zmin=-limit,
        zmax=limit,
        colorscale=theme.diverging,
        customdata=np.stack(hover, axis=-1).astype(np.float32),  # (D, D, 2 or 4)
        hovertemplate=(
            f"user dimension d = %{{{d}}}<br>item dimension e = %{{{e}}}<br>p = %{{customdata[0]:.4g}}<br>"
            "q = %{customdata[1]:.4g}<br><b>p·q = %{z:.4g}</b><extra></extra>"
        ),
        colorbar=colour_bar(theme, len=1 - _MAP_START),
    )
    bars = [
        *_bars(q, dims, theme, "item dimension %{customdata[0]:.0f}<br>q = %{customdata[1]:.4g}", along="x"),
        *_bars(p, dims, theme, "user dimension %{customdata[0]:.0f}<br>p = %{customdata[1]:.4g}", along="y"),
    ]
    p_max, q_max = float(np.abs(p).max()), float(np.abs(q).max())
    alt = (
        f"Interaction map of {size} by {size} dimensions, {_ORDER_WORDS[order]}. Products run from "
        f"{number(float(z.min()))} to {number(float(z.max()))}; their diagonal sums to p·q = {number(float(p @ q))}. "
        f"Largest |p| {number(p_max)}, largest |q| {number(q_max)}."
    )
    clipping = _clipping(z, limit)
    margin = {**_MARGIN, "b": _MARGIN["b"] + (16 if clipping else 0)}
    looks = layout(
        theme,
        width=width,
        height=width - margin["l"] - margin["r"] + margin["t"] + margin["b"],
        alt=" ".join([alt, *clipping]),
        revision=f"{order} {size}",
        margin=margin,
        **_map_axes(theme, size, order, below="".join(f"<br>{text}" for text in clipping)),
        xaxis2=_strip_axis(theme, p_max, [0, _STRIP]),
        yaxis2=_strip_axis(theme, q_max, [1 - _STRIP, 1]),
        annotations=[_corner(theme, f"q ±{number(q_max, 2)}<br>p ±{number(p_max, 2)}")],
        shapes=[] if field is None else outline(theme, _edges(field[1]), _edges(field[0])),
    )
    return go.Figure([heatmap, *bars], layout=looks)


_ORDER_WORDS: Final = {
    "as trained": "in the trained order",
    "by p": "both axes sorted by p, largest first",
    "by q": "both axes sorted by q, largest first",
}
_ORDER_TITLES: Final = {"as trained": "", "by p": ", largest p first", "by q": ", largest q first"}


def colour_bar(theme: Theme, **more: Any) -> dict[str, Any]:
    """A slim colour bar at the right edge, from the bottom up."""
    return {
        "thickness": 10,
        "outlinewidth": 0,
        "x": 1.02,
        "xpad": 0,
        "y": 0,
        "yanchor": "bottom",
        "ypad": 0,
        "nticks": 4,
        "ticklen": 3,
        "tickcolor": theme.zero,
        "tickfont": {"size": 12, "color": theme.muted},
        **more,
    }


def _bars(
    values: npt.NDArray[np.float32], dims: npt.NDArray[np.intp], theme: Theme, hover: str, *, along: Literal["x", "y"]
) -> list[go.Scatter]:
    """Bars from zero, those of one sign as one outline: a browser draws two shapes faster than a bar a dimension."""
    outlines = []
    for bars, colour in ((values >= 0, theme.positive), (values < 0, theme.negative)):
        places = np.flatnonzero(bars)
        if not len(places):
            continue
        gap = np.full(len(places), np.nan)
        sides = np.stack([places - _HALF_BAR] * 2 + [places + _HALF_BAR] * 2 + [gap], axis=-1)  # (n, 5)
        tops = values[places]
        zero = np.zeros(len(places))
        heights = np.stack([zero, tops, tops, zero, gap], axis=-1)  # (n, 5): up, across, down, and away
        numbers = np.repeat(np.stack([dims[places], tops], axis=-1), 5, axis=0)  # (5n, 2)
        place, height = sides.ravel().astype(np.float32), heights.ravel().astype(np.float32)
        outlines.append(
            go.Scatter(
                **(
                    {"x": place, "y": height, "yaxis": "y2"}
                    if along == "x"
                    else {"x": height, "y": place, "xaxis": "x2"}
                ),
                mode="lines",
                line={"width": 0},
                fill="toself",
                fillcolor=colour,
                hoveron="points",
                customdata=numbers.astype(np.float32),
                hovertemplate=f"{hover}<extra></extra>",
            )
        )
    return outlines


def _map_axes(theme: Theme, size: int, order: Order, below: str) -> dict[str, Any]:
    ticks = _dimension_ticks(size, order)
    suffix = _ORDER_TITLES[order]
    return {
        "xaxis": axis(
            theme,
            domain=[_MAP_START, 1],
            range=[-0.5, size - 0.5],
            constrain="domain",
            constraintoward="left",
            title=axis_title(theme, f"item dimension{suffix}{below}"),
            **ticks,
        ),
        "yaxis": axis(
            theme,
            domain=[0, 1 - _MAP_START],
            range=[size - 0.5, -0.5],
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
            anchor="free",
            position=0,
            title=axis_title(theme, f"user dimension{suffix}"),
            **ticks,
        ),
    }


def _strip_axis(theme: Theme, limit: float, domain: list[float]) -> dict[str, Any]:
    span = 1.04 * (limit or 1.0)
    return axis(theme, domain=domain, range=[-span, span], showticklabels=False, fixedrange=True, zeroline=True)


def _dimension_ticks(size: int, order: Order) -> dict[str, Any]:
    if order != "as trained":  # places are no longer dimensions: the hover names them
        return {"showticklabels": False}
    step = max(1, math.ceil(size / 4))
    step = next(nice for nice in (1, 2, 4, 8, 16, 32, 64, step) if nice >= step)
    return {"tickmode": "linear", "tick0": 0, "dtick": step}


def _corner(theme: Theme, text: str) -> dict[str, Any]:
    return note(
        theme, text, size=11, xref="paper", yref="paper", x=_STRIP, y=1, xanchor="right", yanchor="top", align="right"
    )


def _clipping(z: npt.NDArray[np.float32], limit: float) -> list[str]:
    clipped = int((np.abs(z) > limit * (1 + 1e-6)).sum())
    return [f"{plural(clipped, 'cell')} beyond ±{number(limit)}, shown in the end colour."] if clipped else []


def _edges(cells: slice) -> tuple[float, float]:
    return cells.start - 0.5, cells.stop - 0.5


Array = npt.NDArray[np.floating[Any]]
READ_DIFFERENCE: Final = (
    "First map less second, cell by cell: warm where the first is higher, blue where the second is, faint where they "
    "agree."
)
READ_MEAN_MAPS: Final = (
    "The mean interaction map of the user with the items of the history, with as many random items, and the "
    "difference: what is strong in the difference distinguishes the history."
)
BESIDE_WIDTH: Final = 1000
"""Width in pixels at which `beside` fills its height; in a wider figure there is space between its maps."""
_NAME_LENGTH: Final = 40


def difference(first: Array, second: Array, theme: Theme, names: tuple[str, str], *, width: int = 500) -> go.Figure:
    """First map less second, (D, D) each, as one zero-centred heatmap. Raises ValueError where the shapes differ."""
    values = _difference(first, second)
    limit = _limit(values)
    heatmap = panel(values, theme, "")
    looks = layout(
        theme,
        width=width,
        height=width - 24,
        alt=f"Difference of two maps, {names[0]} less {names[1]}: {_range(values)}.",
        revision=f"difference {len(values)}",
        margin={"l": 48, "r": 64, "t": 32, "b": 46},
        coloraxis=colour_axis(theme, limit, x=1.02),
        **panel_axes(theme, len(values), (0, 1), "", title_y=True),
        annotations=[
            panel_title(theme, f"{_shown(names[0])} − {_shown(names[1])}", "x domain"),
        ],
    )
    return go.Figure(heatmap, layout=looks)


def beside(first: Array, second: Array, theme: Theme, names: tuple[str, str]) -> go.Figure:
    """Two maps, (D, D) each, and first less second, all on one zero-centred scale.

    Raises ValueError where the shapes differ.
    """
    three = (first, second, _difference(first, second))
    titles = (_shown(names[0]), _shown(names[1]), "difference")
    suffixes, domains = ("", "2", "3"), ((0.0, 0.32), (0.34, 0.66), (0.68, 1.0))
    limit = _limit(*three)
    axes: dict[str, Any] = {}
    for values, suffix, domain in zip(three, suffixes, domains, strict=True):
        axes |= panel_axes(theme, len(values), domain, suffix, title_y=not suffix)
    looks = layout(
        theme,
        height=370,
        alt=(
            f"Two maps and their difference on one scale, ±{number(limit)}. {names[0]}: {_range(first)}; {names[1]}: "
            f"{_range(second)}; {names[0]} less {names[1]}: {_range(three[2])}."
        ),
        revision=f"beside {len(first)}",
        margin={"l": 46, "r": 64, "t": 32, "b": 44},
        coloraxis=colour_axis(theme, limit, x=1.02),
        **axes,
        annotations=[
            panel_title(theme, title, f"x{suffix} domain") for title, suffix in zip(titles, suffixes, strict=True)
        ],
    )
    heatmaps = [panel(values, theme, suffix) for values, suffix in zip(three, suffixes, strict=True)]
    looks["meta"]["fills"] = BESIDE_WIDTH
    return go.Figure(heatmaps, layout=looks)


def panel(values: Array, theme: Theme, suffix: str, *, coloraxis: str = "coloraxis", what: str = "value") -> go.Heatmap:
    """One map of several, on the axes and the colour scale of its suffix ("" for the first)."""
    return go.Heatmap(
        z=np.ascontiguousarray(values, dtype=np.float32),
        coloraxis=coloraxis,
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        hovertemplate=(
            f"user dimension d = %{{y}}<br>item dimension e = %{{x}}<br><b>{what} %{{z:.4g}}</b><extra></extra>"
        ),
    )


def panel_axes(
    theme: Theme, size: int, domain: tuple[float, float], suffix: str, *, title_y: bool = False, below: str = ""
) -> dict[str, Any]:
    """Axes of a square map, row 0 at the top; user dimensions are labelled at the first map alone."""
    return {
        f"xaxis{suffix}": axis(
            theme,
            domain=list(domain),
            range=[-0.5, size - 0.5],
            constrain="domain",
            constraintoward="left",
            nticks=6,
            anchor=f"y{suffix}",
            title=axis_title(theme, f"item dimension{below}"),
        ),
        f"yaxis{suffix}": axis(
            theme,
            range=[size - 0.5, -0.5],
            scaleanchor=f"x{suffix}",
            constrain="domain",
            constraintoward="top",
            nticks=6,
            anchor=f"x{suffix}",
            showticklabels=title_y,
            title=axis_title(theme, "user dimension" if title_y else ""),
        ),
    }


def panel_title(theme: Theme, text: str, xref: str) -> dict[str, Any]:
    """Text above a map; already escaped where it comes from data."""
    return note(
        theme,
        text,
        size=13,
        colour=theme.ink,
        xref=xref,
        yref="paper",
        x=0,
        y=1,
        xanchor="left",
        yanchor="bottom",
        align="left",
        yshift=6,
    )


def colour_axis(theme: Theme, limit: float, *, x: float) -> dict[str, Any]:
    """A zero-centred scale of ±limit, with its bar at `x` (paper)."""
    return {
        "cmin": -limit,
        "cmid": 0,
        "cmax": limit,
        "colorscale": theme.diverging,
        "colorbar": colour_bar(theme, len=1, x=x),
    }


def _difference(first: Array, second: Array) -> Array:
    if first.shape != second.shape:
        raise RefusedValueError(
            f"maps of {first.shape} and {second.shape} have no difference: their sizes must be equal."
        )
    return np.asarray(first, np.float64) - second


def _limit(*maps: Array) -> float:
    """The largest size of a cell; 1 where all are 0, and not where one map alone is."""
    return max(float(np.abs(values).max()) for values in maps) or 1.0


def _range(values: Array) -> str:
    return f"from {number(float(values.min()))} to {number(float(values.max()))}"


def _shown(name: str) -> str:
    return escape(shorten(name, _NAME_LENGTH))
