"""Extending: a run is asked for more epochs than it was made with, and its config.json tells from how many."""

from __future__ import annotations

from convncf import runtime
from convncf.runs.jsonl import read_object
from convncf.runs.run import Run

_WORDS = "extended from "


def ask_for_epochs(run: Run, epochs: int) -> None:
    """Set train.epochs, with the source "extended from 5"; extended again, "extended from 5, 8".

    The report goes first: it is of fewer epochs, and would soon stand beside the model of another one.
    """
    path = run.path / "config.json"
    value = read_object(path)
    entry = value["settings"]["train.epochs"]
    source = str(entry["source"])
    words = f"{source}, {entry['value']}" if source.startswith(_WORDS) else f"{_WORDS}{entry['value']}"
    value["settings"]["train.epochs"] = {"value": epochs, "source": words}
    (run.path / "report.json").unlink(missing_ok=True)
    runtime.write_json(path, value)
    run.__dict__.pop("_config_json", None)  # the only value that a Run keeps
