"""Results that the panels of Compare fetch from the core, cached for all visitors.

The largest, aligned embeddings of 100,000 users and items, takes 26 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from app.ui import address, cache, shelf
from app.ui.cache import Model
from app.ui.shelf import Key
from convncf import inspection
from convncf.errors import ConvNCFError
from convncf.evaluation import seeds, user_groups
from convncf.evaluation.seeds import SeedGroup
from convncf.evaluation.user_groups import MetricByGroup
from convncf.inspection import Alignment
from convncf.inspection.alignment import Method
from convncf.runs import Run

T = TypeVar("T")


def alignment(first: Model, second: Model, method: Method) -> Alignment:
    """The second model's embeddings, aligned to the first's."""

    def align() -> Alignment:
        target, source = (
            inspection.embeddings(model.loaded.model, model.dataset.interactions) for model in (first, second)
        )
        return inspection.align(target, source, method)

    return _cached((*first.key, "aligned to", *second.key, method), align)


def by_activity(runs: Sequence[Run], metric: str) -> MetricByGroup:
    """A metric of comparable runs by groups of user activity."""
    split = cache.model(runs[0]).loaded.split
    return _cached((*_stamps(runs, "per_user.parquet"), metric), lambda: user_groups.by_activity(runs, split, metric))


def by_popularity(runs: Sequence[Run], k: int) -> MetricByGroup:
    """Hits of comparable runs by groups of item popularity."""
    split = cache.model(runs[0]).loaded.split
    return _cached(
        (*_stamps(runs, "ranks.parquet"), f"popularity {k}"), lambda: user_groups.by_popularity(runs, split, k)
    )


def seed_group(run: Run) -> SeedGroup | None:
    """All runs that differ from this one only in the seed, itself included; None where that cannot be determined."""
    identity = _identity(run)
    if not identity:
        return None
    members = [other for other in address.store().all() if _identity(other) == identity]
    return _cached(("seed group", *_stamps(members, "status.json", "report.json")), lambda: seeds.group(members))


def _identity(run: Run) -> str:
    """The identity that the runs of a group share; empty for a run that cannot be read, which belongs to none."""

    def read() -> str:
        try:
            run.config()
            return seeds.identity(run)
        except ConvNCFError:
            return ""

    return shelf.keep("seed group", shelf.of_run(run), read, room=2 * shelf.RUNS)


def _stamps(runs: Sequence[Run], *files: str) -> Key:
    return tuple(stamp for run in runs for stamp in shelf.of_run(run, *files))


def _cached(key: Key, make: Callable[[], T]) -> T:
    return shelf.keep("compare", key, make)
