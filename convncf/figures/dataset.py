"""Statistics of a dataset: its long tails, its activity over time, and the matrix of users and items.

The numbers are those of `convncf.data.statistics`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import plotly.graph_objects as go

from convncf.figures.maps import colour_bar
from convncf.figures.theme import Theme, axis, axis_title, layout, note, number, plural

if TYPE_CHECKING:
    from convncf.data.statistics import Activity, DensityGrid, LongTail

READ_LONG_TAIL: Final = (
    "Both axes grow tenfold from tick to tick, most active first: a steep fall means that few have most of the "
    "interactions. The lines mark what the top has."
)
READ_ACTIVITY: Final = (
    "How many interactions each period has. A split by time holds out the right end; a gap or a spike says how the "
    "data was collected."
)
READ_DENSITY: Final = (
    "The most active users are at the top and the most popular items on the left; the brighter a cell, the more of its "
    "pairs are interactions, and an empty place means none at all."
)


def long_tail(tail: LongTail, theme: Theme) -> go.Figure:
    """Interactions of each user, or item, most first, on logarithmic axes; lines mark the top 1, 5 and 20 %."""
    ranks = _corners(tail.counts)
    size, whose = len(tail.counts), tail.whose
    curve = go.Scatter(
        x=(ranks + 1).astype(np.int32),
        y=tail.counts[ranks].astype(np.int32),
        mode="lines",
        line={"color": theme.accent, "width": 2},
        hovertemplate=f"{whose} no. %{{x:,}}<br><b>%{{y:,}} interactions</b><extra></extra>",
    )
    marks = {top.count: top for top in tail.tops}  # where several have one count, the largest share
    notes = [
        note(
            theme,
            f"top {top.share:.0%}<br><b>{top.interactions:.0%}</b>",
            x=math.log10(count),
            y=1,
            yref="paper",
            yanchor="bottom",
        )
        for count, top in marks.items()
    ]
    lines = [
        {"type": "line", "x0": count, "x1": count, "yref": "paper", "y0": 0, "y1": 1, "line": _thin(theme)}
        for count in marks
    ]
    shares = "; ".join(f"the top {top.share:.0%} ({top.count:,}) have {top.interactions:.0%}" for top in tail.tops)
    none = f" {plural(tail.without, whose)} without any are not drawn." if tail.without else ""
    alt = (
        f"Interactions of {plural(size, whose)}, from {int(tail.counts[0]):,} down to {int(tail.counts[-1]):,}: "
        f"{shares} of all interactions.{none}"
    )
    looks = layout(
        theme,
        height=280,
        alt=alt,
        revision=f"long tail {whose}",
        margin={"l": 56, "r": 16, "t": 40, "b": 44},
        xaxis=_log_axis(theme, size, f"{whose}s, most interactions first"),
        yaxis=_log_axis(theme, int(tail.counts[0]), "interactions", showgrid=True),
        annotations=notes,
        shapes=lines,
    )
    return go.Figure(curve, layout=looks)


def activity(bins: Activity, theme: Theme) -> go.Figure:
    """Interactions in each hour, day, month or year, as bars."""
    what = bins.period if bins.each == 1 else f"{bins.each:,} {bins.period}s"
    bars = go.Bar(
        x=list(bins.starts),
        y=bins.counts.astype(np.int32),
        marker={"color": theme.accent, "line": {"width": 0}},
        hovertemplate="%{x}<br><b>%{y:,} interactions</b><extra></extra>",
    )
    busiest = int(bins.counts.argmax())
    alt = (
        f"{int(bins.counts.sum()):,} interactions by {what} from {bins.starts[0]} to {bins.starts[-1]}: at most "
        f"{int(bins.counts[busiest]):,}, in {bins.starts[busiest]}; {int((bins.counts == 0).sum()):,} of "
        f"{plural(len(bins.counts), 'bin')} have none."
    )
    looks = layout(
        theme,
        height=240,
        alt=alt,
        revision=f"activity {what}",
        margin={"l": 56, "r": 16, "t": 8, "b": 44},
        bargap=0.1 if len(bins.counts) < 120 else 0,
        # categories: a date axis would know no year beyond 9999, and bins are shown
        xaxis=axis(theme, type="category", nticks=9, tickangle=0, title=axis_title(theme, f"{what} (UTC)")),
        yaxis=axis(theme, showgrid=True, nticks=5, rangemode="tozero", title=axis_title(theme, "interactions")),
    )
    return go.Figure(bars, layout=looks)


def density(grid: DensityGrid, theme: Theme) -> go.Figure:
    """The matrix of users and items, sorted by activity, as a heatmap of counts on a logarithmic scale."""
    counts = grid.counts
    top = int(counts.max())
    z = np.full(counts.shape, np.nan, np.float32)  # an empty cell shows the page
    np.log10(counts, out=z, where=counts > 0, casting="unsafe")
    powers = list(range(math.floor(math.log10(top)) + 1))
    heatmap = go.Heatmap(
        z=z,
        x0=(1 + grid.items_each) / 2,
        dx=grid.items_each,
        y0=(1 + grid.users_each) / 2,
        dy=grid.users_each,
        zmin=0,
        zmax=math.log10(top) or 1.0,
        colorscale=scale_of_counts(theme),
        customdata=counts.astype(np.int32),
        hoverongaps=False,
        hovertemplate=(
            "about user no. %{y:,.0f} and item no. %{x:,.0f}<br><b>%{customdata:,} interactions</b><extra></extra>"
        ),
        colorbar=colour_bar(
            theme, len=1, tickmode="array", tickvals=powers, ticktext=[f"{10**power:,}" for power in powers]
        ),
    )
    empty = float((counts == 0).mean())
    alt = (
        f"Matrix of {plural(grid.users, 'user')} by {plural(grid.items, 'item')}, both sorted by activity, in "
        f"{counts.shape[0]:,} by {counts.shape[1]:,} cells of {grid.users_each:,} by {grid.items_each:,}: up to "
        f"{plural(top, 'interaction')} in a cell, {empty:.0%} of the cells are empty. All are "
        f"{number(100 * counts.sum() / (grid.users * grid.items))} % of the pairs."
    )
    looks = layout(
        theme,
        height=420,
        alt=alt,
        revision="density",
        margin={"l": 64, "r": 64, "t": 8, "b": 44},
        xaxis=axis(theme, nticks=6, title=axis_title(theme, "items, most popular first")),
        yaxis=axis(theme, nticks=6, autorange="reversed", title=axis_title(theme, "users, most active first")),
    )
    return go.Figure(heatmap, layout=looks)


def scale_of_counts(theme: Theme) -> list[list[float | str]]:
    """The sequential colours for counts with the page between them; the darkest two would vanish on a dark page."""
    colours = [colour for _, colour in theme.sequential][2 if theme.name == "dark" else 0 :]
    return [[place / (len(colours) - 1), colour] for place, colour in enumerate(colours)]


def _corners(counts: Any) -> Any:
    """Places (0-based) where a descending row of counts begins or ends a level: the whole curve goes through them."""
    steps = np.flatnonzero(np.diff(counts))
    return np.unique(np.concatenate([[0], steps, steps + 1, [len(counts) - 1]]))


def _log_axis(theme: Theme, top: int, title: str, **more: Any) -> dict[str, Any]:
    """From 1 to `top`, a tick at each power of ten, a little room at both ends."""
    high = math.log10(top) or 1.0
    return axis(
        theme,
        type="log",
        range=[-0.03 * high, 1.03 * high],
        dtick=1,
        tickformat=",",
        title=axis_title(theme, title),
        **more,
    )


def _thin(theme: Theme) -> dict[str, Any]:
    return {"color": theme.zero, "width": 1, "dash": "dot"}
