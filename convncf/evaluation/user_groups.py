"""Metrics by user group: by how active users are, and by how popular items.

Read from the runs' metrics of each test user (per_user.parquet) and ranks of each test item (ranks.parquet), matched by
raw id.

Shapes: n users (or held-out items), g groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from convncf.data.split import Split
from convncf.errors import RunBrokenError, RunError
from convncf.evaluation.comparison import values_on_test
from convncf.evaluation.metrics import Floats, Ints
from convncf.runs import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class GroupMeans:
    """Means of each model in groups by a count; every model was evaluated on the same users, or held-out items."""

    low: Ints
    """(g,) the smallest count in each group, ascending."""
    high: Ints
    """(g,) the largest."""
    n: Ints
    """(g,) users, or held-out items, in each."""
    means: Mapping[str, Floats]
    """Model -> (g,) mean of its values in each group; weighted by n they give its mean over all."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Such as "5 to 12", or "5" where a group has one count."""
        ends = zip(self.low.tolist(), self.high.tolist(), strict=True)
        return tuple(f"{low:,}" if low == high else f"{low:,} to {high:,}" for low, high in ends)


def group_means(values: Mapping[str, ArrayLike], counts: ArrayLike, groups: int = 4) -> GroupMeans:
    """Means of each model's values (n,) in at most `groups` groups by `counts` (n,), of nearly equal size.

    By a user's activity: values are the per-user ones of a report, counts the users' training interactions. By an
    item's popularity: values are 1 where a held-out item ranks within K, else 0, counts the items' training users.
    Equal counts stay in one group, so that its counts define a group; where many are equal there are fewer groups.
    Raises ValueError where there is no count, or lengths differ.
    """
    number = np.asarray(counts, dtype=np.int64).reshape(-1)
    arrays = {name: np.asarray(of_model, dtype=np.float64).reshape(-1) for name, of_model in values.items()}
    lengths = {name: array.size for name, array in arrays.items() if array.size != number.size}
    if lengths or not number.size or groups < 1:
        raise ValueError(
            f"{number.size} counts, {groups} groups, values of other lengths: {lengths}. Give one count each."
        )
    distinct, ordered = np.unique(number), np.sort(number)
    edges = np.unique(ordered[np.arange(1, groups) * number.size // groups])  # a group begins at each of these counts
    if edges.size and edges[0] == distinct[0]:  # the smallest count fills more than a group: the next begins after it
        edges = np.unique(np.append(edges[1:], distinct[1:2]))
    group = np.searchsorted(edges, number, side="right")  # (n,)
    n = np.bincount(group, minlength=edges.size + 1)
    by_group = [number[group == index] for index in range(n.size)]
    means = {name: np.bincount(group, weights=array, minlength=n.size) / n for name, array in arrays.items()}
    low, high = (np.array([end(of_group) for of_group in by_group], dtype=np.int64) for end in (np.min, np.max))
    return GroupMeans(low, high, n.astype(np.int64), means)


@dataclass(frozen=True, slots=True, eq=False)
class MetricByGroup:
    """A metric of several runs by group, over what all of them were evaluated on."""

    groups: GroupMeans
    excluded: int
    """Users, or held-out items, that only some of the runs were evaluated on."""


def by_activity(runs: Sequence[Run], split: Split, metric: str, groups: int = 4) -> MetricByGroup:
    """A metric by how many training items a user has. Raises RunError, or RunBrokenError, for runs without values."""
    values = {run.name: values_on_test(run, metric) for run in runs}
    _refuse_empty(values, f"per-user values of {metric}")
    ids = split.interactions.users
    counts = np.diff(split.train.indptr)  # (n_users,)
    return _by_group(values, lambda index: [int(counts[ids.index(raw)]) for raw in index], groups)


def by_popularity(runs: Sequence[Run], split: Split, k: int, groups: int = 4) -> MetricByGroup:
    """The share of held-out items that rank within K, by how many users have the item in training.

    Raises RunError for a run that has no ranks, and says what to do.
    """
    values = {run.name: _hits(run, k) for run in runs}
    _refuse_empty(values, "ranks of test items")
    ids = split.interactions.items
    counts = np.bincount(split.train.indices, minlength=split.train.shape[1])  # (n_items,)
    return _by_group(values, lambda index: [int(counts[ids.index(item)]) for _, item in index], groups)


def keeps_ranks(run: Run) -> bool:
    """Whether the run has the rank of each test item; runs of older versions have not."""
    return (run.path / "ranks.parquet").exists()


def _hits(run: Run, k: int) -> pd.Series[float]:
    """1 where a test item ranks within K, else 0, by (user_id, item_id); the mean of them where it has several sets."""
    if not keeps_ranks(run):
        raise RunError(
            f"run {run.name!r} has no ranks of its test items: it was evaluated by an older version. Train it again "
            f"under another name to have them in its folder, or write them to a file: "
            f"convncf evaluate {run.name} --ranks FILE."
        )
    frame = run.read_frame("ranks")
    missing = sorted({"user_id", "item_id", "rank"} - set(frame.columns))
    if missing:
        raise RunBrokenError(
            f"{run.path / 'ranks.parquet'}: lacks {', '.join(missing)}. Restore the file, or delete the run."
        )
    hit = (frame["rank"].astype("float64") <= k).astype("float64")  # a miss has no rank, and is no hit
    hits: pd.Series[float] = hit.groupby([frame["user_id"], frame["item_id"]], sort=False).mean()
    return hits


def _refuse_empty(values: Mapping[str, pd.Series[float]], kind: str) -> None:
    empty = [name for name, of_run in values.items() if not len(of_run)]
    if empty:
        raise RunError(f"{', '.join(empty)} has no {kind}. Choose runs that were evaluated in it on a test part.")


def _by_group(
    values: Mapping[str, pd.Series[float]], counted: Callable[[pd.Index], list[int]], groups: int
) -> MetricByGroup:
    first, *others = values.values()
    index = first.index
    for of_run in others:
        index = index.intersection(of_run.index, sort=False)
    if not len(index):
        raise RunError("these runs were not evaluated on a common user or item, so there are no groups.")
    total = max(len(of_run) for of_run in values.values())
    means = {name: of_run[index].to_numpy() for name, of_run in values.items()}
    return MetricByGroup(group_means(means, counted(index), groups), total - len(index))
