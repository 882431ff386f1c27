"""One run, watched: what it is doing, how far it is, its curves and its log, and the buttons that act on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app import state, widgets, wording
from app.panels import commands, live_figure, run_rows
from app.panels.glance import Glance, look, records
from app.wording import number, plain, sentence, terms
from convncf import figures
from convncf.config import TRAINED
from convncf.runs import Run

_LOG_LINES = 14


def show(runs: Sequence[Run], seen: Sequence[Glance]) -> None:
    """Pick a run and see everything about it; what changes while it is active is read anew each second."""
    picker, buttons = st.columns([2, 3], vertical_alignment="bottom")
    with picker:
        run = widgets.run_picker(runs, label="Run to watch", default=_most_alive(seen).name)
    if run is None:
        return
    chosen = look(run)
    with buttons:
        _buttons(chosen)
    colour = figures.run_colour(run.name, state.run_order(tuple(runs)), state.theme())
    words = wording.STATE_WORDS[chosen.state]
    st.header(f':color[●]{{foreground="{colour}"}} {plain(run.name)} · {words}', anchor=False)
    if chosen.state != "broken":
        st.caption(plain(f"{chosen.model_words}, preset {chosen.preset}, seed {chosen.seed}, on {chosen.dataset}"))
    # Each part has a container of its own, full or not: what comes below must not move in the page's tree, or the
    # curves would be made anew, and a zoom in them lost, whenever something above appears or goes.
    with st.container():
        if not chosen.active and not chosen.finished:
            run_rows.why(chosen)
    if chosen.state != "broken":
        live_figure.prepare()
        st.fragment(_live, run_every=1.0 if chosen.active else None)(run, chosen.state)


def _most_alive(seen: Sequence[Glance]) -> Glance:
    """The run that is at work, else the one whose turn is next, else the newest."""
    for state_of_it in ("running", "starting", "queued"):
        found = [glance for glance in seen if glance.state == state_of_it]
        if found:
            return found[-1]  # the oldest of them: runs come newest first
    return seen[0]


def _live(run: Run, before: str) -> None:
    """What changes while a run is active. The whole page follows when its state does, so that the buttons fit."""
    seen = look(run)
    if seen.state != before:
        st.rerun()
    with st.container():
        if seen.active:
            run_rows.live(seen)
        facts = _outcome(seen) if seen.finished else _pace(seen) if seen.active else {}
        if facts:
            widgets.facts(facts)
        if seen.finished:
            _sentences(seen)
    with st.container():
        _curves(seen)
    with st.expander("Log"):
        tail = run.log_tail(_LOG_LINES)
        if tail:
            st.code(tail, language=None, wrap_lines=True)
        else:
            st.caption("Nothing is written yet.")


def _pace(seen: Glance) -> dict[str, str]:
    """How fast a worker is, and whether it still speaks; nothing while it waits for its turn."""
    status = seen.status
    if seen.state == "queued":
        return {}
    facts: dict[str, str] = {}
    if status.triples_per_second:
        facts["Speed"] = f"{number(status.triples_per_second)} triples/s"
    facts["Last heard of"] = wording.ago(status.updated)
    facts["Device"] = str(seen.run.environment().get("device_name") or status.device)
    return facts


def _outcome(seen: Glance) -> dict[str, str]:
    """What came out of a finished run, in numbers."""
    report = seen.run.report() or {}
    metrics = report.get("metrics", {})
    shown = dict.fromkeys([seen.monitor, "HR@10", "Recall@10"])
    facts = {f"Test {name}": number(metrics[name]) for name in shown if name in metrics}
    if not seen.trained:
        facts["Model"] = seen.kept
    elif report.get("epochs"):
        facts["Kept"] = f"{seen.kept} (of {report['epochs']})"
    if seen.seconds is not None:
        facts["Took"] = wording.duration(seen.seconds)
    if not seen.on_everything:
        facts["Users evaluated"] = f"{report.get('n_users_evaluated', 0):,} of {report.get('n_users', 0):,}"
    return facts


def _sentences(seen: Glance) -> None:
    """What the numbers mean: against which baseline, and what was ranked."""
    report = seen.run.report() or {}
    said = [seen.about_the_choice] if seen.about_the_choice else []
    said += [sentence(f"{test['metric']}: {test['words']}") for test in report.get("paired", {}).values()]
    if seen.value is not None:
        said.append(f"{str(report.get('protocol', '')).capitalize()}; {report.get('left_out', '')}.")
    elif not seen.on_everything:
        said += report.get("evaluation_notes", [])
    st.caption("  \n".join(map(plain, said)), help=terms("test", seen.monitor, "HR@10", "Recall@10", "baseline"))


def _curves(seen: Glance) -> None:
    rows = records(seen.run)
    if not rows:
        if seen.active:
            st.caption("Curves appear here after the first epoch.")
        return
    if seen.finished and not any(figures.learning.points(rows, name) for name in ("loss", seen.monitor)):
        st.caption(wording.NO_EPOCH)
        return
    picked = st.segmented_control("Curves over", ["epoch", "time"], default="epoch", key="watch:by", required=True)
    by: figures.learning.Abscissa = "time" if picked == "time" else "epoch"
    loss, validation = st.columns(2, gap="large")
    with loss:
        st.subheader("Loss", anchor=False, help=figures.wording.READ_LOSS)
        drawn = figures.learning.curves(rows, state.theme(), "loss", by)
        live_figure.show(drawn, key=f"watch:loss:{seen.name}")
    if figures.learning.unvalidated(rows):
        if seen.active:
            validation.caption(wording.NO_VALIDATION)
        return
    with validation:
        st.subheader(
            f"{seen.monitor} on validation",
            anchor=False,
            help=f"{figures.wording.READ_VALIDATION}\n\n{terms(seen.monitor)}",
        )
        drawn = figures.learning.curves(rows, state.theme(), seen.monitor, by)
        live_figure.show(drawn, key=f"watch:validation:{seen.name}")


def _buttons(seen: Glance) -> None:
    run = seen.run
    with st.container(horizontal=True):
        if seen.active:
            _stop_buttons(run)
        elif seen.finished:
            _onward(seen)
        elif seen.resumable:
            act = partial(commands.resume, run)
            widgets.main_button("Resume", key=f"watch:resume:{run.name}", on_click=widgets.attempt, args=(act,))
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
    if seen.model in TRAINED and widgets.main_button("Look inside", key="watch:inspect"):
        state.go("inspect", run=seen.name)
    if st.button("Compare", key="watch:compare"):
        state.go("compare", run=seen.name)


def _delete(run: Run) -> str:
    words = commands.delete(run)
    state.choose(run=None)
    return words
