"""The form for a new run: what to train on what, a few settings, what would be refused, and Launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from app import state, widgets
from app.panels import commands
from app.panels.train import address as train_address
from app.panels.train import device, setting_fields
from app.panels.train import launch as train_launch
from app.panels.train.launch import FOLLOW_KERNELS, command_line
from app.wording import MODEL_WORDS
from convncf.config import MODEL_NAMES, TRAINED, flatten, preset_names, resolve
from convncf.data import catalogue

__all__ = ["command_line", "show"]

_PRESET_HELP: Final = (
    "A named set of defaults. quick: a useful model within two minutes on a laptop. tuned: what did best on the "
    "validation part of MovieLens 100k, some minutes there. recbole: RecBole's own. "
    "paper: as in the 2018 code, one test item per user among 999 drawn ones, and up to 1,500 epochs, which takes many "
    "hours without a GPU."
)
_LONG: Final = 1000
"""Epochs from which a preset's time is said on the page."""
_SEEDS_HELP: Final = (
    "A run for each, named NAME-seed1, NAME-seed2, …: write 1,2,3 or 1-3. Empty: one run, of the seed beside it. "
    "One seed tells little: the spread over several says how much of a difference is luck."
)


def show() -> None:
    """The form. Everything in it is checked at each change, before anything is started."""
    if state.read_only():
        st.caption(commands.ONLY_SHOWS)
        return
    train_address.restore()
    names = [entry.name for entry in catalogue.entries(state.home()) if entry.problem is None]
    dataset_column, model_column, preset_column, device_column = st.columns([3, 2, 2, 3], vertical_alignment="bottom")
    with dataset_column:
        dataset = widgets.pick("Dataset", names, parameter="dataset")
    model = model_column.selectbox(
        "Model",
        MODEL_NAMES,
        format_func=lambda name: MODEL_WORDS[name],
        key=train_address.MODEL,
        persist_state="session",
    )
    model = model or MODEL_NAMES[0]
    preset = preset_column.selectbox(
        "Preset",
        preset_names(model),
        key=train_address.preset_key(model),
        help=_PRESET_HELP,
        persist_state="session",
    )
    with device_column:
        on = device.pick()
    if dataset is None or preset is None:
        widgets.empty("There is no dataset to train on. Add one on the Data page.")
        return
    changes, seeds = _settings(model, preset)
    if on != "auto":
        changes["train.device"] = on
    train_address.remember(dataset, model, preset, seeds, changes)
    train_launch.show(dataset, model, preset, seeds, changes)


def _settings(model: str, preset: str) -> tuple[dict[str, Any], str]:
    """The fields; the settings that depart from the preset, and several seeds where they are asked for."""
    defaults = flatten(resolve(model=model, preset=preset).config)
    prefix = f"new:{model}:{preset}"
    entered: dict[str, Any] = {}
    if model in TRAINED and defaults["train.epochs"] >= _LONG:
        before = f"up to {defaults['pretrain.epochs']:,} of pretraining, then " if defaults["pretrain.epochs"] else ""
        st.caption(
            f"This preset trains long: {before}up to {defaults['train.epochs']:,} epochs. That takes many hours "
            "without a GPU; take fewer for a first look."
        )
    with st.grid(5, min_column_width=150, vertical_alignment="bottom"):
        for key in setting_fields.first(model):
            entered[key] = setting_fields.ask(key, defaults[key], widget=f"{prefix}:{key}")
        seeds = st.text_input(
            "Several seeds",
            key=train_address.SEEDS,
            help=_SEEDS_HELP,
            placeholder="none, or such as 1,2,3",
            persist_state="session",
        )
    folded = setting_fields.advanced(model)
    if folded:
        with st.expander("Advanced settings"):
            idle = setting_fields.idle(defaults, prefix)
            for tab, (section, keys) in zip(st.tabs(list(folded)), folded.items(), strict=True):
                with tab:
                    _section(section, [key for key in keys if key not in idle], defaults, prefix, entered)
            st.caption("A setting that has no effect beside the others is not shown.")
    return _departures(entered, defaults), (seeds or "").strip()


def _section(
    section: str, keys: Sequence[str], defaults: Mapping[str, Any], prefix: str, entered: dict[str, Any]
) -> None:
    """One group of fields under the line that says what it is about; what is typed goes into `entered`."""
    st.caption(setting_fields.SECTIONS[section])
    with st.grid(4, min_column_width=150, vertical_alignment="bottom"):
        for key in keys:
            entered[key] = setting_fields.ask(key, defaults[key], widget=f"{prefix}:{key}")


def _departures(entered: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults; strides and channels follow the kernels unless they were changed themselves."""
    changes = {key: value for key, value in entered.items() if value != defaults[key]}
    kernels = changes.get("model.cnn_kernels")
    if isinstance(kernels, list):
        strides, channels = (defaults[key] for key in FOLLOW_KERNELS)
        if "model.cnn_strides" not in changes and kernels != strides:
            changes["model.cnn_strides"] = kernels
        if "model.cnn_channels" not in changes and len(kernels) != len(channels) - 1:
            changes["model.cnn_channels"] = [1, *[channels[-1]] * len(kernels)]
    return changes
