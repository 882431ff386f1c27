"""Filters of interactions: a rating threshold, a window of time, and bounds of the interactions per user and item.

Shapes: n interactions, U users, I items. Interactions are distinct pairs, so counting rows counts pairs. The order is
fixed: the window, the threshold, then users and items in turn until nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.config import DataConfig
from convncf.config.data import as_timestamp
from convncf.data.formats import TimeUnit
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.split import TEST
from convncf.data.timestamps import PER_SECOND, date_words
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError

if TYPE_CHECKING:
    from convncf.data.dataset import Dataset

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
BEFORE_FILTERS = "before filters"
"""The name of the first step."""


@dataclass(frozen=True, slots=True)
class Step:
    """The counts after one filter. The first step is the data before filters."""

    what: str
    """The filter, such as 'rated 4 or more'."""
    users: int
    """Users who still have an interaction."""
    items: int
    """Items that still have one."""
    interactions: int


@dataclass(frozen=True, eq=False)
class Filtered:
    """A dataset after filters, with the counts after each."""

    dataset: Dataset
    """The original object without filters; else users, items, titles, parts and candidates restricted."""
    steps: tuple[Step, ...]
    below: sparse.csr_array | None = None
    """(U, I) bool, in the indices of the filtered dataset: rated lower than data.min_rating; None without it."""

    def sentence(self) -> str:
        """The steps in one line."""
        return f"filter steps: {'; '.join(map(_step_words, self.steps))}"


def apply_filters(dataset: Dataset, config: DataConfig) -> Filtered:
    """The dataset after the filters data.since, until, min_rating, min_user, max_user, min_item and max_item.

    A predefined split and stored candidates are filtered too. Raises DataError where a filter needs ratings or times
    that are missing, and where nothing is left: with the steps, naming the filter that removed the last interaction.
    """
    interactions = dataset.interactions
    _refuse_impossible(dataset, config)
    steps = _Steps(dataset)
    stays = np.ones(len(interactions), bool)
    if config.since is not None or config.until is not None:
        stays &= _within(interactions, config)
        steps.add(_window_words(config), stays)
    low = np.zeros(len(interactions), bool)
    if config.min_rating is not None:
        assert interactions.rating is not None
        # A threshold of 4.1 keeps a rating of 4.1, which is a little less as a 32-bit float.
        low = stays & (interactions.rating < np.float32(config.min_rating))
        stays &= ~low
        steps.add(f"rated {config.min_rating:g} or more", stays)
    bounds = (_Bounds(config.min_user, config.max_user, "user"), _Bounds(config.min_item, config.max_item, "item"))
    if any(bound.binds for bound in bounds):
        _apply_bounds(interactions, stays, bounds, steps)
    if len(steps.steps) == 1:
        return Filtered(dataset, tuple(steps.steps))
    return _restricted(dataset, stays, low if config.min_rating is not None else None, config, steps)


# ---------------------------------------------------------------- steps


class _Steps:
    """Counts after each step; refuses as soon as nothing is left."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.steps: list[Step] = []
        self.add(BEFORE_FILTERS, np.ones(len(dataset.interactions), bool))

    def add(self, what: str, stays: Bools, emptied_by: str = "") -> None:
        """Count what is left. Raises DataError where nothing is; `emptied_by` names the filter more exactly then."""
        data = self._dataset.interactions
        users, items = (int(np.count_nonzero(np.bincount(index[stays]))) for index in (data.user, data.item))
        self.steps.append(Step(what, users, items, int(stays.sum())))
        if not stays.any():
            raise DataError(
                f"the filters leave nothing of dataset {self._dataset.name!r}: the last interactions were removed by "
                f"'{emptied_by or what}'. Steps: {'; '.join(map(_step_words, self.steps))}. Relax that filter."
            )


def _step_words(step: Step) -> str:
    return f"{step.what}: {step.users:,} users, {step.items:,} items, {step.interactions:,} interactions"


# ---------------------------------------------------------------- time


def _within(interactions: Interactions, config: DataConfig) -> Bools:
    """(n,) whether the time is in the window, since <= t < until, compared as exact integers."""
    time, unit = interactions.timestamp, interactions.time_unit
    assert time is not None
    inside = np.ones(len(time), bool)
    if config.since is not None:
        inside &= np.asarray(time >= _first_count(config.since, unit))
    if config.until is not None:
        inside &= np.asarray(time < _first_count(config.until, unit))
    return inside


def _first_count(text: str, unit: TimeUnit) -> int:
    """The first count of a unit since 1970 that is not before a date: rounded up, in integers only."""
    micro = (as_timestamp(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return -(-micro * PER_SECOND[unit] // 10**6)


def _window_words(config: DataConfig) -> str:
    bounds = [f"from {config.since}"] if config.since is not None else []
    return ", ".join(bounds + ([f"before {config.until}"] if config.until is not None else []))


def _refuse_impossible(dataset: Dataset, config: DataConfig) -> None:
    data = dataset.interactions
    if config.min_rating is not None and data.rating is None:
        raise DataError(
            f"data.min_rating={config.min_rating:g} needs ratings, and dataset {dataset.name!r} has none. "
            "Remove the setting, or add the file again with its rating column (--rating-column NAME)."
        )
    if data.timestamp is None and (config.since is not None or config.until is not None):
        key, value = ("since", config.since) if config.since is not None else ("until", config.until)
        raise DataError(
            f"data.{key}={value} needs times, and dataset {dataset.name!r} has none. "
            "Remove the setting, or add the file again with its time column (--time-column NAME)."
        )
    if data.timestamp is not None and len(data):
        first, last = (int(time) // PER_SECOND[data.time_unit] for time in (data.timestamp.min(), data.timestamp.max()))
        if (config.since is not None or config.until is not None) and not _within(data, config).any():
            raise DataError(
                f"no interaction of dataset {dataset.name!r} is {_window_words(config)}: its times are "
                f"{date_words(first)} to {date_words(last)}. Choose dates among them."
            )


# ---------------------------------------------------------------- users and items in turn


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How many interactions a user, or an item, must have and may have."""

    low: int
    high: int | None
    whose: str

    @property
    def binds(self) -> bool:
        return self.low > 0 or self.high is not None

    def fit(self, counts: Int64s) -> Bools:
        return (counts >= self.low) & (True if self.high is None else counts <= self.high)

    def description(self) -> str:
        """'users with 5 to 200 items'."""
        other_kind = "item" if self.whose == "user" else "user"
        if self.high is None:
            count = f"{self.low} {other_kind}{'' if self.low == 1 else 's'} or more"
        elif self.low:
            count = f"{self.low} to {self.high} {other_kind}s"
        else:
            count = f"at most {self.high} {other_kind}{'' if self.high == 1 else 's'}"
        return f"{self.whose}s with {count}"


def _apply_bounds(interactions: Interactions, stays: Bools, bounds: tuple[_Bounds, _Bounds], steps: _Steps) -> None:
    """Remove users, then items, in rounds, until a round changes nothing; `stays` (n,) is changed in place."""
    rows = np.flatnonzero(stays)
    user, item = interactions.user[rows], interactions.item[rows]
    description = " and ".join(bound.description() for bound in bounds if bound.binds)
    rounds, emptied_by = 0, ""
    while True:
        n_before = len(rows)
        for bound in bounds:
            if not bound.binds:
                continue
            index = user if bound.whose == "user" else item
            keep = bound.fit(np.bincount(index))[index]
            if not keep.all():
                rows, user, item = rows[keep], user[keep], item[keep]
            if not len(rows):
                emptied_by = emptied_by or f"{bound.description()}, in round {rounds + 1}"
        if len(rows) == n_before:
            break
        rounds += 1
    stays[:] = False
    stays[rows] = True
    steps.add(f"{description}, {rounds} round{'' if rounds == 1 else 's'}", stays, emptied_by)


# ---------------------------------------------------------------- the filtered dataset, with new indices


def _restricted(dataset: Dataset, stays: Bools, low: Bools | None, config: DataConfig, steps: _Steps) -> Filtered:
    old = dataset.interactions
    users, items = np.zeros(old.n_users, bool), np.zeros(old.n_items, bool)
    users[old.user[stays]] = True
    items[old.item[stays]] = True
    if config.min_item == 0:
        # Items without an interaction, known only from stored candidates, stay.
        items |= np.bincount(old.item, minlength=old.n_items) == 0
    new_user, new_item = _renumbered(users), _renumbered(items)
    vocabularies = (_restricted_vocabulary(old.users, users), _restricted_vocabulary(old.items, items))
    interactions = Interactions(
        *vocabularies,
        new_user[old.user[stays]],
        new_item[old.item[stays]],
        None if old.timestamp is None else old.timestamp[stays],
        None if old.rating is None else old.rating[stays],
        old.time_unit,
    )
    kept_items = np.flatnonzero(items)
    table = ItemTable(
        interactions.items,
        tuple(dataset.items.titles[i] for i in kept_items),
        tuple(dataset.items.years[i] for i in kept_items),
        tuple(dataset.items.genres[i] for i in kept_items),
    )
    test = None if dataset.part is None else interactions.matrix(dataset.part[stays] == TEST)
    candidates = None
    if dataset.candidates is not None and test is not None:
        candidates = dataset.candidates.restricted(new_user, new_item, test)
    filtered = replace(
        dataset,
        interactions=interactions,
        items=table,
        stored_fingerprint=None,
        part=None if dataset.part is None else dataset.part[stays],
        candidates=candidates,
    )
    below = None
    if low is not None:
        low &= users[old.user] & items[old.item]
        pairs = (new_user[old.user[low]], new_item[old.item[low]])
        shape = (interactions.n_users, interactions.n_items)
        below = sparse.csr_array((np.ones(len(pairs[0]), bool), pairs), shape=shape)
        below.sum_duplicates()
    return Filtered(filtered, tuple(steps.steps), below)


def _renumbered(stays: Bools) -> npt.NDArray[np.int32]:
    """(m,) the new index of each old one that stays, -1 for the others; their order is kept."""
    return np.where(stays, np.cumsum(stays) - 1, -1).astype(np.int32)


def _restricted_vocabulary(vocabulary: Vocabulary, stays: Bools) -> Vocabulary:
    return Vocabulary(vocabulary.kind, tuple(vocabulary.ids[i] for i in np.flatnonzero(stays)))
