"""Filters and split of a dataset, live: what each filter leaves, and the sizes of the split's parts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import address, setting_fields, widgets
from app.ui.text import percent, plain, sentence
from app.views.data import statistics
from convncf.config.data import DataConfig
from convncf.data.storage import DatasetEntry
from convncf.errors import ConfigError, ConvNCFError
from convncf.models.run_config import flatten
from convncf.models.settings import resolve
from convncf.runtime import files

_DATASET: Final = "data.dataset"
_KEYS: Final = (*(f"data.{name}" for name in DataConfig.model_fields if f"data.{name}" != _DATASET), "seed")
_PARAMETER: Final = "settings"
"""In the address: a JSON object of the settings that differ from the defaults, and the dataset's name."""
_LARGEST: Final = 2**53
"""From here on a browser does not hold every whole number."""


@st.fragment(key="dataset:settings")
def show(entry: DatasetEntry) -> None:
    """The fields, and their effect."""
    defaults = flatten(resolve(dataset=entry.name).config)
    initial = _from_address(entry.name, defaults)
    entered: dict[str, Any] = {}
    with st.grid(5, min_column_width=150, vertical_alignment="bottom"):
        for key in _KEYS:
            entered[key] = setting_fields.ask(key, initial[key], widget=f"dataset:{entry.name}:{key}")
    changes = {key: value for key, value in entered.items() if _plain(value) != _plain(defaults[key])}
    address.choose(**{_PARAMETER: files.strict_json({_DATASET: entry.name} | changes) if changes else None})
    try:
        config = resolve(dataset=entry.name, settings=changes).config
        effect = statistics.effect(entry, config.data, config.seed)
    except ConvNCFError as error:
        widgets.problem(error)
        return
    if effect.steps:
        _filter_table(effect)
    if effect.problem:
        widgets.problem(sentence(effect.problem))
    else:
        _split_sizes(effect.parts)
    options = [argument for key, value in changes.items() for argument in _as_option(key, value)]
    with st.expander("Command line"):
        commands = (["convncf", "datasets", "filter", entry.name], ["convncf", "train", "--dataset", entry.name])
        st.code("\n".join(shlex.join([*command, *options]) for command in commands), language=None, wrap_lines=True)


def _from_address(name: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Initial values of the fields: those in the address for this dataset, else the defaults."""
    text = address.chosen(_PARAMETER)
    if text is None:
        return dict(defaults)
    try:
        settings = json.loads(text)
        if not isinstance(settings, dict) or settings.get(_DATASET) != name:
            return dict(defaults)
        changes = {key: value for key, value in settings.items() if key != _DATASET}
        if not changes.keys() <= set(_KEYS):
            raise ConfigError(f"{', '.join(changes.keys() - set(_KEYS))} cannot be set here")
        if any(isinstance(value, int) and abs(value) >= _LARGEST for value in changes.values()):
            raise ConfigError("a number is too large for a field")
        return flatten(resolve(dataset=name, settings=changes).config)
    except (ValueError, RecursionError, ConfigError) as error:
        st.caption(plain(f"The settings of this address cannot be used, and the defaults are shown instead: {error}"))
        return dict(defaults)


def chosen(name: str) -> dict[str, str]:
    """Parameters for a link to Train: the settings that were chosen for this dataset, if any."""
    text = address.chosen(_PARAMETER)
    try:
        settings = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return {_PARAMETER: text} if text and isinstance(settings, dict) and settings.get(_DATASET) == name else {}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _as_option(key: str, value: Any) -> tuple[str, str]:
    return ("--seed", str(value)) if key == "seed" else ("--set", f"{key}={files.strict_json(value)}")


def _filter_table(effect: statistics.Effect) -> None:
    rows = [
        {
            "Filter": sentence(step.what).rstrip("."),
            "Users": step.users,
            "Items": step.items,
            "Interactions": step.interactions,
            "Left": 100 * step.left,
            "Density": 100 * step.density,
        }
        for step in effect.steps
    ]
    counts = {name: st.column_config.NumberColumn(format="localized") for name in ("Users", "Items", "Interactions")}
    shares = {
        "Left": st.column_config.NumberColumn("Left, %", format="%.3g"),
        "Density": st.column_config.NumberColumn("Density, %", format="%.3g"),
    }
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="content",
        column_config={"Filter": st.column_config.TextColumn(width="large")} | counts | shares,
        alt="What each filter leaves: users, items, interactions, their share, and the density",
    )


def _split_sizes(summary: Mapping[str, Any]) -> None:
    total = summary["train"] + summary["validation"] + summary["test"]
    values = {"Split": str(summary["method"])}
    for label, part in (("Training", "train"), ("Validation", "validation"), ("Test", "test")):
        values[label] = f"{summary[part]:,} ({percent(summary[part] / total)})"
    if "rated_lower" in summary:
        values["Rated lower"] = f"{summary['rated_lower']:,}, {summary['low_rated']}"
    for axis in ("users", "items"):
        if summary[f"cold_{axis}"]:
            values[f"{axis.capitalize()} without training"] = f"{summary[f'cold_{axis}']:,}"
    widgets.labelled_values(values)
    for note in summary["notes"]:
        st.caption(plain(note if note.endswith("…") else sentence(note)))
