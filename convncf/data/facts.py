"""What a dataset holds, in numbers: counts, times, ratings, and how it came divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convncf.data.interactions import Interactions
from convncf.data.parts import Split
from convncf.data.storage import Dataset

PART_NAMES = ("train", "validation", "test")
_LOW = 2.0
_LONGEST_SCALE = 10.0
"""A column that goes higher is taken for a count or a percentage: 2 is not low of its own then."""


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
    share_low: float | None
    """Share rated 2 or less; None where the numbers are no scale, such as counts, or all the same."""
    negative: int
    """Interactions with a rating below 0."""


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
    ratings = _ratings(data)
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


def _ratings(data: Interactions) -> Ratings | None:
    rating = data.rating
    if rating is None:
        return None
    lowest, highest = float(rating.min()), float(rating.max())
    scale = _LOW < highest <= _LONGEST_SCALE and lowest < highest
    share = float((rating <= _LOW).mean()) if scale else None
    return Ratings(lowest, highest, share, int((rating < 0).sum()))


def _hints(ratings: Ratings) -> tuple[str, ...]:
    hints = []
    if ratings.share_low:
        hints.append(
            f"{_percent(ratings.share_low)} of the positives are rated 2 or less: presence alone counts until "
            f"data.min_rating is set (--set data.min_rating={0.8 * ratings.highest:.0f})."
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
