"""How runs learn: loss and validation over epochs or time.

Records are rows of metrics.jsonl, as `Run.metrics()` returns them, or the `EpochRecord`s they were written from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import plotly.graph_objects as go

from convncf.figures.epoch_axis import phase_ticks, whole_epochs
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, run_style, shorten

if TYPE_CHECKING:
    from convncf.training import EpochRecord

    Record = EpochRecord | Mapping[str, Any]

Abscissa = Literal["epoch", "time"]
_MARGIN: Final = {"l": 58, "r": 16, "t": 24, "b": 44}
_MARKERS_UP_TO: Final = 60


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch on a curve."""

    phase: str
    epoch: int
    """Within its phase."""
    step: int
    """Epochs since the run began, pretraining counted: never runs backwards, and never moves once drawn."""
    seconds: float
    """Seconds of training and validation since the run began; pauses are not counted."""
    value: float
    kept: bool
    """The best epoch of its phase so far, whose tensors are kept."""


def points(records: Sequence[Record], metric: str = "loss") -> tuple[Point, ...]:
    """The epochs that have a finite value of `metric` ("loss", or a validation metric such as "NDCG@10")."""
    rows = [record if isinstance(record, Mapping) else record.to_json() for record in records]
    best = {row["phase"]: row["epoch"] for row in rows if row["improved"]}  # the last improvement wins
    before: dict[str, int] = {}  # epochs of the phases before this one
    last, seconds = 0, 0.0
    result = []
    for row in rows:
        phase, epoch = row["phase"], row["epoch"]
        offset = before.setdefault(phase, last)
        last = offset + epoch
        seconds += row["seconds"] + (row.get("validation_seconds") or 0.0)
        value = row["loss"] if metric == "loss" else (row["validation"] or {}).get(metric)
        if value is not None and math.isfinite(value):
            result.append(Point(phase, epoch, last, seconds, float(value), best.get(phase) == epoch))
    return tuple(result)


def unvalidated(records: Sequence[Record]) -> bool:
    """Whether there are epochs, and none was validated: there was nothing to validate on."""
    rows = [record if isinstance(record, Mapping) else record.to_json() for record in records]
    return bool(rows) and not any(row["validation"] for row in rows)


def curves(records: Sequence[Record], theme: Theme, metric: str = "loss", x: Abscissa = "epoch") -> go.Figure:
    """One run's loss or validation metric; pretraining is drawn thin and muted, and parted from training by a line.

    On validation curves the kept epoch is ringed.
    """
    found = points(records, metric)
    phases = list(dict.fromkeys(point.phase for point in found))
    unit = _Unit.of(found)
    looks = _layout(theme, metric, x, unit, _alt(metric, {"": found}), height=260)
    if x == "epoch":
        looks["xaxis"] |= phase_ticks([(point.phase, point.epoch, point.step) for point in found])
    lines = []
    for phase in phases:
        mine = [point for point in found if point.phase == phase]
        early = phase == "pretraining"
        lines.append(
            _line(mine, unit, x, metric, theme.muted if early else theme.accent, "dot" if early else "solid", phase)
        )
    figure = go.Figure(lines, layout=looks)
    if not found:
        _say_empty(figure, theme, _why_empty(records, metric))
    if len(phases) > 1:
        border = _border(found, phases[1], unit, x)
        figure.add_vline(x=border, line={"color": theme.zero, "width": 1})
        figure.add_annotation(**_phase_label(theme, phases[0], border, "right"))
        figure.add_annotation(**_phase_label(theme, phases[1], border, "left"))
    if metric != "loss":
        for point in [point for point in found if point.kept and point.phase == phases[-1]]:
            figure.add_trace(_ring(point, unit, x, theme))
            late = 2 * unit.place(point, x) > unit.place(found[-1], x)
            figure.add_annotation(**_kept_label(point, unit, x, theme, anchor="right" if late else "left"))
    return figure


def validation(
    runs: Mapping[str, Sequence[Record]],
    theme: Theme,
    metric: str = "NDCG@10",
    x: Abscissa = "epoch",
    *,
    order: Sequence[str] | None = None,
) -> go.Figure:
    """A metric ("loss" too) of several runs, each in its own stable colour (its place in `order`, see `run_style`).

    By epoch, training alone is drawn, so that epoch 1 is epoch 1 for every run; by time, pretraining is part of it.
    """
    order = list(runs) if order is None else order
    found = {run: points(records, metric) for run, records in runs.items()}
    unit = _Unit.of([point for some in found.values() for point in some])
    lines: list[go.Scatter] = []
    waiting: dict[str, list[str]] = {}  # why a run has no curve -> such runs
    for run, some in found.items():
        style = run_style(run, order, theme)
        training = [point for point in some if point.phase != "pretraining"]
        drawn = list(some) if x == "time" else training
        if not drawn:
            waiting.setdefault(_why_empty(runs[run], metric), []).append(run)
        line = _line(drawn, unit, x, metric, style.colour, style.dash, shorten(run, 40), own_epoch=True)
        lines.append(line)
    looks = _layout(theme, metric, x, unit, _alt(metric, found), height=320)
    looks |= {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}, "itemwidth": 30},
        "margin": {**_MARGIN, "t": 44},
    }
    if x == "epoch":
        looks["xaxis"] |= whole_epochs(max((point.epoch for some in found.values() for point in some), default=0))
    figure = go.Figure(lines, layout=looks)
    if waiting:
        words = "<br>".join(
            f"{why}: {', '.join(escape(shorten(run, 40)) for run in those)}" for why, those in waiting.items()
        )
        if sum(map(len, waiting.values())) == len(runs):
            _say_empty(figure, theme, words)
        else:
            corner: dict[str, Any] = {"x": 1, "y": 0, "xanchor": "right", "yanchor": "bottom", "bgcolor": theme.paper}
            figure.add_annotation(**note(theme, words, xref="paper", yref="paper", **corner))
    return figure


@dataclass(frozen=True, slots=True)
class _Unit:
    """Seconds, minutes or hours, whichever suits the longest curve."""

    name: str
    seconds: float

    @classmethod
    def of(cls, found: Sequence[Point]) -> _Unit:
        longest = max((point.seconds for point in found), default=0.0)
        if longest < 180:
            return cls("seconds", 1)
        return cls("minutes", 60) if longest < 3 * 3600 else cls("hours", 3600)

    def of_seconds(self, seconds: float) -> float:
        return seconds / self.seconds

    def place(self, point: Point, x: Abscissa) -> float:
        return self.of_seconds(point.seconds) if x == "time" else point.step


def _line(
    found: Sequence[Point],
    unit: _Unit,
    x: Abscissa,
    metric: str,
    colour: str,
    dash: str,
    name: str,
    *,
    own_epoch: bool = False,
) -> go.Scatter:
    places = [
        unit.of_seconds(point.seconds) if x == "time" else point.epoch if own_epoch else point.step for point in found
    ]
    return go.Scatter(
        x=places,
        y=[point.value for point in found],
        mode="lines+markers" if len(found) <= _MARKERS_UP_TO else "lines",
        line={"color": colour, "width": 1.5 if dash == "dot" else 2, "dash": dash},
        marker={"size": 5, "color": colour},
        name=escape(name),
        customdata=[[point.phase, point.epoch, unit.of_seconds(point.seconds)] for point in found],
        hovertemplate=(
            f"{escape(name)}<br>%{{customdata[0]}} epoch %{{customdata[1]}}, %{{customdata[2]:.3g}} {unit.name}<br>"
            f"<b>{escape(metric)} %{{y:.4g}}</b><extra></extra>"
        ),
    )


def _ring(point: Point, unit: _Unit, x: Abscissa, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=[unit.place(point, x)],
        y=[point.value],
        mode="markers",
        marker={"symbol": "circle-open", "size": 13, "color": theme.accent, "line": {"width": 2}},
        hoverinfo="skip",
    )


def _layout(theme: Theme, metric: str, x: Abscissa, unit: _Unit, alt: str, height: int) -> dict[str, Any]:
    title = "epoch" if x == "epoch" else f"{unit.name} of training and validation"
    return layout(
        theme,
        height=height,
        alt=alt,
        revision=f"{metric} {title}",  # seconds turn into minutes: a zoom in the one is none in the other
        margin=_MARGIN,
        hovermode="closest",
        xaxis=axis(theme, title=axis_title(theme, title), rangemode="tozero" if x == "time" else "normal"),
        yaxis=axis(
            theme,
            showgrid=True,
            nticks=6,
            title=axis_title(theme, "loss per triple" if metric == "loss" else escape(metric)),
        ),
    )


def _border(found: Sequence[Point], phase: str, unit: _Unit, x: Abscissa) -> float:
    """Where a phase begins on the axis: at its epoch 0, or when the phase before it ended."""
    first = next(point for point in found if point.phase == phase)
    if x == "epoch":
        return float(first.step - first.epoch)
    return unit.of_seconds(max(point.seconds for point in found if point.phase != phase))


def _phase_label(theme: Theme, phase: str, place: float, anchor: str) -> dict[str, Any]:
    return note(
        theme,
        escape(phase),
        x=place,
        y=1,
        yref="paper",
        xanchor=anchor,
        yanchor="bottom",
        xshift=-6 if anchor == "right" else 6,
    )


def _kept_label(point: Point, unit: _Unit, x: Abscissa, theme: Theme, anchor: str) -> dict[str, Any]:
    return note(
        theme,
        f"kept: epoch {point.epoch}, {number(point.value)}",
        colour=theme.accent,
        bgcolor=theme.paper,  # over the line between two phases
        x=unit.place(point, x),
        y=point.value,
        xanchor=anchor,
        xshift=8 if anchor == "right" else -8,
        yanchor="bottom",
        yshift=8,
    )


def _why_empty(records: Sequence[Record], metric: str) -> str:
    """Why a run has no curve of a metric."""
    return "nothing was validated" if metric != "loss" and unvalidated(records) else "no epoch to show yet"


def _say_empty(figure: go.Figure, theme: Theme, text: str) -> None:
    figure.add_annotation(**note(theme, text, size=13, xref="paper", yref="paper", x=0.5, y=0.5))
    figure.update_xaxes(showticklabels=False, title=None)
    figure.update_yaxes(showticklabels=False, showgrid=False, title=None)


def _alt(metric: str, runs: Mapping[str, Sequence[Point]]) -> str:
    lines = []
    for run, found in runs.items():
        name = f"{run}: " if run else ""
        if not found:
            lines.append(f"{name}no epoch yet")
            continue
        last = found[-1]
        best = (min if metric == "loss" else max)(found, key=lambda point: point.value)
        lines.append(
            f"{name}{len(found)} epochs, last {number(last.value)} at {last.phase} epoch {last.epoch}, "
            f"best {number(best.value)} at {best.phase} epoch {best.epoch}"
        )
    return f"{metric} over epochs. " + "; ".join(lines) + "."
