"""Settings in which runs differ, and the machines and versions that they were trained with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import widgets
from app.ui.setting_fields import field_of
from app.views.compare import metrics
from convncf.errors import RunBrokenError
from convncf.evaluation.comparison import Comparison, Difference, differences
from convncf.models.effects import idle_settings
from convncf.runs import Run

NO_EFFECT = "–"
_DEVICE: Final = "train.device"
"""A setting that says where a run was trained, not how: it is shown with the machines."""


def show(comparison: Comparison, runs: Sequence[Run]) -> None:
    """Only the settings that are not the same in all runs."""
    widgets.section("Settings that differ")
    settings = [difference for difference in comparison.differences if difference.key != _DEVICE]
    if not settings:
        st.caption("None: the runs have the same settings.")
    else:
        unused_settings = [idle_settings(run.settings()) for run in runs]
        columns = ["Setting", "Key", *(run.name for run in comparison.runs)]
        rows = [
            [
                _title(difference.key),
                difference.key,
                *(
                    NO_EFFECT if difference.key in unused else as_text(value)
                    for unused, value in zip(unused_settings, difference.values, strict=True)
                ),
            ]
            for difference in settings
        ]
        _table(columns, rows, "Settings that differ between the runs")
        notes = []
        if any(NO_EFFECT in row for row in rows):
            notes.append(f"{NO_EFFECT}: the setting has no effect on that run, or does not exist there.")
        if comparison.paired:
            notes.append(_conclusion(len(settings)))
        if notes:
            st.caption(" ".join(notes))
        metrics.offer(
            metrics.ExportTable(columns, rows, rows, "Settings that differ", text_columns=len(columns)), "settings"
        )
    _environments(runs, [difference for difference in comparison.differences if difference.key == _DEVICE])


def _conclusion(settings: int) -> str:
    """What the paired test shows about these settings."""
    if settings == 1:
        return "This is the only one: the paired test above shows whether it made a significant difference."
    return (
        f"These {settings} differ at once: the paired test above shows whether they made a significant difference "
        "together, not which of them did."
    )


def _environments(runs: Sequence[Run], device_differences: Sequence[Difference]) -> None:
    differing = [*device_differences, *_environment_differences(runs)]
    if not differing:
        return
    with st.expander("Machines and versions that differ"):
        rows = [[difference.key, *(as_text(value) for value in difference.values)] for difference in differing]
        _table(["Property", *(run.name for run in runs)], rows, "Machines and versions that differ between the runs")


def _environment_differences(runs: Sequence[Run]) -> tuple[Difference, ...]:
    try:
        return differences([_flat(run.environment()) for run in runs])
    except RunBrokenError:
        return ()


def _flat(environment: Mapping[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in environment.items() if key not in ("versions", "command")}
    return flat | dict(environment.get("versions", {}))


def _title(key: str) -> str:
    try:
        return field_of(key).title or key
    except KeyError:  # a setting of another version
        return key


def as_text(value: Any) -> str:
    """A value of any type as text: numbers and lists as in config.json, text as it is."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return value or "none"
    return json.dumps(value, ensure_ascii=False)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], alt: str) -> None:
    frame = pd.DataFrame(rows, columns=list(columns), dtype="object").astype("string")
    widths = {"Setting": 216, "Key": 176}  # pixels; without, the longest titles are cut off
    config = {name: st.column_config.TextColumn(width=width) for name, width in widths.items() if name in columns}
    st.dataframe(frame, hide_index=True, height="content", alt=alt, column_config=config)
