"""How long the lists are and what may stand in them: K, the most popular hidden, genres; each in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from app import widgets
from app.loading import Model
from app.panels.recommend import address, results
from convncf.inspection.filters import ListFilter

LONGEST: Final = 100
USUAL: Final = 10
POPULAR: Final = (0, 1, 2, 5, 10, 20, 50)
"""Shares of items to hide that are offered, in percent."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of list is asked for."""

    k: int
    filter: ListFilter


def show(model: Model) -> Wanted:
    """The controls in a row, and what they say; genres only where the data has any."""
    k, popular, chosen, wrong = _asked(results.known_genres(model))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["recommend:k"] = k
        st.number_input("Items a list", 1, LONGEST, key="recommend:k", on_change=_write, args=("k",), width=120)
        st.session_state["recommend:popular"] = popular
        st.select_slider(
            "Hide the most popular",
            sorted({*POPULAR, popular}),
            key="recommend:popular",
            format_func=lambda percent: f"{percent:g}%" if percent else "none",
            on_change=_write,
            args=("popular",),
            help="So many percent of all items, those that most users have in training.",
            width=220,
        )
        if known := results.known_genres(model):
            st.session_state["recommend:genre"] = chosen
            st.multiselect(
                "Only genres",
                known,
                key="recommend:genre",
                placeholder="All genres",
                on_change=lambda: address.write("genre", st.session_state["recommend:genre"]),
                help="Items with one of these genres or more.",
                width=320,
            )
    for words in wrong:
        widgets.problem(words)
    return Wanted(k, ListFilter(popular, tuple(chosen)))


def _asked(known: tuple[str, ...]) -> tuple[int, float, list[str], list[str]]:
    """K, percent and genres as the address has them; what cannot be is said, and the usual taken."""
    wrong: list[str] = []
    k = _number("k", USUAL, 1, LONGEST, wrong)
    popular = _number("popular", 0, 0, 99, wrong)
    asked = address.many("genre")
    chosen = [genre for genre in asked if genre in known]
    wrong += [f"No item of this data has the genre {genre!r}." for genre in asked if genre not in known]
    address.write("k", [str(k)])
    address.write("popular", [str(popular)])
    address.write("genre", chosen)
    return k, popular, chosen, wrong


def _number(name: str, usual: int, lowest: int, highest: int, wrong: list[str]) -> int:
    text = address.one(name, str(usual))
    if text.isdecimal() and len(text) < 4 and lowest <= int(text) <= highest:
        return int(text)
    wrong.append(f"{name}={text} is no whole number from {lowest} to {highest}; {usual} is taken.")
    return usual


def _write(name: str) -> None:
    address.write(name, [str(st.session_state[f"recommend:{name}"])])
