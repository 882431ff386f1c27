"""How a report is printed, and a run carried to its end in this process, with its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from convncf.cli.console import TrainingDisplay, cell, duration, emit_json, out, say, table
from convncf.errors import TrainingStopped

if TYPE_CHECKING:
    from convncf.runs import Run
    from convncf.workflow.estimate import Estimate


def show_report(report: Mapping[str, Any], *, as_json: bool, monitor: str = "") -> None:
    """Print a report as one JSON object, or as tables with everything that a reader has to know below them.

    With a `monitor`, such as NDCG@10, the tables hold the metrics at its cut-off, and a line says where the rest is.
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
        say(f"Note well: {sentence}")
    on_views = [note for view in views for note in view.get("notes", ())] if len(views) > 1 else []
    for note in dict.fromkeys([*report["notes"], *report["evaluation_notes"], *on_views]):
        if note not in nothing:
            say(note)


def _show_metrics(report: Mapping[str, Any], views: Sequence[Mapping[str, Any]], title: str, k: str) -> str:
    """The means side by side; intervals beside them, or in a table of their own where there are several protocols.

    Those at cut-off `k` where it is one of several; returns the others in words, such as "5 and 20".
    """
    names = list(dict.fromkeys(name for view in views for name in view["metrics"])) or list(report["validation"])
    cut_offs = list(dict.fromkeys(name.partition("@")[2] for name in names if "@" in name))
    others = [each for each in cut_offs if each != k] if sum(name.endswith(f"@{k}") for name in names) > 1 else []
    names = [name for name in names if name.partition("@")[2] not in others]
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
        each = [(_short(view), ends) for view, ends in zip(views, intervals, strict=True)]
        _show_columns("95% interval", names, each)
    beyond_accuracy = report.get("beyond", {})
    if beyond_accuracy:
        beside = [(f"test, {name}", values) for name, values in report.get("baseline_beyond", {}).items() if values]
        listed = [name for name in beyond_accuracy if name.partition("@")[2] not in others]
        _show_columns("lists of all users", listed, [("test", beyond_accuracy), *beside])
    return " and ".join(filter(None, (", ".join(others[:-1]), *others[-1:])))


def _show_columns(
    what: str, names: Sequence[str], columns: Sequence[tuple[str, Mapping[str, object]]], title: str = ""
) -> None:
    rows = [[name, *(values.get(name) for _, values in columns)] for name in names]
    table([what, *(header for header, _ in columns)], rows, title=title)


def _short(view: Mapping[str, Any]) -> str:
    return str(view["protocol"]).partition(":")[0].removesuffix(" ranking")


def _ends(pair: Sequence[float]) -> str:
    return "–".join(cell(end) for end in pair)


def finish(run: Run, *, as_json: bool, estimated: bool = False) -> None:
    from convncf import jobs

    told: dict[str, Any] = {}

    def tell(found: Estimate) -> None:
        told["estimate"] = found.to_json()
        say(f"estimate: {found.words}")

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor, lambda: _device_words(run))
    with display.shown():
        try:
            report = jobs.work(
                run,
                on_status=display.status,
                on_record=display.record,
                on_estimate=tell if estimated else None,
            )
        except TrainingStopped as error:
            raise TrainingStopped(f"{error} Go on with: convncf resume {run.name}") from None
    show_report(report | {"path": str(run.path)} | told, as_json=as_json, monitor=run.config().eval.monitor)


def _device_words(run: Run) -> str:
    taken = run.environment()
    asked = run.config().train.device
    chosen = f" ({asked} asked for)" if asked != taken["device"] else ""
    return f"device: {taken['device']}{chosen}, {taken['device_name']}"
