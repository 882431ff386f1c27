"""Printing of a report, and training of a run to its end in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from convncf.cli.console import TrainingDisplay, cell, duration, emit_json, out, say, table
from convncf.errors import TrainingStopped

if TYPE_CHECKING:
    from convncf.runs import Run
    from convncf.workflow.estimate import Estimate


def show_report(report: Mapping[str, Any], *, as_json: bool, monitor: str = "") -> None:
    """Print a report as one JSON object, or as tables with notes below them.

    With a `monitor`, such as NDCG@10, the tables hold the metrics at its cut-off, and a line names the others.
    """
    if as_json:
        emit_json(report)
        return
    views = report.get("protocols") or [report]
    title = (
        f"{report['run']}: {report['model']} on {report['dataset']}, {' beside '.join(v['protocol'] for v in views)}"
    )
    excluded = _show_metrics(report, views, title, monitor.partition("@")[2])
    if excluded:
        say(f"the metrics at {excluded} too: convncf evaluate {report['run']}, or --json")
    nothing = [note for view in views if not view["metrics"] for note in view.get("notes", ())[:1]]
    for sentence in dict.fromkeys(nothing):
        out().print(Text(f"test: {sentence}"), soft_wrap=True)
    for view in views:
        kind = f"{_short(view)}: " if len(views) > 1 else ""
        say(f"{kind}{view['n_users_evaluated']:,} of {view['n_users']:,} users evaluated on test; {view['left_out']}")
        if view.get("candidate_fingerprint"):
            say(f"{kind}candidate sets {view['candidate_fingerprint']}")
    if any(view.get("intervals") for view in views):
        say(f"intervals of the means: {views[0]['interval_method']}")
    say(f"epoch {report['best_epoch']}: {report['selection']}; {duration(report['seconds'])}")
    for view in views:
        kind = f"{_short(view)}, " if len(views) > 1 else ""
        for test in view.get("paired", {}).values():
            say(f"{kind}{test['metric']}: {test['words']}")
    for sentence in report.get("warnings", ()):
        say(f"Warning: {sentence}")
    on_views = [note for view in views for note in view.get("notes", ())] if len(views) > 1 else []
    for note in dict.fromkeys([*report["notes"], *report["evaluation_notes"], *on_views]):
        if note not in nothing:
            say(note)


def _show_metrics(report: Mapping[str, Any], views: Sequence[Mapping[str, Any]], title: str, k: str) -> str:
    """The means side by side; intervals beside them, or in a table of their own where there are several protocols.

    Those at cut-off `k` where it is one of several; returns the others as text, such as "5 and 20".
    """
    names = list(dict.fromkeys(name for view in views for name in view["metrics"])) or list(report["validation"])
    cut_offs = list(dict.fromkeys(name.partition("@")[2] for name in names if "@" in name))
    other_cut_offs = (
        [cut_off for cut_off in cut_offs if cut_off != k] if sum(name.endswith(f"@{k}") for name in names) > 1 else []
    )
    names = [name for name in names if name.partition("@")[2] not in other_cut_offs]
    intervals = [{name: _ends(pair) for name, pair in view.get("intervals", {}).items()} for view in views]
    columns: list[tuple[str, Mapping[str, object]]] = []
    for view, ends in zip(views, intervals, strict=True):
        if not view["metrics"]:
            continue
        kind = f"{_short(view)}, " if len(views) > 1 else ""
        columns.append((f"{kind}test", view["metrics"]))
        if len(views) == 1 and ends:
            columns.append(("95% interval", ends))
        columns += [(f"{kind or 'test, '}{name}", values) for name, values in view.get("baselines", {}).items()]
    if report["validation"]:
        columns.append(("validation", report["validation"]))
    _show_columns("metric" if columns else "no metrics: there is nothing to evaluate on", names, columns, title)
    if len(views) > 1 and any(intervals):
        interval_columns = [(_short(view), ends) for view, ends in zip(views, intervals, strict=True)]
        _show_columns("95% interval", names, interval_columns)
    beyond_accuracy = report.get("beyond", {})
    if beyond_accuracy:
        baselines = [(f"test, {name}", values) for name, values in report.get("baseline_beyond", {}).items() if values]
        metric_names = [name for name in beyond_accuracy if name.partition("@")[2] not in other_cut_offs]
        _show_columns("lists of all users", metric_names, [("test", beyond_accuracy), *baselines])
    return " and ".join(filter(None, (", ".join(other_cut_offs[:-1]), *other_cut_offs[-1:])))


def _show_columns(
    heading: str, names: Sequence[str], columns: Sequence[tuple[str, Mapping[str, object]]], title: str = ""
) -> None:
    rows = [[name, *(values.get(name) for _, values in columns)] for name in names]
    table([heading, *(header for header, _ in columns)], rows, title=title)


def _short(view: Mapping[str, Any]) -> str:
    return str(view["protocol"]).partition(":")[0].removesuffix(" ranking")


def _ends(pair: Sequence[float]) -> str:
    return "–".join(cell(end) for end in pair)


def finish(run: Run, *, as_json: bool, estimated: bool = False) -> None:
    from convncf import jobs

    result: dict[str, Any] = {}

    def show_estimate(estimate: Estimate) -> None:
        result["estimate"] = estimate.to_json()
        say(f"estimate: {estimate.words}")

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor, lambda: _device_words(run))
    with display.shown():
        try:
            report = jobs.work(
                run,
                on_status=display.status,
                on_record=display.record,
                on_estimate=show_estimate if estimated else None,
            )
        except TrainingStopped as error:
            raise TrainingStopped(f"{error} Continue with: convncf resume {run.name}") from None
    show_report(report | {"path": str(run.path)} | result, as_json=as_json, monitor=run.config().eval.monitor)


def _device_words(run: Run) -> str:
    environment = run.environment()
    setting = run.config().train.device
    note = f" ({setting} was set)" if setting != environment["device"] else ""
    return f"device: {environment['device']}{note}, {environment['device_name']}"
