"""The form of Train in the address, `?settings=…`: a link brings the same form back, from Data, a run, or a colleague.

It is a JSON object: model, preset and dataset, several seeds where they are asked for, and each setting that departs
from the preset. What cannot be used is said and leaves the form as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from app import state, widgets
from app.panels.train import device as devices
from app.panels.train import setting_fields
from convncf import runtime
from convncf.config import MODEL_NAMES, TRAINED, flatten, preset_names, resolve, unused_settings
from convncf.errors import ConfigError
from convncf.runs import Run

PARAMETER: Final = "settings"
MODEL: Final = "new:model"
SEEDS: Final = "new:seeds"
DEVICE: Final = "new:device"
_WRITTEN: Final = "new:address"
"""In the session: the text that the form and the address agree on."""
_REFUSED: Final = "new:refused"
"""In the session: (address, why it was refused, the form as it stood then)."""
_LARGEST: Final = 2**53
"""From here on a browser does not hold every whole number."""
_NO_FIELD: Final = ("data.dataset", "model.name", "preset", "seeds", "train.device")


def preset_key(model: str) -> str:
    """Key of the preset's widget."""
    return f"new:{model}:preset"


def restore() -> None:
    """Fill the form from the address, where that is another one than the form has written; before the widgets."""
    text = st.query_params.get(PARAMETER)
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
    """Write what stands in the form into the address; a refused one stays, with the reason, until the form changes."""
    chosen: dict[str, Any] = {"data.dataset": dataset, "model.name": model, "preset": preset}
    text = runtime.strict_json(chosen | ({"seeds": seeds} if seeds else {}) | dict(changes))
    refused = st.session_state.get(_REFUSED)
    if refused is not None:
        address, why, form = refused
        if form in (None, text):
            st.session_state[_REFUSED] = (address, why, text)
            widgets.problem(f"The settings of this address cannot be used, and the form is as it was: {why}")
            return
        del st.session_state[_REFUSED]
    st.session_state[_WRITTEN] = text
    if st.query_params.get(PARAMETER) != text:
        st.query_params[PARAMETER] = text


def _read(text: str) -> dict[str, Any]:
    """The object in the address. Raises ConfigError where a form cannot take it."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"it is no JSON ({error}).") from None
    if not isinstance(said, dict):
        raise ConfigError("it is no JSON object.")
    if any(isinstance(value, int) and abs(value) >= _LARGEST for value in said.values()):
        raise ConfigError("a number in it is too large for a field.")
    return said


def _fill(said: dict[str, Any]) -> None:
    model = said.get("model.name", st.session_state.get(MODEL) or MODEL_NAMES[0])
    if model not in MODEL_NAMES:
        raise ConfigError(f"model.name {model!r} is none of {', '.join(MODEL_NAMES)}.")
    preset = said.get("preset", st.session_state.get(preset_key(model)) or preset_names(model)[0])
    dataset, seeds = said.get("data.dataset"), said.get("seeds", "")
    if not isinstance(seeds, str) or not isinstance(dataset, str | None) or not isinstance(preset, str):
        raise ConfigError("dataset, preset and seeds are text.")
    settings = {key: value for key, value in said.items() if key not in _NO_FIELD}
    device = said.get("train.device", "auto")
    if device not in devices.choices():
        raise ConfigError(f"device {device!r} is not here; there is {', '.join(devices.choices())}.")
    values = flatten(resolve(model=model, preset=preset, settings=settings | {"train.device": device}).config)
    st.session_state[MODEL], st.session_state[preset_key(model)] = model, preset
    shown = [key for key in values if key not in _NO_FIELD and key not in unused_settings(model)]
    setting_fields.fill({key: values[key] for key in shown}, f"new:{model}:{preset}")
    st.session_state[SEEDS], st.session_state[DEVICE] = seeds, device
    if dataset:
        state.choose(dataset=dataset)


NAMED: Final = ("data.dataset", "model.name", "preset")
"""What a form is of, before any setting."""


def settings_of(run: Run) -> dict[str, Any]:
    """NAMED and every setting in which a run departs from its preset. Raises RunBrokenError and ConfigError."""
    found = run.settings()
    config = run.config()
    model, preset = config.model.name, config.preset
    defaults = flatten(resolve(model=model, preset=preset, dataset=config.data.dataset).config)
    hidden = unused_settings(model) | set(_NO_FIELD)
    changes = {key: value for key, value in found.items() if key not in hidden and value != defaults.get(key)}
    return dict(zip(NAMED, (config.data.dataset, model, preset), strict=True)) | changes


def copy(run: Run) -> str:
    """Fill the form with the settings of a run, to change some and train anew."""
    chosen = settings_of(run)
    st.session_state.pop(_WRITTEN, None)
    st.query_params[PARAMETER] = runtime.strict_json(chosen)
    what = "preset and settings" if chosen["model.name"] in TRAINED else "settings"
    return f"The form above has the {what} of {run.name}; change what you like, and launch."
