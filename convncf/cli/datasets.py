"""convncf datasets: list what there is, add a file of one's own, delete it again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from convncf import runtime
from convncf.cli.console import ask, emit_json, say, table
from convncf.cli.options import Json

app = typer.Typer(help="List (without a command), add and delete datasets.", invoke_without_command=True)

_Column = "Name of the column that holds "
_Or_none = 'guessed when left out, not read when "".'


@app.callback()
def _datasets(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the datasets: those that come with the project, then your own."""
    from convncf.data import catalogue

    home = runtime.home()
    found = catalogue.entries(home)
    if as_json:
        emit_json({"datasets": [asdict(entry) for entry in found], "home": str(home)})
        return
    rows = [
        (e.name, "embedded" if e.embedded else "imported", e.n_users, e.n_items, e.n_interactions, e.fingerprint)
        for e in found
        if not e.problem
    ]
    table(["dataset", "kind", "users", "items", "interactions", "fingerprint"], rows, left=2)
    for entry in found:
        if entry.problem:
            say(f"{entry.name} cannot be read: {entry.problem}")


@app.command("add", epilog="Example: convncf datasets add sales.csv --name shop --user-column buyer --item-column sku")
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Delimited text with a header: CSV, TSV, or any other delimiter.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else made from the file's name.")] = None,
    user_column: Annotated[str | None, typer.Option(help=f"{_Column}the user's id; guessed when left out.")] = None,
    item_column: Annotated[str | None, typer.Option(help=f"{_Column}the item's id; guessed when left out.")] = None,
    rating_column: Annotated[str | None, typer.Option(help=f"{_Column}the rating; {_Or_none}")] = None,
    time_column: Annotated[str | None, typer.Option(help=f"{_Column}the time; {_Or_none}")] = None,
    title_column: Annotated[str | None, typer.Option(help=f"{_Column}the item's title; {_Or_none}")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="A character, or a word such as tab; found out when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a file and keep it as a dataset; what was left out is counted, with line numbers."""
    from convncf.data import catalogue

    home = runtime.home()
    asked = {
        "user_id": user_column,
        "item_id": item_column,
        "rating": rating_column,
        "timestamp": time_column,
        "title": title_column,
    }
    mapping = {role: column for role, column in asked.items() if column is not None}
    made = name or catalogue.free_name(file.stem, home)
    entry = catalogue.add(file, made, home, mapping=mapping, delimiter=delimiter)
    report = catalogue.load(made, home).report or {}
    if as_json:
        counts = {"users": entry.n_users, "items": entry.n_items, "interactions": entry.n_interactions}
        emit_json({"dataset": entry.name, **counts, "fingerprint": entry.fingerprint, "report": report})
    else:
        counted = [(entry.name, entry.n_users, entry.n_items, entry.n_interactions, entry.fingerprint)]
        table(["dataset", "users", "items", "interactions", "fingerprint"], counted)
    for sentence in report.get("sentences", ()):
        say(sentence)
    say(f"next: convncf train --dataset {entry.name}")


@app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a dataset that you added.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a dataset that you added; runs on it keep their figures, but cannot be looked into any more."""
    from convncf.data import catalogue

    if not yes:
        ask(f"Delete dataset {name}?")
    catalogue.delete(name, runtime.home())
    say(f"deleted dataset {name}")
