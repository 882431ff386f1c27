"""Metrics of several runs: a table with the best in bold and differences from the baseline, and a dot plot."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import address, plots, text, widgets
from app.ui.run_rows import dot, heading
from app.ui.text import plain
from app.views.compare import choice
from convncf import figures
from convncf.evaluation import metrics
from convncf.evaluation.comparison import ComparedRun, Comparison
from convncf.figures.theme import RunStyle, number
from convncf.interop.tables import csv_table, latex_table
from convncf.models.registry import label, record


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table as text, for download."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """As shown, for LaTeX."""
    exact: Sequence[Sequence[str]]
    """Every digit, for CSV."""
    caption: str
    bold: Collection[tuple[int, int]] = ()
    text_columns: int = 1
    """How many columns, from the left, hold text; the others are right-aligned in LaTeX."""
    exact_columns: Sequence[str] | None = None
    """The columns of `exact`, where they differ."""

    def csv(self) -> str:
        """The exact table."""
        return csv_table(self.exact_columns or self.columns, self.exact)

    def latex(self) -> str:
        """The table as shown."""
        numbers = range(self.text_columns, len(self.columns))
        return latex_table(self.columns, self.rows, numbers=numbers, bold=self.bold, caption=self.caption)


def offer(table: ExportTable, name: str) -> None:
    """Two download buttons; the files' names begin with `name`."""
    with st.container(horizontal=True, gap="small"):
        for label, make, suffix, mime in (
            ("CSV", table.csv, "csv", "text/csv"),
            ("LaTeX", table.latex, "tex", "text/x-tex"),
        ):
            st.download_button(
                label,
                data=make,
                file_name=f"{name}.{suffix}",
                mime=mime,
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key=f"compare:{name}:{suffix}",
                help=f"{table.caption}, as {label}",
            )


BEST: Final = "Higher is better. Bold: the best of a row. Arrows: above or below the baseline, the first run."
SIMPLE: Final = "Grey: simple baselines from the first run's report, on the same users; a good model exceeds them."
_BESIDE: Final = 400
"""Width of the figure in pixels: beside a table of three runs at 1280."""
READ_INTERVALS: Final = "A line through a dot is its 95% confidence interval over users."
READ_DOTS: Final = f"Further right is better. {READ_INTERVALS}"
NO_VALUE: Final = "–"
_INTERVALS: Final = {"no": "values", "yes": "with 95% intervals"}
NOT_COMPARABLE: Final = "Neither ranked nor subtracted: these runs are not comparable."


def show(comparison: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The table and the figure at one cut-off, and the result of the paired test."""
    heading_place = st.container()
    with st.container(horizontal=True, gap="medium"):
        cutoff = _cutoff(comparison)
        with_intervals = any(run.intervals for run in comparison.runs) and (
            choice.pick("Intervals", "intervals", labels=lambda value: _INTERVALS[value]) == "yes"
        )
    names = [name for name in _names(comparison) if metrics.parse(name).k in (cutoff, None)]
    with heading_place:
        widgets.section("Metrics on the test part", text.terms("test", "baseline", *names))
        _paired(comparison)
    with st.container(horizontal=True, gap="large"):
        with st.container(width="content"):
            _table(comparison, names, styles, with_intervals)
        with st.container(width=_BESIDE):
            figure = figures.comparison.metrics(
                {run.name: run.metrics for run in comparison.runs},
                address.theme(),
                baseline=comparison.runs[0].name,
                names=names,
                order=order,
                references={_model_label(name): scores for name, scores in comparison.references.items()},
                intervals={run.name: run.intervals for run in comparison.runs},
            )
            plots.show(figure, key="compare:metrics")
            st.caption(f"{NOT_COMPARABLE} {READ_INTERVALS}" if comparison.unlike else READ_DOTS)
    offer(export_table(comparison, names, with_intervals), "metrics")


def _names(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(name for run in comparison.runs for name in run.metrics))


def cutoffs(comparison: Comparison) -> list[int]:
    """Every K that some run was evaluated at, the monitored one first."""
    ks = sorted({k for name in _names(comparison) if (k := metrics.parse(name).k) is not None})
    monitored = metrics.parse(comparison.monitor).k
    return sorted(ks, key=lambda k: (k != monitored, k))


def _cutoff(comparison: Comparison) -> int | None:
    """The chosen K; metrics without one, such as AUC, are shown beside any."""
    ks = cutoffs(comparison)
    if not ks:
        return metrics.parse(comparison.monitor).k
    options, default = [str(k) for k in sorted(ks)], str(ks[0])
    return int(widgets.one_of("Cut-off", options, parameter="cutoff", default=default, labels=lambda k: f"@{k}"))


def _table(comparison: Comparison, names: Sequence[str], styles: Mapping[str, RunStyle], with_intervals: bool) -> None:
    """Runs that are not comparable are shown beside each other, and neither ranked nor subtracted."""
    columns: dict[str, pd.Series[Any]] = {}
    differences: list[Hashable] = []
    text_columns: list[Hashable] = []
    index = pd.Index([plain(name) for name in names], name="Metric")

    def add(head: str, values: Sequence[float | None]) -> None:
        columns[head] = pd.Series(values, index=index, dtype="float64")

    for run in comparison.runs:
        add(heading(run.name, styles[run.name]), [run.metrics.get(name) for name in names])
        if with_intervals:
            head = f"{dot(styles[run.name])} 95%"
            text_columns.append(head)
            # a browser may break a line after a dash, and a word joiner forbids it
            intervals = [_interval_text(run, name).replace("–", "–\u2060") for name in names]
            columns[head] = pd.Series(intervals, index=index, dtype="string")
        if run is not comparison.runs[0] and not comparison.unlike:
            head = f"{dot(styles[run.name])} difference"
            differences.append(head)
            add(head, [comparison.difference(run, name) for name in names])
    for name, scores in comparison.references.items():
        add(f":gray[{plain(_model_label(name))}]", [scores.get(metric) for metric in names])
    frame = pd.DataFrame(columns, index=index)
    styling = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, name in zip(frame.index, names, strict=True):
        for run_name in () if comparison.unlike else comparison.best(name):
            styling.loc[row, heading(run_name, styles[run_name])] = "font-weight: 700"
    styling.iloc[:, len(columns) - len(comparison.references) :] = f"color: {address.theme().muted}"
    number_columns: list[Hashable] = [column for column in frame.columns if column not in text_columns]
    styled = frame.style.format(_value, subset=number_columns).format(_difference, subset=differences)
    styled = styled.apply(lambda _: styling, axis=None)
    st.table(styled, border="horizontal", width="content", alt="Metrics of the runs compared")
    notes = [
        f"{heading(run.name, styles[run.name])}: {_kept_epoch(run)}, {run.n_users_evaluated:,} users, "
        f"{text.duration(run.seconds)}"
        for run in comparison.runs
    ]
    if comparison.references:
        notes.insert(0, SIMPLE)
    notes += [f"**{plain(run.name)}**: {plain(sentence)}" for run in comparison.runs for sentence in run.warnings]
    st.caption("  \n".join([NOT_COMPARABLE if comparison.unlike else BEST, *notes]))


def export_table(comparison: Comparison, names: Sequence[str], with_intervals: bool) -> ExportTable:
    """The same table for CSV, with every interval and digit, and for LaTeX, as shown."""
    exact_columns, columns, bold = ["Metric"], ["Metric"], set()
    exact, shown = [[name] for name in names], [[name] for name in names]
    for run in comparison.runs:
        differs = run is not comparison.runs[0] and not comparison.unlike
        for row, name in enumerate(names):
            value, difference = run.metrics.get(name), comparison.difference(run, name) if differs else None
            interval = run.intervals.get(name, (None, None))
            exact[row] += [_exact(value), *map(_exact, interval)] + ([_exact(difference)] if differs else [])
            if not comparison.unlike and run.name in comparison.best(name):
                bold.add((row, len(columns)))
            shown[row] += [_value(value)] + ([_interval_text(run, name)] if with_intervals else [])
            shown[row] += [NO_VALUE if difference is None else number(difference, 2, sign=True)] if differs else []
        exact_columns += [run.name, f"{run.name} 95% low", f"{run.name} 95% high"]
        exact_columns += [f"{run.name} difference"] if differs else []
        columns += [run.name] + (["95%"] if with_intervals else []) + (["difference"] if differs else [])
    for model, scores in comparison.references.items():
        exact_columns.append(_model_label(model))
        columns.append(_model_label(model))
        for row, name in enumerate(names):
            exact[row].append(_exact(scores.get(name)))
            shown[row].append(_value(scores.get(name)))
    caption = f"Metrics on the test part, {comparison.runs[0].n_users_evaluated:,} users"
    return ExportTable(columns, shown, exact, caption, bold, exact_columns=exact_columns)


def _exact(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _interval_text(run: ComparedRun, name: str) -> str:
    interval = run.intervals.get(name)
    return NO_VALUE if interval is None else f"{number(interval[0])}–{number(interval[1])}"


def _kept_epoch(run: ComparedRun) -> str:
    """Which epoch's model is compared, as text."""
    if not record(run.model).trained:
        return "computed in one go"
    return f"best epoch {run.best_epoch}" if run.validation else f"kept epoch {run.best_epoch}, not validated"


def _model_label(name: str) -> str:
    return label(name)


def _value(value: object) -> str:
    parsed = math.nan if value is None else float(str(value))
    return NO_VALUE if math.isnan(parsed) else number(parsed)


def _difference(value: object) -> str:
    """A difference with its direction as an arrow, which is easier to see than a sign."""
    difference = float(str(value))
    if math.isnan(difference):
        return NO_VALUE
    return f"{'▲' if difference > 0 else '▼' if difference < 0 else '='} {number(abs(difference), 2)}"


def _paired(comparison: Comparison) -> None:
    """Whether a run is significantly better than the baseline: a sentence, then the numbers."""
    base = comparison.runs[0].name
    for name, test in comparison.paired.items():
        st.markdown(f"{plain(text.verdict(test, name, base))}.")
        st.caption(f"{plain(comparison.monitor)}: {plain(test.in_words(name, base))}.")
    for reason in comparison.untested.values():
        st.caption(plain(reason))
    if comparison.paired:
        st.caption(
            "Paired test over users: it covers variation between users, not between training seeds; for that see Over "
            "seeds, below."
        )
