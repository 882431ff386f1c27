"""Learning curves: loss and validation over epochs or time, smoothed over a faint line of the measured values.

Records are rows of metrics.jsonl, as `Run.metrics()` returns them, or the `EpochRecord`s that training yields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import plotly.graph_objects as go

from convncf.errors import RefusedValueError
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, run_style, shorten

if TYPE_CHECKING:
    from convncf.training import EpochRecord

    Record = EpochRecord | Mapping[str, Any]


def phase_ticks(epochs: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    """Ticks for epochs given as (phase, epoch within its phase, step), in the order of the run."""
    phases = list(dict.fromkeys(phase for phase, _, _ in epochs))
    last = max((step for _, _, step in epochs), default=0)
    if len(phases) < 2:
        return whole_epochs(last)
    between = _epochs_between_ticks(last)
    ticks: dict[int, str] = {}
    for phase in phases:
        of_phase = [(epoch, step) for its_phase, epoch, step in epochs if its_phase == phase]
        start = of_phase[0][1] - of_phase[0][0]
        # where phases meet, the later one's 0 is shown, and nothing so near before it that the two would touch
        ticks = {place: text for place, text in ticks.items() if place <= start - between / 2}
        ticks |= {start + epoch: str(epoch) for epoch in range(0, of_phase[-1][0] + 1, between)}
    return {"tickmode": "array", "tickvals": list(ticks), "ticktext": list(ticks.values())}


def whole_epochs(last: int) -> dict[str, Any]:
    """Ticks at whole epochs from 0 to `last`; with a fixed range for the first two, which span next to nothing."""
    ticks: dict[str, Any] = {"tickmode": "linear", "tick0": 0, "dtick": _epochs_between_ticks(last)}
    return ticks | ({"range": [-0.1, 1.1]} if last < 2 else {})


def _epochs_between_ticks(last: int) -> int:
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, max(last, 1000)) if last / step <= 12)


_FAINT: Final = 0.3
"""Opacity of the raw line."""


def smooth(figure: go.Figure, weight: float) -> go.Figure:
    """A figure of `learning` whose lines are running means (`smoothed`), each over the faint raw line.

    Marks, such as the ring around the kept epoch, stay at the measured value. Weight 0 changes nothing.
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
        raw = go.Scatter(trace).update(opacity=_FAINT, showlegend=False, legendgroup=trace.name)
        line = go.Scatter(trace).update(
            y=smoothed([float(value) for value in trace.y], weight), mode="lines", hoverinfo="skip", hovertemplate=None
        )
        line.update(legendgroup=trace.name)
        traces += [raw, line]
    return go.Figure(traces, layout=figure.layout)


def smoothed(values: Sequence[float], weight: float) -> tuple[float, ...]:
    """The running mean in which each value weighs `weight` times the one after it: 0 leaves all as they are.

    It is corrected for its start, so that the first value is unchanged and a constant stays constant. Raises ValueError
    for a weight that is not at least 0 and below 1.
    """
    if not 0 <= weight < 1:
        raise RefusedValueError(f"a smoothing weight is at least 0 and below 1, got {weight}.")
    total, size = 0.0, 0.0
    means = []
    for value in values:
        total, size = weight * total + value, weight * size + 1
        means.append(total / size)
    return tuple(means)


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch on a curve."""

    phase: str
    epoch: int
    """Within its phase."""
    step: int
    """Epochs since the run began, pretraining included: never decreases, and never changes once shown."""
    seconds: float
    """Seconds of training and validation since the run began; pauses are not counted."""
    value: float
    kept: bool
    """Whether it is the best epoch of its phase so far, whose tensors are kept."""
    triples: int = 0
    """Triples of one epoch of this phase; 0 before the first was trained."""


def points(records: Sequence[Record], metric: str = "loss") -> tuple[Point, ...]:
    """The epochs that have a finite value of `metric` ("loss", or a validation metric such as "NDCG@10")."""
    rows = [record if isinstance(record, Mapping) else record.to_json() for record in records]
    best = {row["phase"]: row["epoch"] for row in rows if row["improved"]}  # the last improvement wins
    before: dict[str, int] = {}  # epochs of the phases before this one
    triples: dict[str, int] = {}  # triples of an epoch of each phase
    last, seconds = 0, 0.0
    curve = []
    for row in rows:
        phase, epoch = row["phase"], row["epoch"]
        offset = before.setdefault(phase, last)
        last = offset + epoch
        # the speed was written as triples over seconds, so this is their whole number again
        triples[phase] = max(triples.get(phase, 0), round((row.get("triples_per_second") or 0.0) * row["seconds"]))
        seconds += row["seconds"] + (row.get("validation_seconds") or 0.0)
        value = row["loss"] if metric == "loss" else (row["validation"] or {}).get(metric)
        if value is not None and math.isfinite(value):
            curve.append(Point(phase, epoch, last, seconds, float(value), best.get(phase) == epoch, triples[phase]))
    return tuple(curve)


def unvalidated(records: Sequence[Record]) -> bool:
    """Whether there are epochs, and none was validated, since there was nothing to validate on."""
    rows = [record if isinstance(record, Mapping) else record.to_json() for record in records]
    return bool(rows) and not any(row["validation"] for row in rows)


def steps(curve: Sequence[Point], batches: Mapping[str, int]) -> tuple[int, ...]:
    """How many steps had been taken at each point since the run began, pretraining included.

    `batches` holds the triples a step of each phase; for a phase that is not in it, triples are counted.
    """
    # a phase's last point has its triples
    per_epoch = {point.phase: -(-point.triples // batches.get(point.phase, 1)) for point in curve}
    before: dict[str, int] = {}
    epochs = steps_before = 0
    for point in curve:
        if point.phase not in before:
            earlier = list(before)[-1:]
            began = point.step - point.epoch  # epochs of the phases before this one, validated or not
            steps_before += sum((began - epochs) * per_epoch[phase] for phase in earlier)
            before[point.phase], epochs = steps_before, began
    return tuple(before[point.phase] + point.epoch * per_epoch[point.phase] for point in curve)


Abscissa = Literal["epoch", "step", "time"]
_MARGIN: Final = {"l": 58, "r": 16, "t": 24, "b": 44}
_MARKERS_UP_TO: Final = 60


def curves(
    records: Sequence[Record],
    theme: Theme,
    metric: str = "loss",
    x: Abscissa = "epoch",
    *,
    batches: Mapping[str, int] | None = None,
    colour: str | None = None,
) -> go.Figure:
    """One run's loss or validation metric; pretraining is thin and muted, and a line separates it from training.

    `colour` is the run's (`run_colour`), the accent where there is only one run. On validation curves the kept epoch
    is ringed. `batches` is the triples a step of each phase ("pretraining", "training"); by step without it, the axis
    counts triples, and its title says so.
    """
    curve = points(records, metric)
    phases = list(dict.fromkeys(point.phase for point in curve))
    unit = _Unit.of(curve)
    steps_at = dict(zip(curve, steps(curve, batches or {}), strict=True))

    def place(point: Point) -> float:
        return unit.of_seconds(point.seconds) if x == "time" else steps_at[point] if x == "step" else point.step

    title = _title(x, unit, "step" if batches else "triple")
    looks = _layout(theme, metric, title, x, _alt(metric, {"": curve}), height=260)
    if x == "epoch":
        looks["xaxis"] |= phase_ticks([(point.phase, point.epoch, point.step) for point in curve])
    lines = []
    for phase in phases:
        of_phase = [point for point in curve if point.phase == phase]
        pretraining = phase == "pretraining"
        line_style = (theme.muted, "dot") if pretraining else (colour or theme.accent, "solid")
        lines.append(_line(of_phase, unit, place, metric, *line_style, phase))
    figure = go.Figure(lines, layout=looks)
    if not curve:
        _say_empty(figure, theme, _why_empty(records, metric))
    if len(phases) > 1:
        border = _border(curve, phases[1], place, x)
        figure.add_vline(x=border, line={"color": theme.zero, "width": 1})
        figure.add_annotation(**_phase_label(theme, phases[0], border, "right"))
        figure.add_annotation(**_phase_label(theme, phases[1], border, "left"))
    if metric != "loss":
        for point in [point for point in curve if point.kept and point.phase == phases[-1]]:
            figure.add_trace(_ring(point, place, theme))
            late = 2 * place(point) > place(curve[-1])
            figure.add_annotation(**_kept_label(point, place, theme, anchor="right" if late else "left"))
    return figure


def validation(
    runs: Mapping[str, Sequence[Record]],
    theme: Theme,
    metric: str = "NDCG@10",
    x: Abscissa = "epoch",
    *,
    order: Sequence[str] | None = None,
    batches: Mapping[str, int] | None = None,
) -> go.Figure:
    """A metric ("loss" too) of several runs, each in its own stable colour (its place in `order`, see `run_style`).

    By epoch or step, training alone is shown, so that epoch 1 is epoch 1 for every run; by time, pretraining is
    included. By step needs `batches`, each run's triples a step (ValueError without).
    """
    if x == "step" and not (batches and all(batches.get(run, 0) > 0 for run in runs)):
        raise RefusedValueError(f"by step needs the batch size of each run, got {batches}.")
    order = list(runs) if order is None else order
    by_run = {run: points(records, metric) for run, records in runs.items()}
    unit = _Unit.of([point for curve in by_run.values() for point in curve])
    lines: list[go.Scatter] = []
    without_curve: dict[str, list[str]] = {}  # why a run has no curve -> such runs
    for run, curve in by_run.items():
        style = run_style(run, order, theme)
        training = [point for point in curve if point.phase != "pretraining"]
        shown = list(curve) if x == "time" else training
        if not shown:
            without_curve.setdefault(_why_empty(runs[run], metric), []).append(run)
        lines.append(
            _line(shown, unit, _of_run(unit, x, (batches or {}).get(run, 1)), metric, style.colour, style.dash, run)
        )
    looks = _layout(theme, metric, _title(x, unit, "step"), x, _alt(metric, by_run), height=320)
    looks |= {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}, "itemwidth": 30},
        "margin": {**_MARGIN, "t": 44},
    }
    if x == "epoch":
        trained = [point.epoch for curve in by_run.values() for point in curve if point.phase != "pretraining"]
        looks["xaxis"] |= whole_epochs(max(trained, default=0))
    figure = go.Figure(lines, layout=looks)
    if without_curve:
        text = "<br>".join(
            f"{why}: {', '.join(escape(shorten(run, 40)) for run in names)}" for why, names in without_curve.items()
        )
        if sum(map(len, without_curve.values())) == len(runs):
            _say_empty(figure, theme, text)
        else:
            corner: dict[str, Any] = {"x": 1, "y": 0, "xanchor": "right", "yanchor": "bottom", "bgcolor": theme.paper}
            figure.add_annotation(**note(theme, text, xref="paper", yref="paper", **corner))
    return figure


@dataclass(frozen=True, slots=True)
class _Unit:
    """Seconds, minutes or hours, by the length of the longest curve."""

    name: str
    seconds: float

    @classmethod
    def of(cls, curve: Sequence[Point]) -> _Unit:
        longest = max((point.seconds for point in curve), default=0.0)
        if longest < 180:
            return cls("seconds", 1)
        return cls("minutes", 60) if longest < 3 * 3600 else cls("hours", 3600)

    def of_seconds(self, seconds: float) -> float:
        return seconds / self.seconds


_Place = Callable[[Point], float]
"""Where a point is on the axis."""


def _of_run(unit: _Unit, x: Abscissa, batch: int) -> _Place:
    """Among several runs: each counts its own epochs and steps of training from 0."""

    def place(point: Point) -> float:
        steps_of_epoch = -(-point.triples // batch)
        return unit.of_seconds(point.seconds) if x == "time" else point.epoch * (steps_of_epoch if x == "step" else 1)

    return place


def _line(
    curve: Sequence[Point], unit: _Unit, place: _Place, metric: str, colour: str, dash: str, run: str
) -> go.Scatter:
    name = shorten(run, 40)
    return go.Scatter(
        x=[place(point) for point in curve],
        y=[point.value for point in curve],
        mode="lines+markers" if len(curve) <= _MARKERS_UP_TO else "lines",
        line={"color": colour, "width": 1.5 if dash == "dot" else 2, "dash": dash},
        marker={"size": 5, "color": colour},
        name=escape(name),
        customdata=[[point.phase, point.epoch, unit.of_seconds(point.seconds)] for point in curve],
        hovertemplate=(
            f"{escape(name)}<br>%{{customdata[0]}} epoch %{{customdata[1]}}, %{{customdata[2]:.3g}} {unit.name}<br>"
            f"<b>{escape(metric)} %{{y:.4g}}</b><extra></extra>"
        ),
    )


def _ring(point: Point, place: _Place, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=[place(point)],
        y=[point.value],
        mode="markers",
        marker={"symbol": "circle-open", "size": 13, "color": theme.accent, "line": {"width": 2}},
        hoverinfo="skip",
    )


def _title(x: Abscissa, unit: _Unit, counted: str) -> str:
    return {"epoch": "epoch", "step": f"{counted}s of training", "time": f"{unit.name} of training and validation"}[x]


def _layout(theme: Theme, metric: str, title: str, x: Abscissa, alt: str, height: int) -> dict[str, Any]:
    return layout(
        theme,
        height=height,
        alt=alt,
        revision=f"{metric} {title}",  # seconds become minutes: a zoom in one is none in the other
        margin=_MARGIN,
        hovermode="closest",
        xaxis=axis(theme, title=axis_title(theme, title), rangemode="normal" if x == "epoch" else "tozero"),
        yaxis=axis(
            theme,
            showgrid=True,
            nticks=6,
            title=axis_title(theme, "loss per triple" if metric == "loss" else escape(metric)),
        ),
    )


def _border(curve: Sequence[Point], phase: str, place: _Place, x: Abscissa) -> float:
    """Where a phase begins on the axis: at its epoch 0, or when the phase before it ended."""
    first = next(point for point in curve if point.phase == phase)
    if x == "epoch":
        return float(first.step - first.epoch)
    return max(place(point) for point in curve if point.phase != phase)


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


def _kept_label(point: Point, place: _Place, theme: Theme, anchor: str) -> dict[str, Any]:
    return note(
        theme,
        f"kept: epoch {point.epoch}, {number(point.value)}",
        colour=theme.accent,
        bgcolor=theme.paper,  # over the line between two phases
        x=place(point),
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
    for run, curve in runs.items():
        name = f"{run}: " if run else ""
        if not curve:
            lines.append(f"{name}no epoch yet")
            continue
        last = curve[-1]
        best = (min if metric == "loss" else max)(curve, key=lambda point: point.value)
        lines.append(
            f"{name}{len(curve)} epochs, last {number(last.value)} at {last.phase} epoch {last.epoch}, "
            f"best {number(best.value)} at {best.phase} epoch {best.epoch}"
        )
    return f"{metric} over epochs. " + "; ".join(lines) + "."
