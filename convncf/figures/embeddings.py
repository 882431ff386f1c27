"""Embeddings: users or items on a plane, and the items nearest to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.errors import RefusedValueError
from convncf.figures.dataset import scale_of_counts
from convncf.figures.maps import colour_bar
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, plural, shorten

Array = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
READ_SCATTER: Final = (
    "Each dot is one embedding, on the plane along which all of them differ most. Near on the plane is not always near "
    "in the whole space: the axes say how much of it the plane holds."
)
READ_NEIGHBOURS: Final = "The longer the bar, the more similar; 1 is the same direction, 0 nothing in common."
_SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "cross", "star", "x", "triangle-down", "pentagon")
_LABEL_LENGTH: Final = 42


def embeddings(
    xy: Array,
    names: Sequence[str],
    theme: Theme,
    *,
    index: Ints,
    explained: tuple[float, float],
    whose: str = "item",
    counts: Ints | None = None,
    categories: Sequence[str] | None = None,
    what: str = "interactions",
    selected: int | None = None,
) -> go.Figure:
    """Embeddings on a plane, (s, 2), coloured by a count on a logarithmic scale, or by category, or all alike.

    `index` (s,) is what each point's customdata holds, so that a page knows which was clicked, and `selected` is one
    of them, ringed. Larger dots have higher counts, and each category has a symbol of its own, beside its colour.
    `what` names the counts or categories.

    Raises ValueError where both are given, or lengths differ.
    """
    columns = {"names": names, "index": index, "counts": counts, "categories": categories}
    lengths = {name: len(values) for name, values in columns.items() if values is not None and len(values) != len(xy)}
    if lengths or (counts is not None and categories is not None):
        raise RefusedValueError(
            f"{len(xy)} points are coloured by counts or by categories, one value each; got {lengths}."
        )
    shown = [escape(name) for name in names]
    points = np.asarray(xy, dtype=np.float32)
    if categories is not None:
        traces = _by_category(points, shown, index, categories, theme)
    else:
        traces = [_dots(points, shown, index, theme, **_by_count(counts, what, theme))]
    where = ""
    if selected is not None and (place := np.flatnonzero(np.asarray(index) == selected)).size:
        row = int(place[0])
        traces.append(
            go.Scatter(
                x=points[[row], 0],
                y=points[[row], 1],
                mode="markers+text",
                marker={"symbol": "circle-open", "size": 16, "color": theme.accent, "line": {"width": 3}},
                text=[escape(shorten(names[row], _LABEL_LENGTH))],
                textposition="top center",
                textfont={"size": 13, "color": theme.ink},
                hoverinfo="skip",
                showlegend=False,
            )
        )
        where = f" {names[row]} is at ({number(float(points[row, 0]))}, {number(float(points[row, 1]))})."
    alt = (
        f"Embeddings of {plural(len(points), whose)} on a plane that holds {sum(explained):.0%} of their variance, "
        f"{explained[0]:.0%} along x and {explained[1]:.0%} along y{_coloured(counts, categories, what)}.{where}"
    )
    looks = layout(
        theme,
        height=460,
        alt=alt,
        revision=f"embeddings {whose} {len(points)}",
        margin={"l": 48, "r": 72, "t": 48 if categories is not None else 8, "b": 44},
        showlegend=categories is not None,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 12}},
        hovermode="closest",
        xaxis=axis(theme, nticks=6, zeroline=True, title=axis_title(theme, f"first component, {explained[0]:.0%}")),
        yaxis=axis(
            theme,
            nticks=6,
            zeroline=True,
            scaleanchor="x",
            title=axis_title(theme, f"second component, {explained[1]:.0%}"),
        ),
    )
    return go.Figure(traces, layout=looks)


def neighbours(
    names: Sequence[str], similarity: Array, theme: Theme, *, item: str, measure: str, together: Ints | None = None
) -> go.Figure:
    """The items nearest to `item`, nearest first, as bars; `together` are the users of both."""
    rows = len(names)
    values = [float(value) for value in similarity]
    texts = [number(value) for value in values]
    if together is not None:
        texts = [f"{text} · {plural(int(n), 'user')}" for text, n in zip(texts, together, strict=True)]
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    span = (high - low) or 1.0
    bars = go.Bar(
        x=values,
        y=list(range(rows)),
        orientation="h",
        marker={
            "color": [theme.positive if value >= 0 else theme.negative for value in values],
            "line": {"width": 0},
        },
        text=texts,
        textposition="outside",
        textfont={"size": 12, "color": theme.muted},
        cliponaxis=False,
        customdata=[escape(name) for name in names],
        hovertemplate="%{customdata}<br><b>%{x:.4g}</b><extra></extra>",
    )
    listed = "; ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True)) or "none"
    looks = layout(
        theme,
        height=28 * max(rows, 1) + 48,
        alt=f"Items nearest to {item} by {measure}: {listed}.",
        revision=f"neighbours {measure}",
        margin={"l": 280, "r": 12, "t": 4, "b": 40},
        bargap=0.36,
        xaxis=axis(
            theme,
            range=[low - 0.3 * span * (low < 0), high + (0.3 if together is None else 0.55) * span],
            nticks=5,
            zeroline=True,
            fixedrange=True,
            title=axis_title(theme, escape(measure)),
        ),
        yaxis=axis(
            theme,
            range=[max(rows, 1) - 0.5, -0.5],
            tickmode="array",
            tickvals=list(range(rows)),
            ticktext=[escape(shorten(name, _LABEL_LENGTH)) for name in names],
            tickfont={"size": 13, "color": theme.ink},
            ticks="outside",
            ticklen=6,
            tickcolor="rgba(0,0,0,0)",  # room between label and bar
            fixedrange=True,
        ),
        annotations=[]
        if rows
        else [note(theme, "no item has a user in common with it", xref="paper", yref="paper", x=0.5, y=0.5)],
    )
    return go.Figure(bars, layout=looks)


def _dots(xy: Array, names: Sequence[str], index: Ints, theme: Theme, **looks: Any) -> go.Scatter:
    marker = {"size": 7, "opacity": 0.85, "line": {"width": 0.5, "color": theme.muted}} | looks.pop("marker", {})
    return go.Scatter(
        x=np.ascontiguousarray(xy[:, 0]),
        y=np.ascontiguousarray(xy[:, 1]),
        mode="markers",
        marker=marker,
        customdata=np.asarray(index, dtype=np.int32),
        text=list(names),
        **{"hovertemplate": "%{text}<extra></extra>"} | looks,
    )


def _by_count(counts: Ints | None, what: str, theme: Theme) -> dict[str, Any]:
    """Colour and size by the logarithm of 1 + count, which is 0 where there is none."""
    if counts is None:
        return {"marker": {"color": theme.accent}}
    heights = np.log10(1 + np.asarray(counts, dtype=np.float64))
    low, top = float(heights.min()), float(heights.max())
    span = (top - low) or 1.0
    ticks = [n for n in (0, 1, 10, 100, 1000, 10**4, 10**5, 10**6) if np.min(counts) <= n <= np.max(counts)]
    return {
        "marker": {
            "color": heights.astype(np.float32),
            "cmin": low,
            "cmax": low + span,
            "colorscale": scale_of_counts(theme),
            "size": (5 + 8 * (heights - low) / span).astype(np.float32),
            "colorbar": colour_bar(
                theme,
                len=1,
                tickmode="array",
                tickvals=[float(np.log10(1 + n)) for n in ticks],
                ticktext=[f"{n:,}" for n in ticks],
                title={"text": escape(what), "side": "right", "font": {"size": 12, "color": theme.muted}},
            ),
        },
        "hovertext": [plural(int(count), escape(what).removesuffix("s")) for count in counts],
        "hovertemplate": "%{text}<br>%{hovertext}<extra></extra>",
    }


def _by_category(
    xy: Array, names: Sequence[str], index: Ints, categories: Sequence[str], theme: Theme
) -> list[go.Scatter]:
    """A trace a category, most points first; after the last colour, symbols and colours repeat in other pairs."""
    every = np.array(categories, dtype=object)
    order = sorted(set(categories), key=lambda category: (-int((every == category).sum()), category))
    traces = []
    for position, category in enumerate(order):
        rows = np.flatnonzero(every == category)
        shown = escape(shorten(category, _LABEL_LENGTH))
        traces.append(
            _dots(
                xy[rows],
                [names[place] for place in rows.tolist()],
                np.asarray(index)[rows],
                theme,
                name=f"{shown} ({len(rows):,})",
                marker={
                    "color": theme.categories[position % len(theme.categories)],
                    "symbol": _SYMBOLS[position % len(_SYMBOLS)],
                },
                hovertemplate=f"%{{text}}<br>{shown}<extra></extra>",
            )
        )
    return traces


def _coloured(counts: Ints | None, categories: Sequence[str] | None, what: str) -> str:
    if counts is not None:
        return f", coloured by {what}, {int(np.min(counts)):,} to {int(np.max(counts)):,}"
    return "" if categories is None else f", coloured by {what}, {len(set(categories))} of them"
