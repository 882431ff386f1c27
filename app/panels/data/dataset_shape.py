"""The shape of a dataset in pictures, each counted and drawn when it is opened."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from app import plots, state, widgets
from app.panels.data import dataset_numbers as numbers
from convncf.data.shape import Whose
from convncf.data.storage import DatasetEntry
from convncf.figures import data as figures

_WHOSE: Final[tuple[Whose, ...]] = ("user", "item")


@st.fragment(key="dataset:shape")
def show(entry: DatasetEntry) -> None:
    """Long tails, activity over time, and the matrix, folded."""
    if place := _opened("Interactions per user and per item", "tail"):
        with place:
            for column, whose in zip(st.columns(2), _WHOSE, strict=True):
                with column:
                    drawn = figures.long_tail(numbers.long_tail(entry, whose), state.theme())
                    plots.show(drawn, key=f"dataset:tail:{whose}")
            st.caption(figures.READ_LONG_TAIL)
    if place := _opened("Activity over time", "activity"):
        with place:
            found = numbers.activity(entry)
            if found is None:
                widgets.empty("This dataset has no times.")
            else:
                plots.show(figures.activity(found, state.theme()), key="dataset:activity")
                st.caption(figures.READ_ACTIVITY)
    if place := _opened("Density of the matrix", "density"):
        with place:
            plots.show(figures.density(numbers.picture(entry), state.theme()), key="dataset:density")
            st.caption(figures.READ_DENSITY)


def _opened(label: str, name: str) -> Any:
    """The place of a picture where it is open; else nothing."""
    place = st.expander(label, key=f"dataset:open:{name}", on_change="rerun")
    return place if place.open else None
