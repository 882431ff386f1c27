"""Settings in which runs differ, and the machines and versions that they were made with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app import widgets
from app.panels.setting_fields import field_of
from convncf.comparison import Comparison, Difference, differences
from convncf.config import idle_settings
from convncf.errors import RunBrokenError
from convncf.runs import Run

NO_EFFECT = "–"


def show(found: Comparison, runs: Sequence[Run]) -> None:
    """Only what is not the same in all of them."""
    widgets.section("Settings that differ")
    if not found.differences:
        st.caption("None: the runs have the same settings.")
        return
    unused = [idle_settings(run.settings()) for run in runs]
    rows = [
        {"Setting": _title(difference.key), "Key": difference.key}
        | {
            run.name: NO_EFFECT if difference.key in idle else as_text(value)
            for run, idle, value in zip(found.runs, unused, difference.values, strict=True)
        }
        for difference in found.differences
    ]
    _table(rows, "Settings that differ between the runs")
    if any(NO_EFFECT in row.values() for row in rows):
        st.caption(f"{NO_EFFECT} stands for a setting that has no effect on that run, or that it does not have.")
    _environments(runs)


def _environments(runs: Sequence[Run]) -> None:
    found = _environment_differences(runs)
    if not found:
        return
    with st.expander("Machines and versions that differ"):
        rows = [
            {"What": difference.key}
            | {run.name: as_text(value) for run, value in zip(runs, difference.values, strict=True)}
            for difference in found
        ]
        _table(rows, "Machines and versions that differ between the runs")


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


def _table(rows: Sequence[Mapping[str, str]], alt: str) -> None:
    st.dataframe(pd.DataFrame(rows, dtype="object").astype("string"), hide_index=True, height="content", alt=alt)
