"""What can be taken along of a run that is watched: its configuration, curves, report and log, and its command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app import widgets
from app.panels.glance import Glance
from app.panels.train import address as train_address
from app.panels.train import launch as train_launch
from app.wording import sentence
from convncf.errors import ConvNCFError
from convncf.runs import Run
from convncf.tables import csv_table


def show(seen: Glance) -> None:
    """A button a file, each made when it is pressed; and the command that trains the same."""
    run = seen.run
    with st.expander("Take it along"):
        with st.container(horizontal=True):
            _button("Configuration", run, "config.json", lambda: _text(run, "config.json"))
            _button("Curves as CSV", run, "curves.csv", lambda: curves(run))
            if seen.finished:
                _button("Report", run, "report.json", lambda: _text(run, "report.json"))
            _button("Log", run, "log.txt", lambda: run.log_tail(1_000_000))
        st.caption("The command line that trains the same:")
        try:
            st.code(command_line(run), language=None, wrap_lines=True)
        except ConvNCFError as error:
            st.caption(sentence(error))


def command_line(run: Run) -> str:
    """The command that trains the same under a name of its own. Raises RunBrokenError and ConfigError."""
    chosen = train_address.settings_of(run)
    dataset, model, preset = (str(chosen.pop(key)) for key in train_address.NAMED)
    return train_launch.command_line(dataset, model, preset, f"{run.name}-again", chosen)


def curves(run: Run) -> str:
    """metrics.jsonl as a table, a row an epoch; the metrics of the validation have a column each."""
    rows: list[dict[str, Any]] = []
    for row in run.metrics():
        measured = row.get("validation") or {}
        rows.append({key: value for key, value in row.items() if key != "validation"} | measured)
    head = list(dict.fromkeys(key for row in rows for key in row))
    return csv_table(head, [["" if row.get(key) is None else str(row[key]) for key in head] for row in rows])


def _text(run: Run, file: str) -> str:
    return (run.path / file).read_text(encoding="utf-8")


def _button(label: str, run: Run, file: str, make: Callable[[], str]) -> None:
    name = f"{run.name}-{file}"
    st.download_button(
        label, make, name, "text/plain", type="tertiary", icon=widgets.DOWNLOAD, key=f"watch:{file}", on_click="ignore"
    )
