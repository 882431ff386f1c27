"""What the panels of Compare fetch from the core, kept for all visitors.

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
    """The second model's embeddings turned towards the first's."""

    def make() -> Alignment:
        mine, others = (
            inspection.embeddings(model.loaded.model, model.dataset.interactions) for model in (first, second)
        )
        return inspection.align(mine, others, method)

    return _kept((*first.key, "aligned to", *second.key, method), make)


def by_activity(runs: Sequence[Run], metric: str) -> MetricByGroup:
    """A metric of alike runs in bands of user activity."""
    split = cache.model(runs[0]).loaded.split
    return _kept((*_stamps(runs, "per_user.parquet"), metric), lambda: user_groups.by_activity(runs, split, metric))


def by_popularity(runs: Sequence[Run], k: int) -> MetricByGroup:
    """Hits of alike runs in bands of item popularity."""
    split = cache.model(runs[0]).loaded.split
    return _kept(
        (*_stamps(runs, "ranks.parquet"), f"popularity {k}"), lambda: user_groups.by_popularity(runs, split, k)
    )


def seed_group(run: Run) -> SeedGroup | None:
    """Every run that differs from this one in the seed alone, this one among them; none where that cannot be told."""
    wanted = _identity(run)
    if not wanted:
        return None
    alike = [other for other in address.store().all() if _identity(other) == wanted]
    return _kept(("seed group", *_stamps(alike, "status.json", "report.json")), lambda: seeds.group(alike))


def _identity(run: Run) -> str:
    """What the runs of a group have in common; empty where the run cannot be read, which is then of no group."""

    def look() -> str:
        try:
            run.config()
            return seeds.identity(run)
        except ConvNCFError:
            return ""

    return shelf.keep("seed group", shelf.of_run(run), look, room=2 * shelf.RUNS)


def _stamps(runs: Sequence[Run], *files: str) -> Key:
    return tuple(each for run in runs for each in shelf.of_run(run, *files))


def _kept(key: Key, make: Callable[[], T]) -> T:
    return shelf.keep("compare", key, make)
