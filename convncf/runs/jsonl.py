"""JSON in a run folder: objects, and lines that survive a kill.

A line is whole or ignored, and all lines are replaced at once or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from convncf import runtime
from convncf.errors import RunBrokenError

WAY_OUT = "Restore the file, or delete the run."


def read_object(path: Path, *, way_out: str = WAY_OUT) -> dict[str, Any]:
    """The object that a file holds, in strict JSON.

    Raises RunBrokenError, naming the file and the `way_out`, where it is missing or damaged.
    """
    try:
        value = _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunBrokenError(f"{path}: missing. {way_out}") from None
    except (ValueError, RecursionError) as error:
        raise RunBrokenError(f"{path}: damaged ({error}). {way_out}") from None
    except OSError as error:
        raise RunBrokenError(f"{path}: cannot be read ({error.strerror}). {way_out}") from None
    if not isinstance(value, dict):
        raise RunBrokenError(f"{path}: holds a {type(value).__name__}, not an object. {way_out}")
    return value


def write_object(path: Path, value: Mapping[str, Any], *, in_place: bool = False) -> None:
    """Write an object atomically. With `in_place`, where that fails, over the old one, whose room is there already."""
    try:
        runtime.write_json(path, dict(value))
    except OSError:
        if not in_place:
            raise
        content = runtime.strict_json(dict(value)).encode()
        with path.open("rb+", buffering=0) as file:
            file.write(content.ljust(path.stat().st_size))  # blanks behind the object are JSON; its old end is not


def read_lines(path: Path, *, needed: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of a file, none where it is absent; a last line that was cut short is left aside.

    Raises RunBrokenError with file and line where another line is damaged, or lacks what is `needed`.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunBrokenError(f"{path}: cannot be read ({error.strerror}). {WAY_OUT}") from None
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = _parse(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            _refuse(path, number, str(error))
        if not isinstance(row, dict):
            _refuse(path, number, f"holds a {type(row).__name__}, not an object")
        missing = [key for key in needed if key not in row]
        if missing:
            _refuse(path, number, f"lacks {', '.join(missing)}")
        rows.append(row)
    return rows


def _refuse(path: Path, number: int, problem: str) -> NoReturn:
    raise RunBrokenError(f"{path}, line {number}: {problem}. Take that line out, or restore the file.")


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


def _parse(text: str) -> Any:
    """Strict JSON; raises ValueError for NaN and infinity too, which nobody could write again."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)
