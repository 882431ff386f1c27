"""Metrics of several runs: a table with the best in bold and the difference from the baseline, and as dots."""

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
class Leaving:
    """A table as text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """As shown, for LaTeX."""
    exact: Sequence[Sequence[str]]
    """Every digit, for CSV."""
    caption: str
    bold: Collection[tuple[int, int]] = ()
    text_columns: int = 1
    """How many columns, from the left, hold words; the others stand to the right in LaTeX."""
    exact_columns: Sequence[str] | None = None
    """Of `exact`, where it has other columns."""

    def csv(self) -> str:
        """The exact table."""
        return csv_table(self.exact_columns or self.columns, self.exact)

    def latex(self) -> str:
        """The table as shown."""
        numbers = range(self.text_columns, len(self.columns))
        return latex_table(self.columns, self.rows, numbers=numbers, bold=self.bold, caption=self.caption)


def offer(table: Leaving, name: str) -> None:
    """Two buttons; `name` begins the names of the files."""
    with st.container(horizontal=True, gap="small"):
        for words, make, ending, mime in (
            ("CSV", table.csv, "csv", "text/csv"),
            ("LaTeX", table.latex, "tex", "text/x-tex"),
        ):
            st.download_button(
                words,
                data=make,
                file_name=f"{name}.{ending}",
                mime=mime,
                on_click="ignore",
                type="tertiary",
                icon=widgets.DOWNLOAD,
                key=f"compare:{name}:{ending}",
                help=f"{table.caption}, as {words}",
            )


BEST: Final = "Higher is better. Bold: the best of a row. Arrows: above or below the first run, the baseline."
SIMPLE: Final = "Grey: simple baselines from the first run's report, on the same users; a good model beats them."
_BESIDE: Final = 400
"""Width of the figure in pixels: beside a table of three runs at 1280."""
READ_INTERVALS: Final = "A line through a dot is its 95% interval: where the mean may lie with other users."
READ_DOTS: Final = f"Further right is better. {READ_INTERVALS}"
NOTHING: Final = "–"
_INTERVALS: Final = {"no": "values", "yes": "with 95% intervals"}
UNLIKE: Final = "Neither ranked nor subtracted: these runs were not measured alike."


def show(found: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The table and the figure at one cut-off, and what the paired test says."""
    heading_place = st.container()
    with st.container(horizontal=True, gap="medium"):
        cutoff = _cutoff(found)
        with_intervals = any(run.intervals for run in found.runs) and (
            choice.pick("Intervals", "intervals", labels=lambda wanted: _INTERVALS[wanted]) == "yes"
        )
    names = [name for name in _names(found) if metrics.parse(name).k in (cutoff, None)]
    with heading_place:
        widgets.section("Metrics on the test part", text.terms("test", "baseline", *names))
        _paired(found)
    with st.container(horizontal=True, gap="large"):
        with st.container(width="content"):
            _table(found, names, styles, with_intervals)
        with st.container(width=_BESIDE):
            drawn = figures.comparison.metrics(
                {run.name: run.metrics for run in found.runs},
                address.theme(),
                baseline=found.runs[0].name,
                names=names,
                order=order,
                references={_model_words(name): scores for name, scores in found.references.items()},
                intervals={run.name: run.intervals for run in found.runs},
            )
            plots.show(drawn, key="compare:metrics")
            st.caption(f"{UNLIKE} {READ_INTERVALS}" if found.unlike else READ_DOTS)
    offer(leaving(found, names, with_intervals), "metrics")


def _names(found: Comparison) -> list[str]:
    return list(dict.fromkeys(name for run in found.runs for name in run.metrics))


def cutoffs(found: Comparison) -> list[int]:
    """Every K that some run was evaluated at, the monitored one first."""
    ks = sorted({k for name in _names(found) if (k := metrics.parse(name).k) is not None})
    monitored = metrics.parse(found.monitor).k
    return sorted(ks, key=lambda k: (k != monitored, k))


def _cutoff(found: Comparison) -> int | None:
    """The chosen K; metrics without one, such as AUC, are shown beside any."""
    ks = cutoffs(found)
    if not ks:
        return metrics.parse(found.monitor).k
    options, usual = [str(k) for k in sorted(ks)], str(ks[0])
    return int(widgets.one_of("Cut-off", options, parameter="cutoff", default=usual, labels=lambda k: f"@{k}"))


def _table(found: Comparison, names: Sequence[str], styles: Mapping[str, RunStyle], with_intervals: bool) -> None:
    """Unlike runs stand beside each other, and are neither ranked nor subtracted."""
    columns: dict[str, pd.Series[Any]] = {}
    differences: list[Hashable] = []
    words: list[Hashable] = []
    index = pd.Index([plain(name) for name in names], name="Metric")

    def add(head: str, values: Sequence[float | None]) -> None:
        columns[head] = pd.Series(values, index=index, dtype="float64")

    for run in found.runs:
        add(heading(run.name, styles[run.name]), [run.metrics.get(name) for name in names])
        if with_intervals:
            head = f"{dot(styles[run.name])} 95%"
            words.append(head)
            # a browser may break a line after a dash, and a word joiner forbids it
            ends = [_ends(run, name).replace("–", "–\u2060") for name in names]
            columns[head] = pd.Series(ends, index=index, dtype="string")
        if run is not found.runs[0] and not found.unlike:
            head = f"{dot(styles[run.name])} difference"
            differences.append(head)
            add(head, [found.difference(run, name) for name in names])
    for name, scores in found.references.items():
        add(f":gray[{plain(_model_words(name))}]", [scores.get(metric) for metric in names])
    frame = pd.DataFrame(columns, index=index)
    looks = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, name in zip(frame.index, names, strict=True):
        for run_name in () if found.unlike else found.best(name):
            looks.loc[row, heading(run_name, styles[run_name])] = "font-weight: 700"
    looks.iloc[:, len(columns) - len(found.references) :] = f"color: {address.theme().muted}"
    plainly: list[Hashable] = [column for column in frame.columns if column not in words]
    shown = frame.style.format(_value, subset=plainly).format(_difference, subset=differences)
    shown = shown.apply(lambda _: looks, axis=None)
    st.table(shown, border="horizontal", width="content", alt="Metrics of the runs compared")
    facts = [
        f"{heading(run.name, styles[run.name])}: {_kept(run)}, {run.n_users_evaluated:,} users, "
        f"took {text.duration(run.seconds)}"
        for run in found.runs
    ]
    if found.references:
        facts.insert(0, SIMPLE)
    facts += [f"**{plain(run.name)}**: {plain(sentence)}" for run in found.runs for sentence in run.warnings]
    st.caption("  \n".join([UNLIKE if found.unlike else BEST, *facts]))


def leaving(found: Comparison, names: Sequence[str], with_intervals: bool) -> Leaving:
    """The same table for CSV, which has every interval and digit, and for LaTeX, which has what is shown."""
    exact_columns, columns, bold = ["Metric"], ["Metric"], set()
    exact, shown = [[name] for name in names], [[name] for name in names]
    for run in found.runs:
        differs = run is not found.runs[0] and not found.unlike
        for place, name in enumerate(names):
            value, difference = run.metrics.get(name), found.difference(run, name) if differs else None
            ends = run.intervals.get(name, (None, None))
            exact[place] += [_exact(value), *map(_exact, ends)] + ([_exact(difference)] if differs else [])
            if not found.unlike and run.name in found.best(name):
                bold.add((place, len(columns)))
            shown[place] += [_value(value)] + ([_ends(run, name)] if with_intervals else [])
            shown[place] += [NOTHING if difference is None else number(difference, 2, sign=True)] if differs else []
        exact_columns += [run.name, f"{run.name} 95% low", f"{run.name} 95% high"]
        exact_columns += [f"{run.name} difference"] if differs else []
        columns += [run.name] + (["95%"] if with_intervals else []) + (["difference"] if differs else [])
    for model, scores in found.references.items():
        exact_columns.append(_model_words(model))
        columns.append(_model_words(model))
        for place, name in enumerate(names):
            exact[place].append(_exact(scores.get(name)))
            shown[place].append(_value(scores.get(name)))
    caption = f"Metrics on the test part, {found.runs[0].n_users_evaluated:,} users"
    return Leaving(columns, shown, exact, caption, bold, exact_columns=exact_columns)


def _exact(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _ends(run: ComparedRun, name: str) -> str:
    ends = run.intervals.get(name)
    return NOTHING if ends is None else f"{number(ends[0])}–{number(ends[1])}"


def _kept(run: ComparedRun) -> str:
    """Which epoch's model is compared, in words."""
    if not record(run.model).trained:
        return "computed in one go"
    return f"best epoch {run.best_epoch}" if run.validation else f"kept epoch {run.best_epoch}, nothing validated"


def _model_words(name: str) -> str:
    return label(name)


def _value(value: object) -> str:
    found = math.nan if value is None else float(str(value))
    return NOTHING if math.isnan(found) else number(found)


def _difference(value: object) -> str:
    """With its direction as an arrow, for those who do not see signs at a glance."""
    found = float(str(value))
    if math.isnan(found):
        return NOTHING
    return f"{'▲' if found > 0 else '▼' if found < 0 else '='} {number(abs(found), 2)}"


def _paired(found: Comparison) -> None:
    """Is a run better than the baseline, or were the users lucky? In plain words, then in numbers."""
    base = found.runs[0].name
    for name, test in found.paired.items():
        st.markdown(f"{plain(text.verdict(test, name, base))}.")
        st.caption(f"{plain(found.monitor)}: {plain(test.in_words(name, base))}.")
    for words in found.untested.values():
        st.caption(plain(words))
    if found.paired:
        st.caption(
            "Paired test over users: it speaks about users drawn like these, not about another training seed: for that "
            "see Over seeds, below."
        )
