"""Runs side by side: their metrics as dots, and a metric by user group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.errors import RefusedValueError
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, number, plural, run_style, shorten

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
    intervals: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> go.Figure:
    """Metrics of several runs as dots, one row a metric; the baseline is a hollow diamond.

    `intervals` holds each run's lower and upper ends by metric, drawn as a thin line through the dot.

    `references` are the metrics of baselines by their labels: thin muted signs.

    `reports` holds each run's metrics by name; `names` picks and orders the rows (all, in the first run's order, where
    it is not given); a run that lacks a metric has no dot there. `order` fixes the colours (see `run_style`).

    Raises ValueError for a baseline that is not among the runs.
    """
    if baseline is not None and baseline not in reports:
        raise RefusedValueError(f"baseline {baseline!r} is not one of the runs compared.")
    order = list(reports) if order is None else order
    rows = list(dict.fromkeys(name for report in reports.values() for name in report)) if names is None else list(names)
    place = {name: row for row, name in enumerate(rows)}
    base = reports[baseline] if baseline is not None else {}
    references = references or {}
    traces = [_spans(reports, rows, theme), *_references(references, rows, theme)]
    for run, report in reports.items():
        style = run_style(run, order, theme)
        shown = [name for name in rows if name in report]
        label = escape(shorten(run, _NAME_LENGTH))
        ends = {name: pair for name, pair in (intervals or {}).get(run, {}).items() if name in shown}
        traces.append(
            go.Scatter(
                x=[report[name] for name in shown],
                y=[place[name] for name in shown],
                mode="markers",
                marker={
                    "size": 11,
                    "color": theme.paper if run == baseline else style.colour,  # hollow, over the line through it
                    "symbol": "diamond" if run == baseline else "circle",
                    "line": {"width": 2 if run == baseline else 0, "color": style.colour},
                },
                name=f"{label} (baseline)" if run == baseline else label,
                customdata=[
                    _interval(ends.get(name)) + _difference(report[name], base.get(name), run == baseline)
                    for name in shown
                ],
                error_x=_whiskers(report, shown, ends, style.colour),
                hovertemplate=f"{label}<br><b>%{{x:.4f}}</b>%{{customdata}}<extra></extra>",
            )
        )
    every = (*reports.values(), *references.values())
    values = [value for report in every for name, value in report.items() if name in place]
    values += [
        end for spans in (intervals or {}).values() for name, ends in spans.items() if name in place for end in ends
    ]
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
    """A thin muted sign a metric for each baseline, another sign for each."""
    ticks = []
    for turn, (name_of_reference, report) in enumerate(references.items()):
        shown = [name for name in rows if name in report]
        label = escape(shorten(name_of_reference, _NAME_LENGTH))
        ticks.append(
            go.Scatter(
                x=[report[name] for name in shown],
                y=[rows.index(name) for name in shown],
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


def _whiskers(
    report: Mapping[str, float], names: Sequence[str], ends: Mapping[str, Sequence[float]], colour: str
) -> dict[str, Any] | None:
    if not ends:
        return None
    pairs = [ends.get(name, (report[name], report[name])) for name in names]
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - report[name] for name, (_, high) in zip(names, pairs, strict=True)],
        "arrayminus": [report[name] - low for name, (low, _) in zip(names, pairs, strict=True)],
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"<br>95&#37; {number(ends[0])} to {number(ends[1])}"


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
    every = {**reports, **references}
    lines = [
        f"{name}: " + ", ".join(f"{run} {number(report[name])}" for run, report in every.items() if name in report)
        for name in rows
    ]
    against = "" if baseline is None else f" against the baseline {baseline}"
    return f"Metrics of {len(reports)} runs{against}. " + "; ".join(lines) + "."


READ_GROUPS: Final = (
    "The metric in groups of nearly equal size, from the least to the most active or popular. A rising line says that "
    "the model is best for the most active or popular; small groups vary by chance."
)
_SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "cross", "x")


def by_group(
    labels: Sequence[str],
    n: Sequence[int],
    means: Mapping[str, Sequence[float] | npt.NDArray[np.float64]],
    theme: Theme,
    *,
    metric: str,
    grouped_by: str,
    unit: str = "users",
    order: Sequence[str] | None = None,
) -> go.Figure:
    """A metric of several runs by group, from `group_means`; under each group its label and its size.

    `grouped_by` says what the groups are of ("training items of the user"), `unit` what `n` counts. `order` fixes the
    colours (see `run_style`). Raises ValueError where a run has another number of groups.
    """
    wrong = {run: len(values) for run, values in means.items() if len(values) != len(labels)}
    if wrong or len(n) != len(labels):
        raise RefusedValueError(f"{len(labels)} groups, {len(n)} counts, runs with other numbers of values: {wrong}.")
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
                customdata=[f"{escape(label)}, {size:,} {escape(unit)}" for label, size in zip(labels, n, strict=True)],
                hovertemplate=f"{shown}<br>%{{customdata}}<br><b>{escape(metric)} %{{y:.4f}}</b><extra></extra>",
            )
        )
    means_text = "; ".join(
        f"{run} " + ", ".join(f"{label}: {number(float(value))}" for label, value in zip(labels, values, strict=True))
        for run, values in means.items()
    )
    top = max((float(value) for values in means.values() for value in values), default=1.0)
    looks = layout(
        theme,
        height=300,
        alt=(
            f"{metric} by {grouped_by}, in {plural(len(labels), 'group')} of {', '.join(map(str, n))} {unit}. "
            f"{means_text}."
        ),
        revision=f"groups {metric} {grouped_by}",
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
            title=axis_title(theme, escape(grouped_by)),
        ),
        yaxis=axis(
            theme, showgrid=True, nticks=5, range=[0, 1.08 * top or 1.0], title=axis_title(theme, escape(metric))
        ),
    )
    return go.Figure(lines, layout=looks)
