"""What a dataset holds, in numbers: counts, times, ratings, and how it came divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convncf.data.interactions import Interactions
from convncf.data.parts import Split
from convncf.data.reading.columns import counts_something
from convncf.data.storage import Dataset

PART_NAMES = ("train", "validation", "test")
_FEW_STARS = {5.0: 2.0, 10.0: 4.0}
"""The most stars there are -> up to how many are few."""


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
    """Up to which rating one is low: 2 of 5 stars, 4 of 10; None where the numbers are no stars, such as counts."""
    share_low: float | None
    """Share rated above 0 and at most `few`; None as above."""
    negative: int
    """Interactions with a rating below 0."""
    counts: str
    """The column, where its name says that it holds counts, such as plays or pieces; else empty."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Stored candidate sets, as published."""

    sets: int
    fewest: int
    most: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a dataset holds."""

    users: int
    items: int
    interactions: int
    density: float
    """Share of the user-item pairs that are interactions."""
    per_user: Spread
    per_item: Spread
    first: str | None
    """The earliest time, ISO 8601 in UTC; None where there are none."""
    last: str | None
    ratings: Ratings | None
    titled: int
    """Items that have a title."""
    came_divided: dict[str, int] | None
    """Interactions in train, validation and test where the data came divided."""
    candidates: Candidates | None
    hints: tuple[str, ...]
    """What to look at before training, each a sentence."""


def facts_of(dataset: Dataset) -> Facts:
    """Count what a dataset holds."""
    data = dataset.interactions
    seconds = data.seconds
    ratings = _ratings(data, (dataset.report or {}).get("columns", {}).get("rating", ""))
    stored = dataset.candidates
    return Facts(
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
        came_divided=None if dataset.part is None else part_sizes(dataset.part),
        candidates=None
        if stored is None
        else Candidates(len(stored), int(stored.sizes.min()), int(stored.sizes.max()), stored.fingerprint(data)),
        hints=() if ratings is None else _hints(ratings),
    )


def part_sizes(part: npt.NDArray[np.int8]) -> dict[str, int]:
    """Interactions in train, validation and test, of (n,) part numbers."""
    return dict(zip(PART_NAMES, np.bincount(part, minlength=3).tolist(), strict=True))


def split_facts(split: Split) -> dict[str, Any]:
    """A split as plain values: how it was made, sizes, fingerprint, and what is to be known."""
    told: dict[str, Any] = {"method": split.method, "kind": split.kind} | part_sizes(split.part)
    told |= {"cold_users": len(split.cold_users), "cold_items": len(split.cold_items)}
    if split.below is not None:
        told |= {"rated_lower": int(split.below.nnz), "low_rated": split.low_rated}
    return told | {"fingerprint": split.fingerprint, "notes": list(split.notes)}


def _spread(index: npt.NDArray[np.int32], size: int) -> Spread:
    counts = np.bincount(index, minlength=size)
    return Spread(int(counts.min()), float(np.median(counts)), int(counts.max()))


def _ratings(data: Interactions, column: str) -> Ratings | None:
    rating = data.rating
    if rating is None:
        return None
    lowest, highest = float(rating.min()), float(rating.max())
    counts = column if counts_something(column) else ""
    in_half_steps = lowest >= 0 and bool((rating * 2 == np.round(rating * 2)).all())
    few = _FEW_STARS.get(highest) if in_half_steps and lowest < highest and not counts else None
    share = None if few is None else float(((rating > 0) & (rating <= few)).mean())
    return Ratings(lowest, highest, few, share, int((rating < 0).sum()), counts)


def _hints(ratings: Ratings) -> tuple[str, ...]:
    hints = []
    if ratings.share_low:
        hints.append(
            f"{_percent(ratings.share_low)} of the positives are rated {ratings.few:g} or less of {ratings.highest:g}: "
            "presence alone counts until data.min_rating is set "
            f"(--set data.min_rating={0.8 * ratings.highest:.0f})."
        )
    if ratings.counts:
        hints.append(
            f"{ratings.counts!r} is taken for a count: a pair is one positive, however high it is; data.min_rating "
            "sets from which count on it is one."
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
