"""Statistics of a dataset: fetched from the core, and drawn when they are opened.

The cache key of a dataset has home, name, fingerprint and source, so one that is deleted and added again is read again.
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
    """The effect of filters and split settings on a dataset."""

    steps: tuple[FilterStep, ...]
    parts: dict[str, Any]
    """Result of `split_summary`; empty where the data cannot be split."""
    problem: str = ""
    """Why nothing is left, or why it cannot be split."""


def dataset_of(entry: DatasetEntry) -> Dataset:
    """The dataset itself. Raises ConvNCFError where it is damaged, or was deleted meanwhile."""
    return shelf.keep(
        "dataset",
        _key(entry),
        lambda: catalogue.load(entry.name, address.home()),
        room=shelf.DATASETS,
        spinner="Reading the dataset",
    )


def counts(entry: DatasetEntry) -> DatasetStatistics:
    """Counts, spreads, times, ratings and hints."""
    data = dataset_of(entry)
    return shelf.keep("dataset statistics", _key(entry), lambda: dataset_statistics(data), room=32)


def long_tail(entry: DatasetEntry, whose: Whose) -> LongTail:
    """Interactions of each user, or item."""
    data, key = dataset_of(entry), (*_key(entry), whose)
    return shelf.keep("long tail", key, lambda: statistics.long_tail(data.interactions, whose), room=8)


def activity(entry: DatasetEntry) -> Activity | None:
    """Interactions over time; None without times."""
    data = dataset_of(entry)
    return shelf.keep("activity", _key(entry), lambda: statistics.activity(data.interactions), room=8)


def density_grid(entry: DatasetEntry) -> DensityGrid:
    """The interaction matrix, as counts in rectangles."""
    data = dataset_of(entry)
    return shelf.keep("density grid", _key(entry), lambda: statistics.density_grid(data.interactions), room=8)


def effect(entry: DatasetEntry, config: DataConfig, seed: int) -> Effect:
    """The effect of settings; a refusal is its `problem`."""
    data, key = dataset_of(entry), (*_key(entry), config.model_dump_json(), str(seed))
    return shelf.keep("effect", key, lambda: _effect(data, config, seed), spinner="Filtering and splitting")


def runs_on(entry: DatasetEntry) -> list[str]:
    """Names of the runs that were trained on exactly this data; for a damaged dataset, of those that name it.

    Runs that cannot be read are skipped: they cannot be inspected anyway.
    """
    names = []
    for run in address.store().all():
        try:
            same = entry.problem is not None or run.fingerprint == entry.fingerprint
            if same and run.settings()["data.dataset"] == entry.name:
                names.append(run.name)
        except (ConvNCFError, KeyError):
            continue
    return sorted(names)


def forget() -> None:
    """Drop all datasets from the cache: one of them was deleted."""
    shelf.of("dataset", shelf.DATASETS).drop()


def _key(entry: DatasetEntry) -> shelf.Key:
    return (str(address.home()), entry.name, entry.fingerprint, entry.source)


def _effect(data: Dataset, config: DataConfig, seed: int) -> Effect:
    try:
        filtered = apply_filters(data, config)
    except DataError as error:
        return Effect((), {}, str(error))
    steps = statistics.filter_steps(filtered.steps)
    try:
        return Effect(steps, split_summary(split(filtered.dataset, config, seed, filtered.below)))
    except SplitError as error:
        return Effect(steps, {}, str(error))


_WHOSE: Final[tuple[Whose, ...]] = ("user", "item")


@st.fragment(key="dataset:shape")
def show(entry: DatasetEntry) -> None:
    """Long tails, activity over time, and the density of the matrix, folded."""
    if expander := _opened("Interactions per user and per item", "tail"):
        with expander:
            for column, whose in zip(st.columns(2), _WHOSE, strict=True):
                with column:
                    figure = dataset.long_tail(long_tail(entry, whose), address.theme())
                    plots.show(figure, key=f"dataset:tail:{whose}")
            st.caption(dataset.READ_LONG_TAIL)
    if expander := _opened("Activity over time", "activity"):
        with expander:
            over_time = activity(entry)
            if over_time is None:
                widgets.empty("This dataset has no timestamps.")
            else:
                plots.show(dataset.activity(over_time, address.theme()), key="dataset:activity")
                st.caption(dataset.READ_ACTIVITY)
    if expander := _opened("Density of the matrix", "density"):
        with expander:
            plots.show(dataset.density(density_grid(entry), address.theme()), key="dataset:density")
            st.caption(dataset.READ_DENSITY)


def _opened(label: str, name: str) -> Any:
    """The expander of a density_grid where it is open, else None."""
    expander = st.expander(label, key=f"dataset:open:{name}", on_change="rerun")
    return expander if expander.open else None
