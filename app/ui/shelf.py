"""Shelf: a bounded cache for all visitors, by raw ids and the stamps of files; each value is made once, read-only.

A key begins with a folder and the stamps of the files behind it, so that rewritten files are read again. This module
does not import torch: pages that inspect no model do not load it.
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
from convncf.runtime.arrays import read_only

Key = tuple[str, ...]
T = TypeVar("T")
DATASETS: Final = 3
RUNS: Final = 2048
"""How many datasets, and how many runs in a list, are cached."""


class Shelf:
    """A least-recently-used cache; each value is made once."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: OrderedDict[Key, Any] = OrderedDict()
        self._making: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Any], spinner: str = "") -> Any:
        """The value of this key; a second visitor waits while it is made for the first. Not cached where it raises.

        The page shows the text `spinner` meanwhile.
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
                with st.spinner(spinner, show_time=False) if spinner else nullcontext():
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
        """Drop one value, or all."""
        with self._lock:
            if key is None:
                self._values.clear()
            else:
                self._values.pop(key, None)


@st.cache_resource(show_spinner=False)
def of(kind: str, room: int) -> Shelf:
    """The shelf of this kind, shared by all visitors, with room for `room` values."""
    return Shelf(room)


def keep(kind: str, key: Key, make: Callable[[], T], *, room: int = 64, spinner: str = "") -> T:
    """The result of `make`, computed once for each key while there is room for it."""
    return cast(T, of(kind, room).get(key, make, spinner))


def stamped(*paths: Path) -> Key:
    """Name, size, modification time and inode of files; of a missing one, its name alone."""
    stamps = []
    for path in paths:
        try:
            stat = path.stat()
            stamps.append(f"{path.name} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}")
        except OSError:
            stamps.append(f"{path.name} missing")
    return tuple(stamps)


def of_run(run: Run, *names: str) -> Key:
    """The run's folder, and the stamps of its settings and of these files in it."""
    return (str(run.path), *stamped(*(run.path / name for name in ("config.json", *names))))


def _read_only(value: Any) -> Any:
    """The value with read-only arrays: it is shared between sessions."""
    values = [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else [value]
    for part in values:
        if isinstance(part, np.ndarray):
            read_only(part)
    return value
