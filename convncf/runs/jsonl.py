"""JSON in a run folder: objects, and lines that survive a kill.

A line is whole or ignored, and all lines are replaced at once or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convncf import runtime
from convncf.errors import RunBrokenError


def read_object(path: Path) -> dict[str, Any]:
    """The object that a file holds. Raises RunBrokenError, naming the file, where it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunBrokenError(f"{path}: missing. The run cannot be read; delete it, or restore the file.") from None
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise RunBrokenError(f"{path}: damaged ({error}).") from None
    if not isinstance(value, dict):
        raise RunBrokenError(f"{path}: holds a {type(value).__name__}, not an object.")
    return value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, none where it is absent; a last line that was cut short is left aside.

    Raises RunBrokenError with file and line where another line is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise RunBrokenError(f"{path}, line {number}: {error.msg}.") from None
        if not isinstance(row, dict):
            raise RunBrokenError(f"{path}, line {number}: holds a {type(row).__name__}, not an object.")
        rows.append(row)
    return rows


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Add one row, on disk before this returns."""
    with path.open("ab") as file:
        file.write(_line(row))
        file.flush()
        os.fsync(file.fileno())


def replace_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write all rows anew, atomically, unless they are there already."""
    content = b"".join(map(_line, rows))
    if not path.exists() or path.read_bytes() != content:
        runtime.atomic_write(path, content)


def _line(row: Mapping[str, Any]) -> bytes:
    return (runtime.strict_json(dict(row)) + "\n").encode()
