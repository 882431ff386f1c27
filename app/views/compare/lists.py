"""The best items of one user under each model, and what the lists have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import streamlit as st

from app.ui import address, cache, pair_controls
from app.ui.cache import Model
from app.ui.run_rows import heading
from app.ui.text import plain, sentence
from convncf import figures, inspection
from convncf.errors import ConvNCFError
from convncf.evaluation.comparison import Comparison
from convncf.figures.theme import RunStyle
from convncf.runs import Run

_WIDTHS: Final = {2: 480, 3: 320, 4: 260}
"""Number of runs -> width of a list in pixels."""
HELD_OUT: Final = "●"


@dataclass(frozen=True, slots=True)
class _List:
    """One run's list as raw ids, or why there is none."""

    run: Run
    ids: tuple[str, ...] = ()
    model: Model | None = None
    problem: str = ""


def show(runs: Sequence[Run], _: Comparison, styles: Mapping[str, RunStyle], __: Sequence[str]) -> None:
    """Choose a user of the baseline's data; each title leads to Inspect."""
    model = cache.model(runs[0])
    wrong: list[str] = []
    user = pair_controls.user_index(model, wrong)
    pair_controls.remember(model, user, None)
    pair_controls.user(model, user)
    for words in wrong:
        st.error(plain(words))
    if user is None:
        return
    raw = model.user_id(user)
    lists = [_list(run, raw) for run in runs]
    listed = [one for one in lists if one.model is not None]
    counts = Counter(item for one in listed for item in one.ids)
    with st.container(horizontal=True, gap="medium"):
        for one in lists:
            with st.container(width=_WIDTHS[len(runs)], gap="xxsmall"):
                st.markdown(heading(one.run.name, styles[one.run.name]))
                if one.model is None:
                    st.caption(plain(one.problem))
                else:
                    _titles(one, one.model, raw, counts, len(listed))
    for first, second in combinations(listed, 2):
        st.markdown(plain(in_common(first.run.name, first.ids, second.run.name, second.ids)))
    several = " Behind other titles stands in how many lists they are." if len(listed) > 2 else ""
    st.caption(
        f"Bold: in every list.{several} {HELD_OUT} marks a held-out test item, which should rank high. "
        "Each title leads to its picture on Inspect."
    )


def in_common(first: str, ids: Sequence[str], second: str, other: Sequence[str]) -> str:
    """Such as "a and b: 6 of 10 in common"."""
    shared = len(figures.lists.overlap(ids, other).shared)
    return f"{first} and {second}: {shared} of {max(len(ids), len(other))} in common"


def _list(run: Run, user: str) -> _List:
    """By raw id, since another run may have other data."""
    try:
        model = cache.model(run)
        found = cache.top(model, model.dataset.interactions.users.index(user))
    except ConvNCFError as error:
        return _List(run, problem=sentence(error))
    return _List(run, tuple(model.item_id(item) for item in found.items.tolist()), model)


def _titles(one: _List, model: Model, user: str, counts: Mapping[str, int], lists: int) -> None:
    interactions, split = model.dataset.interactions, model.loaded.split
    for place, raw in enumerate(one.ids, start=1):
        item = interactions.items.index(raw)
        held = inspection.part_of(split, interactions.users.index(user), item) == "test"
        title = plain(model.item_label(item))
        title = f"**{title}**" if counts[raw] == lists > 1 else title
        among = f" · in {counts[raw]}" if 1 < counts[raw] < lists else ""
        st.page_link(
            address.PAGES["inspect"],
            label=f"{place} {title}{among}{f' {HELD_OUT}' if held else ''}",
            query_params={"run": one.run.name, "user": user, "item": raw},
        )
    if not one.ids:
        st.caption("Nothing is left to recommend to this user.")
