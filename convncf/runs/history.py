"""History: the interruptions of a run and what it went on from, a line each; and the end of its log."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from convncf.errors import RunBrokenError
from convncf.runs.jsonl import read_lines, replace_lines

_NEEDED: Final = ("time", "event", "words")


def read_history(path: Path) -> list[dict[str, Any]]:
    """Rows of time (ISO 8601, UTC), event and words, oldest first. Raises RunBrokenError where one is damaged."""
    return read_lines(path, needed=_NEEDED)


def add_to_history(path: Path, event: str, words: str, *, begin: bool = True) -> None:
    """Add a row; without `begin`, only where there are some.

    Where that fails nothing is added: what is told here stands in log.txt too, and the work is worth more.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError, RunBrokenError):
        rows = read_history(path)
        if rows or begin:
            replace_lines(path, [*rows, {"time": now, "event": event, "words": words}])


def tail(path: Path, lines: int) -> str:
    """The last lines of a log; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 65_536))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
