"""The foot of the form: the run's name, what is refused, what it will take, what stands before it, and Launch."""

from __future__ import annotations

import hashlib
import shlex
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import streamlit as st

from app import state, widgets
from app.panels import commands
from app.panels.train import estimate as train_estimate
from app.panels.train import setting_fields
from app.wording import plain, plural
from convncf import jobs, runtime
from convncf.config import Resolved, flatten, nearest_plans, resolve
from convncf.errors import ConfigError, ConvNCFError, LayerPlanError
from convncf.runs import slug

FOLLOW_KERNELS: Final = ("model.cnn_strides", "model.cnn_channels")
"""Settings that follow the kernels unless they were changed themselves."""
_NAMED: Final = 5


def show(dataset: str, model: str, preset: str, seeds: str, changes: Mapping[str, Any]) -> None:
    """Everything in the form is checked here at each change, before anything is started."""
    request = f"{dataset} {model} {preset} {seeds} {runtime.strict_json(dict(changes))}"
    name_column, button_column = st.columns([3, 4], vertical_alignment="bottom")
    name = _name_field(name_column, f"{model}-{dataset}", request)
    wanted, problem = _resolved(dataset, model, preset, seeds, name, changes)
    refusal = _refuse_name(name, request) if wanted and not seeds else _refuse_spelling(name) if wanted else ""
    if refusal:
        widgets.problem(refusal)
    ready = bool(wanted) and not refusal
    with button_column.container(horizontal=True):
        pressed = widgets.main_button(
            f"Launch {len(wanted)} runs" if len(wanted) > 1 else "Launch",
            key="launch",
            disabled=not ready,
            help="Training goes on in a process of its own, also when this page is closed.",
        )
        if wanted:
            with st.popover("Command line"):
                st.caption("What Launch does, from a terminal:")
                words = command_line(dataset, model, preset, name, changes, seeds)
                st.code(words, language=None, wrap_lines=True)
    if isinstance(problem, LayerPlanError):
        _offer_plans(model, preset, changes)
    if wanted:
        _before_it(str(changes.get("train.device", "auto")), len(wanted))
        train_estimate.show(command_words(dataset, model, preset, "", changes, seeds), len(wanted))
    # Not in a callback: that would see the fields as they were before a value typed just now.
    if pressed and ready:
        with st.spinner("Starting"):
            launch = partial(_launch_seeds, wanted) if seeds else partial(_launch, next(iter(wanted.values())), name)
            widgets.attempt(partial(launch, request))
        st.rerun()


def _resolved(
    dataset: str, model: str, preset: str, seeds: str, name: str, changes: Mapping[str, Any]
) -> tuple[dict[str, Resolved], ConfigError | None]:
    """Name -> the configuration of each run that Launch would make; none, and what was wrong, where it is refused."""
    try:
        if not seeds:
            return {name: resolve(model=model, preset=preset, dataset=dataset, settings=changes)}, None
        asked = jobs.parse_seeds(seeds, "Several seeds")
        alike = {key: value for key, value in changes.items() if key != "seed"}
        return {
            f"{name}-seed{seed}": resolve(model=model, preset=preset, dataset=dataset, seed=seed, settings=alike)
            for seed in asked
        }, None
    except ConfigError as error:
        widgets.problem(error)
        return {}, error


def _before_it(device: str, runs: int) -> None:
    """What a run that is launched now would wait for."""
    before = jobs.ahead(state.store(), device)
    if not before:
        return
    listed = ", ".join(before[:_NAMED]) + (f" and {len(before) - _NAMED:,} more" if before[_NAMED:] else "")
    what = "It would be" if runs == 1 else "The first of them would be"
    st.caption(
        plain(f"{plural(len(before), 'run')} before it on this device: {listed}. {what} {jobs.standing(before)}.")
    )


def _name_field(place: Any, wish: str, request: str) -> str:
    """The run's name: a free one is proposed until one is typed, and kept while it names what was just launched."""
    typed, proposed = st.session_state.get("new:name"), st.session_state.get("new:proposed")
    just_launched = st.session_state.get("new:launched") == (request, typed)
    if typed is None or (typed == proposed and not just_launched):
        proposed = state.store().free_name(wish)
        st.session_state["new:name"] = st.session_state["new:proposed"] = proposed
    return str(place.text_input("Name of the run", key="new:name", persist_state="session") or "")


def _refuse_spelling(name: str) -> str:
    if name and slug(name) == name:
        return ""
    free = state.store().free_name(name)
    return f"{name[:100]!r} cannot name a folder everywhere: use letters, digits, '-', '_', '.'; {free!r} would do."


def _refuse_name(name: str, request: str) -> str:
    """Why the name cannot be taken, with one that can; empty where it can."""
    if st.session_state.get("new:launched") == (request, name):
        return ""
    free = state.store().free_name(name)
    return _refuse_spelling(name) or ("" if free == name else f"A run named {name!r} exists already; {free!r} is free.")


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
    for key in FOLLOW_KERNELS:  # they follow the kernels again
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


def _launch_seeds(wanted: Mapping[str, Resolved], request: str) -> str:
    """Queue a run for each seed, once: the same names with the same settings are the same runs."""
    st.session_state["new:launched"] = (request, st.session_state.get("new:name"))
    try:
        runs, started = commands.launch_seeds(wanted)
    except ConvNCFError:
        del st.session_state["new:launched"]
        raise
    state.choose(run=runs[0].name)
    if not started:
        return "All of them were already started; nothing was started twice."
    return f"Queued: {', '.join(run.name for run in started)}. They train one after the other."


def command_words(
    dataset: str, model: str, preset: str, name: str, changes: Mapping[str, Any], seeds: str = ""
) -> list[str]:
    """The words of the command that does what Launch does; without a name where that is empty."""
    words = ["convncf", "train", "--dataset", dataset, "--model", model, "--preset", preset]
    words += ["--name", name] if name else []
    words += ["--seeds", seeds] if seeds else []
    for key, value in changes.items():
        if key == "seed" and seeds:
            continue
        if key in ("seed", "train.device"):
            words += [f"--{key.removeprefix('train.')}", str(value)]
        else:
            words += ["--set", f"{key}={runtime.strict_json(value)}"]
    return words


def command_line(dataset: str, model: str, preset: str, name: str, changes: Mapping[str, Any], seeds: str = "") -> str:
    """That command, to be copied into a shell."""
    return shlex.join(command_words(dataset, model, preset, name, changes, seeds))
