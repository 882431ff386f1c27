"""convncf datasets: list what there is, add files of one's own, delete it again; its views are beside this file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from convncf import runtime
from convncf.cli import dataset_views
from convncf.cli.console import ask, emit_json, say, table
from convncf.cli.options import Json

app = typer.Typer(
    help="List (without a command), add, fetch, look at and delete datasets.", invoke_without_command=True
)

FORMATS = ("delimited", "parquet", "json-lines", "adjacency", "counted-adjacency")
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


_FOUND_OUT = "found out when left out"


@app.command("add", epilog="Example: convncf datasets add sales.csv --name shop --user-column buyer --item-column sku")
def add(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Interactions: CSV or the like, Parquet, JSON lines, RecBole, MovieLens, NCF and LightGCN files, also "
            "as .gz, in a .zip or in a folder; a ready split and titles may stand beside them.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else made from the file's name.")] = None,
    user_column: Annotated[str | None, typer.Option(help=f"{_Column}the user's id; guessed when left out.")] = None,
    item_column: Annotated[str | None, typer.Option(help=f"{_Column}the item's id; guessed when left out.")] = None,
    rating_column: Annotated[str | None, typer.Option(help=f"{_Column}the rating; {_Or_none}")] = None,
    time_column: Annotated[str | None, typer.Option(help=f"{_Column}the time; {_Or_none}")] = None,
    title_column: Annotated[str | None, typer.Option(help=f"{_Column}the item's title; {_Or_none}")] = None,
    titles: Annotated[Path | None, typer.Option(help="A file that says what the items are called.")] = None,
    titles_key: Annotated[str | None, typer.Option(help="Name of its column that holds the items' ids.")] = None,
    format: Annotated[str | None, typer.Option(help=f"One of {', '.join(FORMATS)}; {_FOUND_OUT}.")] = None,
    delimiter: Annotated[str | None, typer.Option(help=f"A character, or a word such as tab; {_FOUND_OUT}.")] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help=f"Whether the first line names the columns; {_FOUND_OUT}."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help=f"Such as latin-1; {_FOUND_OUT}.")] = None,
    decimal: Annotated[str | None, typer.Option(help=f"The decimal sign of ratings, . or ,; {_FOUND_OUT}.")] = None,
    time_unit: Annotated[
        str | None, typer.Option(help=f"What numbers count since 1970: s, ms, us or ns; {_FOUND_OUT}.")
    ] = None,
    date_order: Annotated[
        str | None, typer.Option(help=f"Of dates such as 01/05/2014: day-first or month-first; {_FOUND_OUT}.")
    ] = None,
    ids: Annotated[str, typer.Option(help="number reads 7, 7.0 and 007 as one id; text keeps them apart.")] = "text",
    keep: Annotated[str, typer.Option(help="Which row of a repeated pair stays: latest or first.")] = "latest",
    alone: Annotated[bool, typer.Option("--alone", help="Read nothing that lies beside the file.")] = False,
    as_json: Json = False,
) -> None:
    """Read files and keep them as a dataset; what was left out is counted, with line numbers."""
    from convncf.data import catalogue
    from convncf.data.facts import facts_of
    from convncf.data.reading import ReadOptions

    home = runtime.home()
    asked = {
        "user_id": user_column,
        "item_id": item_column,
        "rating": rating_column,
        "timestamp": time_column,
        "title": title_column,
    }
    options = ReadOptions(
        columns={role: column for role, column in asked.items() if column is not None},
        format=cast(Any, format),  # ReadOptions checks these words, and says which there are
        delimiter=delimiter,
        encoding=encoding,
        decimal=cast(Any, decimal),
        time_unit=cast(Any, time_unit),
        date_order=cast(Any, date_order),
        header=header,
        titles=titles,
        titles_key=titles_key,
        ids=cast(Any, ids),
        keep=cast(Any, keep),
        companions=not alone,
    )
    made = name or catalogue.free_name(catalogue.stem(files[0]), home)
    entry = catalogue.add(files, made, home, options=options)
    dataset = catalogue.load(made, home)
    report, hints = dataset.report or {}, facts_of(dataset).hints
    if as_json:
        counts = {"users": entry.n_users, "items": entry.n_items, "interactions": entry.n_interactions}
        parts = {"train" if part == "training" else part: n for part, n in (report.get("split") or {}).items()}
        told = {"dataset": entry.name, **counts, **parts, "fingerprint": entry.fingerprint, "report": report}
        emit_json(told | {"hints": list(hints)})
    else:
        counted = [(entry.name, entry.n_users, entry.n_items, entry.n_interactions, entry.fingerprint)]
        table(["dataset", "users", "items", "interactions", "fingerprint"], counted)
    for sentence in (*report.get("sentences", ()), *hints):
        say(sentence)
    if entry_parts := report.get("split"):
        drawn = "" if entry_parts["validation"] else "; for validation, one random training item a user is taken"
        say(f"The split that it came with is used (data.split=auto){drawn}.")
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


dataset_views.register(app)
