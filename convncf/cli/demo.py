"""convncf demo: queue the demo runs."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from convncf.cli.console import emit_json, say, table
from convncf.cli.options import Json
from convncf.runtime import files


def demo(
    wait: Annotated[bool, typer.Option("--wait", help="Return after the runs have ended.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting for all three: train.epochs=2."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Queue the demo runs unless they exist: an MF-BPR and two ConvNCF models that start from it."""
    from convncf import jobs
    from convncf.models.settings import parse_setting

    home = files.home()
    runs = jobs.demo(home, overrides=dict(map(parse_setting, set_ or [])))
    while wait and any(run.status().active for run in runs):
        time.sleep(0.5)
    rows = [(run.name, run.status()) for run in runs]
    if as_json:
        emit_json({"runs": [{"run": n, "state": s.state, "message": s.message} for n, s in rows], "home": str(home)})
    else:
        table(["run", "state", "message"], [(n, s.state, s.message) for n, s in rows], left=3)
    say(f"run folders: {home / 'runs'}")


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(demo)
