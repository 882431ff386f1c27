"""convncf runs: list runs, watch one, stop, kill or delete it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any

import typer

from convncf import runtime
from convncf.cli.console import ask, duration, emit_json, say, table
from convncf.cli.options import Json, RunName
from convncf.errors import RunBrokenError
from convncf.runs import Run, RunStore

app = typer.Typer(help="List (without a command), watch, stop and delete runs.", invoke_without_command=True)


@app.callback()
def _runs(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all runs, newest first."""
    home = runtime.home()
    entries = [_entry(run) for run in RunStore(home).all()]
    if as_json:
        emit_json({"runs": entries, "home": str(home)})
        return
    rows = [
        (e["run"], e["state"], e.get("model"), e.get("dataset"), e.get("monitor"), e.get("value"), e.get("best_epoch"))
        for e in entries
    ]
    table(["run", "state", "model", "dataset", "metric", "test", "epoch"], rows, left=5, fold=False)
    for entry in entries:
        if entry["state"] == "broken":
            say(f"{entry['run']} cannot be read: {entry['message']}")
        elif entry["extension"]:
            say(f"{entry['run']} is {entry['extension']}; until it has trained them, its figures are of the run before")
    say(f"run folders: {home / 'runs'}")


def _entry(run: Run) -> dict[str, Any]:
    """One run in the list; the value is of the kept epoch, which is named beside it."""
    try:
        config, status, report = run.config(), run.status(), run.report()
    except RunBrokenError as error:
        return {"run": run.name, "state": "broken", "message": str(error)}
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
    }


@app.command("show")
def show(run: RunName, as_json: Json = False) -> None:
    """Show one run: its state, where it stands, and the settings that depart from the defaults."""
    found = RunStore(runtime.home()).open(run)
    status = found.status()
    if as_json:
        settings = {k: {"value": v, "source": found.sources()[k]} for k, v in found.settings().items()}
        more = {"status": status.to_json(), "settings": settings, "history": found.history()}
        emit_json(_entry(found) | more | {"path": str(found.path)})
        return
    made = datetime.fromtimestamp(found.created).isoformat(" ", "seconds")
    facts = [("state", status.state), ("message", status.message), ("made", made), ("folder", str(found.path))]
    if status.active and status.phase:
        facts.append(
            (
                "phase",
                f"{status.phase} epoch {status.epoch}/{status.epochs}: {status.done}/{status.total} {status.unit}",
            )
        )
        if status.eta_seconds is not None:
            facts.append(("time left", f"{status.phase}: at most {duration(status.eta_seconds)}"))
        facts.append(("last sign of life", f"{duration(max(0.0, time.time() - status.updated))} ago"))
    facts += _report_facts(found)
    facts += [(row["event"], f"{_local(row['time'])}  {row['words']}") for row in found.history()]
    sources = found.sources()
    facts += [
        (key, f"{runtime.strict_json(value)}  ({sources[key]})")
        for key, value in found.settings().items()
        if sources[key] != "default"
    ]
    table(["", run], facts, left=2)
    tail = found.log_tail(5)
    if tail:
        say(f"log:\n{tail}")


def _report_facts(run: Run) -> list[tuple[str, str]]:
    """What the report is of, where the run was extended, and what a reader of its figures should know."""
    report = run.report()
    if report is None:
        return []
    facts = []
    if run.extension():
        facts.append(("report", f"of {report['epochs']} epochs, from before it was {run.extension()}"))
    return facts + [("note well", str(sentence)) for sentence in report.get("warnings", ())]


def _local(time: str) -> str:
    """A time of the history as this machine's clock shows it."""
    try:
        return datetime.fromisoformat(time).astimezone().replace(tzinfo=None).isoformat(" ", "seconds")
    except ValueError:
        return time


@app.command("log")
def log(run: RunName, lines: Annotated[int, typer.Option(help="How many of the last lines.")] = 40) -> None:
    """Print the last lines of a run's log."""
    typer.echo(RunStore(runtime.home()).open(run).log_tail(lines))


@app.command("stop")
def stop(run: RunName) -> None:
    """Ask a run to stop between two steps; finished epochs stay, and convncf resume goes on from there."""
    from convncf import jobs

    if jobs.stop(RunStore(runtime.home()).open(run)):
        say(f"asked {run} to stop; it saves first")
    else:
        say(f"{run} is not being worked on")


@app.command("kill")
def kill(
    run: RunName, force: Annotated[bool, typer.Option("--force", help="End it at once, without saving.")] = False
) -> None:
    """End a run's worker by a signal: it still saves, unless --force is given."""
    from convncf import jobs

    if jobs.kill(RunStore(runtime.home()).open(run), force=force):
        say(f"sent {'SIGKILL' if force else 'SIGTERM'} to the worker of {run}")
    else:
        say(f"{run} has no worker")


@app.command("delete")
def delete(run: RunName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a run's folder."""
    store = RunStore(runtime.home())
    store.open(run)
    if not yes:
        ask(f"Delete run {run} and everything in its folder?")
    store.delete(run)
    say(f"deleted run {run}")
