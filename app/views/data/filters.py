"""What settings leave of a dataset, live: a ledger of the filters, and how the rest would be divided."""

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
"""Of the address: a JSON object of what departs from the defaults, the dataset's name with it."""
_LARGEST: Final = 2**53
"""From here on a browser does not hold every whole number."""


@st.fragment(key="dataset:settings")
def show(entry: DatasetEntry) -> None:
    """The fields, and what they leave."""
    defaults = flatten(resolve(dataset=entry.name).config)
    started = _from_address(entry.name, defaults)
    entered: dict[str, Any] = {}
    with st.grid(5, min_column_width=150, vertical_alignment="bottom"):
        for key in _KEYS:
            entered[key] = setting_fields.ask(key, started[key], widget=f"dataset:{entry.name}:{key}")
    changes = {key: value for key, value in entered.items() if _plain(value) != _plain(defaults[key])}
    address.choose(**{_PARAMETER: files.strict_json({_DATASET: entry.name} | changes) if changes else None})
    try:
        config = resolve(dataset=entry.name, settings=changes).config
        found = statistics.effect(entry, config.data, config.seed)
    except ConvNCFError as error:
        widgets.problem(error)
        return
    if found.steps:
        _ledger(found)
    if found.problem:
        widgets.problem(sentence(found.problem))
    else:
        _parts(found.parts)
    settings = [word for key, value in changes.items() for word in _as_option(key, value)]
    with st.expander("The same in a terminal"):
        commands = (["convncf", "datasets", "filter", entry.name], ["convncf", "train", "--dataset", entry.name])
        st.code("\n".join(shlex.join([*words, *settings]) for words in commands), language=None, wrap_lines=True)


def _from_address(name: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Where the fields start: what the address says of this dataset, else the defaults."""
    text = address.chosen(_PARAMETER)
    if text is None:
        return dict(defaults)
    try:
        said = json.loads(text)
        if not isinstance(said, dict) or said.get(_DATASET) != name:
            return dict(defaults)
        wished = {key: value for key, value in said.items() if key != _DATASET}
        if not wished.keys() <= set(_KEYS):
            raise ConfigError(f"{', '.join(wished.keys() - set(_KEYS))} cannot be set here")
        if any(isinstance(value, int) and abs(value) >= _LARGEST for value in wished.values()):
            raise ConfigError("a number is too large for a field")
        return flatten(resolve(dataset=name, settings=wished).config)
    except (ValueError, RecursionError, ConfigError) as error:
        st.caption(plain(f"The settings of this address cannot be used, and the defaults are shown instead: {error}"))
        return dict(defaults)


def chosen(name: str) -> dict[str, str]:
    """What a link to Train takes along: the settings that were chosen for this dataset, where there are some."""
    text = address.chosen(_PARAMETER)
    try:
        said = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return {_PARAMETER: text} if text and isinstance(said, dict) and said.get(_DATASET) == name else {}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _as_option(key: str, value: Any) -> tuple[str, str]:
    return ("--seed", str(value)) if key == "seed" else ("--set", f"{key}={files.strict_json(value)}")


def _ledger(found: statistics.Effect) -> None:
    rows = [
        {
            "What counts": sentence(line.what).rstrip("."),
            "Users": line.users,
            "Items": line.items,
            "Interactions": line.interactions,
            "Left": 100 * line.left,
            "Density": 100 * line.density,
        }
        for line in found.steps
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
        column_config={"What counts": st.column_config.TextColumn(width="large")} | counts | shares,
        alt="What each filter leaves: users, items, interactions, their share, and the density",
    )


def _parts(parts: Mapping[str, Any]) -> None:
    total = parts["train"] + parts["validation"] + parts["test"]
    shown = {"Divided": str(parts["method"])}
    for label, name in (("Training", "train"), ("Validation", "validation"), ("Test", "test")):
        shown[label] = f"{parts[name]:,} ({percent(parts[name] / total)})"
    if "rated_lower" in parts:
        shown["Rated lower"] = f"{parts['rated_lower']:,}, {parts['low_rated']}"
    for whose in ("users", "items"):
        if parts[f"cold_{whose}"]:
            shown[f"{whose.capitalize()} without training"] = f"{parts[f'cold_{whose}']:,}"
    widgets.labelled_values(shown)
    for note in parts["notes"]:
        st.caption(plain(note if note.endswith("…") else sentence(note)))
