"""The form for a new run: what to train on what, a few settings, what would be refused, and Launch."""

from __future__ import annotations

import hashlib
import shlex
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import streamlit as st

from app import state, widgets
from app.panels import commands, device, setting_fields
from app.wording import MODEL_WORDS
from convncf import runtime
from convncf.config import MODEL_NAMES, TRAINED, Resolved, flatten, nearest_plans, preset_names, resolve
from convncf.data import catalogue
from convncf.errors import ConfigError, ConvNCFError, LayerPlanError
from convncf.runs import slug

_PRESET_HELP: Final = (
    "A named set of defaults. quick: a useful model within two minutes on a laptop. tuned: what did best on the "
    "validation part of MovieLens 100k, some minutes there. recbole: RecBole's own. "
    "paper: as in the 2018 code, one test item per user among 999 drawn ones, and up to 1,500 epochs, which takes many "
    "hours without a GPU."
)
_LONG: Final = 1000
"""Epochs from which a preset's time is said on the page."""
_FOLLOW_KERNELS = ("model.cnn_strides", "model.cnn_channels")


def show() -> None:
    """The form. Everything in it is checked at each change, before anything is started."""
    names = [entry.name for entry in catalogue.entries(state.home()) if entry.problem is None]
    dataset_column, model_column, preset_column, device_column = st.columns([3, 2, 2, 3], vertical_alignment="bottom")
    with dataset_column:
        dataset = widgets.pick("Dataset", names, parameter="dataset")
    model = model_column.selectbox(
        "Model", MODEL_NAMES, format_func=lambda name: MODEL_WORDS[name], key="new:model", persist_state="session"
    )
    model = model or MODEL_NAMES[0]
    preset = preset_column.selectbox(
        "Preset",
        preset_names(model),
        key=f"new:{model}:preset",
        help=_PRESET_HELP,
        persist_state="session",
    )
    with device_column:
        on = device.pick()
    if dataset is None or preset is None:
        widgets.empty("There is no dataset to train on. Add one on the Data page.")
        return
    changes = _settings(model, preset)
    if on != "auto":
        changes["train.device"] = on
    _launcher(dataset, model, preset, changes)


def _settings(model: str, preset: str) -> dict[str, Any]:
    """The fields; returns the settings that depart from the preset."""
    defaults = flatten(resolve(model=model, preset=preset).config)
    prefix = f"new:{model}:{preset}"
    entered: dict[str, Any] = {}
    if model in TRAINED and defaults["train.epochs"] >= _LONG:
        before = f"up to {defaults['pretrain.epochs']:,} of pretraining, then " if defaults["pretrain.epochs"] else ""
        st.caption(
            f"This preset trains long: {before}up to {defaults['train.epochs']:,} epochs. That takes many hours "
            "without a GPU; take fewer for a first look."
        )
    with st.grid(4, min_column_width=150, vertical_alignment="bottom"):
        for key in setting_fields.first(model):
            entered[key] = setting_fields.ask(key, defaults[key], widget=f"{prefix}:{key}")
    folded = setting_fields.advanced(model)
    if folded:
        with st.expander("Advanced settings"):
            idle = setting_fields.idle(defaults, prefix)
            for tab, (section, keys) in zip(st.tabs(list(folded)), folded.items(), strict=True):
                with tab:
                    _section(section, [key for key in keys if key not in idle], defaults, prefix, entered)
            st.caption("A setting that has no effect beside the others is not shown.")
    return _departures(entered, defaults)


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
        strides, channels = (defaults[key] for key in _FOLLOW_KERNELS)
        if "model.cnn_strides" not in changes and kernels != strides:
            changes["model.cnn_strides"] = kernels
        if "model.cnn_channels" not in changes and len(kernels) != len(channels) - 1:
            changes["model.cnn_channels"] = [1, *[channels[-1]] * len(kernels)]
    return changes


def _launcher(dataset: str, model: str, preset: str, changes: Mapping[str, Any]) -> None:
    request = f"{dataset} {model} {preset} {runtime.strict_json(dict(changes))}"
    name_column, button_column = st.columns([3, 4], vertical_alignment="bottom")
    name = _name_field(name_column, f"{model}-{dataset}", request)
    resolved: Resolved | None = None
    try:
        resolved = resolve(model=model, preset=preset, dataset=dataset, settings=changes)
    except ConfigError as error:
        widgets.problem(error)
        if isinstance(error, LayerPlanError):
            _offer_plans(model, preset, changes)
    refusal = _refuse_name(name, request)
    if refusal and resolved is not None:
        widgets.problem(refusal)
    with button_column.container(horizontal=True):
        pressed = widgets.main_button(
            "Launch",
            key="launch",
            disabled=resolved is None or bool(refusal),
            help="Training goes on in a process of its own, also when this page is closed.",
        )
        if resolved is not None:
            with st.popover("Command line"):
                st.caption("What Launch does, from a terminal:")
                st.code(command_line(dataset, model, preset, name, changes), language=None, wrap_lines=True)
    # Not in a callback: that would see the fields as they were before a value typed just now.
    if pressed and resolved is not None and not refusal:
        with st.spinner("Starting"):
            widgets.attempt(partial(_launch, resolved, name, request))
        st.rerun()


def _name_field(place: Any, wish: str, request: str) -> str:
    """The run's name: a free one is proposed until one is typed, and kept while it names what was just launched."""
    typed, proposed = st.session_state.get("new:name"), st.session_state.get("new:proposed")
    just_launched = st.session_state.get("new:launched") == (request, typed)
    if typed is None or (typed == proposed and not just_launched):
        proposed = state.store().free_name(wish)
        st.session_state["new:name"] = st.session_state["new:proposed"] = proposed
    return str(place.text_input("Name of the run", key="new:name", persist_state="session") or "")


def _refuse_name(name: str, request: str) -> str:
    """Why the name cannot be taken, with one that can; empty where it can."""
    if st.session_state.get("new:launched") == (request, name):
        return ""
    free = state.store().free_name(name)
    if not name or slug(name) != name:
        return f"{name[:100]!r} cannot name a folder everywhere: use letters, digits, '-', '_', '.'; {free!r} would do."
    return "" if free == name else f"A run named {name!r} exists already; {free!r} is free."


def _offer_plans(model: str, preset: str, changes: Mapping[str, Any]) -> None:
    """Layer plans that fit, one click each."""
    defaults = flatten(resolve(model=model, preset=preset).config)
    size = changes.get("model.embedding_size", defaults["model.embedding_size"])
    kernels = changes.get("model.cnn_kernels", defaults["model.cnn_kernels"])
    plans = nearest_plans(size, kernels) if isinstance(kernels, list) else []
    with st.container(horizontal=True):
        for plan in plans:
            words = setting_fields.as_text(plan)
            st.button(f"Use kernels {words}", key=f"plan:{words}", on_click=_take_plan, args=(model, preset, words))


def _take_plan(model: str, preset: str, words: str) -> None:
    prefix = f"new:{model}:{preset}"
    st.session_state[f"{prefix}:model.cnn_kernels"] = words
    defaults = flatten(resolve(model=model, preset=preset).config)
    for key in _FOLLOW_KERNELS:  # they follow the kernels again
        st.session_state[f"{prefix}:{key}"] = setting_fields.as_text(defaults[key])


def _launch(resolved: Resolved, name: str, request: str) -> str:
    """Start the run, once: the id of a request is this session's, the name's and the settings'."""
    session = st.session_state.setdefault("new:session", uuid.uuid4().hex)
    request_id = hashlib.sha256(f"{session} {name} {request}".encode()).hexdigest()[:32]
    # Noted first: a second click interrupts this script at its next word to Streamlit, and must find the note.
    st.session_state["new:launched"] = (request, name)
    try:
        run, started = commands.launch(resolved, name, request_id)
    except ConvNCFError:
        del st.session_state["new:launched"]
        raise
    state.choose(run=run.name)
    return f"Started {run.name}." if started else f"{run.name} was already started; nothing was started twice."


def command_line(dataset: str, model: str, preset: str, name: str, changes: Mapping[str, Any]) -> str:
    """The command that does what Launch does."""
    words = ["convncf", "train", "--dataset", dataset, "--model", model, "--preset", preset, "--name", name]
    for key, value in changes.items():
        if key in ("seed", "train.device"):
            words += [f"--{key.removeprefix('train.')}", str(value)]
        else:
            words += ["--set", f"{key}={runtime.strict_json(value)}"]
    return shlex.join(words)
