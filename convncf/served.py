"""Whom runs serve: a metric of several runs in bands of user activity, and of item popularity.

Read from what the runs kept of each test user (per_user.parquet) and each test item (ranks.parquet), and held together
by raw id. Shapes: n users, or held-out items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convncf.comparison import values_on_test
from convncf.data.splitting import Split
from convncf.errors import RunBrokenError, RunError
from convncf.evaluation.bands import Bands, in_bands
from convncf.runs import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A metric of several runs in bands, over what all of them were judged on."""

    bands: Bands
    left_out: int
    """Users, or held-out items, that only some of the runs were judged on."""


def by_activity(runs: Sequence[Run], split: Split, metric: str, bands: int = 4) -> Served:
    """A metric by how many training items a user has. Raises RunError, or RunBrokenError, for runs without values."""
    values = {run.name: values_on_test(run, metric) for run in runs}
    _some(values, f"per-user values of {metric}")
    ids = split.interactions.users
    counts = np.diff(split.train.indptr)  # (n_users,)
    return _in_bands(values, lambda index: [int(counts[ids.index(raw)]) for raw in index], bands)


def by_popularity(runs: Sequence[Run], split: Split, k: int, bands: int = 4) -> Served:
    """The share of held-out items that rank within K, by how many users have the item in training.

    Raises RunError for a run that kept no ranks, and says what to do.
    """
    values = {run.name: _hits(run, k) for run in runs}
    _some(values, "ranks of test items")
    ids = split.interactions.items
    counts = np.bincount(split.train.indices, minlength=split.train.shape[1])  # (n_items,)
    return _in_bands(values, lambda index: [int(counts[ids.index(item)]) for _, item in index], bands)


def keeps_ranks(run: Run) -> bool:
    """Whether the run kept the rank of each test item; runs of older versions did not."""
    return (run.path / "ranks.parquet").exists()


def _hits(run: Run, k: int) -> pd.Series[float]:
    """1 where a test item ranks within K, else 0, by (user_id, item_id); the mean of them where it has several sets."""
    if not keeps_ranks(run):
        raise RunError(
            f"run {run.name!r} kept no ranks of its test items: it was evaluated by an older version. Train it again "
            f"under another name to have them in its folder, or write them to a file: "
            f"convncf evaluate {run.name} --ranks FILE."
        )
    frame = run.read_frame("ranks")
    missing = sorted({"user_id", "item_id", "rank"} - set(frame.columns))
    if missing:
        raise RunBrokenError(
            f"{run.path / 'ranks.parquet'}: lacks {', '.join(missing)}. Restore the file, or delete the run."
        )
    hit = (frame["rank"].astype("float64") <= k).astype("float64")  # a miss has no rank, and is none
    found: pd.Series[float] = hit.groupby([frame["user_id"], frame["item_id"]], sort=False).mean()
    return found


def _some(values: Mapping[str, pd.Series[float]], what: str) -> None:
    without = [name for name, found in values.items() if not len(found)]
    if without:
        raise RunError(f"{', '.join(without)} has no {what}. Choose runs that were evaluated in it on a test part.")


def _in_bands(values: Mapping[str, pd.Series[float]], counted: Callable[[pd.Index], list[int]], bands: int) -> Served:
    first, *others = values.values()
    index = first.index
    for found in others:
        index = index.intersection(found.index, sort=False)
    if not len(index):
        raise RunError("these runs were not judged on a common user or item, so there are no bands.")
    total = max(len(found) for found in values.values())
    means = {name: found[index].to_numpy() for name, found in values.items()}
    return Served(in_bands(means, counted(index), bands), total - len(index))
