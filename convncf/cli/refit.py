"""convncf refit: train again on everything, the held-out parts too."""

from __future__ import annotations

from typing import Annotated

import typer

from convncf.cli.options import Json, RunName
from convncf.cli.report import finish
from convncf.runtime import files


def refit(
    run: RunName,
    name: Annotated[str | None, typer.Option(help="Name of the new run; RUN-all when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Train anew on everything, the held-out parts too, for the epochs that a run chose: to recommend with."""
    from convncf import jobs
    from convncf.runs import RunStore

    home = files.home()
    store = RunStore(home)
    made = store.free_name(f"{run}-all") if name is None else name
    finish(jobs.refit(store.open(run), made), as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog="Example: convncf refit first --name shop")(refit)
