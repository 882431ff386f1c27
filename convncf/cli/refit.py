"""convncf refit: train again on all interactions, the held-out parts included."""

from __future__ import annotations

from typing import Annotated

import typer

from convncf.cli.options import Json, RunName
from convncf.cli.report import finish
from convncf.runtime import files


def refit(
    run: RunName,
    name: Annotated[str | None, typer.Option(help="Name of the new run; RUN-all when not given.")] = None,
    as_json: Json = False,
) -> None:
    """Train again on all interactions, held-out parts too, for the epochs that a run chose: to recommend with."""
    from convncf import jobs
    from convncf.runs import RunStore

    home = files.home()
    store = RunStore(home)
    new_name = store.free_name(f"{run}-all") if name is None else name
    finish(jobs.refit(store.open(run), new_name), as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog="Example: convncf refit first --name shop")(refit)
