"""convncf resume: go on with a run that was interrupted, or train a finished one on."""

from __future__ import annotations

from typing import Annotated

import typer

from convncf.cli.options import Json, RunName
from convncf.cli.report import finish
from convncf.errors import RunBusyError, RunError
from convncf.runtime import files


def resume(
    run: RunName,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Train on, to so many epochs in all; a finished run too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped, killed or failed; on a CPU bit for bit as if nothing had happened."""
    from convncf.runs import RunStore

    home = files.home()
    found = RunStore(home).open(run)
    state = found.status().state
    if state == "finished" and epochs is None:
        raise RunError(
            f"run {run!r} is finished already. See its report with convncf evaluate {run}, "
            f"or train it on with convncf resume {run} --epochs N."
        )
    if found.locked():
        raise RunBusyError(f"run {run!r} has a worker already ({state}). Watch it with convncf runs show {run}.")
    if epochs is not None:
        from convncf.workflow.running import extend

        extend(found, epochs)
    finish(found, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(resume)
