"""convncf work: what launched runs are carried by."""

from __future__ import annotations

import typer

from convncf.cli.options import RunName
from convncf.runtime import files


def work(run: RunName) -> None:
    """Carry a launched run to its end; the app starts this, detached."""
    from convncf import jobs
    from convncf.runs import RunStore

    home = files.home()
    jobs.work(RunStore(home).open(run))


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(hidden=True)(work)
