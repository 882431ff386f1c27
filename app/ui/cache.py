"""What pages keep: data and models once for all visitors, results by raw ids; bounded, shared and read-only.

Every key begins with a folder and the stamps of the files behind it, so a run that is trained further, or deleted and
made again under its name, is read afresh.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np
import streamlit as st

from app.ui import address
from convncf import inspection
from convncf.data.dataset import Dataset
from convncf.data.items import fold
from convncf.errors import CheckpointError, ConvNCFError
from convncf.evaluation import comparison
from convncf.evaluation.comparison import Comparison
from convncf.evaluation.ranking import Scores, TopK
from convncf.inspection import History, PairView
from convncf.inspection.pair import listed
from convncf.runs import Run
from convncf.workflow.loading import LoadedRun, data_of, load_run

TOP: Final = 10
"""Length of the list of best items."""
FOUND: Final = 30
"""Matches that a search sends to the browser at most."""
Key = tuple[str, ...]
T = TypeVar("T")


# ---------------------------------------------------------------- what is kept
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
                    return self._values[key]
            with st.spinner(words, show_time=False) if words else nullcontext():
                value = _read_only(make())
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._room:
                    old, _ = self._values.popitem(last=False)
                    self._making.pop(old, None)
            return value

    def drop(self, key: Key | None = None) -> None:
        """Let go of one value, or of all."""
        with self._lock:
            if key is None:
                self._values.clear()
            else:
                self._values.pop(key, None)


@st.cache_resource(show_spinner=False)
def shelf(kind: str, room: int) -> Shelf:
    """The one of this kind, for all visitors; it holds so many values."""
    return Shelf(room)


def keep(kind: str, key: Key, make: Callable[[], T], *, room: int = 64, words: str = "") -> T:
    """What `make` returns, made once for each key while there is room for it."""
    return cast(T, shelf(kind, room).get(key, make, words))


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


# ---------------------------------------------------------------- models
@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A run at one epoch, ready to be asked, and what its results are cached under."""

    key: Key
    data_key: Key
    """Under which what depends on data and split alone is cached."""
    loaded: LoadedRun

    @property
    def dataset(self) -> Dataset:
        return self.loaded.dataset

    def user_id(self, user: int) -> str:
        """The raw id of a user index."""
        return self.dataset.interactions.users.id(user)

    def item_id(self, item: int) -> str:
        """The raw id of an item index."""
        return self.dataset.interactions.items.id(item)

    def item_label(self, item: int) -> str:
        """Title and year, with the id where two items have the same; an untitled item shows its id."""
        return self.dataset.items.distinct_label(item)


def model(run: Run, epoch: int | None = None) -> Model:
    """The run's best epoch, or the kept checkpoint of `epoch`. Raises ConvNCFError saying why there is none."""
    config = run.config()
    path = run.model_path
    if epoch is not None:
        path = next((kept.path for kept in run.checkpoints() if kept.epoch == epoch), path)
    key = (*of_run(run), *stamped(path), str(epoch))
    data_key = (str(address.home()), run.fingerprint, config.data.model_dump_json(), str(config.seed))
    try:
        loaded = keep("model", key, lambda: _load(run, epoch, data_key), room=MODELS, words="Reading the run…")
        return Model(key, data_key, loaded)
    except FileNotFoundError as error:  # deleted between looking and reading
        raise CheckpointError(f"run {run.name!r} is no longer there ({error.filename}). Choose another run.") from None


def epochs(run: Run, best: int) -> tuple[int, ...]:
    """The epochs that can be looked at, ascending: every kept checkpoint, and the best."""
    return tuple(sorted({kept.epoch for kept in run.checkpoints()} | {best}))


def kept(run: Run) -> Key:
    """What changes when a run in training keeps another model: its best, and its checkpoints."""
    return (*of_run(run), *stamped(run.model_path), *(str(each.epoch) for each in run.checkpoints()))


MODELS: Final = 8
"""Compare shows four runs at once, Inspect walks through the epochs of one."""
DATASETS: Final = 3


def _load(run: Run, epoch: int | None, data_key: Key) -> LoadedRun:
    # dataset and split are shared by all runs that were trained on the same parts of it
    dataset, parts = keep("data", data_key, lambda: data_of(run, address.home()), room=DATASETS)
    return load_run(run, address.home(), checkpoint=epoch, dataset=dataset, parts=parts)


# ---------------------------------------------------------------- results
def scores(model: Model, user: int) -> Scores:
    """The user's score of every item, (n_items,): what rank, list and filters share."""
    key = (*model.key, model.user_id(user))
    return keep("scores", key, lambda: model.loaded.model.score_items(user).numpy(), room=128)


def pair(model: Model, user: int, item: int) -> PairView:
    """The trace and rank of a pair (indices)."""
    loaded, key = model.loaded, (*model.key, model.user_id(user), model.item_id(item))
    return keep("pair", key, lambda: inspection.view_pair(loaded.model, loaded.split, user, item, scores(model, user)))


def top(model: Model, user: int) -> TopK:
    """The user's best items."""
    key = (*model.key, model.user_id(user))
    return keep("top", key, lambda: listed(scores(model, user), model.loaded.split, user, TOP), room=256)


def history(model: Model, user: int) -> History:
    """What the user has."""
    key = (*model.data_key, model.user_id(user))
    return keep("history", key, lambda: inspection.history(model.loaded.split, user), room=512)


def first_pair(model: Model) -> tuple[int, int]:
    """The user and the item (indices) that a newcomer sees first."""
    return keep("first pair", model.key, lambda: inspection.first_pair(model.loaded.model, model.loaded.split))


def finished(run: Run) -> bool:
    """Whether the run can be read and has a report; asked for every run each time that Compare is drawn."""

    def look() -> bool:
        try:
            return not run.broken() and run.report() is not None and run.status().state == "finished"
        except ConvNCFError:
            return False

    return keep("finished", of_run(run, "status.json", "report.json"), look, room=RUNS)


def measured(run: Run) -> Key | None:
    """What has to be equal between two finished runs to rank them; none where nothing was tested."""

    def look() -> Key | None:
        try:
            return comparison.measured(run.report() or {})
        except ConvNCFError:
            return None

    return keep("measured", of_run(run, "report.json"), look, room=RUNS)


RUNS: Final = 2048
"""Of how many runs is kept what a list says of each."""


def compared(runs: Sequence[Run]) -> Comparison:
    """Runs beside each other, the first as the baseline. Raises ConvNCFError saying what stands in the way."""
    key = tuple(each for run in runs for each in of_run(run, "report.json", "per_user.parquet"))
    return keep("compared", key, lambda: comparison.compare(runs), room=16, words="Comparing…")


# ---------------------------------------------------------------- finding one among many
@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: the first matches, best first, and how many there are."""

    indices: tuple[int, ...]
    total: int
    note: str = ""
    """What the search did not look at, a sentence; empty where it looked at all."""


def find_users(model: Model, text: str) -> Found:
    """Users whose id contains the text: the id itself first, then ids that begin with it."""
    return _find(_names(model)[0], text)


def find_items(model: Model, text: str) -> Found:
    """Items whose id or title contains every word of the text, whatever its case and accents."""
    return _find(_names(model)[1], text)


def surprise(model: Model) -> tuple[int, int]:
    """Any user, and one of their best items (indices)."""
    user = random.randrange(model.dataset.interactions.n_users)
    best = top(model, user).items  # empty where the user has everything
    return user, int(random.choice(best if len(best) else history(model, user).items))


_Names = tuple[tuple[str, str], ...]


def _names(model: Model) -> tuple[_Names, _Names]:
    """(folded id, folded label) of every user and of every item."""

    def make() -> tuple[_Names, _Names]:
        users, items = model.dataset.interactions.users.ids, model.dataset.items
        labels = ((fold(raw), fold(items.label(index))) for index, raw in enumerate(items.items.ids))
        return tuple((fold(raw), "") for raw in users), tuple(labels)

    return keep("names", model.data_key, make, room=DATASETS)


def _find(names: _Names, text: str) -> Found:
    wanted = fold(text).strip()
    words = wanted.split()
    matches = [
        (raw != wanted, not raw.startswith(wanted), not label.startswith(wanted), index)
        for index, (raw, label) in enumerate(names)
        if wanted in raw or (label and all(word in label for word in words))
    ]
    return Found(tuple(match[-1] for match in sorted(matches)[:FOUND]), len(matches))
