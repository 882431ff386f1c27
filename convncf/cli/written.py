"""Files that a command writes where the user says: refused at the door, before any work."""

from __future__ import annotations

from pathlib import Path

from convncf.errors import ConfigError


def refuse_unwritable(option: str, file: Path, *, force: bool = False) -> None:
    """Raise ConfigError where the file's folder is missing, something else has its name, or, without `force`, it is."""
    if not file.parent.is_dir():
        raise ConfigError(f"{option} {file}: the folder {file.parent} does not exist. Make it, or choose another.")
    if file.exists() and not file.is_file():
        raise ConfigError(f"{option} {file}: is a folder or a device. Give the name of a file.")
    if file.exists() and not force:
        raise ConfigError(f"{option} {file}: is there already. Choose another name, or write over it with --force.")
