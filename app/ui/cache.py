"""What pages fetch from the core, in bounded caches: data and models once for all visitors, results by raw keys.

Every key begins with the run's folder and a stamp of the file behind it, so a run that is trained further, or deleted
and made again under its name, is read afresh. What is cached is read-only and shared between sessions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from app.ui import address, run_summary
from convncf import inspection
from convncf.data.dataset import Dataset
from convncf.data.items import fold
from convncf.data.split import Split
from convncf.errors import CheckpointError, ConvNCFError
from convncf.evaluation import comparison
from convncf.evaluation.comparison import Comparison
from convncf.evaluation.ranking import Scorer, Scores, TopK
from convncf.inspection import History, PairView
from convncf.inspection.pair import listed
from convncf.runs import Run
from convncf.workflow.loading import LoadedRun, data_of, load_run

TOP: Final = 10
"""Length of the list of best items."""
FOUND: Final = 30
"""Matches that a search sends to the browser at most."""
Key = tuple[str, ...]


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
    key = (*_key(run, path), str(epoch))
    data_key = (str(address.home()), run.fingerprint, config.data.model_dump_json(), str(config.seed))
    try:
        return Model(key, data_key, _model(key, run, epoch, data_key))
    except FileNotFoundError as error:  # deleted between looking and reading
        raise CheckpointError(f"run {run.name!r} is no longer there ({error.filename}). Choose another run.") from None


def epochs(run: Run, best: int) -> tuple[int, ...]:
    """The epochs that can be looked at, ascending: every kept checkpoint, and the best."""
    return tuple(sorted({kept.epoch for kept in run.checkpoints()} | {best}))


def kept(run: Run) -> Key:
    """What changes when a run in training keeps another model: its best, and its checkpoints."""
    return (*_key(run, run.model_path), *(str(each.epoch) for each in run.checkpoints()))


# Compare shows four runs at once, Inspect walks through the epochs of one.
@st.cache_resource(max_entries=8, show_spinner="Reading the run…")
def _model(key: Key, _run: Run, epoch: int | None, data_key: Key) -> LoadedRun:
    dataset, parts = _data(data_key, _run)
    return load_run(_run, address.home(), checkpoint=epoch, dataset=dataset, parts=parts)


@st.cache_resource(max_entries=3, show_spinner=False)
def _data(data_key: Key, _run: Run) -> tuple[Dataset, Split]:
    """Dataset and split, shared by all runs that were trained on the same parts of it."""
    return data_of(_run, address.home())


def _key(run: Run, *paths: Path) -> Key:
    """The run's folder, and size and time of files in it; a file that is missing has neither."""
    stamps = []
    for path in (run.path / "config.json", *paths):
        try:
            found = path.stat()
            stamps.append(f"{path.name} {found.st_size} {found.st_mtime_ns} {found.st_ino}")
        except OSError:
            stamps.append(f"{path.name} missing")
    return (str(run.path), *stamps)


# ---------------------------------------------------------------- results
def scores(model: Model, user: int) -> Scores:
    """The user's score of every item, (n_items,): what rank, list and filters share."""
    return _scores(model.key, model.loaded, user)


def pair(model: Model, user: int, item: int) -> PairView:
    """The trace and rank of a pair (indices)."""
    return _pair(model.key, model, user, item)


def top(model: Model, user: int) -> TopK:
    """The user's best items."""
    return _top(model.key, model, user)


def history(model: Model, user: int) -> History:
    """What the user has."""
    return _history(model.data_key, model.loaded.split, user)


def first_pair(model: Model) -> tuple[int, int]:
    """The user and the item (indices) that a newcomer sees first."""
    return _first_pair(model.key, model.loaded)


def finished(run: Run) -> bool:
    """Whether the run can be read and has a report; asked for every run each time that Compare is drawn."""
    return _finished(_key(run, run.path / "status.json", run.path / "report.json"), run)


def measured(run: Run) -> Key | None:
    """What has to be equal between two finished runs to rank them; none where nothing was tested."""
    return _measured(_key(run, run.path / "report.json"), run)


def compared(runs: Sequence[Run]) -> Comparison:
    """Runs beside each other, the first as the baseline. Raises ConvNCFError saying what stands in the way."""
    keys = tuple("\n".join(_key(run, run.path / "report.json", run.path / "per_user.parquet")) for run in runs)
    return _compared(keys, tuple(runs))


def scored(model: Scorer, user: int) -> Scores:
    """A model's score of every item, (n_items,), read-only, since what is cached is shared."""
    found: Scores = model.score_items(user).numpy()
    found.flags.writeable = False
    return found


@st.cache_resource(max_entries=128, show_spinner=False)
def _scores(key: Key, _loaded: LoadedRun, user: int) -> Scores:
    return scored(_loaded.model, user)


@st.cache_resource(max_entries=64, show_spinner=False)
def _pair(key: Key, _model: Model, user: int, item: int) -> PairView:
    return inspection.view_pair(_model.loaded.model, _model.loaded.split, user, item, scores(_model, user))


@st.cache_resource(max_entries=256, show_spinner=False)
def _top(key: Key, _model: Model, user: int) -> TopK:
    return listed(scores(_model, user), _model.loaded.split, user, TOP)


@st.cache_resource(max_entries=512, show_spinner=False)
def _history(data_key: Key, _split: Split, user: int) -> History:
    return inspection.history(_split, user)


@st.cache_resource(max_entries=64, show_spinner=False)
def _first_pair(key: Key, _loaded: LoadedRun) -> tuple[int, int]:
    return inspection.first_pair(_loaded.model, _loaded.split)


@st.cache_resource(max_entries=2048, show_spinner=False)
def _finished(key: Key, _run: Run) -> bool:
    try:
        return not _run.broken() and _run.report() is not None and _run.status().state == "finished"
    except ConvNCFError:
        return False


@st.cache_resource(max_entries=2048, show_spinner=False)
def _measured(key: Key, _run: Run) -> Key | None:
    try:
        return run_summary.measured(_run.report() or {})
    except ConvNCFError:
        return None


@st.cache_resource(max_entries=16, show_spinner="Comparing…")
def _compared(keys: Key, _runs: tuple[Run, ...]) -> Comparison:
    return comparison.compare(_runs)


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
    return _find(_names(model.data_key, model.dataset)[0], text)


def find_items(model: Model, text: str) -> Found:
    """Items whose id or title contains every word of the text, whatever its case and accents."""
    return _find(_names(model.data_key, model.dataset)[1], text)


def surprise(model: Model) -> tuple[int, int]:
    """Any user, and one of their best items (indices)."""
    user = random.randrange(model.dataset.interactions.n_users)
    best = top(model, user).items  # empty where the user has everything
    return user, int(random.choice(best if len(best) else history(model, user).items))


_Names = tuple[tuple[str, str], ...]


@st.cache_resource(max_entries=3, show_spinner=False)
def _names(data_key: Key, _dataset: Dataset) -> tuple[_Names, _Names]:
    """(folded id, folded label) of every user and of every item."""
    users = tuple((fold(raw), "") for raw in _dataset.interactions.users.ids)
    items = _dataset.items
    return users, tuple((fold(raw), fold(items.label(index))) for index, raw in enumerate(items.items.ids))


def _find(names: _Names, text: str) -> Found:
    wanted = fold(text).strip()
    words = wanted.split()
    matches = [
        (raw != wanted, not raw.startswith(wanted), not label.startswith(wanted), index)
        for index, (raw, label) in enumerate(names)
        if wanted in raw or (label and all(word in label for word in words))
    ]
    return Found(tuple(match[-1] for match in sorted(matches)[:FOUND]), len(matches))
