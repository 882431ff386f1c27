"""Top items of one user under each model, and how many the lists share."""

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
    """Choose a user of the baseline's data; each title is a link to Inspect."""
    model = cache.model(runs[0])
    problems: list[str] = []
    user = pair_controls.user_index(model, problems)
    pair_controls.remember(model, user, None)
    pair_controls.user(model, user)
    for problem in problems:
        st.error(plain(problem))
    if user is None:
        return
    user_id = model.user_id(user)
    lists = [_list(run, user_id) for run in runs]
    available = [user_list for user_list in lists if user_list.model is not None]
    counts = Counter(item for user_list in available for item in user_list.ids)
    with st.container(horizontal=True, gap="medium"):
        for user_list in lists:
            with st.container(width=_WIDTHS[len(runs)], gap="xxsmall"):
                st.markdown(heading(user_list.run.name, styles[user_list.run.name]))
                if user_list.model is None:
                    st.caption(plain(user_list.problem))
                else:
                    _titles(user_list, user_list.model, user_id, counts, len(available))
    for first, second in combinations(available, 2):
        st.markdown(plain(in_common(first.run.name, first.ids, second.run.name, second.ids)))
    counts_note = " After other titles: the number of lists that have them." if len(available) > 2 else ""
    st.caption(
        f"Bold: in every list.{counts_note} {HELD_OUT} marks a held-out test item, which should rank high. "
        "Each title opens its pair on Inspect."
    )


def in_common(first: str, first_ids: Sequence[str], second: str, second_ids: Sequence[str]) -> str:
    """Such as "a and b: 6 of 10 in common"."""
    shared = len(figures.lists.overlap(first_ids, second_ids).shared)
    return f"{first} and {second}: {shared} of {max(len(first_ids), len(second_ids))} in common"


def _list(run: Run, user: str) -> _List:
    """One run's list, by raw id, since another run may have other data."""
    try:
        model = cache.model(run)
        top = cache.top(model, model.dataset.interactions.users.index(user))
    except ConvNCFError as error:
        return _List(run, problem=sentence(error))
    return _List(run, tuple(model.item_id(item) for item in top.items.tolist()), model)


def _titles(user_list: _List, model: Model, user: str, counts: Mapping[str, int], lists: int) -> None:
    interactions, split = model.dataset.interactions, model.loaded.split
    for position, raw in enumerate(user_list.ids, start=1):
        item = interactions.items.index(raw)
        held_out = inspection.part_of(split, interactions.users.index(user), item) == "test"
        title = plain(model.item_label(item))
        title = f"**{title}**" if counts[raw] == lists > 1 else title
        count = f" · in {counts[raw]}" if 1 < counts[raw] < lists else ""
        st.page_link(
            address.PAGES["inspect"],
            label=f"{position} {title}{count}{f' {HELD_OUT}' if held_out else ''}",
            query_params={"run": user_list.run.name, "user": user, "item": raw},
        )
    if not user_list.ids:
        st.caption("There is nothing to recommend: this user has every item.")
