"""The statistics of a dataset: fetched from the core in bounded caches, and drawn when they are opened.

A dataset is told apart by home, name, fingerprint and source, so one that is deleted and added again is read afresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from app.ui import address, plots, widgets
from convncf.config import DataConfig
from convncf.data import catalogue, statistics
from convncf.data.dataset import Dataset
from convncf.data.filtering import apply_filters
from convncf.data.splitting import split
from convncf.data.statistics import Activity, Facts, LedgerLine, LongTail, Picture, Whose, facts_of, split_facts
from convncf.data.storage import DatasetEntry
from convncf.errors import ConvNCFError, DataError, SplitError
from convncf.figures import dataset

_Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Effect:
    """What settings leave of a dataset, and how that would be divided."""

    ledger: tuple[LedgerLine, ...]
    parts: dict[str, Any]
    """As `split_facts` tells them; empty where it cannot be divided."""
    problem: str = ""
    """Why there is nothing, or nothing that can be divided."""


def dataset_of(entry: DatasetEntry) -> Dataset:
    """The dataset itself. Raises ConvNCFError where it is damaged, or deleted meanwhile."""
    return _dataset(_key(entry))


def facts(entry: DatasetEntry) -> Facts:
    """Counts, spreads, times, ratings and hints."""
    return _facts(_key(entry), dataset_of(entry))


def long_tail(entry: DatasetEntry, whose: Whose) -> LongTail:
    """Interactions of each user, or item."""
    return _long_tail(_key(entry), dataset_of(entry), whose)


def activity(entry: DatasetEntry) -> Activity | None:
    """Interactions over time; None without times."""
    return _activity(_key(entry), dataset_of(entry))


def picture(entry: DatasetEntry) -> Picture:
    """The matrix, as counts in rectangles."""
    return _picture(_key(entry), dataset_of(entry))


def effect(entry: DatasetEntry, config: DataConfig, seed: int) -> Effect:
    """What settings leave; a refusal is its problem, in words."""
    return _effect(_key(entry), config.model_dump_json(), seed, dataset_of(entry), config)


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
    _dataset.clear()


def _key(entry: DatasetEntry) -> _Key:
    return (str(address.home()), entry.name, entry.fingerprint, entry.source)


@st.cache_resource(max_entries=3, show_spinner="Reading the dataset")
def _dataset(key: _Key) -> Dataset:
    return catalogue.load(key[1], address.home())


@st.cache_resource(max_entries=32, show_spinner=False)
def _facts(key: _Key, _found: Dataset) -> Facts:
    return facts_of(_found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _long_tail(key: _Key, _found: Dataset, whose: Whose) -> LongTail:
    return statistics.long_tail(_found.interactions, whose)


@st.cache_resource(max_entries=8, show_spinner=False)
def _activity(key: _Key, _found: Dataset) -> Activity | None:
    return statistics.activity(_found.interactions)


@st.cache_resource(max_entries=8, show_spinner=False)
def _picture(key: _Key, _found: Dataset) -> Picture:
    return statistics.picture(_found.interactions)


@st.cache_resource(max_entries=64, show_spinner="Counting what is left")
def _effect(key: _Key, settings: str, seed: int, _found: Dataset, _config: DataConfig) -> Effect:
    try:
        filtered = apply_filters(_found, _config)
    except DataError as error:
        return Effect((), {}, str(error))
    lines = statistics.ledger_lines(filtered.ledger)
    try:
        return Effect(lines, split_facts(split(filtered.dataset, _config, seed, filtered.below)))
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
            plots.show(dataset.density(picture(entry), address.theme()), key="dataset:density")
            st.caption(dataset.READ_DENSITY)


def _opened(label: str, name: str) -> Any:
    """The place of a picture where it is open; else nothing."""
    place = st.expander(label, key=f"dataset:open:{name}", on_change="rerun")
    return place if place.open else None
