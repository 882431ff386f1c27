"""The foot of the form: the run's name, what is refused, what it will take, what stands before it, and Launch.

Each measurement is kept by its settings, for all visitors, and one runs at a time. The page only asks and shows.
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
from convncf.config import nearest_plans
from convncf.errors import ConfigError, ConvNCFError, LayerPlanError
from convncf.figures.theme import number, plural
from convncf.models.run_config import flatten
from convncf.models.settings import Resolved, resolve
from convncf.runs import slug
from convncf.runtime import devices, files
from convncf.runtime.devices import Gpu
from convncf.runtime.files import PACKAGE


@st.cache_data(ttl=10, max_entries=1, show_spinner=False)
def _gpus() -> tuple[Gpu, ...]:
    return devices.gpus()


def choices() -> dict[str, str]:
    """train.device -> its words; only "auto" where there is no GPU."""
    found: dict[int | None, Gpu] = {gpu.index: gpu for gpu in _gpus()}
    if not found:
        return {"auto": _cpu()}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = len(found) if visible is None else len([part for part in visible.split(",") if part.strip()])
    # torch counts only the GPUs that are visible to it; the driver counts all
    by_ordinal = {ordinal: found.get(devices.physical_index(ordinal)) for ordinal in range(count)}
    named = {f"cuda:{ordinal}": _gpu(ordinal, gpu) for ordinal, gpu in by_ordinal.items() if gpu is not None}
    return {"auto": "automatic: a GPU that works, else the CPU", **named, "cpu": _cpu()}


def pick() -> str:
    """A picker of devices, or a plain word where there is no choice; returns the setting train.device."""
    offered = choices()
    if len(offered) == 1:
        st.caption(f"No GPU here: training uses the {plain(_cpu())}.")
        return "auto"
    chosen = st.selectbox(
        "Device",
        list(offered),
        format_func=lambda device: offered[device],
        key="new:device",
        help="One job at a time runs on each device; others wait for their turn.",
        persist_state="session",
    )
    return chosen or "auto"


def _gpu(ordinal: int, gpu: Gpu) -> str:
    free, total = number(gpu.memory_free_mib / 1024), number(gpu.memory_total_mib / 1024)
    users = jobs.ahead(address.store(), f"cuda:{ordinal}")
    held = f", in use by {users[0]}" if users else ""
    return f"GPU {gpu.index}: {gpu.name}, {free} of {total} GiB free, {gpu.utilisation}% busy{held}"


def _cpu() -> str:
    count = devices.cpu_count()
    return f"CPU ({devices.cpu_name()}, {count} core{'s' if count > 1 else ''})"


_STANDS: Final = 1.2
"""Seconds without a change before anything is measured: nobody waits for what is typed half."""
_PATIENCE: Final = 60.0
_ASKED: Final = "new:estimate"
"""In the session: (the command, since when it has stood)."""
_DRAWN: Final = "new:estimate:drawn"
"""In the session while the page is drawn, as against a tick of the fragment alone."""
_KNOWN: Final = "new:estimate:known"
"""In the session: the command whose measurement is there, and the stamp of the data that it is of."""


@dataclass(slots=True)
class Asked:
    """One measurement, from its start to its answer."""

    words: str = ""
    """What it will take; empty until it is known."""
    problem: str = ""
    """Why it would be refused, or could not be measured."""
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, command: Sequence[str], home: Path, turn: threading.Lock) -> None:
        """Measure, in this thread, once the turn has come; the work itself is another process."""
        with turn:
            try:
                self.words, self.problem = _measured(command, home)
            finally:
                self.done.set()


def _measured(command: Sequence[str], home: Path) -> tuple[str, str]:
    """(words, problem) of `convncf train … --estimate --json`."""
    code = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"CONVNCF_HOME": str(home.resolve()), "PYTHONPATH": code}
    try:
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [sys.executable, "-m", *command, "--estimate", "--json"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=folder,
                timeout=_PATIENCE,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return (
            "",
            f"what it will take was not measured within {_PATIENCE:.0f} s: the machine is busy, or one step is long",
        )
    except OSError as error:
        return "", f"the measurement could not be started: {error}"
    said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    try:
        return str(json.loads(ended.stdout)["words"]), ""
    except (ValueError, KeyError):
        return "", said[-1] if said else f"the measurement ended with {ended.returncode} and no word"


@st.cache_resource(show_spinner=False)
def _turn() -> threading.Lock:
    return threading.Lock()


@st.cache_resource(max_entries=200, show_spinner=False)
def _ask(command: tuple[str, ...], home: str, files: float) -> Asked:
    """Begin a measurement, once for these settings; `files` changes when a dataset or a run comes or goes."""
    asked = Asked()
    arguments = (command, Path(home), _turn())
    threading.Thread(target=asked.run, args=arguments, name="estimate", daemon=True).start()
    return asked


def show_estimate(command: Sequence[str], runs: int) -> None:
    """The estimate for this command, when it is there; it comes by itself, and is made anew when the form changes.

    Only the fragment's own ticks begin a measurement, never the page that is being drawn.
    """
    words = tuple(command)
    before: Any = st.session_state.get(_ASKED)
    if before is None or before[0] != words:
        st.session_state[_ASKED] = (words, time.monotonic())
    st.session_state[_DRAWN] = True
    known = st.session_state.get(_KNOWN) == (words, _files())
    st.fragment(_show, run_every=None if known else 0.7)(words, runs)


def _show(command: tuple[str, ...], runs: int) -> None:
    drawn, key = st.session_state.pop(_DRAWN, False), (command, _files())
    known, asked = st.session_state.get(_KNOWN) == key, st.session_state.get(_ASKED)
    if not known and (drawn or asked is None or time.monotonic() - asked[1] < _STANDS):
        st.caption("What it will take is measured as soon as the form stands still.")
        return
    found = _ask(command, str(address.home()), _files())
    if not found.done.is_set():
        st.caption("Measuring what it will take: some steps and some users, in a process of its own.")
        return
    if not known:
        st.session_state[_KNOWN] = key
        st.rerun()  # the whole page, once: then nothing asks any more
    if found.words:
        each = "Each of them takes" if runs > 1 else "It takes"
        st.caption(plain(f"{each} {found.words}. Measured on this machine as busy as it was then."))
    else:
        st.warning(plain(sentence(found.problem.removeprefix("error: "))))


def _files() -> float:
    """When a dataset came or went last."""
    try:
        return (address.home() / "datasets").stat().st_mtime
    except OSError:
        return 0.0


FOLLOW_KERNELS: Final = ("model.cnn_strides", "model.cnn_channels")
"""Settings that follow the kernels unless they were changed themselves."""
_NAMED: Final = 5


def show(dataset: str, model: str, preset: str, seeds: str, changes: Mapping[str, Any]) -> None:
    """Everything in the form is checked here at each change, before anything is started."""
    request = f"{dataset} {model} {preset} {seeds} {files.strict_json(dict(changes))}"
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
        show_estimate(command_words(dataset, model, preset, "", changes, seeds), len(wanted))
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
    before = jobs.ahead(address.store(), device)
    if not before:
        return
    listed = ", ".join(before[:_NAMED]) + (f" and {len(before) - _NAMED:,} more" if before[_NAMED:] else "")
    what = "It would be" if runs == 1 else "The first of them would be"
    st.caption(
        plain(f"{plural(len(before), 'run')} before it on this device: {listed}. {what} {jobs.queue_position(before)}.")
    )


def _name_field(place: Any, wish: str, request: str) -> str:
    """The run's name: a free one is proposed until one is typed, and kept while it names what was just launched."""
    typed, proposed = st.session_state.get("new:name"), st.session_state.get("new:proposed")
    just_launched = st.session_state.get("new:launched") == (request, typed)
    if typed is None or (typed == proposed and not just_launched):
        proposed = address.store().free_name(wish)
        st.session_state["new:name"] = st.session_state["new:proposed"] = proposed
    return str(place.text_input("Name of the run", key="new:name", persist_state="session") or "")


def _refuse_spelling(name: str) -> str:
    if name and slug(name) == name:
        return ""
    free = address.store().free_name(name)
    return f"{name[:100]!r} cannot name a folder everywhere: use letters, digits, '-', '_', '.'; {free!r} would do."


def _refuse_name(name: str, request: str) -> str:
    """Why the name cannot be taken, with one that can; empty where it can."""
    if st.session_state.get("new:launched") == (request, name):
        return ""
    free = address.store().free_name(name)
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
    address.choose(run=run.name)
    return f"Started {run.name}." if started else f"{run.name} was already started; nothing was started twice."


def _launch_seeds(wanted: Mapping[str, Resolved], request: str) -> str:
    """Queue a run for each seed, once: the same names with the same settings are the same runs."""
    st.session_state["new:launched"] = (request, st.session_state.get("new:name"))
    try:
        runs, started = commands.launch_seeds(wanted)
    except ConvNCFError:
        del st.session_state["new:launched"]
        raise
    address.choose(run=runs[0].name)
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
            words += ["--set", f"{key}={files.strict_json(value)}"]
    return words


def command_line(dataset: str, model: str, preset: str, name: str, changes: Mapping[str, Any], seeds: str = "") -> str:
    """That command, to be copied into a shell."""
    return shlex.join(command_words(dataset, model, preset, name, changes, seeds))
