"""What the panels of Compare fetch from the core, in one bounded cache; keys as in app/ui/cache.py.

What is cached is read-only and shared between sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

import streamlit as st

from app.ui import address, cache
from app.ui.cache import Key, Model
from convncf import inspection
from convncf.errors import ConvNCFError
from convncf.evaluation import seeds, user_groups
from convncf.evaluation.seeds import SeedGroup
from convncf.evaluation.user_groups import Served
from convncf.inspection import Alignment
from convncf.inspection.alignment import Method
from convncf.runs import Run

T = TypeVar("T")
_KEPT: Final = 64
"""Results of all panels together; the largest, aligned embeddings of 100,000 users and items, takes 26 MB."""


def alignment(first: Model, second: Model, method: Method) -> Alignment:
    """The second model's embeddings turned towards the first's."""

    def make() -> Alignment:
        mine, others = (
            inspection.embeddings(model.loaded.model, model.dataset.interactions) for model in (first, second)
        )
        return inspection.align(mine, others, method)

    return _kept((*first.key, "aligned to", *second.key, method), make)


def by_activity(runs: Sequence[Run], metric: str) -> Served:
    """A metric of alike runs in bands of user activity."""
    split = cache.model(runs[0]).loaded.split
    return _kept((*_stamps(runs, "per_user.parquet"), metric), lambda: user_groups.by_activity(runs, split, metric))


def by_popularity(runs: Sequence[Run], k: int) -> Served:
    """Hits of alike runs in bands of item popularity."""
    split = cache.model(runs[0]).loaded.split
    return _kept(
        (*_stamps(runs, "ranks.parquet"), f"popularity {k}"), lambda: user_groups.by_popularity(runs, split, k)
    )


def seed_group(run: Run) -> SeedGroup | None:
    """Every run that differs from this one in the seed alone, this one among them; none where that cannot be told."""
    wanted = _identity(_stamps([run]), run)
    if not wanted:
        return None
    alike = [other for other in address.store().all() if _identity(_stamps([other]), other) == wanted]
    return _kept(("seed group", *_stamps(alike, "status.json", "report.json")), lambda: seeds.group(alike))


@st.cache_resource(max_entries=4096, show_spinner=False)
def _identity(key: Key, _run: Run) -> str:
    """What the runs of a group have in common; empty where the run cannot be read, which is then of no group."""
    try:
        _run.config()
        return seeds.identity(_run)
    except ConvNCFError:
        return ""


def _stamps(runs: Sequence[Run], *files: str) -> Key:
    found: list[str] = []
    for run in runs:
        found.append(str(run.path))
        for name in ("config.json", *files):
            try:
                stat = (run.path / name).stat()
                found.append(f"{name} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}")
            except OSError:
                found.append(f"{name} missing")
    return tuple(found)


def _kept(key: Key, make: Callable[[], T]) -> T:
    return cast(T, _result(key, make))


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _result(key: Key, _make: Callable[[], object]) -> object:
    return _make()
