"""Metrics of several runs: a table with the best in bold and the difference from the baseline, and as dots."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st

from app import state, widgets, wording
from app.wording import number, plain
from convncf import figures, metrics
from convncf.comparison import ComparedRun, Comparison
from convncf.config import TRAINED
from convncf.figures.theme import RunStyle

BEST: Final = "Higher is better. Bold: the best of a row. Arrows: above or below the first run, the baseline."
SIMPLE: Final = "Grey: simple baselines from the first run's report, on the same users; a good model beats them."
_BESIDE: Final = 400
"""Width of the figure in pixels: beside a table of three runs at 1280."""
UNLIKE: Final = "Neither ranked nor subtracted: these runs were not measured alike."


def show(found: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The table and the figure at one cut-off, and what the paired test says."""
    heading_place = st.container()
    cutoff = _cutoff(found)
    names = [name for name in _names(found) if metrics.parse(name).k in (cutoff, None)]
    with heading_place:
        widgets.section("Metrics on the test part", wording.terms("test", "baseline", *names))
    with st.container(horizontal=True, gap="large"):
        with st.container(width="content"):
            _table(found, names, styles)
        with st.container(width=_BESIDE):
            reports = {run.name: run.metrics for run in found.runs}
            drawn = figures.comparison.metrics(
                reports,
                state.theme(),
                baseline=found.runs[0].name,
                names=names,
                order=order,
                references={_model_words(name): scores for name, scores in found.references.items()},
            )
            widgets.figure(drawn, key="compare:metrics")
    _paired(found)


def _names(found: Comparison) -> list[str]:
    return list(dict.fromkeys(name for run in found.runs for name in run.metrics))


def _cutoff(found: Comparison) -> int | None:
    """The chosen K; metrics without one, such as AUC, are shown beside any."""
    cutoffs = sorted({k for name in _names(found) if (k := metrics.parse(name).k) is not None})
    monitored = metrics.parse(found.monitor).k
    if len(cutoffs) < 2:
        return cutoffs[0] if cutoffs else monitored
    chosen = st.segmented_control(
        "Cut-off",
        cutoffs,
        default=monitored if monitored in cutoffs else cutoffs[0],
        required=True,
        format_func=lambda k: f"@{k}",
        key="compare:cutoff",
        label_visibility="collapsed",
    )
    return chosen


def _table(found: Comparison, names: Sequence[str], styles: Mapping[str, RunStyle]) -> None:
    """Unlike runs stand beside each other, and are neither ranked nor subtracted."""
    columns: dict[str, list[float | None]] = {}
    differences: list[Hashable] = []
    for run in found.runs:
        columns[heading(run.name, styles[run.name])] = [run.metrics.get(name) for name in names]
        if run is not found.runs[0] and not found.unlike:
            head = f"{_dot(styles[run.name])} difference"
            differences.append(head)
            columns[head] = [found.difference(run, name) for name in names]
    for name, scores in found.references.items():
        columns[f":gray[{plain(_model_words(name))}]"] = [scores.get(metric) for metric in names]
    frame = pd.DataFrame(columns, index=pd.Index([plain(name) for name in names], name="Metric"), dtype="float64")
    looks = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, name in zip(frame.index, names, strict=True):
        for run_name in () if found.unlike else found.best(name):
            looks.loc[row, heading(run_name, styles[run_name])] = "font-weight: 700"
    looks.iloc[:, len(columns) - len(found.references) :] = f"color: {state.theme().muted}"
    shown = frame.style.format(_value).format(_difference, subset=differences).apply(lambda _: looks, axis=None)
    st.table(shown, border="horizontal", width="content", alt="Metrics of the runs compared")
    facts = [
        f"{heading(run.name, styles[run.name])}: {_kept(run)}, {run.n_users_evaluated:,} users, "
        f"took {wording.duration(run.seconds)}"
        for run in found.runs
    ]
    if found.references:
        facts.insert(0, SIMPLE)
    facts += [f"**{plain(run.name)}**: {plain(sentence)}" for run in found.runs for sentence in run.warnings]
    st.caption("  \n".join([UNLIKE if found.unlike else BEST, *facts]))


def _kept(run: ComparedRun) -> str:
    """Which epoch's model is compared, in words."""
    if run.model not in TRAINED:
        return "computed in one go"
    return f"best epoch {run.best_epoch}" if run.validation else f"kept epoch {run.best_epoch}, nothing validated"


def _model_words(name: str) -> str:
    return wording.MODEL_WORDS.get(name, name)


def _value(value: object) -> str:
    found = float(str(value))
    return "–" if math.isnan(found) else number(found)


def _difference(value: object) -> str:
    """With its direction as an arrow, for those who do not see signs at a glance."""
    found = float(str(value))
    if math.isnan(found):
        return "–"
    return f"{'▲' if found > 0 else '▼' if found < 0 else '='} {number(abs(found), 2)}"


def heading(name: str, style: RunStyle) -> str:
    """A run's name after a dot in its colour."""
    return f"{_dot(style)} {plain(name)}"


def _dot(style: RunStyle) -> str:
    return f':color[●]{{foreground="{style.colour}"}}'


def _paired(found: Comparison) -> None:
    """Is a run better than the baseline, or were the users lucky? In plain words, then in numbers."""
    base = found.runs[0].name
    for name, test in found.paired.items():
        st.markdown(f"{plain(wording.verdict(test, name, base))}.")
        st.caption(f"{plain(found.monitor)}: {plain(test.in_words(name, base))}.")
    for words in found.untested.values():
        st.caption(plain(words))
    if found.paired:
        st.caption("Paired test over users: it speaks about users drawn like these, not about another training seed.")
