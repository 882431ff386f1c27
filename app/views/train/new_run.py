"""New-run form, whose settings are in the address, `?settings=…`.

The parameter is a JSON object: model, preset and dataset, several seeds where they are given, and each setting that
differs from the preset. An object that cannot be used is reported and leaves the form as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from app.ui import address, commands, setting_fields, widgets
from app.views.train import launch
from convncf.data import catalogue
from convncf.errors import ConfigError
from convncf.models.effects import unused_settings
from convncf.models.registry import label, model_names, record
from convncf.models.run_config import flatten, nest
from convncf.models.settings import preset_names, resolve
from convncf.runs import Run
from convncf.runtime import files

PARAMETER: Final = "settings"
MODEL: Final = "new:model"
SEEDS: Final = "new:seeds"
DEVICE: Final = "new:device"
_WRITTEN: Final = "new:address"
"""In the session: the text on which form and address agree."""
_REFUSED: Final = "new:refused"
"""In the session: (address, why it was refused, the form at that time)."""
_LARGEST: Final = 2**53
"""From here on a browser does not hold every whole number."""
_NO_FIELD: Final = ("data.dataset", "model.name", "preset", "seeds", "train.device")


def preset_key(model: str) -> str:
    """Key of the preset's widget."""
    return f"new:{model}:preset"


def restore() -> None:
    """Fill the form from an address that the form itself has not written; called before the widgets."""
    text = address.value(PARAMETER)
    refused = st.session_state.get(_REFUSED)
    if not text or text == st.session_state.get(_WRITTEN) or (refused and text == refused[0]):
        return
    st.session_state.pop(_REFUSED, None)
    try:
        _fill(_read(text))
    except ConfigError as error:
        st.session_state[_REFUSED] = (text, str(error), None)
    st.session_state[_WRITTEN] = text


def remember(dataset: str, model: str, preset: str, seeds: str, changes: Mapping[str, Any]) -> None:
    """Write the form into the address; a refused address stays, with the reason, until the form changes."""
    chosen: dict[str, Any] = {"data.dataset": dataset, "model.name": model, "preset": preset}
    text = files.strict_json(chosen | ({"seeds": seeds} if seeds else {}) | dict(changes))
    refused = st.session_state.get(_REFUSED)
    if refused is not None:
        refused_text, reason, form_text = refused
        if form_text in (None, text):
            st.session_state[_REFUSED] = (refused_text, reason, text)
            widgets.problem(f"The settings of this address cannot be used, and the form is as it was: {reason}")
            return
        del st.session_state[_REFUSED]
    st.session_state[_WRITTEN] = text
    address.choose(settings=text)


def _read(text: str) -> dict[str, Any]:
    """The object in the address. Raises ConfigError where the form cannot hold it."""
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"it is no JSON ({error}).") from None
    if not isinstance(settings, dict):
        raise ConfigError('it is no JSON object. Write one such as {"train.epochs": 20}.')
    if any(isinstance(value, int) and abs(value) >= _LARGEST for value in settings.values()):
        raise ConfigError("a number in it is too large for a field.")
    return settings


def _fill(chosen: dict[str, Any]) -> None:
    model = chosen.get("model.name", st.session_state.get(MODEL) or model_names()[0])
    if model not in model_names():
        raise ConfigError(f"model.name {model!r} is none of {', '.join(model_names())}.")
    preset = chosen.get("preset", st.session_state.get(preset_key(model)) or preset_names(model)[0])
    dataset, seeds = chosen.get("data.dataset"), chosen.get("seeds", "")
    if not isinstance(seeds, str) or not isinstance(dataset, str | None) or not isinstance(preset, str):
        raise ConfigError("dataset, preset and seeds are text.")
    settings = {key: value for key, value in chosen.items() if key not in _NO_FIELD}
    device = chosen.get("train.device", "auto")
    if device not in launch.choices():
        raise ConfigError(f"device {device!r} is not here; there is {', '.join(launch.choices())}.")
    values = flatten(resolve(model=model, preset=preset, settings=settings | {"train.device": device}).config)
    st.session_state[MODEL], st.session_state[preset_key(model)] = model, preset
    visible = [key for key in values if key not in _NO_FIELD and key not in unused_settings(model)]
    setting_fields.fill({key: values[key] for key in visible}, f"new:{model}:{preset}", model)
    st.session_state[SEEDS], st.session_state[DEVICE] = seeds, device
    if dataset:
        address.choose(dataset=dataset)


NAMED: Final = ("data.dataset", "model.name", "preset")
"""The choices above the fields."""


def settings_of(run: Run) -> dict[str, Any]:
    """NAMED and every setting in which a run differs from its preset. Raises RunBrokenError and ConfigError."""
    settings = run.settings()
    config = run.config()
    model, preset = config.model.name, config.preset
    defaults = flatten(resolve(model=model, preset=preset, dataset=config.data.dataset).config)
    hidden = unused_settings(model) | set(_NO_FIELD)
    changes = {key: value for key, value in settings.items() if key not in hidden and value != defaults.get(key)}
    return dict(zip(NAMED, (config.data.dataset, model, preset), strict=True)) | changes


def copy(run: Run) -> str:
    """Fill the form with the settings of a run, to change some and train again."""
    settings = settings_of(run)
    st.session_state.pop(_WRITTEN, None)
    address.choose(settings=files.strict_json(settings))
    copied = "preset and settings" if record(settings["model.name"]).trained else "settings"
    return f"The form above has the {copied} of {run.name}; change what you like, then launch."


_PRESET_HELP: Final = (
    "A named set of defaults. quick: a useful model within two minutes on a laptop. tuned: what did best on the "
    "validation part of MovieLens 100k, a few minutes there. recbole: RecBole's own defaults. "
    "paper: as in the 2018 code, one test item per user among 999 sampled negatives, and up to 1,500 epochs, which "
    "takes many hours without a GPU."
)
_LONG: Final = 1000
"""Number of epochs from which the page warns of a preset's training time."""
_SEEDS_HELP: Final = (
    "A run for each, named NAME-seed1, NAME-seed2, …: write 1,2,3 or 1-3. Empty: one run, with the seed beside it. "
    "One seed says little: the spread over several shows how much of a difference is chance."
)


def show() -> None:
    """The form. Everything in it is checked at each change, before anything is started."""
    if address.read_only():
        st.caption(commands.READ_ONLY)
        return
    restore()
    names = [entry.name for entry in catalogue.entries(address.home()) if entry.problem is None]
    dataset_column, model_column, preset_column, device_column = st.columns([3, 2, 2, 3], vertical_alignment="bottom")
    with dataset_column:
        dataset = widgets.pick("Dataset", names, parameter="dataset")
    model = model_column.selectbox(
        "Model",
        model_names(),
        format_func=label,
        key=MODEL,
        persist_state="session",
    )
    model = model or model_names()[0]
    preset = preset_column.selectbox(
        "Preset",
        preset_names(model),
        key=preset_key(model),
        help=_PRESET_HELP,
        persist_state="session",
    )
    with device_column:
        device = launch.pick()
    if dataset is None or preset is None:
        widgets.empty("There is no dataset to train on. Add one on the Data page.")
        return
    changes, seeds = _settings(model, preset)
    if device != "auto":
        changes["train.device"] = device
    remember(dataset, model, preset, seeds, changes)
    launch.show(dataset, model, preset, seeds, changes)


def _settings(model: str, preset: str) -> tuple[dict[str, Any], str]:
    """The fields; returns the settings that differ from the preset, and several seeds where they are given."""
    defaults = flatten(resolve(model=model, preset=preset).config)
    prefix = f"new:{model}:{preset}"
    entered: dict[str, Any] = {}
    if record(model).trained and defaults["train.epochs"] >= _LONG:
        pretraining = (
            f"up to {defaults['pretrain.epochs']:,} of pretraining, then " if defaults["pretrain.epochs"] else ""
        )
        st.caption(
            f"This preset trains long: {pretraining}up to {defaults['train.epochs']:,} epochs. That takes many hours "
            "without a GPU; train fewer for a first impression."
        )
    with st.grid(5, min_column_width=150, vertical_alignment="bottom"):
        for key in setting_fields.first(model):
            entered[key] = setting_fields.ask(
                key, defaults[key], widget=f"{prefix}:{key}", model=defaults["model.name"]
            )
        seeds = st.text_input(
            "Several seeds",
            key=SEEDS,
            help=_SEEDS_HELP,
            placeholder="none, or such as 1,2,3",
            persist_state="session",
        )
    sections = setting_fields.advanced(model)
    if sections:
        with st.expander("Advanced settings"):
            idle = setting_fields.idle(defaults, prefix)
            for tab, (section, keys) in zip(st.tabs(list(sections)), sections.items(), strict=True):
                with tab:
                    _section(section, [key for key in keys if key not in idle], defaults, prefix, entered)
            st.caption("A setting that has no effect beside the others is not shown.")
    return _departures(entered, defaults), (seeds or "").strip()


def _section(
    section: str, keys: Sequence[str], defaults: Mapping[str, Any], prefix: str, entered: dict[str, Any]
) -> None:
    """One group of fields under its subject; the values go into `entered`."""
    st.caption(setting_fields.SECTIONS[section])
    with st.grid(4, min_column_width=150, vertical_alignment="bottom"):
        for key in keys:
            entered[key] = setting_fields.ask(
                key, defaults[key], widget=f"{prefix}:{key}", model=defaults["model.name"]
            )


def _departures(entered: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, and what goes with it."""
    changes = {key: value for key, value in entered.items() if value != defaults[key]}
    following = record(defaults["model.name"]).settings.following(
        nest(changes).get("model", {}), nest(defaults)["model"]
    )
    return changes | {f"model.{field}": value for field, value in following.items()}
