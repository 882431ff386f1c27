"""History of a run: when it was interrupted, resumed, renamed, or extended by more epochs."""

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
    """Rows with time (ISO 8601, UTC), event and words, oldest first. Raises RunBrokenError where one is damaged."""
    return read_lines(path, needed=_NEEDED)


def add_to_history(path: Path, event: str, sentence: str, *, begin: bool = True) -> None:
    """Add a row; without `begin`, only where there are some.

    Where that fails nothing is added: log.txt says the same, and the work is worth more.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError, RunBrokenError):
        rows = read_history(path)
        if rows or begin:
            replace_lines(path, [*rows, {"time": now, "event": event, "words": sentence}])


def tail(path: Path, lines: int) -> str:
    """The last lines of a log; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 65_536))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


_EXTENDED: Final = "extended from "


def set_epochs(path: Path, epochs: int) -> None:
    """Set train.epochs in the config.json at `path`, with the source "extended from 5"; again, "extended from 5, 8".

    One write, whole or not at all: before it the run is what it was, after it resume trains on.
    """
    value = read_object(path)
    entry = value["settings"]["train.epochs"]
    earlier = [*earlier_epochs(str(entry["source"])), entry["value"]]
    value["settings"]["train.epochs"] = {"value": epochs, "source": _EXTENDED + ", ".join(map(str, earlier))}
    files.write_json(path, value)


def earlier_epochs(source: str) -> list[int]:
    """The earlier numbers of epochs in such a source; none where it is another one."""
    numbers = source.removeprefix(_EXTENDED).split(", ") if source.startswith(_EXTENDED) else []
    return [int(epochs) for epochs in numbers if epochs.isdecimal()]
