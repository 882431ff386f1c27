"""Launch: the foot of the form, with the run's name, refusals, the estimate, the queue and the button.

Each measurement for an estimate is cached by its settings, for all visitors, and one runs at a time. The page only
requests and shows it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import streamlit as st

from app.ui import address, commands, setting_fields, widgets
from app.ui.text import plain, sentence
from convncf import jobs
from convncf.errors import ConfigError, ConvNCFError, LayerPlanError
from convncf.figures.theme import number, plural
from convncf.models.registry import record
from convncf.models.run_config import flatten, nest
from convncf.models.settings import Resolved, resolve
from convncf.runs import slug
from convncf.runtime import devices, files
from convncf.runtime.devices import Gpu
from convncf.runtime.files import PACKAGE


@st.cache_data(ttl=10, max_entries=1, show_spinner=False)
def _gpus() -> tuple[Gpu, ...]:
    return devices.gpus()


def choices() -> dict[str, str]:
    """train.device -> its label; only "auto" where there is no GPU."""
    by_index: dict[int | None, Gpu] = {gpu.index: gpu for gpu in _gpus()}
    if not by_index:
        return {"auto": _cpu()}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = len(by_index) if visible is None else len([part for part in visible.split(",") if part.strip()])
    # torch counts only the GPUs that are visible to it; the driver counts all
    by_ordinal = {ordinal: by_index.get(devices.physical_index(ordinal)) for ordinal in range(count)}
    usable = {f"cuda:{ordinal}": _gpu(ordinal, gpu) for ordinal, gpu in by_ordinal.items() if gpu is not None}
    return {"auto": "automatic: a working GPU, else the CPU", **usable, "cpu": _cpu()}


def pick() -> str:
    """A picker of devices, or a caption where there is no choice; returns the setting train.device."""
    labels = choices()
    if len(labels) == 1:
        st.caption(f"No GPU here: training uses the {plain(_cpu())}.")
        return "auto"
    chosen = st.selectbox(
        "Device",
        list(labels),
        format_func=lambda device: labels[device],
        key="new:device",
        help="One job at a time runs on each device; others are queued.",
        persist_state="session",
    )
    return chosen or "auto"


def _gpu(ordinal: int, gpu: Gpu) -> str:
    free, total = number(gpu.memory_free_mib / 1024), number(gpu.memory_total_mib / 1024)
    holders = jobs.ahead(address.store(), f"cuda:{ordinal}")
    in_use = f", in use by {holders[0]}" if holders else ""
    return f"GPU {gpu.index}: {gpu.name}, {free} of {total} GiB free, {gpu.utilisation}% busy{in_use}"


def _cpu() -> str:
    count = devices.cpu_count()
    return f"CPU ({devices.cpu_name()}, {count} core{'s' if count > 1 else ''})"


_DEBOUNCE: Final = 1.2
"""Seconds without a change before anything is measured, so that half-typed settings are not."""
_TIMEOUT: Final = 60.0
_PENDING: Final = "new:estimate"
"""In the session: (the command, since when it has been unchanged)."""
_DRAWN: Final = "new:estimate:drawn"
"""In the session while the whole page is drawn, rather than only the fragment."""
_MEASURED: Final = "new:estimate:known"
"""In the session: the command whose measurement has finished, and the stamp of its data."""


@dataclass(slots=True)
class Estimate:
    """One measurement, from its start to its result."""

    text: str = ""
    """Time and memory; empty until they are known."""
    problem: str = ""
    """Why it would be refused, or could not be measured."""
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, command: Sequence[str], home: Path, turn: threading.Lock) -> None:
        """Measure, in this thread, once the lock `turn` is free; the work itself is in another process."""
        with turn:
            try:
                self.text, self.problem = _measure(command, home)
            finally:
                self.done.set()


def _measure(command: Sequence[str], home: Path) -> tuple[str, str]:
    """(text, problem) of `convncf train … --estimate --json`."""
    python_path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"CONVNCF_HOME": str(home.resolve()), "PYTHONPATH": python_path}
    try:
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.run(
                [sys.executable, "-m", *command, "--estimate", "--json"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=folder,
                timeout=_TIMEOUT,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return (
            "",
            f"no estimate within {_TIMEOUT:.0f} s: the machine is busy, or one training step is long",
        )
    except OSError as error:
        return "", f"the estimate could not be started: {error}"
    errors = process.stderr.decode("utf-8", "replace").strip().splitlines()
    try:
        return str(json.loads(process.stdout)["words"]), ""
    except (ValueError, KeyError):
        return "", errors[-1] if errors else f"the estimate ended with exit code {process.returncode} and no message"


@st.cache_resource(show_spinner=False)
def _turn() -> threading.Lock:
    return threading.Lock()


@st.cache_resource(max_entries=200, show_spinner=False)
def _begin_estimate(command: tuple[str, ...], home: str, files: float) -> Estimate:
    """Begin a measurement, once for these settings; `files` changes when a dataset is added or deleted."""
    estimate = Estimate()
    arguments = (command, Path(home), _turn())
    threading.Thread(target=estimate.run, args=arguments, name="estimate", daemon=True).start()
    return estimate


def show_estimate(command: Sequence[str], runs: int) -> None:
    """The estimate for this command, once it is measured; it appears by itself, and follows changes of the form.

    Only the fragment's own reruns begin a measurement, never the drawing of the whole page.
    """
    key = tuple(command)
    pending: Any = st.session_state.get(_PENDING)
    if pending is None or pending[0] != key:
        st.session_state[_PENDING] = (key, time.monotonic())
    st.session_state[_DRAWN] = True
    measured = st.session_state.get(_MEASURED) == (key, _files())
    st.fragment(_show, run_every=None if measured else 0.7)(key, runs)


def _show(command: tuple[str, ...], runs: int) -> None:
    drawn, key = st.session_state.pop(_DRAWN, False), (command, _files())
    measured, pending = st.session_state.get(_MEASURED) == key, st.session_state.get(_PENDING)
    if not measured and (drawn or pending is None or time.monotonic() - pending[1] < _DEBOUNCE):
        st.caption("Time and memory are estimated as soon as the form stays unchanged.")
        return
    estimate = _begin_estimate(command, str(address.home()), _files())
    if not estimate.done.is_set():
        st.caption("Estimating time and memory: a few steps and a few users, in a process of its own.")
        return
    if not measured:
        st.session_state[_MEASURED] = key
        st.rerun()  # the whole page, once: after that the fragment stops polling
    if estimate.text:
        subject = "Each of them takes" if runs > 1 else "It takes"
        st.caption(plain(f"{subject} {estimate.text}. Measured on this machine, under its load at that time."))
    else:
        st.warning(plain(sentence(estimate.problem.removeprefix("error: "))))


def _files() -> float:
    """When a dataset was last added or deleted."""
    try:
        return (address.home() / "datasets").stat().st_mtime
    except OSError:
        return 0.0


_NAMED: Final = 5


def show(dataset: str, model: str, preset: str, seeds: str, changes: Mapping[str, Any]) -> None:
    """The foot of the form: everything is checked at each change, before anything is started."""
    request = f"{dataset} {model} {preset} {seeds} {files.strict_json(dict(changes))}"
    name_column, button_column = st.columns([3, 4], vertical_alignment="bottom")
    name = _name_field(name_column, f"{model}-{dataset}", request)
    resolved, problem = _resolve_all(dataset, model, preset, seeds, name, changes)
    refusal = _refuse_name(name, request) if resolved and not seeds else _refuse_spelling(name) if resolved else ""
    if refusal:
        widgets.problem(refusal)
    launchable = bool(resolved) and not refusal
    with button_column.container(horizontal=True):
        pressed = widgets.main_button(
            f"Launch {len(resolved)} runs" if len(resolved) > 1 else "Launch",
            key="launch",
            disabled=not launchable,
            help="Training runs in a process of its own, also when this page is closed.",
        )
        if resolved:
            with st.popover("Command line"):
                st.caption("What Launch does, in a terminal:")
                command = command_line(dataset, model, preset, name, changes, seeds)
                st.code(command, language=None, wrap_lines=True)
    if isinstance(problem, LayerPlanError):
        _offer_proposals(model, preset, changes)
    if resolved:
        _show_queue(str(changes.get("train.device", "auto")), len(resolved))
        show_estimate(command_arguments(dataset, model, preset, "", changes, seeds), len(resolved))
    # Not in a callback: that would see the fields as they were before a value typed just now.
    if pressed and launchable:
        with st.spinner("Starting"):
            launch = (
                partial(_launch_seeds, resolved) if seeds else partial(_launch, next(iter(resolved.values())), name)
            )
            widgets.attempt(partial(launch, request))
        st.rerun()


def _resolve_all(
    dataset: str, model: str, preset: str, seeds: str, name: str, changes: Mapping[str, Any]
) -> tuple[dict[str, Resolved], ConfigError | None]:
    """Name -> the configuration of each run that Launch would create; none, and the error, where it is refused."""
    try:
        if not seeds:
            return {name: resolve(model=model, preset=preset, dataset=dataset, settings=changes)}, None
        numbers = jobs.parse_seeds(seeds, "Several seeds")
        shared = {key: value for key, value in changes.items() if key != "seed"}
        return {
            f"{name}-seed{seed}": resolve(model=model, preset=preset, dataset=dataset, seed=seed, settings=shared)
            for seed in numbers
        }, None
    except ConfigError as error:
        widgets.problem(error)
        return {}, error


def _show_queue(device: str, runs: int) -> None:
    """The runs that one launched now would be queued behind."""
    ahead = jobs.ahead(address.store(), device)
    if not ahead:
        return
    names = ", ".join(ahead[:_NAMED]) + (f" and {len(ahead) - _NAMED:,} more" if ahead[_NAMED:] else "")
    subject = "It would be" if runs == 1 else "The first of them would be"
    st.caption(
        plain(
            f"{plural(len(ahead), 'run')} ahead of it on this device: {names}. {subject} {jobs.queue_position(ahead)}."
        )
    )


def _name_field(column: Any, stem: str, request: str) -> str:
    """The run's name: a free one is proposed until one is typed, and stays while it names what was just launched."""
    typed, proposed = st.session_state.get("new:name"), st.session_state.get("new:proposed")
    just_launched = st.session_state.get("new:launched") == (request, typed)
    if typed is None or (typed == proposed and not just_launched):
        proposed = address.store().free_name(stem)
        st.session_state["new:name"] = st.session_state["new:proposed"] = proposed
    return str(column.text_input("Name of the run", key="new:name", persist_state="session") or "")


def _refuse_spelling(name: str) -> str:
    if name and slug(name) == name:
        return ""
    free = address.store().free_name(name)
    return f"{name[:100]!r} cannot name a folder on every system: use letters, digits, '-', '_', '.', such as {free!r}."


def _refuse_name(name: str, request: str) -> str:
    """Why the name cannot be used, with one that can; empty where it can."""
    if st.session_state.get("new:launched") == (request, name):
        return ""
    free = address.store().free_name(name)
    return _refuse_spelling(name) or ("" if free == name else f"A run named {name!r} exists already; {free!r} is free.")


def _offer_proposals(model: str, preset: str, changes: Mapping[str, Any]) -> None:
    """Buttons for values that would fit, as the model's settings propose them."""
    defaults = flatten(resolve(model=model, preset=preset).config)
    settings = record(model).settings
    with st.container(horizontal=True):
        for field, value in settings.proposals(nest(defaults | dict(changes))["model"]):
            text = setting_fields.as_text(value)
            title = (settings.model_fields[field].title or field).lower()
            arguments = (model, preset, field, value)
            st.button(f"Use {title} {text}", key=f"proposal:{text}", on_click=_take_proposal, args=arguments)


def _take_proposal(model: str, preset: str, field: str, value: Any) -> None:
    prefix = f"new:{model}:{preset}:model"
    st.session_state[f"{prefix}.{field}"] = setting_fields.as_text(value)
    defaults = nest(flatten(resolve(model=model, preset=preset).config))["model"]
    for key in record(model).settings.goes_with.get(field, ()):  # they go with the field again
        st.session_state[f"{prefix}.{key}"] = setting_fields.as_text(defaults[key])


def _launch(resolved: Resolved, name: str, request: str) -> str:
    """Start the run, once: the request's id depends on the session, the name and the settings."""
    session = st.session_state.setdefault("new:session", uuid.uuid4().hex)
    request_id = hashlib.sha256(f"{session} {name} {request}".encode()).hexdigest()[:32]
    # Recorded first: a second click interrupts this script at its next call of Streamlit, and must find the record.
    st.session_state["new:launched"] = (request, name)
    try:
        run, started = commands.launch(resolved, name, request_id)
    except ConvNCFError:
        del st.session_state["new:launched"]
        raise
    address.choose(run=run.name)
    return f"Started {run.name}." if started else f"{run.name} was already started; nothing was started twice."


def _launch_seeds(by_name: Mapping[str, Resolved], request: str) -> str:
    """Queue a run for each seed, once: the same names with the same settings are the same runs."""
    st.session_state["new:launched"] = (request, st.session_state.get("new:name"))
    try:
        runs, started = commands.launch_seeds(by_name)
    except ConvNCFError:
        del st.session_state["new:launched"]
        raise
    address.choose(run=runs[0].name)
    if not started:
        return "All of them were already started; nothing was started twice."
    return f"Queued: {', '.join(run.name for run in started)}. They train one after the other."


def command_arguments(
    dataset: str, model: str, preset: str, name: str, changes: Mapping[str, Any], seeds: str = ""
) -> list[str]:
    """The arguments of the command that does what Launch does; without a name where that is empty."""
    arguments = ["convncf", "train", "--dataset", dataset, "--model", model, "--preset", preset]
    arguments += ["--name", name] if name else []
    arguments += ["--seeds", seeds] if seeds else []
    for key, value in changes.items():
        if key == "seed" and seeds:
            continue
        if key in ("seed", "train.device"):
            arguments += [f"--{key.removeprefix('train.')}", str(value)]
        else:
            arguments += ["--set", f"{key}={files.strict_json(value)}"]
    return arguments


def command_line(dataset: str, model: str, preset: str, name: str, changes: Mapping[str, Any], seeds: str = "") -> str:
    """That command as one line, to be copied into a shell."""
    return shlex.join(command_arguments(dataset, model, preset, name, changes, seeds))
