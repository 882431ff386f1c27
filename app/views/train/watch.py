"""Watching one run: its progress, its curves and its log, and the buttons that act on it."""

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

_AXES: Final[Mapping[str, str]] = {"epoch": "epoch", "step": "step", "time": "time"}


def show_curves(summary: RunSummary, colour: str) -> None:
    """Loss and validation in the run's colour, or why there is no curve."""
    rows = records(summary.run)
    if not rows:
        if summary.active:
            st.caption("Curves appear here after the first epoch.")
        return
    if summary.finished and not any(figures.learning.points(rows, name) for name in ("loss", summary.monitor)):
        st.caption(text.NO_EPOCH)
        return
    with st.container(horizontal=True):
        axis = widgets.one_of("Curves over", list(_AXES), parameter="along", labels=_AXES.__getitem__, labelled=True)
        weight = float(
            widgets.one_of(
                "Smoothing", list(text.SMOOTHING), parameter="smooth", labels=text.SMOOTHING.__getitem__, labelled=True
            )
        )
    abscissa: figures.learning.Abscissa = "time" if axis == "time" else "step" if axis == "step" else "epoch"
    loss, validation = st.columns(2, gap="large")
    with loss:
        st.subheader("Loss", anchor=False, help=figures.wording.READ_LOSS)
        _draw(summary, "loss", abscissa, weight, "loss", colour)
    if figures.learning.unvalidated(rows):
        if summary.active:
            validation.caption(text.NO_VALIDATION)
        return
    with validation:
        help = f"{figures.wording.READ_VALIDATION}\n\n{terms(summary.monitor)}"
        st.subheader(f"{summary.monitor} on {summary.selected_on}", anchor=False, help=help)
        _draw(summary, summary.monitor, abscissa, weight, "validation", colour)
    if summary.selected_on == "test":
        st.caption(
            "This run selects its epoch on the test part, as the 2018 code does: its test figures are optimistic."
        )
    if weight:
        st.caption(text.READ_SMOOTHING)


def _draw(
    summary: RunSummary, metric: str, abscissa: figures.learning.Abscissa, weight: float, name: str, colour: str
) -> None:
    config = summary.run.config()
    batches = {"pretraining": config.pretrain.batch_size, "training": config.train.batch_size}
    figure = figures.learning.curves(
        records(summary.run), address.theme(), metric, abscissa, batches=batches, colour=colour
    )
    plots.show(learning.smooth(figure, weight), key=f"watch:{name}:{summary.name}")


_NAME: Final = re.compile(r"(.+)-seed[0-9]+")


def show_seeds(chosen: RunSummary, summaries: Sequence[RunSummary]) -> None:
    """A line on the runs NAME-seedN that belong with this one, lowest seed first; nothing where there are none."""
    match = _NAME.fullmatch(chosen.name)
    if match is None:
        return
    group_runs = [
        summary
        for summary in summaries
        if (other_match := _NAME.fullmatch(summary.name)) and other_match[1] == match[1]
    ]
    if len(group_runs) < 2:
        return
    group_runs.sort(key=lambda summary: (summary.seed is None, summary.seed or 0))
    states = ", ".join(f"seed {summary.seed} {text.STATE_LABELS[summary.state].lower()}" for summary in group_runs)
    lines = [f"One of {len(group_runs)} runs {match[1]}-seedN: {states}."]
    if mean := _mean(chosen.monitor, group_runs):
        lines.append(f"Test {chosen.monitor} over seeds: {mean}. Command line: convncf seeds {match[1]}")
    st.caption("  \n".join(map(plain, lines)))


def _mean(metric: str, summaries: Sequence[RunSummary]) -> str:
    """The mean over the seeds that have finished, as text; empty where there are fewer than two."""
    if sum(summary.finished for summary in summaries) < 2:
        return ""
    try:
        seed_group = group([summary.run for summary in summaries])
    except (ConvNCFError, OSError):  # a run of the group was deleted meanwhile, or has other settings
        return ""
    return seed_group.metrics[metric].words if metric in seed_group.metrics else ""


def show_downloads(summary: RunSummary) -> None:
    """One button per file, which is made when the button is pressed; and the command that trains the same."""
    run = summary.run
    with st.expander("Download"):
        with st.container(horizontal=True):
            _button("Configuration", run, "config.json", lambda: _text(run, "config.json"))
            _button("Curves as CSV", run, "curves.csv", lambda: curves(run))
            if summary.finished:
                _button("Report", run, "report.json", lambda: _text(run, "report.json"))
            _button("Log", run, "log.txt", lambda: run.log_tail(1_000_000))
        st.caption("The command line that trains the same:")
        try:
            st.code(command_line(run), language=None, wrap_lines=True)
        except ConvNCFError as error:
            st.caption(sentence(error))


def command_line(run: Run) -> str:
    """The command that trains the same under a name of its own. Raises RunBrokenError and ConfigError."""
    settings = new_run.settings_of(run)
    dataset, model, preset = (str(settings.pop(key)) for key in new_run.NAMED)
    return launch.command_line(dataset, model, preset, f"{run.name}-again", settings)


def curves(run: Run) -> str:
    """metrics.jsonl as a table, one row per epoch; each validation metric has a column."""
    rows: list[dict[str, Any]] = []
    for row in run.metrics():
        validation = row.get("validation") or {}
        rows.append({key: value for key, value in row.items() if key != "validation"} | validation)
    head = list(dict.fromkeys(key for row in rows for key in row))
    return csv_table(head, [["" if row.get(key) is None else str(row[key]) for key in head] for row in rows])


def _text(run: Run, file: str) -> str:
    return (run.path / file).read_text(encoding="utf-8")


def _button(label: str, run: Run, file: str, make: Callable[[], str]) -> None:
    name = f"{run.name}-{file}"
    st.download_button(
        label, make, name, "text/plain", type="tertiary", icon=widgets.DOWNLOAD, key=f"watch:{file}", on_click="ignore"
    )


def show_actions(summary: RunSummary) -> None:
    """The buttons that fit the run's state, in the current row; on a read-only server only the links."""
    run = summary.run
    if summary.finished:
        _page_links(summary)
    if address.read_only():
        return
    if summary.active:
        _stop_buttons(run)
    elif summary.resumable:
        resume = partial(commands.resume, run)
        widgets.main_button("Resume", key=f"watch:resume:{run.name}", on_click=widgets.attempt, args=(resume,))
    if summary.state != "broken":
        if not summary.active and summary.trained:
            _train_on(summary)
        if summary.finished and not summary.on_everything:
            _refit(run)
        st.button(
            "Copy settings",
            key=f"watch:copy:{run.name}",
            on_click=widgets.attempt,
            args=(partial(new_run.copy, run),),
            help="Fills the form above with this run's settings, to change some and train again.",
        )
    if not summary.active:
        widgets.confirm(
            "Delete",
            f"Delete {run.name} with its models, curves and log? This cannot be undone.",
            "Delete it for good",
            partial(_delete, run),
            key=f"delete:{run.name}",
        )


def _stop_buttons(run: Run) -> None:
    stopping = run.stop_asked()
    st.button(
        "Stopping" if stopping else "Stop and save",
        key=f"stop:{run.name}",
        disabled=stopping,
        on_click=widgets.attempt,
        args=(partial(commands.stop, run),),
        help="Stops between two steps; finished epochs are saved, and Resume continues from there.",
    )
    widgets.confirm(
        "Kill",
        "Kill the worker at once, even in the middle of a step? Only finished epochs are kept.",
        "Kill it",
        partial(commands.kill, run),
        key=f"kill:{run.name}",
        help="For a worker that does not stop.",
    )


def _train_on(summary: RunSummary) -> None:
    """A button for more epochs of a run that is not active."""
    try:
        epochs_before = summary.run.config().train.epochs
    except ConvNCFError:
        return
    key = f"watch:epochs:{summary.name}"
    # The key keeps it apart from the popover of Kill, which may have been open in the same position.
    help = "Train more epochs: identical to having trained that many from the start."
    with st.popover("Train on", help=help, key=f"{key}:popover"):
        epochs = st.number_input(
            "Epochs in total",
            min_value=epochs_before + 1,
            value=epochs_before + max(1, epochs_before // 2),
            step=1,
            key=key,
        )
        widgets.main_button(
            "Train on",
            key=f"watch:extend:{summary.name}",
            on_click=widgets.attempt,
            args=(partial(commands.extend, summary.run, int(epochs)),),
        )
        st.caption(plain(f"Command line: convncf resume {summary.name} --epochs {int(epochs)}"))


def _refit(run: Run) -> None:
    """The same model with nothing held out, to recommend with."""
    with st.popover("Refit", help="Train again on all interactions, to recommend with."):
        st.caption(
            "Trains a new run on all interactions, including the held-out ones, for as many epochs as this run "
            "selected. Its quality can no longer be measured: this run's figures are the estimate."
        )
        refit = partial(commands.refit, run)
        widgets.main_button(
            "Refit on all interactions", key=f"watch:refit:{run.name}", on_click=widgets.attempt, args=(refit,)
        )
        st.caption(plain(f"Command line: convncf refit {run.name}"))


def _page_links(summary: RunSummary) -> None:
    if record(summary.model).interaction_map and widgets.main_button("Look inside", key="watch:inspect"):
        address.go("inspect", run=summary.name)
    if st.button("Compare", key="watch:compare"):
        address.go("compare", run=summary.name)
    if st.button("Recommend", key="watch:recommend"):
        address.go("recommend", run=summary.name)


def _delete(run: Run) -> str:
    message = commands.delete(run)
    address.choose(run=None)
    return message


_LOG_LINES = 14
_PICKER = 300
"""Width of the picker, px: the buttons are in the same row."""


def show(runs: Sequence[Run], summaries: Sequence[RunSummary]) -> str:
    """Pick a run and see everything about it; what changes while it is active is read again each second.

    Returns the run's name.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=_PICKER):
            run = widgets.run_picker(runs, label="Run to watch", default=_most_active(summaries).name)
        if run is None:
            return ""
        summary = summarise(run)
        show_actions(summary)
    colour = figures.run_colour(run.name, address.run_order(tuple(runs)), address.theme())
    state = text.STATE_LABELS[summary.state]
    st.header(f':color[●]{{foreground="{colour}"}} {plain(run.name)} · {state}', anchor=False)
    if summary.state != "broken":
        st.caption(plain(f"{summary.model_words}, preset {summary.preset}, seed {summary.seed}, on {summary.dataset}"))
        show_seeds(summary, summaries)
    # Each panel has a container of its own, even if empty: what comes below must not move in the page's tree, or the
    # curves would be created again, and their zoom lost, whenever something above appears or goes.
    with st.container():
        if not summary.active and not summary.finished:
            run_rows.why(summary)
    if summary.state != "broken":
        st.fragment(_live, run_every=1.0 if summary.active else None)(run, summary.state, colour)
        show_downloads(summary)
    return run.name


def _most_active(summaries: Sequence[RunSummary]) -> RunSummary:
    """The running run, else the one that is next in the queue, else the newest."""
    for state in ("running", "starting", "queued"):
        matching = [summary for summary in summaries if summary.state == state]
        if matching:
            return matching[-1]  # the oldest of them: runs come newest first
    return summaries[0]


def _live(run: Run, state: str, colour: str) -> None:
    """What changes while a run is active. When its state changes, the whole page is drawn again, with other buttons."""
    summary = summarise(run)
    if summary.state != state:
        st.rerun()
    with st.container():
        if summary.active:
            run_rows.live(summary)
            if summary.state == "queued":
                _queue_position(summary)
        values = _outcome(summary) if summary.finished else _pace(summary) if summary.active else {}
        if values:
            widgets.labelled_values(values)
        if summary.finished:
            _sentences(summary)
    with st.container():
        show_curves(summary, colour)
    with st.expander("Log"):
        tail = run.log_tail(_LOG_LINES)
        if tail:
            st.code(tail, language=None, wrap_lines=True)
        else:
            st.caption("The log is empty so far.")


def _queue_position(summary: RunSummary) -> None:
    """The runs that it waits for."""
    position = jobs.queue_position(jobs.ahead(address.store(), summary.status.device or "auto", summary.name))
    if position:
        st.caption(plain(sentence(position)))


def _pace(summary: RunSummary) -> dict[str, str]:
    """Speed, last update and device of a worker; nothing while the run is queued."""
    status = summary.status
    if summary.state == "queued":
        return {}
    values: dict[str, str] = {}
    if status.triples_per_second:
        values["Speed"] = f"{number(status.triples_per_second)} triples/s"
    values["Last update"] = text.ago(status.updated)
    values["Device"] = str(summary.run.environment().get("device_name") or status.device)
    return values


def _outcome(summary: RunSummary) -> dict[str, str]:
    """Results of a finished run, as numbers."""
    report = summary.run.report() or {}
    metrics = report.get("metrics", {})
    shown = dict.fromkeys([summary.monitor, "HR@10", "Recall@10"])
    values = {f"Test {name}": number(metrics[name]) for name in shown if name in metrics}
    if not summary.trained:
        values["Model"] = summary.kept
    elif report.get("epochs"):
        values["Kept model"] = f"{summary.kept} (of {report['epochs']})"
    if summary.seconds is not None:
        values["Duration"] = text.duration(summary.seconds)
    if not summary.on_everything:
        values["Users evaluated"] = f"{report.get('n_users_evaluated', 0):,} of {report.get('n_users', 0):,}"
    return values


def _sentences(summary: RunSummary) -> None:
    """What the figures mean: against which baseline, and what was ranked."""
    report = summary.run.report() or {}
    sentences = [summary.kept_note] if summary.kept_note else []
    sentences += [sentence(f"{test['metric']}: {test['words']}") for test in report.get("paired", {}).values()]
    if summary.value is not None:
        sentences.append(f"{str(report.get('protocol', '')).capitalize()}; {report.get('left_out', '')}.")
    elif not summary.on_everything:
        sentences += report.get("evaluation_notes", [])
    st.caption(
        "  \n".join(map(plain, sentences)), help=terms("test", summary.monitor, "HR@10", "Recall@10", "baseline")
    )
