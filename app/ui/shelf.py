"""Shelf: what pages keep for all visitors, by raw ids and the stamps of files; bounded, each made once, read-only.

A key begins with a folder and the stamps of the files behind it, so that what was written anew is read anew. No torch
comes with this: pages that look into no model load none.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np
import streamlit as st

from convncf.runs import Run

Key = tuple[str, ...]
T = TypeVar("T")
DATASETS: Final = 3
RUNS: Final = 2048
"""Of how many datasets, and of how many runs in a list, something is kept."""


class Shelf:
    """Values by key, of which the one that was asked for longest ago goes first; each is made once."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: OrderedDict[Key, Any] = OrderedDict()
        self._making: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Any], words: str = "") -> Any:
        """The value of this key; whoever asks while another visitor has it made waits for it. Not kept where it raises.

        `words` stand on the page meanwhile.
        """
        with self._lock:
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    self._making.pop(key, None)
                    return self._values[key]
            try:
                with st.spinner(words, show_time=False) if words else nullcontext():
                    value = _read_only(make())
                with self._lock:
                    self._values[key] = value
                    while len(self._values) > self._room:
                        self._values.popitem(last=False)
                return value
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def drop(self, key: Key | None = None) -> None:
        """Let go of one value, or of all."""
        with self._lock:
            if key is None:
                self._values.clear()
            else:
                self._values.pop(key, None)


@st.cache_resource(show_spinner=False)
def of(kind: str, room: int) -> Shelf:
    """The shelf of this kind, the same for all visitors; it has room for so many values."""
    return Shelf(room)


def keep(kind: str, key: Key, make: Callable[[], T], *, room: int = 64, words: str = "") -> T:
    """What `make` returns, made once for each key while there is room for it."""
    return cast(T, of(kind, room).get(key, make, words))


def stamped(*paths: Path) -> Key:
    """Name, size, time and place of files; of one that is missing, its name alone."""
    stamps = []
    for path in paths:
        try:
            found = path.stat()
            stamps.append(f"{path.name} {found.st_size} {found.st_mtime_ns} {found.st_ino}")
        except OSError:
            stamps.append(f"{path.name} missing")
    return tuple(stamps)


def of_run(run: Run, *names: str) -> Key:
    """The run's folder, and the stamps of its settings and of these files in it."""
    return (str(run.path), *stamped(*(run.path / name for name in ("config.json", *names))))


def _read_only(value: Any) -> Any:
    """What is shared between sessions: nobody may write into its arrays."""
    parts = [getattr(value, each.name) for each in fields(value)] if is_dataclass(value) else [value]
    for part in parts:
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
    return value
