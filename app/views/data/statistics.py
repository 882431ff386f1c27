"""The statistics of a dataset: fetched from the core, and drawn when they are opened.

A dataset is told apart by home, name, fingerprint and source, so one that is deleted and added again is read afresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from app.ui import address, plots, shelf, widgets
from convncf.config import DataConfig
from convncf.data import catalogue, statistics
from convncf.data.dataset import Dataset
from convncf.data.filtering import apply_filters
from convncf.data.splitting import split
from convncf.data.statistics import (
    Activity,
    DatasetStatistics,
    DensityGrid,
    FilterStep,
    LongTail,
    Whose,
    dataset_statistics,
    split_summary,
)
from convncf.data.storage import DatasetEntry
from convncf.errors import ConvNCFError, DataError, SplitError
from convncf.figures import dataset


@dataclass(frozen=True)
class Effect:
    """What settings leave of a dataset, and how that would be divided."""

    steps: tuple[FilterStep, ...]
    parts: dict[str, Any]
    """As `split_summary` tells them; empty where it cannot be divided."""
    problem: str = ""
    """Why there is nothing, or nothing that can be divided."""


def dataset_of(entry: DatasetEntry) -> Dataset:
    """The dataset itself. Raises ConvNCFError where it is damaged, or deleted meanwhile."""
    return shelf.keep(
        "dataset",
        _key(entry),
        lambda: catalogue.load(entry.name, address.home()),
        room=shelf.DATASETS,
        words="Reading the dataset",
    )


def facts(entry: DatasetEntry) -> DatasetStatistics:
    """Counts, spreads, times, ratings and hints."""
    found = dataset_of(entry)
    return shelf.keep("dataset facts", _key(entry), lambda: dataset_statistics(found), room=32)


def long_tail(entry: DatasetEntry, whose: Whose) -> LongTail:
    """Interactions of each user, or item."""
    found, key = dataset_of(entry), (*_key(entry), whose)
    return shelf.keep("long tail", key, lambda: statistics.long_tail(found.interactions, whose), room=8)


def activity(entry: DatasetEntry) -> Activity | None:
    """Interactions over time; None without times."""
    found = dataset_of(entry)
    return shelf.keep("activity", _key(entry), lambda: statistics.activity(found.interactions), room=8)


def density_grid(entry: DatasetEntry) -> DensityGrid:
    """The matrix, as counts in rectangles."""
    found = dataset_of(entry)
    return shelf.keep("density grid", _key(entry), lambda: statistics.density_grid(found.interactions), room=8)


def effect(entry: DatasetEntry, config: DataConfig, seed: int) -> Effect:
    """What settings leave; a refusal is its problem, in words."""
    found, key = dataset_of(entry), (*_key(entry), config.model_dump_json(), str(seed))
    return shelf.keep("effect", key, lambda: _effect(found, config, seed), words="Counting what is left")


def runs_on(entry: DatasetEntry) -> list[str]:
    """Names of the runs that were trained on this very data; on a damaged dataset, of those that name it.

    Runs that cannot be read are left out: they cannot be looked into as it is.
    """
    found = []
    for run in address.store().all():
        try:
            same = entry.problem is not None or run.fingerprint == entry.fingerprint
            if same and run.settings()["data.dataset"] == entry.name:
                found.append(run.name)
        except (ConvNCFError, KeyError):
            continue
    return sorted(found)


def forget() -> None:
    """Let go of all datasets: one of them was deleted."""
    shelf.of("dataset", shelf.DATASETS).drop()


def _key(entry: DatasetEntry) -> shelf.Key:
    return (str(address.home()), entry.name, entry.fingerprint, entry.source)


def _effect(found: Dataset, config: DataConfig, seed: int) -> Effect:
    try:
        filtered = apply_filters(found, config)
    except DataError as error:
        return Effect((), {}, str(error))
    lines = statistics.filter_steps(filtered.steps)
    try:
        return Effect(lines, split_summary(split(filtered.dataset, config, seed, filtered.below)))
    except SplitError as error:
        return Effect(lines, {}, str(error))


_WHOSE: Final[tuple[Whose, ...]] = ("user", "item")


@st.fragment(key="dataset:shape")
def show(entry: DatasetEntry) -> None:
    """Long tails, activity over time, and the matrix, folded."""
    if place := _opened("Interactions per user and per item", "tail"):
        with place:
            for column, whose in zip(st.columns(2), _WHOSE, strict=True):
                with column:
                    drawn = dataset.long_tail(long_tail(entry, whose), address.theme())
                    plots.show(drawn, key=f"dataset:tail:{whose}")
            st.caption(dataset.READ_LONG_TAIL)
    if place := _opened("Activity over time", "activity"):
        with place:
            found = activity(entry)
            if found is None:
                widgets.empty("This dataset has no times.")
            else:
                plots.show(dataset.activity(found, address.theme()), key="dataset:activity")
                st.caption(dataset.READ_ACTIVITY)
    if place := _opened("Density of the matrix", "density"):
        with place:
            plots.show(dataset.density(density_grid(entry), address.theme()), key="dataset:density")
            st.caption(dataset.READ_DENSITY)


def _opened(label: str, name: str) -> Any:
    """The place of a picture where it is open; else nothing."""
    place = st.expander(label, key=f"dataset:open:{name}", on_change="rerun")
    return place if place.open else None
