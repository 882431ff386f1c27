"""Maps of D by D side by side, and the difference of two: signed, zero-centred, on one colour scale.

For a user's history against random items, for two items of one user, and for one pair in two models.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.figures.network import colour_bar
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, shorten

Array = npt.NDArray[np.floating[Any]]

READ_DIFFERENCE: Final = (
    "First map less second, cell by cell: warm where the first is higher, blue where the second is, faint where they "
    "agree."
)
READ_MEAN_MAPS: Final = (
    "The mean interaction map of the user with the items of the history, with as many random items, and the "
    "difference: what is strong in the difference is what sets the history apart."
)
BESIDE_WIDTH: Final = 1000
"""Pixels in which `beside` fills its height; in more its maps drift apart."""
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
    """Axes of a square map, row 0 at the top; user dimensions are named at the first map alone."""
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
    """Words above a map; already escaped where they come from data."""
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
        raise ValueError(f"maps of {first.shape} and {second.shape} have no difference: their sizes must be the same")
    return np.asarray(first, np.float64) - second


def _limit(*maps: Array) -> float:
    """The largest size of a cell; 1 where all are 0, and not where one map alone is."""
    return max(float(np.abs(values).max()) for values in maps) or 1.0


def _range(values: Array) -> str:
    return f"from {number(float(values.min()))} to {number(float(values.max()))}"


def _shown(name: str) -> str:
    return escape(shorten(name, _NAME_LENGTH))
