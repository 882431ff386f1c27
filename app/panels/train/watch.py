"""One run, watched: what it is doing, how far it is, its curves and its log, and the buttons that act on it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state, widgets, wording
from app.panels import run_rows
from app.panels.glance import Glance, look
from app.panels.train import actions as train_actions
from app.panels.train import curves as train_curves
from app.panels.train import files as train_files
from app.panels.train import seeds as train_seeds
from app.wording import number, plain, sentence, terms
from convncf import figures, jobs
from convncf.runs import Run

_LOG_LINES = 14
_PICKER = 300
"""Width of the picker, px: the buttons stand in the same row."""


def show(runs: Sequence[Run], seen: Sequence[Glance]) -> str:
    """Pick a run and see everything about it; what changes while it is active is read anew each second.

    Returns the run's name.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=_PICKER):
            run = widgets.run_picker(runs, label="Run to watch", default=_most_alive(seen).name)
        if run is None:
            return ""
        chosen = look(run)
        train_actions.show(chosen)
    colour = figures.run_colour(run.name, state.run_order(tuple(runs)), state.theme())
    words = wording.STATE_WORDS[chosen.state]
    st.header(f':color[●]{{foreground="{colour}"}} {plain(run.name)} · {words}', anchor=False)
    if chosen.state != "broken":
        st.caption(plain(f"{chosen.model_words}, preset {chosen.preset}, seed {chosen.seed}, on {chosen.dataset}"))
        train_seeds.show(chosen, seen)
    # Each part has a container of its own, full or not: what comes below must not move in the page's tree, or the
    # curves would be made anew, and a zoom in them lost, whenever something above appears or goes.
    with st.container():
        if not chosen.active and not chosen.finished:
            run_rows.why(chosen)
    if chosen.state != "broken":
        st.fragment(_live, run_every=1.0 if chosen.active else None)(run, chosen.state, colour)
        train_files.show(chosen)
    return run.name


def _most_alive(seen: Sequence[Glance]) -> Glance:
    """The run that is at work, else the one whose turn is next, else the newest."""
    for state_of_it in ("running", "starting", "queued"):
        found = [glance for glance in seen if glance.state == state_of_it]
        if found:
            return found[-1]  # the oldest of them: runs come newest first
    return seen[0]


def _live(run: Run, before: str, colour: str) -> None:
    """What changes while a run is active. The whole page follows when its state does, so that the buttons fit."""
    seen = look(run)
    if seen.state != before:
        st.rerun()
    with st.container():
        if seen.active:
            run_rows.live(seen)
            if seen.state == "queued":
                _place(seen)
        facts = _outcome(seen) if seen.finished else _pace(seen) if seen.active else {}
        if facts:
            widgets.facts(facts)
        if seen.finished:
            _sentences(seen)
    with st.container():
        train_curves.show(seen, colour)
    with st.expander("Log"):
        tail = run.log_tail(_LOG_LINES)
        if tail:
            st.code(tail, language=None, wrap_lines=True)
        else:
            st.caption("Nothing is written yet.")


def _place(seen: Glance) -> None:
    """Behind which runs it waits."""
    stands = jobs.standing(jobs.ahead(state.store(), seen.status.device or "auto", seen.name))
    if stands:
        st.caption(plain(sentence(stands)))


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
