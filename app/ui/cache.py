"""What pages fetch from the core: data and models once for all visitors, results by raw ids.

A run that is trained further, or deleted and made again under its name, is read afresh: see `app.ui.shelf`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.ui import address, shelf
from app.ui.shelf import Key
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
    key = (*shelf.of_run(run), *shelf.stamped(path), str(epoch))
    data_key = (str(address.home()), run.fingerprint, config.data.model_dump_json(), str(config.seed))
    try:
        loaded = shelf.keep("model", key, lambda: _load(run, epoch, data_key), room=MODELS, words="Reading the run…")
        return Model(key, data_key, loaded)
    except FileNotFoundError as error:  # deleted between looking and reading
        raise CheckpointError(f"run {run.name!r} is no longer there ({error.filename}). Choose another run.") from None


def epochs(run: Run, best: int) -> tuple[int, ...]:
    """The epochs that can be looked at, ascending: every kept checkpoint, and the best."""
    return tuple(sorted({kept.epoch for kept in run.checkpoints()} | {best}))


def kept(run: Run) -> Key:
    """What changes when a run in training keeps another model: its best, and its checkpoints."""
    return (*shelf.of_run(run), *shelf.stamped(run.model_path), *(str(each.epoch) for each in run.checkpoints()))


MODELS: Final = 8
"""Compare shows four runs at once, Inspect walks through the epochs of one."""


def _load(run: Run, epoch: int | None, data_key: Key) -> LoadedRun:
    # dataset and split are shared by all runs that were trained on the same parts of it
    dataset, parts = shelf.keep("data", data_key, lambda: data_of(run), room=shelf.DATASETS)
    return load_run(run, checkpoint=epoch, dataset=dataset, parts=parts)


# ---------------------------------------------------------------- results
def scores(model: Model, user: int) -> Scores:
    """The user's score of every item, (n_items,): what rank, list and filters share."""
    key = (*model.key, model.user_id(user))
    return shelf.keep("scores", key, lambda: model.loaded.model.score_items(user).numpy(), room=128)


def pair(model: Model, user: int, item: int) -> PairView:
    """The trace and rank of a pair (indices)."""
    loaded, key = model.loaded, (*model.key, model.user_id(user), model.item_id(item))
    return shelf.keep(
        "pair", key, lambda: inspection.view_pair(loaded.model, loaded.split, user, item, scores(model, user))
    )


def top(model: Model, user: int) -> TopK:
    """The user's best items."""
    key = (*model.key, model.user_id(user))
    return shelf.keep("top", key, lambda: listed(scores(model, user), model.loaded.split, user, TOP), room=256)


def history(model: Model, user: int) -> History:
    """What the user has."""
    key = (*model.data_key, model.user_id(user))
    return shelf.keep("history", key, lambda: inspection.history(model.loaded.split, user), room=512)


def first_pair(model: Model) -> tuple[int, int]:
    """The user and the item (indices) that a newcomer sees first."""
    return shelf.keep("first pair", model.key, lambda: inspection.first_pair(model.loaded.model, model.loaded.split))


def finished(run: Run) -> bool:
    """Whether the run can be read and has a report; asked for every run each time that Compare is drawn."""

    def look() -> bool:
        try:
            return not run.broken() and run.report() is not None and run.status().state == "finished"
        except ConvNCFError:
            return False

    return shelf.keep("finished", shelf.of_run(run, "status.json", "report.json"), look, room=shelf.RUNS)


def measured(run: Run) -> Key | None:
    """What has to be equal between two finished runs to rank them; none where nothing was tested."""

    def look() -> Key | None:
        try:
            return comparison.measured(run.report() or {})
        except ConvNCFError:
            return None

    return shelf.keep("measured", shelf.of_run(run, "report.json"), look, room=shelf.RUNS)


def compared(runs: Sequence[Run]) -> Comparison:
    """Runs beside each other, the first as the baseline. Raises ConvNCFError saying what stands in the way."""
    key = tuple(each for run in runs for each in shelf.of_run(run, "report.json", "per_user.parquet"))
    return shelf.keep("compared", key, lambda: comparison.compare(runs), room=16, words="Comparing…")


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


def random_pair(model: Model) -> tuple[int, int]:
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

    return shelf.keep("names", model.data_key, make, room=shelf.DATASETS)


def _find(names: _Names, text: str) -> Found:
    wanted = fold(text).strip()
    words = wanted.split()
    matches = [
        (raw != wanted, not raw.startswith(wanted), not label.startswith(wanted), index)
        for index, (raw, label) in enumerate(names)
        if wanted in raw or (label and all(word in label for word in words))
    ]
    return Found(tuple(match[-1] for match in sorted(matches)[:FOUND]), len(matches))
