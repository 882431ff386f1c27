"""One run, watched: what it is doing, how far it is, its curves and its log, and the buttons that act on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from app import state, widgets, wording
from app.panels import commands, run_rows
from app.panels.glance import Glance, look, records
from app.wording import number, plain
from convncf import figures
from convncf.runs import Run

_LOG_LINES = 40


def show(run: Run, order: Sequence[str]) -> None:
    """Everything about one run; parts that change are read anew each second while it is active."""
    seen = look(run)
    colour = figures.run_colour(run.name, order, state.theme())
    words = wording.STATE_WORDS[seen.state]
    st.header(f':color[●]{{foreground="{colour}"}} {plain(run.name)} · {words}', anchor=False)
    if seen.state != "broken":
        st.caption(plain(f"{seen.model_words}, preset {seen.preset}, seed {seen.seed}, on {seen.dataset}"))
    if not seen.active and not seen.finished:
        run_rows.ended(seen, key="watch")
    _buttons(seen)
    if seen.state == "broken":
        return
    by = "epoch"
    if seen.model != "popularity":
        by = st.segmented_control(
            "Curves by", ["epoch", "time"], default="epoch", key="watch:by", label_visibility="collapsed", required=True
        )
    st.fragment(_live, run_every=1.0 if seen.active else None)(run, seen.state, by or "epoch")


def _live(run: Run, before: str, by: Any) -> None:
    """What changes while a run is active. The whole page follows when its state does, so that the buttons fit."""
    seen = look(run)
    if seen.state != before:
        st.rerun()
    if seen.active:
        run_rows.live(seen)
        widgets.facts(_pace(seen))
    elif seen.finished:
        _outcome(seen)
    if seen.model != "popularity":
        _curves(seen, by)
    with st.expander("Log"):
        tail = run.log_tail(_LOG_LINES)
        if tail:
            st.code(tail, language=None, wrap_lines=True, height=280)
        else:
            st.caption("Nothing is written yet.")


def _pace(seen: Glance) -> dict[str, str]:
    status = seen.status
    facts = {"Left in this phase, at most": "–" if status.eta_seconds is None else wording.duration(status.eta_seconds)}
    if status.triples_per_second:
        facts["Speed"] = f"{number(status.triples_per_second)} triples/s"
    if status.pid is not None:
        facts["Last heard of"] = wording.ago(status.updated)
    facts["Device"] = run_device(seen.run) or status.device
    return facts


def run_device(run: Run) -> str:
    """The device that the run took, by name; empty before it has one."""
    taken = run.environment()
    return str(taken.get("device_name", ""))


def _outcome(seen: Glance) -> None:
    """What came out of a finished run, in numbers and sentences."""
    report = seen.run.report() or {}
    metrics = report.get("metrics", {})
    shown = [seen.monitor, *(name for name in ("HR@10", "Recall@10") if name in metrics and name != seen.monitor)]
    facts = {f"Test {name}": number(metrics[name]) for name in shown if name in metrics}
    if seen.epoch:
        facts["Kept epoch"] = f"{seen.epoch} of {report.get('epochs', seen.epoch)}"
    if seen.seconds is not None:
        facts["Took"] = wording.duration(seen.seconds)
    facts["Users evaluated"] = f"{report.get('n_users_evaluated', 0):,} of {report.get('n_users', 0):,}"
    widgets.facts(facts)
    for test in report.get("paired", {}).values():
        st.caption(plain(f"{test['metric']}: {test['words']}"))
    st.caption(plain(f"{str(report.get('protocol', '')).capitalize()}; {report.get('left_out', '')}."))


def _curves(seen: Glance, by: Any) -> None:
    rows = records(seen.run)
    loss, validation = st.columns(2, gap="large")
    with loss:
        st.subheader("Loss", anchor=False, help=figures.wording.READ_LOSS)
        widgets.figure(figures.learning.curves(rows, state.theme(), "loss", by), key=f"watch:loss:{seen.name}")
    with validation:
        st.subheader(f"{seen.monitor} on validation", anchor=False, help=figures.wording.READ_VALIDATION)
        drawn = figures.learning.curves(rows, state.theme(), seen.monitor, by)
        widgets.figure(drawn, key=f"watch:validation:{seen.name}")


def _buttons(seen: Glance) -> None:
    run = seen.run
    with st.container(horizontal=True):
        if seen.active:
            _stop_buttons(run)
        elif seen.finished:
            _onward(seen)
        if seen.state != "broken":
            st.download_button(
                "Download the log",
                data=lambda: run.log_tail(1_000_000),
                file_name=f"{run.name}-log.txt",
                mime="text/plain",
                on_click="ignore",
                key="watch:log",
            )
        if not seen.active:
            widgets.confirm(
                "Delete",
                f"Delete {run.name} with its models, curves and log? This cannot be undone.",
                "Delete it for good",
                partial(_delete, run),
                key=f"delete:{run.name}",
            )


def _stop_buttons(run: Run) -> None:
    asked = run.stop_asked()
    st.button(
        "Stopping" if asked else "Stop and save",
        key=f"stop:{run.name}",
        disabled=asked,
        on_click=widgets.attempt,
        args=(partial(commands.stop, run),),
        help="Ends between two steps; finished epochs are saved, and Resume goes on from there.",
    )
    widgets.confirm(
        "Kill",
        "End the worker at once, in the middle of whatever it is doing? Only epochs that are finished stay.",
        "Kill it",
        partial(commands.kill, run),
        key=f"kill:{run.name}",
        help="For a worker that does not stop.",
    )


def _onward(seen: Glance) -> None:
    if seen.model != "popularity" and st.button("Look inside", type="primary", key="watch:inspect"):
        state.go("inspect", **run_rows.first_look(seen))
    if st.button("Compare", key="watch:compare"):
        state.go("compare", run=seen.name)


def _delete(run: Run) -> str:
    words = commands.delete(run)
    state.choose(run=None)
    return words
