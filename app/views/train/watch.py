"""One run, watched: what it is doing, how far it is, its curves and its log, and the buttons that act on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import streamlit as st

from app.ui import address, commands, plots, run_rows, text, widgets
from app.ui.run_summary import RunSummary, records, summarise
from app.ui.text import plain, sentence, terms
from app.views.train import launch, new_run
from convncf import figures, jobs
from convncf.errors import ConvNCFError
from convncf.evaluation.seeds import group
from convncf.figures import learning
from convncf.figures.theme import number
from convncf.interop.tables import csv_table
from convncf.models.registry import record
from convncf.runs import Run

_ALONG: Final[Mapping[str, str]] = {"epoch": "epoch", "step": "step", "time": "time"}
_SMOOTH: Final[Mapping[str, str]] = {"0": "as it is", "0.6": "a little", "0.9": "much"}
_GHOST: Final = "The faint line is what was measured; the smooth one is a running mean of it."


def show_curves(seen: RunSummary, colour: str) -> None:
    """Loss and validation in the run's colour, or why there is none."""
    rows = records(seen.run)
    if not rows:
        if seen.active:
            st.caption("Curves appear here after the first epoch.")
        return
    if seen.finished and not any(figures.learning.points(rows, name) for name in ("loss", seen.monitor)):
        st.caption(text.NO_EPOCH)
        return
    with st.container(horizontal=True):
        along = widgets.one_of("Curves over", list(_ALONG), parameter="along", words=_ALONG.__getitem__, labelled=True)
        weight = float(
            widgets.one_of("Smooth", list(_SMOOTH), parameter="smooth", words=_SMOOTH.__getitem__, labelled=True)
        )
    by: figures.learning.Abscissa = "time" if along == "time" else "step" if along == "step" else "epoch"
    loss, validation = st.columns(2, gap="large")
    with loss:
        st.subheader("Loss", anchor=False, help=figures.wording.READ_LOSS)
        _draw(seen, "loss", by, weight, "loss", colour)
    if figures.learning.unvalidated(rows):
        if seen.active:
            validation.caption(text.NO_VALIDATION)
        return
    with validation:
        help = f"{figures.wording.READ_VALIDATION}\n\n{terms(seen.monitor)}"
        st.subheader(f"{seen.monitor} on {seen.selected_on}", anchor=False, help=help)
        _draw(seen, seen.monitor, by, weight, "validation", colour)
    if seen.selected_on == "test":
        st.caption("This run chooses its epoch on the test part, as the 2018 code does: its test figures are too good.")
    if weight:
        st.caption(_GHOST)


def _draw(seen: RunSummary, metric: str, by: figures.learning.Abscissa, weight: float, place: str, colour: str) -> None:
    config = seen.run.config()
    batches = {"pretraining": config.pretrain.batch_size, "training": config.train.batch_size}
    drawn = figures.learning.curves(records(seen.run), address.theme(), metric, by, batches=batches, colour=colour)
    plots.show(learning.smooth(drawn, weight), key=f"watch:{place}:{seen.name}")


_NAME: Final = re.compile(r"(.+)-seed[0-9]+")


def show_seeds(chosen: RunSummary, seen: Sequence[RunSummary]) -> None:
    """A line on the runs NAME-seedN beside this one, oldest seed first; nothing where it stands alone."""
    matched = _NAME.fullmatch(chosen.name)
    if matched is None:
        return
    others = [one for one in seen if (found := _NAME.fullmatch(one.name)) and found[1] == matched[1]]
    if len(others) < 2:
        return
    others.sort(key=lambda one: (one.seed is None, one.seed or 0))
    states = ", ".join(f"seed {one.seed} {text.STATE_WORDS[one.state].lower()}" for one in others)
    lines = [f"One of {len(others)} runs {matched[1]}-seedN: {states}."]
    if mean := _mean(chosen.monitor, others):
        lines.append(f"Test {chosen.monitor} over seeds: {mean}. In a terminal: convncf seeds {matched[1]}")
    st.caption("  \n".join(map(plain, lines)))


def _mean(metric: str, others: Sequence[RunSummary]) -> str:
    """The mean over the seeds that have ended, in words; empty where there are not two."""
    if sum(one.finished for one in others) < 2:
        return ""
    try:
        summed = group([one.run for one in others])
    except (ConvNCFError, OSError):  # a run of the group was deleted meanwhile, or is of other settings
        return ""
    return summed.metrics[metric].words if metric in summed.metrics else ""


def show_downloads(seen: RunSummary) -> None:
    """A button a file, each made when it is pressed; and the command that trains the same."""
    run = seen.run
    with st.expander("Take it along"):
        with st.container(horizontal=True):
            _button("Configuration", run, "config.json", lambda: _text(run, "config.json"))
            _button("Curves as CSV", run, "curves.csv", lambda: curves(run))
            if seen.finished:
                _button("Report", run, "report.json", lambda: _text(run, "report.json"))
            _button("Log", run, "log.txt", lambda: run.log_tail(1_000_000))
        st.caption("The command line that trains the same:")
        try:
            st.code(command_line(run), language=None, wrap_lines=True)
        except ConvNCFError as error:
            st.caption(sentence(error))


def command_line(run: Run) -> str:
    """The command that trains the same under a name of its own. Raises RunBrokenError and ConfigError."""
    chosen = new_run.settings_of(run)
    dataset, model, preset = (str(chosen.pop(key)) for key in new_run.NAMED)
    return launch.command_line(dataset, model, preset, f"{run.name}-again", chosen)


def curves(run: Run) -> str:
    """metrics.jsonl as a table, a row an epoch; the metrics of the validation have a column each."""
    rows: list[dict[str, Any]] = []
    for row in run.metrics():
        measured = row.get("validation") or {}
        rows.append({key: value for key, value in row.items() if key != "validation"} | measured)
    head = list(dict.fromkeys(key for row in rows for key in row))
    return csv_table(head, [["" if row.get(key) is None else str(row[key]) for key in head] for row in rows])


def _text(run: Run, file: str) -> str:
    return (run.path / file).read_text(encoding="utf-8")


def _button(label: str, run: Run, file: str, make: Callable[[], str]) -> None:
    name = f"{run.name}-{file}"
    st.download_button(
        label, make, name, "text/plain", type="tertiary", icon=widgets.DOWNLOAD, key=f"watch:{file}", on_click="ignore"
    )


def show_actions(seen: RunSummary) -> None:
    """The buttons that fit its state, in the row that is open; on a server that only shows, those that look."""
    run = seen.run
    if seen.finished:
        _page_links(seen)
    if address.read_only():
        return
    if seen.active:
        _stop_buttons(run)
    elif seen.resumable:
        act = partial(commands.resume, run)
        widgets.main_button("Resume", key=f"watch:resume:{run.name}", on_click=widgets.attempt, args=(act,))
    if seen.state != "broken":
        if not seen.active and seen.trained:
            _train_on(seen)
        if seen.finished and not seen.on_everything:
            _refit(run)
        st.button(
            "Copy settings",
            key=f"watch:copy:{run.name}",
            on_click=widgets.attempt,
            args=(partial(new_run.copy, run),),
            help="Fills the form above with what this run was trained with, to change some and train anew.",
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


def _train_on(seen: RunSummary) -> None:
    """More epochs for a run that has had its own."""
    try:
        before = seen.run.config().train.epochs
    except ConvNCFError:
        return
    key = f"watch:epochs:{seen.name}"
    # The key makes it another popover than the one of Kill, which stood in its place, open, a moment ago.
    words = "To more epochs in all, bit for bit as if it had been made with so many."
    with st.popover("Train on", help=words, key=f"{key}:popover"):
        epochs = st.number_input(
            "Epochs in all", min_value=before + 1, value=before + max(1, before // 2), step=1, key=key
        )
        widgets.main_button(
            "Train on",
            key=f"watch:extend:{seen.name}",
            on_click=widgets.attempt,
            args=(partial(commands.extend, seen.run, int(epochs)),),
        )
        st.caption(plain(f"In a terminal: convncf resume {seen.name} --epochs {int(epochs)}"))


def _refit(run: Run) -> None:
    """The same model with nothing held out, to recommend with."""
    with st.popover("Refit", help="Train anew on everything, to recommend with."):
        st.caption(
            "Trains a new run on all interactions, the held-out ones too, for the epochs that this run chose. What it "
            "reaches can no longer be measured: this run's figures are the estimate."
        )
        act = partial(commands.refit, run)
        widgets.main_button("Refit on everything", key=f"watch:refit:{run.name}", on_click=widgets.attempt, args=(act,))
        st.caption(plain(f"In a terminal: convncf refit {run.name}"))


def _page_links(seen: RunSummary) -> None:
    if record(seen.model).interaction_map and widgets.main_button("Look inside", key="watch:inspect"):
        address.go("inspect", run=seen.name)
    if st.button("Compare", key="watch:compare"):
        address.go("compare", run=seen.name)
    if st.button("Recommend", key="watch:recommend"):
        address.go("recommend", run=seen.name)


def _delete(run: Run) -> str:
    words = commands.delete(run)
    address.choose(run=None)
    return words


_LOG_LINES = 14
_PICKER = 300
"""Width of the picker, px: the buttons stand in the same row."""


def show(runs: Sequence[Run], seen: Sequence[RunSummary]) -> str:
    """Pick a run and see everything about it; what changes while it is active is read anew each second.

    Returns the run's name.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=_PICKER):
            run = widgets.run_picker(runs, label="Run to watch", default=_most_alive(seen).name)
        if run is None:
            return ""
        chosen = summarise(run)
        show_actions(chosen)
    colour = figures.run_colour(run.name, address.run_order(tuple(runs)), address.theme())
    words = text.STATE_WORDS[chosen.state]
    st.header(f':color[●]{{foreground="{colour}"}} {plain(run.name)} · {words}', anchor=False)
    if chosen.state != "broken":
        st.caption(plain(f"{chosen.model_words}, preset {chosen.preset}, seed {chosen.seed}, on {chosen.dataset}"))
        show_seeds(chosen, seen)
    # Each part has a container of its own, full or not: what comes below must not move in the page's tree, or the
    # curves would be made anew, and a zoom in them lost, whenever something above appears or goes.
    with st.container():
        if not chosen.active and not chosen.finished:
            run_rows.why(chosen)
    if chosen.state != "broken":
        st.fragment(_live, run_every=1.0 if chosen.active else None)(run, chosen.state, colour)
        show_downloads(chosen)
    return run.name


def _most_alive(seen: Sequence[RunSummary]) -> RunSummary:
    """The run that is at work, else the one whose turn is next, else the newest."""
    for state_of_it in ("running", "starting", "queued"):
        found = [summary for summary in seen if summary.state == state_of_it]
        if found:
            return found[-1]  # the oldest of them: runs come newest first
    return seen[0]


def _live(run: Run, before: str, colour: str) -> None:
    """What changes while a run is active. The whole page follows when its state does, so that the buttons fit."""
    seen = summarise(run)
    if seen.state != before:
        st.rerun()
    with st.container():
        if seen.active:
            run_rows.live(seen)
            if seen.state == "queued":
                _place(seen)
        facts = _outcome(seen) if seen.finished else _pace(seen) if seen.active else {}
        if facts:
            widgets.labelled_values(facts)
        if seen.finished:
            _sentences(seen)
    with st.container():
        show_curves(seen, colour)
    with st.expander("Log"):
        tail = run.log_tail(_LOG_LINES)
        if tail:
            st.code(tail, language=None, wrap_lines=True)
        else:
            st.caption("Nothing is written yet.")


def _place(seen: RunSummary) -> None:
    """Behind which runs it waits."""
    stands = jobs.queue_position(jobs.ahead(address.store(), seen.status.device or "auto", seen.name))
    if stands:
        st.caption(plain(sentence(stands)))


def _pace(seen: RunSummary) -> dict[str, str]:
    """How fast a worker is, and whether it still speaks; nothing while it waits for its turn."""
    status = seen.status
    if seen.state == "queued":
        return {}
    facts: dict[str, str] = {}
    if status.triples_per_second:
        facts["Speed"] = f"{number(status.triples_per_second)} triples/s"
    facts["Last heard of"] = text.ago(status.updated)
    facts["Device"] = str(seen.run.environment().get("device_name") or status.device)
    return facts


def _outcome(seen: RunSummary) -> dict[str, str]:
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
        facts["Took"] = text.duration(seen.seconds)
    if not seen.on_everything:
        facts["Users evaluated"] = f"{report.get('n_users_evaluated', 0):,} of {report.get('n_users', 0):,}"
    return facts


def _sentences(seen: RunSummary) -> None:
    """What the numbers mean: against which baseline, and what was ranked."""
    report = seen.run.report() or {}
    said = [seen.about_the_choice] if seen.about_the_choice else []
    said += [sentence(f"{test['metric']}: {test['words']}") for test in report.get("paired", {}).values()]
    if seen.value is not None:
        said.append(f"{str(report.get('protocol', '')).capitalize()}; {report.get('left_out', '')}.")
    elif not seen.on_everything:
        said += report.get("evaluation_notes", [])
    st.caption("  \n".join(map(plain, said)), help=terms("test", seen.monitor, "HR@10", "Recall@10", "baseline"))
