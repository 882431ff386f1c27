"""Results that Recommend fetches from the core, cached for all visitors.

Scores are cached by user, so that another K or another filter scores nothing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.ui import cache, shelf
from app.ui.cache import Model
from app.ui.shelf import Key
from convncf.data.reading.options import ReadOptions
from convncf.errors import DataError
from convncf.evaluation.ranking import ItemRank, Scores, items_of, rank_item
from convncf.inspection import PairPart, PairTrace, part_of, trace_pair
from convncf.inspection.fold_in import FoldedUser, fold_in, warm_up
from convncf.inspection.lists import Allowed, FilteredList, ListFilter, allowed, filtered, genres
from convncf.inspection.scored_pairs import ScoredFile, score_file
from convncf.inspection.trace import NoTrace

NEW: Final[PairPart] = "new"


@dataclass(frozen=True, slots=True, eq=False)
class UserList:
    """A list, and the part of each of its items for the user."""

    recommendations: FilteredList
    parts: tuple[PairPart, ...]


def user_list(model: Model, user: int, k: int, list_filter: ListFilter) -> UserList:
    """The list of a user (index): held-out test items are among its candidates, as in the test evaluation."""
    split = model.loaded.split
    scores = cache.scores(model, user)
    permitted = _allowed(model, list_filter)
    test, excluded = items_of(split.test, user), items_of(split.excluded("test"), user)
    recommendations = filtered(scores, excluded, k, permitted, positives=test, user=user)
    return UserList(recommendations, tuple(part_of(split, user, item) for item in recommendations.top.items.tolist()))


def new_user(model: Model, items: Sequence[int]) -> FoldedUser:
    """A new user with these items (indices). Raises DataError where the model cannot fold one in."""
    picked = tuple(sorted(items))
    try:
        key = (*model.key, *_ids(model, picked))
        return shelf.keep("folded", key, lambda: fold_in(model.loaded.model, picked), room=32)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from None


def new_list(model: Model, items: Sequence[int], k: int, list_filter: ListFilter) -> UserList:
    """The list of a new user. Raises DataError, as `new_user`."""
    folded = new_user(model, items)
    scores = _folded_scores(model, items, folded)
    recommendations = filtered(scores, folded.items, k, _allowed(model, list_filter), user=None)
    return UserList(recommendations, tuple(NEW for _ in recommendations.top.items))


def new_pair(model: Model, items: Sequence[int], item: int) -> tuple[PairTrace | NoTrace, ItemRank]:
    """A new user and an item: the trace, and the rank. Raises DataError, as `new_user`."""
    folded = new_user(model, items)
    scores = _folded_scores(model, items, folded)
    return trace_pair(folded.model, 0, item), rank_item(scores, item, (), folded.items)


def warm(model: Model) -> None:
    """Load what a first fit needs before anyone waits for it: once per process and model."""
    try:
        shelf.keep("warm", model.key, lambda: warm_up(model.loaded.model), room=32)
    except TypeError:  # this model cannot fold in a user: reported when one is picked
        return


def known_genres(model: Model) -> tuple[str, ...]:
    """Every genre of the data; empty where there are none."""
    return shelf.keep("genres", model.data_key, lambda: genres(model.dataset.items), room=8)


def scored_file(model: Model, upload: str, path: Path, options: ReadOptions) -> ScoredFile:
    """The pairs of an uploaded file with their scores. Raises ReadError, NonFiniteScoreError."""
    loaded, key = model.loaded, (*model.key, upload, repr(options))

    def score() -> ScoredFile:
        return score_file(path, loaded.model, loaded.split, model.dataset.items, options)

    return shelf.keep("scored file", key, score, room=4, spinner="Scoring…")


def _allowed(model: Model, list_filter: ListFilter) -> Allowed:
    key = (*model.data_key, repr(list_filter))
    return shelf.keep(
        "allowed", key, lambda: allowed(list_filter, model.loaded.split.train, model.dataset.items), room=32
    )


def _folded_scores(model: Model, items: Sequence[int], folded: FoldedUser) -> Scores:
    key = (*model.key, *_ids(model, items))
    return shelf.keep("folded scores", key, lambda: folded.model.score_items(0).numpy())


def _ids(model: Model, items: Sequence[int]) -> Key:
    return tuple(map(model.item_id, sorted(items)))
