"""What a run will take, told under the form: measured in a process of its own once the form has stood still.

Each measurement is kept by its settings, for all visitors, and one runs at a time. The page only asks and shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import streamlit as st

from app import state
from app.wording import plain, sentence
from convncf import runtime

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
    code = os.pathsep.join(filter(None, (str(Path(runtime.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
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


def show(command: Sequence[str], runs: int) -> None:
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
    found = _ask(command, str(state.home()), _files())
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
        return (state.home() / "datasets").stat().st_mtime
    except OSError:
        return 0.0
