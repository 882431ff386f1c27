"""convncf: the command line. Each command prints a table, or with --json one strict JSON object on stdout."""

from __future__ import annotations

import sys

import typer

from convncf import runtime
from convncf.cli import datasets, looking, runs, training
from convncf.cli.console import say
from convncf.errors import ConvNCFError, TrainingStopped

app = typer.Typer(
    name="convncf",
    help="Train ConvNCF and simple baselines, and look inside them. Start with: convncf demo.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(datasets.app, name="datasets")
training.register(app)
looking.register(app)
app.add_typer(runs.app, name="runs")


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("convncf"))
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that a user can cause is one message on stderr and exit code 1."""
    runtime.share_processors()
    try:
        app()
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
        say(f"Error: {error.strerror or error}{f' ({error.filename})' if error.filename else ''}.")
        sys.exit(1)
