"""Files in a run folder: JSON objects, lines that survive a kill, tables; and what they must contain.

A line that is cut short is ignored, and all lines are replaced at once or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from convncf.errors import RunBrokenError
from convncf.runtime import files

if TYPE_CHECKING:
    import pandas as pd

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
    """Write an object atomically. With `in_place`, where that fails, over the old one, in the space it has."""
    try:
        files.write_json(path, dict(value))
    except OSError:
        if not in_place:
            raise
        content = files.strict_json(dict(value)).encode()
        with path.open("rb+", buffering=0) as file:
            file.write(
                content.ljust(path.stat().st_size)
            )  # blanks after the object are JSON; the end of the old one is not


def read_lines(path: Path, *, needed: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of a file, none where it is absent; a last line that was cut short is ignored.

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
    raise RunBrokenError(f"{path}, line {number}: {problem}. Remove that line, or restore the file.")


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Add one row, on disk before this returns."""
    with path.open("ab") as file:
        file.write(_line(row))
        file.flush()
        os.fsync(file.fileno())


def replace_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace all rows, atomically, unless they are there already."""
    content = b"".join(map(_line, rows))
    if not path.exists() or path.read_bytes() != content:
        files.atomic_write(path, content)


def _line(row: Mapping[str, Any]) -> bytes:
    return (files.strict_json(dict(row)) + "\n").encode()


def _parse(text: str) -> Any:
    """Strict JSON; raises ValueError for NaN and infinity too, which strict JSON cannot hold."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table that is whole or absent."""
    with files.atomic_path(path) as part:
        frame.to_parquet(part, index=False)


def read_table(path: Path, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table. Raises RunBrokenError, naming the file, when it is missing, damaged, or lacks a `needed` column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # pandas would hand pyarrow's threads a Python file, which aborts a process that is about to end
        with pa.OSFile(str(path)) as stream:
            frame: pd.DataFrame = pq.read_table(stream).to_pandas()
    except (OSError, ValueError) as error:
        raise RunBrokenError(f"{path}: missing or damaged ({str(error).rstrip('.')}). {WAY_OUT}") from None
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise RunBrokenError(f"{path}: lacks {', '.join(missing)}. {WAY_OUT}")
    return frame


ROW: Final = ("phase", "epoch")
"""What every line of metrics.jsonl has."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "vocabulary": ("kind", "index", "id"),
    "per_user": ("user_id", "part", "model"),
}
"""Table -> the columns that it has in any case."""
_NUMBERS: Final = ("best_epoch", "n_users_evaluated", "seconds")
_FIGURES: Final = ("metrics", "validation")


def check_config(path: Path, value: Mapping[str, Any]) -> None:
    """Raises RunBrokenError where config.json lacks settings with their sources, or the data's fingerprint."""
    settings, dataset = value.get("settings"), value.get("dataset")
    entries = settings.values() if isinstance(settings, dict) else [None]
    complete = all(isinstance(entry, dict) and {"value", "source"} <= entry.keys() for entry in entries)
    if not complete or not isinstance(dataset, dict) or "fingerprint" not in dataset:
        raise RunBrokenError(f"{path}: lacks settings with their sources, or the data's fingerprint. {WAY_OUT}")


def check_report(path: Path, report: Mapping[str, Any]) -> None:
    """Raises RunBrokenError where report.json lacks a figure that every report has, or has no number there."""
    missing = [key for key in ("metrics", *_NUMBERS) if key not in report]
    if missing:
        raise RunBrokenError(f"{path}: lacks {', '.join(missing)}. {WAY_OUT}")
    wrong = [key for key in _NUMBERS if not _is_number(report[key])]
    wrong += [key for key in _FIGURES if key in report and not _is_figures(report[key])]
    if wrong:
        raise RunBrokenError(f"{path}: {wrong[0]} is {str(report[wrong[0]])[:60]!r}, which cannot be. {WAY_OUT}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_figures(value: object) -> bool:
    return isinstance(value, dict) and all(item is None or _is_number(item) for item in value.values())
