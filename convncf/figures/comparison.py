"""Runs side by side: their metrics, and one pair's interaction map in two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import plotly.graph_objects as go

from convncf.figures.maps import panel_title
from convncf.figures.network import Order, colour_bar, dimension_order, largest
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, number, run_style, shorten

if TYPE_CHECKING:
    from convncf.inspection import PairTrace

_ROW: Final = 30
_NAME_LENGTH: Final = 40


def metrics(
    reports: Mapping[str, Mapping[str, float]],
    theme: Theme,
    *,
    baseline: str | None = None,
    names: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    references: Mapping[str, Mapping[str, float]] | None = None,
) -> go.Figure:
    """Metrics of several runs as dots, one row a metric; the baseline is a hollow diamond.

    `references` are the metrics of simple models that the runs have to beat, by what they are called: thin muted signs.

    `reports` holds each run's metrics by name; `names` picks and orders the rows (all, in the first run's order, where
    it is not given); a run that lacks a metric has no dot there. `order` fixes the colours (see `run_style`).

    Raises ValueError for a baseline that is not among the runs.
    """
    if baseline is not None and baseline not in reports:
        raise ValueError(f"baseline {baseline!r} is not one of the runs compared")
    order = list(reports) if order is None else order
    rows = list(dict.fromkeys(name for report in reports.values() for name in report)) if names is None else list(names)
    place = {name: row for row, name in enumerate(rows)}
    base = reports[baseline] if baseline is not None else {}
    references = references or {}
    traces = [_spans(reports, rows, theme), *_references(references, rows, theme)]
    for run, report in reports.items():
        style = run_style(run, order, theme)
        here = [name for name in rows if name in report]
        label = escape(shorten(run, _NAME_LENGTH))
        traces.append(
            go.Scatter(
                x=[report[name] for name in here],
                y=[place[name] for name in here],
                mode="markers",
                marker={
                    "size": 11,
                    "color": theme.paper if run == baseline else style.colour,  # hollow, over the line through it
                    "symbol": "diamond" if run == baseline else "circle",
                    "line": {"width": 2 if run == baseline else 0, "color": style.colour},
                },
                name=f"{label} (baseline)" if run == baseline else label,
                customdata=[_difference(report[name], base.get(name), run == baseline) for name in here],
                hovertemplate=f"{label}<br><b>%{{x:.4f}}</b>%{{customdata}}<extra></extra>",
            )
        )
    drawn = (*reports.values(), *references.values())
    values = [value for report in drawn for name, value in report.items() if name in place]
    looks = layout(
        theme,
        height=_ROW * len(rows) + 84,
        alt=_metrics_alt(reports, rows, baseline, references),
        revision="metrics",
        margin={"l": 92, "r": 16, "t": 36, "b": 42},
        showlegend=True,
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 12}},
        xaxis=axis(theme, showgrid=True, range=[0, 1.06 * max(values, default=1.0) or 1.0], fixedrange=True),
        yaxis=axis(
            theme,
            range=[len(rows) - 0.5, -0.5],
            tickmode="array",
            tickvals=list(range(len(rows))),
            ticktext=[escape(name) for name in rows],
            tickfont={"size": 13, "color": theme.ink},
            fixedrange=True,
        ),
    )
    return go.Figure(traces, layout=looks)


def _references(references: Mapping[str, Mapping[str, float]], rows: Sequence[str], theme: Theme) -> list[go.Scatter]:
    """A thin muted sign a metric for each simple model, another sign for each."""
    ticks = []
    for turn, (words, report) in enumerate(references.items()):
        here = [name for name in rows if name in report]
        label = escape(shorten(words, _NAME_LENGTH))
        ticks.append(
            go.Scatter(
                x=[report[name] for name in here],
                y=[rows.index(name) for name in here],
                mode="markers",
                marker={
                    "symbol": ("line-ns-open", "x-thin-open", "cross-thin-open")[turn % 3],
                    "size": 10,
                    "color": theme.muted,
                    "line": {"width": 1.5},
                },
                name=label,
                hovertemplate=f"{label}<br><b>%{{x:.4f}}</b><extra></extra>",
            )
        )
    return ticks


def _spans(reports: Mapping[str, Mapping[str, float]], rows: Sequence[str], theme: Theme) -> go.Scatter:
    """A thin line from the lowest to the highest dot of each row."""
    x: list[float | None] = []
    y: list[int | None] = []
    for row, name in enumerate(rows):
        values = [report[name] for report in reports.values() if name in report]
        if values:
            x += [min(values), max(values), None]
            y += [row, row, None]
    return go.Scatter(
        x=x, y=y, mode="lines", line={"color": theme.zero, "width": 2}, hoverinfo="skip", showlegend=False
    )


def _difference(value: float, base: float | None, is_baseline: bool) -> str:
    if base is None or is_baseline:
        return ""
    relative = f" ({number(100 * (value - base) / base, sign=True)} &#37;)" if base else ""
    return f"<br>{number(value - base, sign=True)} from the baseline{relative}"


def _metrics_alt(
    reports: Mapping[str, Mapping[str, float]],
    rows: Sequence[str],
    baseline: str | None,
    references: Mapping[str, Mapping[str, float]],
) -> str:
    known = {**reports, **references}
    lines = [
        f"{name}: " + ", ".join(f"{run} {number(report[name])}" for run, report in known.items() if name in report)
        for name in rows
    ]
    against = "" if baseline is None else f" against the baseline {baseline}"
    return f"Metrics of {len(reports)} runs{against}. " + "; ".join(lines) + "."


def map_pair(
    first: PairTrace,
    second: PairTrace,
    theme: Theme,
    names: tuple[str, str],
    order: Order = "as trained",
) -> go.Figure:
    """One pair's interaction map in two models, on one zero-centred colour scale.

    The dimensions of two models correspond only where both started from the same embeddings.
    """
    limit = max(largest(first), largest(second)) or 1.0
    titles = [escape(shorten(name, _NAME_LENGTH)) for name in names]
    heatmaps = []
    for number_of, trace in enumerate((first, second)):
        dims = dimension_order(trace, order)
        row, col = np.indices((len(dims), len(dims)))
        heatmaps.append(
            go.Heatmap(
                z=np.ascontiguousarray(trace.map[np.ix_(dims, dims)]),  # (D, D)
                customdata=np.stack([dims[row], dims[col]], axis=-1).astype(np.int32),  # (D, D, 2)
                coloraxis="coloraxis",
                xaxis="x2" if number_of else "x",
                yaxis="y2" if number_of else "y",
                hovertemplate=(
                    "user dimension d = %{customdata[0]}<br>item dimension e = %{customdata[1]}<br>"
                    "<b>p·q = %{z:.4g}</b><extra></extra>"
                ),
            )
        )
    alt = "Interaction maps of one pair in two models on one scale, ±" + number(limit) + ": "
    alt += "; ".join(
        f"{name} from {number(float(trace.map.min()))} to {number(float(trace.map.max()))}"
        for name, trace in zip(names, (first, second), strict=True)
    )
    looks = layout(
        theme,
        height=440,
        alt=f"{alt}.",
        revision=order,
        margin={"l": 46, "r": 64, "t": 32 + 18 * max(title.count("<br>") for title in titles), "b": 44},
        coloraxis={
            "cmin": -limit,
            "cmid": 0,
            "cmax": limit,
            "colorscale": theme.diverging,
            "colorbar": colour_bar(theme, len=1),
        },
        xaxis=_map_axis(theme, len(first.p), [0, 0.485], title="item dimension"),
        yaxis=_map_axis(theme, len(first.p), [0, 1], title="user dimension", scaleanchor="x", reverse=True),
        xaxis2=_map_axis(theme, len(second.p), [0.515, 1], title="item dimension", anchor="y2"),
        yaxis2=_map_axis(
            theme, len(second.p), [0, 1], scaleanchor="x2", anchor="x2", reverse=True, showticklabels=False
        ),
        annotations=[
            panel_title(theme, title, xref) for title, xref in zip(titles, ("x domain", "x2 domain"), strict=True)
        ],
    )
    return go.Figure(heatmaps, layout=looks)


def _map_axis(
    theme: Theme, size: int, domain: list[float], *, title: str = "", reverse: bool = False, **more: Any
) -> dict[str, Any]:
    return axis(
        theme,
        domain=domain,
        range=[size - 0.5, -0.5] if reverse else [-0.5, size - 0.5],
        constrain="domain",
        constraintoward="top" if reverse else "left",
        nticks=6,
        title=axis_title(theme, title),
        **more,
    )
