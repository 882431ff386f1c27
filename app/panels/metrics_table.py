"""Metrics of several runs: a table with the best in bold and the difference from the baseline, and as dots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st

from app import loading, state, widgets, wording
from app.wording import number, plain
from convncf import figures, metrics
from convncf.comparison import ComparedRun, Comparison
from convncf.figures.theme import RunStyle
from convncf.runs import Run

_RIGHT: Final = {"text-align": "right", "white-space": "nowrap"}


def show(found: Comparison, runs: Sequence[Run], styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """The table and the figure at one cut-off, and what the paired test says."""
    widgets.section("Metrics on the test part")
    cutoff = _cutoff(found)
    names = [name for name in _names(found) if metrics.parse(name).k == cutoff]
    with st.container(horizontal=True, gap="large"):
        with st.container():
            _table(found, names, styles)
            _paired(found)
            _baselines(found, runs)
        with st.container(width=480):
            reports = {run.name: run.metrics for run in found.runs}
            drawn = figures.comparison.metrics(
                reports, state.theme(), baseline=found.runs[0].name, names=names, order=order
            )
            widgets.figure(drawn, key="compare:metrics")
            st.caption(figures.wording.READ_METRICS)


def _names(found: Comparison) -> list[str]:
    return list(dict.fromkeys(name for run in found.runs for name in run.metrics))


def _cutoff(found: Comparison) -> int:
    cutoffs = sorted({metrics.parse(name).k for name in _names(found)})
    monitored = metrics.parse(found.monitor).k
    if len(cutoffs) < 2:
        return monitored
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
    rows = {name: [_cell(found, run, name) for run in found.runs] for name in names}
    rows["Best epoch"] = [str(run.best_epoch) for run in found.runs]
    rows["Users"] = [f"{run.n_users_evaluated:,}" for run in found.runs]
    rows["Took"] = [wording.duration(run.seconds) for run in found.runs]
    heads = [heading(run.name, styles[run.name]) for run in found.runs]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=pd.Index(heads))
    st.table(frame.style.set_properties(subset=None, **_RIGHT), border="horizontal", alt="Metrics of the runs compared")
    if found.unlike:
        st.caption("Neither ranked nor subtracted: these runs were not measured alike.")
    else:
        st.caption("Bold: the best of a row. Arrows: the difference from the first run.")


def _cell(found: Comparison, run: ComparedRun, name: str) -> str:
    value = run.metrics.get(name)
    if value is None:
        return "–"
    shown = number(value)
    if found.unlike:
        return shown
    shown = f"**{shown}**" if run.name in loading.best(found, name) else shown
    delta = loading.difference(found, run, name)
    if delta is None:
        return shown
    arrow = "▲" if delta > 0 else "▼" if delta < 0 else "="
    return f"{shown} &nbsp; :small[{arrow} {number(abs(delta), 2)}]"


def heading(name: str, style: RunStyle) -> str:
    """A run's name after a dot in its colour."""
    return f':color[●]{{foreground="{style.colour}"}} {plain(name)}'


def _paired(found: Comparison) -> None:
    """One sentence a run: is it better than the baseline, or were the users lucky?"""
    for name, test in found.paired.items():
        st.markdown(f"{plain(found.monitor)}: {plain(test.in_words(name, found.runs[0].name))}.")
    if found.paired:
        st.caption("Paired test over users: it speaks about users drawn like these, not about another training seed.")


def _baselines(found: Comparison, runs: Sequence[Run]) -> None:
    """The simple baselines of the first run's report, for scale."""
    if found.unlike:
        return
    report = runs[0].report() or {}
    values = {name: scores.get(found.monitor) for name, scores in report.get("baselines", {}).items()}
    listed = ", ".join(
        f"{wording.MODEL_WORDS.get(name, name)} {number(value)}" for name, value in values.items() if value is not None
    )
    if listed:
        st.caption(plain(f"For scale, {found.monitor} of simple baselines on the same users: {listed}."))
