"""Dataset statistics: counts, times and ratings, and the distribution of interactions over users, items and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from convncf.data.dataset import Dataset
from convncf.data.filtering import Step
from convncf.data.interactions import Interactions
from convncf.data.reading.columns import holds_counts
from convncf.data.split import Split
from convncf.runtime.arrays import read_only

PART_NAMES = ("train", "validation", "test")
_FEW_STARS = {5.0: 2.0, 10.0: 4.0}
"""Highest number of stars -> the highest rating that is low."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How many interactions each user, or each item, has."""

    fewest: int
    median: float
    most: int


@dataclass(frozen=True, slots=True)
class Ratings:
    """The ratings of the interactions."""

    lowest: float
    highest: float
    few: float | None
    """The highest rating that is low: 2 of 5 stars, 4 of 10; None where the numbers are not stars, such as counts."""
    share_low: float | None
    """Share rated above 0 and at most `few`; None as above."""
    negative: int
    """Interactions with a rating below 0."""
    counts: str
    """The column, where its name says that it holds counts, such as plays or quantities; else empty."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Stored candidate sets, as published."""

    sets: int
    fewest: int
    most: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """Statistics of a dataset."""

    users: int
    items: int
    interactions: int
    density: float
    """Share of the user-item pairs that are interactions."""
    per_user: Spread
    per_item: Spread
    first: str | None
    """The earliest time, ISO 8601 in UTC; None without times."""
    last: str | None
    ratings: Ratings | None
    titled: int
    """Items that have a title."""
    predefined_split: dict[str, int] | None
    """Interactions in train, validation and test of a predefined split; None where there is none."""
    candidates: Candidates | None
    hints: tuple[str, ...]
    """What to check before training, each a sentence."""


def dataset_statistics(dataset: Dataset) -> DatasetStatistics:
    """Count users, items, interactions, times and ratings of a dataset."""
    data = dataset.interactions
    seconds = data.seconds
    ratings = _ratings(data, (dataset.report or {}).get("columns", {}).get("rating", ""))
    stored = dataset.candidates
    return DatasetStatistics(
        users=data.n_users,
        items=data.n_items,
        interactions=len(data),
        density=len(data) / (data.n_users * data.n_items),
        per_user=_spread(data.user, data.n_users),
        per_item=_spread(data.item, data.n_items),
        first=None if seconds is None else _iso(int(seconds.min())),
        last=None if seconds is None else _iso(int(seconds.max())),
        ratings=ratings,
        titled=dataset.items.n_titled,
        predefined_split=None if dataset.part is None else part_sizes(dataset.part),
        candidates=None
        if stored is None
        else Candidates(len(stored), int(stored.sizes.min()), int(stored.sizes.max()), stored.fingerprint(data)),
        hints=() if ratings is None else _hints(ratings),
    )


def part_sizes(part: npt.NDArray[np.int8]) -> dict[str, int]:
    """Interactions in train, validation and test, of (n,) part numbers."""
    return dict(zip(PART_NAMES, np.bincount(part, minlength=3).tolist(), strict=True))


def split_summary(split: Split) -> dict[str, Any]:
    """A split as plain values: method, sizes, fingerprint and notes."""
    summary: dict[str, Any] = {"method": split.method, "kind": split.kind} | part_sizes(split.part)
    summary |= {"cold_users": len(split.cold_users), "cold_items": len(split.cold_items)}
    if split.below is not None:
        summary |= {"rated_lower": int(split.below.nnz), "low_rated": split.low_rated}
    return summary | {"fingerprint": split.fingerprint, "notes": list(split.notes)}


def _spread(index: npt.NDArray[np.int32], size: int) -> Spread:
    counts = np.bincount(index, minlength=size)
    return Spread(int(counts.min()), float(np.median(counts)), int(counts.max()))


def _ratings(data: Interactions, column: str) -> Ratings | None:
    rating = data.rating
    if rating is None:
        return None
    lowest, highest = float(rating.min()), float(rating.max())
    counts = column if holds_counts(column) else ""
    in_half_steps = lowest >= 0 and bool((rating * 2 == np.round(rating * 2)).all())
    few = _FEW_STARS.get(highest) if in_half_steps and lowest < highest and not counts else None
    share = None if few is None else float(((rating > 0) & (rating <= few)).mean())
    return Ratings(lowest, highest, few, share, int((rating < 0).sum()), counts)


def _hints(ratings: Ratings) -> tuple[str, ...]:
    hints = []
    if ratings.share_low:
        hints.append(
            f"{_percent(ratings.share_low)} of the positives are rated {ratings.few:g} or less of {ratings.highest:g}: "
            "all of them count until data.min_rating is set "
            f"(--set data.min_rating={0.8 * ratings.highest:.0f})."
        )
    if ratings.counts:
        hints.append(
            f"{ratings.counts!r} is read as a count: a pair is one positive, however high its count; data.min_rating "
            "sets the lowest count that makes it one."
        )
    if ratings.negative:
        n = ratings.negative
        hints.append(
            f"{n:,} positive{' has' if n == 1 else 's have'} a rating below 0, such as a return: they count as any "
            "other until data.min_rating is set (--set data.min_rating=0)."
        )
    return tuple(hints)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share >= 0.0005 else "less than 0.1%"


def _iso(seconds: int) -> str:
    return f"{np.datetime64(seconds, 's')}Z"


Int64s = npt.NDArray[np.int64]
Whose = Literal["user", "item"]
Period = Literal["hour", "day", "month", "year"]
TOPS: Final = (0.01, 0.05, 0.20)
"""Shares of the users or items for which the share of all interactions is given."""
MOST_BINS: Final = 200
"""Rows, and columns, that a density grid has at most."""


@dataclass(frozen=True, slots=True)
class Top:
    """The share of all interactions that the most active users, or the most popular items, have."""

    share: float
    """Of the m users or items: 0.05 for the top 5 %."""
    count: int
    """How many users or items that is, rounded up."""
    interactions: float
    """Their share of all interactions, from 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class LongTail:
    """Interactions of each user, or of each item."""

    whose: Whose
    counts: Int64s
    """(m,) in descending order, each 1 or more."""
    without: int
    """Users or items of the vocabulary without an interaction."""
    tops: tuple[Top, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Interactions over time, in UTC."""

    period: Period
    """Length of a bin, chosen by the span of all times."""
    each: int
    """Periods in a bin: 1, or more years where there would be too many bins."""
    starts: tuple[str, ...]
    """(b,) the start of each bin, ISO 8601 to the period: '1997-09', '1997-09-04', '1997-09-04T13'."""
    counts: Int64s
    """(b,) bins without an interaction included."""


@dataclass(frozen=True, slots=True, eq=False)
class DensityGrid:
    """The matrix of users and items, each sorted by activity, as counts of interactions in the cells of a grid."""

    counts: Int64s
    """(r, c) interactions; the most active users are at the top, the most popular items on the left."""
    users_each: int
    """Users in a row; the last row may have fewer."""
    items_each: int
    """Items in a column; the last column may have fewer."""
    users: int
    items: int


@dataclass(frozen=True, slots=True)
class FilterStep:
    """The dataset after a filter."""

    what: str
    users: int
    items: int
    interactions: int
    density: float
    """Share of the pairs of these users and items that are interactions."""
    left: float
    """Share of the interactions of the first line."""


def long_tail(interactions: Interactions, whose: Whose) -> LongTail:
    """How many interactions each user, or each item, has."""
    index, size = (
        (interactions.user, interactions.n_users) if whose == "user" else (interactions.item, interactions.n_items)
    )
    counts = np.bincount(index, minlength=size).astype(np.int64)
    positive = np.sort(counts[counts > 0])[::-1]  # (m,)
    cumulative = np.cumsum(positive)
    tops = []
    for share in TOPS:
        count = -(
            -positive.size * round(share * 100) // 100
        )  # in integers: 0.05 · 20 is a little more than 1 as a float
        tops.append(Top(share, count, float(cumulative[count - 1] / cumulative[-1])))
    return LongTail(whose, read_only(positive), size - positive.size, tuple(tops))


_UNITS: Final[tuple[tuple[Period, str, int], ...]] = (("hour", "h", 48), ("day", "D", 200), ("month", "M", 360))
"""The finest period with at most so many bins is used; from 30 years on it is the year."""
_YEARS: Final = 400


def activity(interactions: Interactions) -> Activity | None:
    """Interactions in each hour, day, month or year, by their span; None where there are no times."""
    seconds = interactions.seconds
    if seconds is None:
        return None
    times = seconds.astype("datetime64[s]")
    for period, unit, most in _UNITS:
        if _bins(times, unit) <= most:
            return _activity(times, period, unit, 1)
    return _activity(times, "year", "Y", -(-_bins(times, "Y") // _YEARS))


def density_grid(interactions: Interactions, most: int = MOST_BINS) -> DensityGrid:
    """Interactions counted in at most `most` rows and columns of equal numbers of users and items.

    Users and items without an interaction are not counted; of equally active ones the lower index comes first.
    """
    row, users = _by_activity(interactions.user)
    column, items = _by_activity(interactions.item)
    users_each, items_each = -(-users // most), -(-items // most)
    rows, columns = -(-users // users_each), -(-items // items_each)
    cells = (row // users_each) * columns + column // items_each  # (n,)
    counts = np.bincount(cells, minlength=rows * columns).reshape(rows, columns).astype(np.int64)
    return DensityGrid(read_only(counts), users_each, items_each, users, items)


def filter_steps(steps: Sequence[Step]) -> tuple[FilterStep, ...]:
    """The steps of filtering (`Filtered.steps`), with the density after each and the share that remains."""
    return tuple(
        FilterStep(
            step.what,
            step.users,
            step.items,
            step.interactions,
            step.interactions / (step.users * step.items),
            step.interactions / steps[0].interactions,
        )
        for step in steps
    )


def _bins(times: npt.NDArray[np.datetime64], unit: str) -> int:
    """Periods from the first time to the last, both counted."""
    first, last = (int(time.astype(f"datetime64[{unit}]").astype(np.int64)) for time in _ends(times))
    return last - first + 1


def _activity(times: npt.NDArray[np.datetime64], period: Period, unit: str, each: int) -> Activity:
    period_index = times.astype(f"datetime64[{unit}]").astype(np.int64)  # (n,)
    first = int(period_index.min()) // each * each  # with 10 years a bin: decades
    counts = np.bincount((period_index - first) // each).astype(np.int64)
    starts = (np.arange(counts.size, dtype=np.int64) * each + first).astype(f"datetime64[{unit}]")
    return Activity(period, each, tuple(str(start) for start in starts), read_only(counts))


def _ends(times: npt.NDArray[np.datetime64]) -> tuple[np.datetime64, np.datetime64]:
    return times.min(), times.max()


def _by_activity(index: npt.NDArray[np.int32]) -> tuple[Int64s, int]:
    """The rank of each interaction's user, or item, by activity, (n,), and how many have any."""
    counts = np.bincount(index)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(counts.size, np.int64)
    rank[order] = np.arange(counts.size)
    return rank[index], int(np.count_nonzero(counts))
