"""Extending: a run is asked for more epochs than it was made with, and its config.json tells from how many."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from convncf import runtime
from convncf.runs.jsonl import read_object

_WORDS: Final = "extended from "


def ask_for_epochs(path: Path, epochs: int) -> None:
    """Set train.epochs in the config.json at `path`, with the source "extended from 5"; again, "extended from 5, 8".

    One write, whole or not at all: before it the run is what it was, after it resume trains on.
    """
    value = read_object(path)
    entry = value["settings"]["train.epochs"]
    earlier = [*earlier_epochs(str(entry["source"])), entry["value"]]
    value["settings"]["train.epochs"] = {"value": epochs, "source": _WORDS + ", ".join(map(str, earlier))}
    runtime.write_json(path, value)


def earlier_epochs(source: str) -> list[int]:
    """The epochs that were asked for before, from such a source; none where it is another one."""
    listed = source.removeprefix(_WORDS).split(", ") if source.startswith(_WORDS) else []
    return [int(epochs) for epochs in listed if epochs.isdecimal()]
