"""Files that a command writes where the user says: refused at the door, whole or absent in the end."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from convncf import runtime
from convncf.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

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
    with runtime.atomic_path(file) as part:
        if file.suffix.lower() == ".parquet":
            frame.to_parquet(part, index=False)
        else:
            # Text in quotes: a reader then splits neither at a comma nor at a line break of an id.
            frame.to_csv(part, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
