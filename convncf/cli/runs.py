"""convncf runs: list runs, watch one, stop or kill it; label, rename and delete."""

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
"""Head of a column -> what it shows of an entry."""

app = typer.Typer(
    help="List (without a command), watch, stop, label, rename and delete runs.", invoke_without_command=True
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
    archived_only: Annotated[bool, typer.Option("--archived-only", help="Archived runs alone.")] = False,
    as_json: Json = False,
) -> None:
    """List runs, newest first; archived ones are left out, and counted."""
    home = files.home()
    wanted = {"state": state, "dataset": dataset, "model": model, "tags": tag}
    found = [entry for entry in map(_entry, RunStore(home).all()) if _is_wanted(entry, search, wanted)]
    entries = [e for e in found if (archived and not archived_only) or e["archived"] == archived_only]
    if as_json:
        emit_json({"runs": entries, "left_out": len(found) - len(entries), "home": str(home)})
        return
    shown = dict(_COLUMNS)
    if not any(entry["tags"] for entry in entries):
        del shown["tags"]
    rows = [[_cell(entry.get(key)) for key in shown.values()] for entry in entries]
    table(list(shown), rows, left=len(shown) - 2, fold=False)
    if len(found) > len(entries):
        which = "not archived, left out" if archived_only else "archived, left out; --archived lists them too"
        say(f"{len(found) - len(entries):,} {which}")
    for entry in entries:
        if entry["labels_problem"]:
            say(f"labels of {entry['run']} cannot be read: {entry['labels_problem']}")
        if entry["state"] == "broken":
            say(f"{entry['run']} cannot be read: {entry['message']}")
        elif entry["extension"]:
            say(f"{entry['run']} is {entry['extension']}; until it has trained them, its figures are of the run before")
    say(f"run folders: {home / 'runs'}")


def _cell(value: Any) -> object:
    return ", ".join(value) if isinstance(value, list) else value


def _entry(run: Run) -> dict[str, Any]:
    """One run in the list; the value is of the kept epoch, which is named beside it."""
    labels = run.labels()
    said = {"tags": list(labels.tags), "note": labels.note, "archived": labels.archived}
    said |= {"labels_problem": labels.problem}
    try:
        config, status, report = run.config(), run.status(), run.report()
    except RunBrokenError as error:
        return {"run": run.name, "state": "broken", "message": str(error)} | said
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
    } | said


def _is_wanted(entry: Mapping[str, Any], search: str, wanted: Mapping[str, str]) -> bool:
    """Whether a run has the value asked for in each field, and all words of the search somewhere."""
    for key, value in wanted.items():
        have = entry.get(key, [])
        if value and value not in ([have] if isinstance(have, str) else have):
            return False
    text = fold("\n".join([entry["run"], *entry["tags"], entry["note"], *(entry.get(k, "") for k in _SEARCHED)]))
    return all(word in text for word in fold(search).split())


@app.command("show")
def show(run: RunName, as_json: Json = False) -> None:
    """Show one run: its state, where it stands, and the settings that depart from the defaults."""
    found = RunStore(files.home()).open(run)
    status = found.status()
    if as_json:
        settings = {k: {"value": v, "source": found.sources()[k]} for k, v in found.settings().items()}
        more = {"status": status.to_json(), "settings": settings, "history": found.history()}
        emit_json(_entry(found) | more | {"path": str(found.path)})
        return
    made = datetime.fromtimestamp(found.created).isoformat(" ", "seconds")
    rows = [("state", status.state), ("message", status.message), ("made", made), ("folder", str(found.path))]
    if status.active and status.phase:
        rows.append(
            (
                "phase",
                f"{status.phase} epoch {status.epoch}/{status.epochs}: {status.done}/{status.total} {status.unit}",
            )
        )
        if status.eta_seconds is not None:
            rows.append(("time left", f"{status.phase}: at most {duration(status.eta_seconds)}"))
        rows.append(("last sign of life", f"{duration(max(0.0, time.time() - status.updated))} ago"))
    rows += [*_label_rows(found), *_report_rows(found)]
    rows += [(row["event"], f"{_local(row['time'])}  {row['words']}") for row in found.history()]
    sources = found.sources()
    rows += [
        (key, f"{files.strict_json(value)}  ({sources[key]})")
        for key, value in found.settings().items()
        if sources[key] != "default"
    ]
    table(["", run], rows, left=2)
    tail = found.log_tail(5)
    if tail:
        say(f"log:\n{tail}")


def _label_rows(run: Run) -> list[tuple[str, str]]:
    """What a person said of it."""
    labels = run.labels()
    rows = [("tags", ", ".join(labels.tags)), ("note", labels.note), ("archived", "yes" if labels.archived else "")]
    return [(name, words) for name, words in [*rows, ("labels", labels.problem)] if words]


def _report_rows(run: Run) -> list[tuple[str, str]]:
    """What the report is of, where the run was extended, and what a reader of its figures should know."""
    report = run.report()
    if report is None:
        return []
    rows = []
    if run.extension():
        rows.append(("report", f"of {report['epochs']} epochs, from before it was {run.extension()}"))
    return rows + [("note well", str(sentence)) for sentence in report.get("warnings", ())]


def _local(time: str) -> str:
    """A time of the history as this machine's clock shows it."""
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
    """Ask a run to stop between two steps; finished epochs stay, and convncf resume goes on from there."""
    from convncf import jobs

    if jobs.stop(RunStore(files.home()).open(run)):
        say(f"asked {run} to stop; it saves first")
    else:
        say(f"{run} is not being worked on")


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
    untag: Annotated[list[str] | None, typer.Option("--untag", help="Take a tag away.")] = None,
    note: Annotated[str | None, typer.Option(help="Replace the note; empty text takes it away.")] = None,
    archive: Annotated[
        bool | None, typer.Option("--archive/--no-archive", help="Put it aside: lists leave it out. Or bring it back.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tag a run, note something on it, archive it; without an option, show what is said of it."""

    def change(labels: Labels) -> Labels:
        changed = labels.with_tags(add=tag or (), remove=untag or ())
        changed = changed if note is None else changed.with_note(note)
        return changed if archive is None else replace(changed, archived=archive)

    found = RunStore(files.home()).open(run)
    asked = bool(tag or untag) or note is not None or archive is not None
    labels = found.label(change) if asked else found.labels()
    if labels.problem:
        say(f"labels of {run} cannot be read: {labels.problem}")
    if as_json:
        emit_json({"run": run, "tags": list(labels.tags), "note": labels.note, "archived": labels.archived})
        return
    archived = "yes" if labels.archived else "no"
    table(["", run], [("tags", ", ".join(labels.tags)), ("note", labels.note), ("archived", archived)], left=2)


@app.command("rename", epilog="Example: convncf runs rename first baseline-seed1")
def rename(run: RunName, new: Annotated[str, typer.Argument(metavar="NEW", help="A name that is free.")]) -> None:
    """Give a run another name; runs that began from its embeddings name it by the new one."""
    done = RunStore(files.home()).rename(run, new)
    say(f"{run} is now {done.run.name}. {done.words}".strip())


@app.command("delete")
def delete(run: RunName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a run's folder."""
    store = RunStore(files.home())
    store.open(run)
    if not yes:
        ask(f"Delete run {run} and everything in its folder?")
    store.delete(run)
    say(f"deleted run {run}")
