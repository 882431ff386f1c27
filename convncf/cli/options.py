"""Options and arguments that several commands share, and files that a command writes where the user says."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from convncf.errors import ConfigError
from convncf.models.registry import EXTENSIONS, OURS
from convncf.runtime import files

if TYPE_CHECKING:
    import pandas as pd

    from convncf.workflow.loading import LoadedRun

RunName = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, as convncf runs lists it.")]
Json = Annotated[bool, typer.Option("--json", help="One strict JSON object on stdout, all else on stderr.")]
UserId = Annotated[str, typer.Option("--user", help="A user's raw id, as in the data.")]
FRAME_KINDS: Final = (".parquet", ".csv")
"""Endings of the names that `write_frame` takes."""


def refuse_unwritable(option: str, file: Path, *, force: bool = False, kinds: Sequence[str] = ()) -> None:
    """Raise ConfigError where the file's folder is missing, its name is taken (by a file: unless `force`), or its
    ending is none of `kinds`, where there are any.
    """
    if kinds and file.suffix.lower() not in kinds:
        raise ConfigError(f"{option} {file}: ends neither in {' nor in '.join(kinds)}. Give it one of these endings.")
    if not file.parent.is_dir():
        raise ConfigError(f"{option} {file}: the folder {file.parent} does not exist. Make it, or choose another.")
    if file.exists() and not file.is_file():
        raise ConfigError(f"{option} {file}: is a folder or a device. Give the name of a file.")
    if file.exists() and not force:
        raise ConfigError(f"{option} {file}: is there already. Choose another name, or write over it with --force.")


def write_frame(file: Path, frame: pd.DataFrame) -> None:
    """Write a table as its name says, ids as they are."""
    with files.atomic_path(file) as part:
        if file.suffix.lower() == ".parquet":
            frame.to_parquet(part, index=False)
        else:
            # Text in quotes: a reader then splits neither at a comma nor at a line break of an id.
            frame.to_csv(part, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


_OURS: Final = ", ".join(one.name for one in OURS)
# the modules of extensions are not loaded for a help text
Model = Annotated[str | None, typer.Option(help=f"One of {_OURS}, or of {EXTENSIONS}; {OURS[0].name} when left out.")]
Preset = Annotated[
    str | None,
    typer.Option(
        help="Named defaults: quick (two minutes, no GPU), recbole (as RecBole does), paper (as the 2018 code does); "
        "else quick."
    ),
]
Epoch = Annotated[int | None, typer.Option(help="A kept epoch; the best one when left out, 0 for the start.")]


def load(run: str, epoch: int | None) -> LoadedRun:
    from convncf.runs import RunStore

    home = files.home()
    found = RunStore(home).open(run)  # refuses before torch is loaded
    from convncf.workflow.loading import load_run

    return load_run(found, checkpoint=epoch)
