"""History: interruptions, what a run went on from, and the epochs that it was asked for in addition."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from convncf.errors import RunBrokenError
from convncf.runs.files import read_lines, read_object, replace_lines
from convncf.runtime import files

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


_WORDS: Final = "extended from "


def ask_for_epochs(path: Path, epochs: int) -> None:
    """Set train.epochs in the config.json at `path`, with the source "extended from 5"; again, "extended from 5, 8".

    One write, whole or not at all: before it the run is what it was, after it resume trains on.
    """
    value = read_object(path)
    entry = value["settings"]["train.epochs"]
    earlier = [*earlier_epochs(str(entry["source"])), entry["value"]]
    value["settings"]["train.epochs"] = {"value": epochs, "source": _WORDS + ", ".join(map(str, earlier))}
    files.write_json(path, value)


def earlier_epochs(source: str) -> list[int]:
    """The epochs that were asked for before, from such a source; none where it is another one."""
    listed = source.removeprefix(_WORDS).split(", ") if source.startswith(_WORDS) else []
    return [int(epochs) for epochs in listed if epochs.isdecimal()]
