"""convncf: the command line. Each command prints a table, or with --json one strict JSON object on stdout."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import typer

from convncf.cli import (
    compare,
    datasets,
    demo,
    evaluate,
    export,
    inspect,
    recommend,
    refit,
    resume,
    runs,
    score,
    seeds,
    settings,
    train,
    work,
)
from convncf.cli.console import say, show_any_text
from convncf.errors import ConvNCFError, TrainingStopped
from convncf.runtime import files, threads

app = typer.Typer(
    name="convncf",
    help="Train ConvNCF and simple baselines, inspect and compare them. Start with: convncf demo.",
    epilog=(
        "Runs and datasets are kept under CONVNCF_HOME, else in the platform's data folder. Results go to stdout, "
        "everything else to stderr.\n\nExit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 stopped and saved."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(datasets.app, name="datasets")
for command in (
    *(train, resume, refit, demo, settings, work),
    *(evaluate, seeds, recommend, inspect, compare, export, score),
):
    command.register(app)
app.add_typer(runs.app, name="runs")


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from importlib import metadata

        try:
            typer.echo(metadata.version("convncf"))
        except metadata.PackageNotFoundError:
            typer.echo("unknown: convncf runs from its folder, and is not installed as a package")
        raise typer.Exit


@cache
def _command() -> Any:
    """The commands with their options, read from the functions' annotations once."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; an error that a user can cause is one message on stderr and exit code 1."""
    threads.share_processors()
    show_any_text()
    try:
        _command()()
    except TrainingStopped as error:
        say(f"Stopped: {error}")
        sys.exit(130)
    except ConvNCFError as error:
        say(f"Error: {error}")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        file = str(error.filename or "")
        say(f"Error: {error.strerror or error}{f' ({file})' if file else ''}.")
        if file.startswith(str(files.home())):
            say("Runs and datasets are in that folder; CONVNCF_HOME chooses another.")
        sys.exit(1)
