"""What the files of a run folder must hold for their readers to rely on: held where they are read, said in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from convncf.errors import RunBrokenError
from convncf.runs.jsonl import WAY_OUT

ROW: Final = ("phase", "epoch")
"""What every line of metrics.jsonl has."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "vocabulary": ("kind", "index", "id"),
    "per_user": ("user_id", "part", "model"),
}
"""Table -> the columns that it has whatever else it holds."""

_NUMBERS: Final = ("best_epoch", "n_users_evaluated", "seconds")
_FIGURES: Final = ("metrics", "validation")


def check_config(path: Path, value: Mapping[str, Any]) -> None:
    """Raises RunBrokenError where config.json lacks settings with their sources, or the data's fingerprint."""
    settings, dataset = value.get("settings"), value.get("dataset")
    entries = settings.values() if isinstance(settings, dict) else [None]
    whole = all(isinstance(entry, dict) and {"value", "source"} <= entry.keys() for entry in entries)
    if not whole or not isinstance(dataset, dict) or "fingerprint" not in dataset:
        raise RunBrokenError(f"{path}: lacks settings with their sources, or the data's fingerprint. {WAY_OUT}")


def check_report(path: Path, report: Mapping[str, Any]) -> None:
    """Raises RunBrokenError where report.json lacks a figure that every report has, or has something else there."""
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
