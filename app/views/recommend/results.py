"""What Recommend fetches from the core, in bounded caches under the same keys as loading's; all of it read-only.

Scores are kept by user, so that another K or another filter scores nothing anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from app.ui import cache
from app.ui.cache import Key, Model
from convncf.data.reading import ReadOptions
from convncf.errors import DataError
from convncf.evaluation.ranking import ItemRank, Scores, items_of, rank_item
from convncf.inspection import PairTrace, Standing, standing, trace_pair
from convncf.inspection.fold_in import FoldedUser, fold_in, warm_up
from convncf.inspection.lists import Allowed, FilteredList, ListFilter, allowed, filtered, genres
from convncf.inspection.scored_pairs import ScoredFile, score_file
from convncf.inspection.trace import NoTrace

NEW: Final[Standing] = "new"


@dataclass(frozen=True, slots=True, eq=False)
class UserList:
    """A list, and where each of its items stands for the user."""

    found: FilteredList
    standings: tuple[Standing, ...]


def user_list(model: Model, user: int, k: int, wanted: ListFilter) -> UserList:
    """The list of a user (index): held-out test items are among its candidates, as in the test evaluation."""
    split = model.loaded.split
    scores = cache.scores(model, user)
    may = _allowed(model.data_key, wanted, model)
    test, left_out = items_of(split.test, user), items_of(split.left_out("test"), user)
    found = filtered(scores, left_out, k, may, positives=test, user=user)
    return UserList(found, tuple(standing(split, user, item) for item in found.top.items.tolist()))


def new_user(model: Model, items: Sequence[int]) -> FoldedUser:
    """A hand-made user with these items (indices). Raises DataError where the model cannot have one."""
    picked = tuple(sorted(items))
    try:
        return _folded(model.key, picked, model)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from None


def new_list(model: Model, items: Sequence[int], k: int, wanted: ListFilter) -> UserList:
    """The list of a hand-made user. Raises DataError, as `new_user`."""
    folded = new_user(model, items)
    scores = _folded_scores(model.key, tuple(sorted(items)), folded)
    found = filtered(scores, folded.items, k, _allowed(model.data_key, wanted, model), user=None)
    return UserList(found, tuple(NEW for _ in found.top.items))


def new_pair(model: Model, items: Sequence[int], item: int) -> tuple[PairTrace | NoTrace, ItemRank]:
    """A hand-made user and an item: the trace, and the rank. Raises DataError, as `new_user`."""
    folded = new_user(model, items)
    scores = _folded_scores(model.key, tuple(sorted(items)), folded)
    return trace_pair(folded.model, 0, item), rank_item(scores, item, (), folded.items)


def warm(model: Model) -> None:
    """Load what a first fit needs while nobody waits for it: once for a process and a model."""
    try:
        _warm(model.key, model)
    except TypeError:  # nobody can be folded in: said where somebody is to be
        return


def known_genres(model: Model) -> tuple[str, ...]:
    """Every genre of the data; empty where none is known."""
    return _genres(model.data_key, model)


def scored_file(model: Model, upload: str, path: Path, options: ReadOptions) -> ScoredFile:
    """The pairs of an uploaded file with their scores. Raises ReadError, NonFiniteScoreError."""
    return _scored_file((*model.key, upload, repr(options)), model, path, options)


@st.cache_resource(max_entries=32, show_spinner=False)
def _allowed(data_key: Key, wanted: ListFilter, _model: Model) -> Allowed:
    return allowed(wanted, _model.loaded.split.train, _model.dataset.items)


@st.cache_resource(max_entries=8, show_spinner=False)
def _genres(data_key: Key, _model: Model) -> tuple[str, ...]:
    return genres(_model.dataset.items)


@st.cache_resource(max_entries=32, show_spinner=False)
def _folded(key: Key, items: tuple[int, ...], _model: Model) -> FoldedUser:
    return fold_in(_model.loaded.model, items)


@st.cache_resource(max_entries=64, show_spinner=False)
def _folded_scores(key: Key, items: tuple[int, ...], _folded: FoldedUser) -> Scores:
    return cache.scored(_folded.model, 0)


@st.cache_resource(max_entries=32, show_spinner=False)
def _warm(key: Key, _model: Model) -> None:
    warm_up(_model.loaded.model)


@st.cache_resource(max_entries=4, show_spinner="Scoring…")
def _scored_file(key: Key, _model: Model, _path: Path, _options: ReadOptions) -> ScoredFile:
    return score_file(_path, _model.loaded.model, _model.loaded.split, _model.dataset.items, _options)
