"""convncf runs: list and show runs, stop or kill one; label, rename and delete."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from convncf.cli.console import ask, duration, emit_json, say, table
from convncf.cli.options import Json, RunName
from convncf.data.items import fold
from convncf.errors import RunBrokenError
from convncf.runs import Labels, Run, RunStore
from convncf.runtime import files

_SEARCHED: Final = ("dataset", "model")
_COLUMNS: Final = {
    "run": "run",
    "state": "state",
    "model": "model",
    "dataset": "dataset",
    "metric": "monitor",
    "tags": "tags",
    "test": "value",
    "epoch": "best_epoch",
}
"""Heading of a column -> key of an entry."""

app = typer.Typer(
    help="List (without a command), show, stop, label, rename and delete runs.", invoke_without_command=True
)


@app.callback()
def _runs(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json=as_json)


def _only(name: str) -> Any:
    return typer.Option(f"--{name}", help=f"Only runs with this {name}.")


@app.command("list")
def list_(
    search: Annotated[str, typer.Option(help="Only runs with these words in name, tags, note, dataset, model.")] = "",
    state: Annotated[str, _only("state")] = "",
    dataset: Annotated[str, _only("dataset")] = "",
    model: Annotated[str, _only("model")] = "",
    tag: Annotated[str, _only("tag")] = "",
    archived: Annotated[bool, typer.Option("--archived", help="Archived runs too.")] = False,
    archived_only: Annotated[bool, typer.Option("--archived-only", help="Only archived runs.")] = False,
    as_json: Json = False,
) -> None:
    """List runs, newest first; archived ones are not listed, but counted."""
    home = files.home()
    filters = {"state": state, "dataset": dataset, "model": model, "tags": tag}
    matching = [entry for entry in map(_entry, RunStore(home).all()) if _matches(entry, search, filters)]
    entries = [e for e in matching if (archived and not archived_only) or e["archived"] == archived_only]
    if as_json:
        emit_json({"runs": entries, "not_listed": len(matching) - len(entries), "home": str(home)})
        return
    shown = dict(_COLUMNS)
    if not any(entry["tags"] for entry in entries):
        del shown["tags"]
    rows = [[_cell(entry.get(key)) for key in shown.values()] for entry in entries]
    table(list(shown), rows, left=len(shown) - 2, fold=False)
    if len(matching) > len(entries):
        note = "not archived, not listed" if archived_only else "archived, not listed; --archived lists them too"
        say(f"{len(matching) - len(entries):,} {note}")
    for entry in entries:
        if entry["labels_problem"]:
            say(f"labels of {entry['run']} cannot be read: {entry['labels_problem']}")
        if entry["state"] == "broken":
            say(f"{entry['run']} cannot be read: {entry['message']}")
        elif entry["extension"]:
            say(f"{entry['run']} is {entry['extension']}; until then its figures are those of the shorter run")
    say(f"run folders: {home / 'runs'}")


def _cell(value: Any) -> object:
    return ", ".join(value) if isinstance(value, list) else value


def _entry(run: Run) -> dict[str, Any]:
    """One run in the list; the value is of the best epoch, which is in the entry too."""
    labels = run.labels()
    label_fields = {"tags": list(labels.tags), "note": labels.note, "archived": labels.archived}
    label_fields |= {"labels_problem": labels.problem}
    try:
        config, status, report = run.config(), run.status(), run.report()
    except RunBrokenError as error:
        return {"run": run.name, "state": "broken", "message": str(error)} | label_fields
    monitor = config.eval.monitor
    return {
        "run": run.name,
        "state": status.state,
        "message": status.message,
        "model": config.model.name,
        "dataset": config.data.dataset,
        "seed": config.seed,
        "created": run.created,
        "monitor": monitor,
        "value": report["metrics"].get(monitor) if report else None,
        "best_epoch": report["best_epoch"] if report else None,
        "extension": run.extension(),
    } | label_fields


def _matches(entry: Mapping[str, Any], search: str, filters: Mapping[str, str]) -> bool:
    """Whether a run has the value in each field of `filters`, and all words of the search in some field."""
    for key, value in filters.items():
        entry_value = entry.get(key, [])
        if value and value not in ([entry_value] if isinstance(entry_value, str) else entry_value):
            return False
    text = fold("\n".join([entry["run"], *entry["tags"], entry["note"], *(entry.get(k, "") for k in _SEARCHED)]))
    return all(word in text for word in fold(search).split())


@app.command("show")
def show(run: RunName, as_json: Json = False) -> None:
    """Show one run: its state, its progress, and the settings that differ from the defaults."""
    saved_run = RunStore(files.home()).open(run)
    status = saved_run.status()
    if as_json:
        settings = {k: {"value": v, "source": saved_run.sources()[k]} for k, v in saved_run.settings().items()}
        details = {"status": status.to_json(), "settings": settings, "history": saved_run.history()}
        emit_json(_entry(saved_run) | details | {"path": str(saved_run.path)})
        return
    created = datetime.fromtimestamp(saved_run.created).isoformat(" ", "seconds")
    rows = [("state", status.state), ("message", status.message), ("created", created), ("folder", str(saved_run.path))]
    if status.active and status.phase:
        rows.append(
            (
                "phase",
                f"{status.phase} epoch {status.epoch}/{status.epochs}: {status.done}/{status.total} {status.unit}",
            )
        )
        if status.eta_seconds is not None:
            rows.append(("time left", f"{status.phase}: at most {duration(status.eta_seconds)}"))
        rows.append(("last heartbeat", f"{duration(max(0.0, time.time() - status.updated))} ago"))
    rows += [*_label_rows(saved_run), *_report_rows(saved_run)]
    rows += [(row["event"], f"{_local(row['time'])}  {row['words']}") for row in saved_run.history()]
    sources = saved_run.sources()
    rows += [
        (key, f"{files.strict_json(value)}  ({sources[key]})")
        for key, value in saved_run.settings().items()
        if sources[key] != "default"
    ]
    table(["", run], rows, left=2)
    tail = saved_run.log_tail(5)
    if tail:
        say(f"log:\n{tail}")


def _label_rows(run: Run) -> list[tuple[str, str]]:
    """Tags, note and archived."""
    labels = run.labels()
    rows = [("tags", ", ".join(labels.tags)), ("note", labels.note), ("archived", "yes" if labels.archived else "")]
    return [(name, text) for name, text in [*rows, ("labels", labels.problem)] if text]


def _report_rows(run: Run) -> list[tuple[str, str]]:
    """The epochs of the report where the run was extended, and its warnings."""
    report = run.report()
    if report is None:
        return []
    rows = []
    if run.extension():
        rows.append(("report", f"of {report['epochs']} epochs, before it was {run.extension()}"))
    return rows + [("warning", str(sentence)) for sentence in report.get("warnings", ())]


def _local(time: str) -> str:
    """A time of the history in this machine's time zone."""
    try:
        return datetime.fromisoformat(time).astimezone().replace(tzinfo=None).isoformat(" ", "seconds")
    except ValueError:
        return time


@app.command("log")
def log(run: RunName, lines: Annotated[int, typer.Option(help="How many of the last lines.")] = 40) -> None:
    """Print the last lines of a run's log."""
    typer.echo(RunStore(files.home()).open(run).log_tail(lines))


@app.command("stop")
def stop(run: RunName) -> None:
    """Ask a run to stop between two steps; finished epochs stay, and convncf resume continues from there."""
    from convncf import jobs

    if jobs.stop(RunStore(files.home()).open(run)):
        say(f"asked {run} to stop; it saves first")
    else:
        say(f"{run} has no worker")


@app.command("kill")
def kill(
    run: RunName, force: Annotated[bool, typer.Option("--force", help="End it at once, without saving.")] = False
) -> None:
    """End a run's worker by a signal: it still saves, unless --force is given."""
    from convncf import jobs

    if jobs.kill(RunStore(files.home()).open(run), force=force):
        say(f"sent {'SIGKILL' if force else 'SIGTERM'} to the worker of {run}")
    else:
        say(f"{run} has no worker")


@app.command("label", epilog='Example: convncf runs label first --tag baseline --note "the one in the paper"')
def label(
    run: RunName,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Add a tag; give it again for another.")] = None,
    untag: Annotated[list[str] | None, typer.Option("--untag", help="Remove a tag.")] = None,
    note: Annotated[str | None, typer.Option(help="Replace the note; empty text removes it.")] = None,
    archive: Annotated[
        bool | None,
        typer.Option("--archive/--no-archive", help="Archive it, so that lists do not show it; or list it again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tag a run, write a note on it, archive it; without an option, show its labels."""

    def change(labels: Labels) -> Labels:
        changed = labels.with_tags(add=tag or (), remove=untag or ())
        changed = changed if note is None else changed.with_note(note)
        return changed if archive is None else replace(changed, archived=archive)

    saved_run = RunStore(files.home()).open(run)
    is_change = bool(tag or untag) or note is not None or archive is not None
    labels = saved_run.label(change) if is_change else saved_run.labels()
    if labels.problem:
        say(f"labels of {run} cannot be read: {labels.problem}")
    if as_json:
        emit_json({"run": run, "tags": list(labels.tags), "note": labels.note, "archived": labels.archived})
        return
    archived = "yes" if labels.archived else "no"
    table(["", run], [("tags", ", ".join(labels.tags)), ("note", labels.note), ("archived", archived)], left=2)


@app.command("rename", epilog="Example: convncf runs rename first baseline-seed1")
def rename(run: RunName, new: Annotated[str, typer.Argument(metavar="NEW", help="A name not in use.")]) -> None:
    """Give a run another name; runs that start from its embeddings refer to it by the new one."""
    renamed = RunStore(files.home()).rename(run, new)
    say(f"{run} is now {renamed.run.name}. {renamed.words}".strip())


@app.command("delete")
def delete(run: RunName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a run's folder."""
    store = RunStore(files.home())
    store.open(run)
    if not yes:
        ask(f"Delete run {run} and everything in its folder?")
    store.delete(run)
    say(f"deleted run {run}")
