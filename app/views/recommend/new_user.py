"""New user by fold-in: liked titles, the lists that each run makes from them, and the maps behind an item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import streamlit as st

from app.ui import address, cache, picker, plots, presentation, widgets
from app.ui.cache import Model
from app.ui.pair import report_errors
from app.ui.run_rows import heading
from app.ui.text import plain, sentence
from app.views.recommend import choice, lists, results
from app.views.recommend.lists import Shown
from app.views.recommend.results import UserList
from convncf import figures
from convncf.errors import UnknownIdError
from convncf.figures import wording
from convncf.figures.theme import RunStyle, number
from convncf.inspection import PairTrace
from convncf.runs import Run

MOST: Final = 20
"""Titles that can be picked: their chips fill two rows."""
_SUGGESTED: Final = 20
_NO_LOWER: Final = ", no lower than at the start: the mean of the picked items' embeddings was already as good."


def show(runs: Sequence[Run], styles: Mapping[str, RunStyle]) -> None:
    """Pick titles, and see the lists."""
    model = cache.model(runs[0])
    picked = _picked(model)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _add(model, picked)
        for index in picked:
            item_id = model.item_id(index)
            st.button(
                plain(model.item_label(index)),
                key=f"like:{item_id}",
                icon=":material/close:",
                icon_position="right",
                help="Remove",
                on_click=_write,
                args=([model.item_id(other) for other in picked if other != index],),
            )
    if picked:
        _lists(runs, styles, [model.item_id(index) for index in picked])
        return
    widgets.empty("Pick one or more titles that a new user likes: each run then makes a list for them.")
    for run in runs:  # the page is complete; what a first fit needs is loaded while the reader searches for a title
        results.warm(cache.model(run))


def _picked(model: Model) -> list[int]:
    """Indices of the titles in the address; an id that the data lacks is reported."""
    items = model.dataset.interactions.items
    requested = address.values("like")
    for item_id in requested:
        if item_id not in items:
            try:
                items.index(item_id)
            except UnknownIdError as error:
                widgets.problem(sentence(error))
    liked = [item_id for item_id in requested if item_id in items]
    if len(liked) > MOST:
        widgets.problem(f"At most {MOST} titles make a new user; the first {MOST} are used.")
    address.choose(like=liked[:MOST])
    return [items.index(item_id) for item_id in liked[:MOST]]


def _add(model: Model, picked: Sequence[int]) -> None:
    if len(picked) >= MOST:
        st.caption(f"{MOST} titles are picked, the most that are possible.")
        return
    picked_ids = [model.item_id(index) for index in picked]
    n = model.dataset.interactions.n_items
    picker.show(
        "Titles that a new user likes",
        "Add a title" if picked else "Pick a title",
        key="like",
        hint=f"Part of a title or id, among {n:,} items",
        find=lambda text: cache.find_items(model, text),
        describe=model.item_label,
        suggestions=lambda: {"Titles with the most users in training": _most_popular(model, picked)},
        choose=lambda index: _write(list(dict.fromkeys([*picked_ids, model.item_id(index)]))),
    )


def _most_popular(model: Model, picked: Sequence[int]) -> list[int]:
    counts = np.diff(model.loaded.split.train.tocsc().indptr)
    return [index for index in np.argsort(-counts, kind="stable").tolist() if index not in picked][:_SUGGESTED]


def _write(ids: Sequence[str]) -> None:
    address.choose(like=ids)


@st.fragment
@report_errors
def _lists(runs: Sequence[Run], styles: Mapping[str, RunStyle], liked: Sequence[str]) -> None:
    """Filters, lists, details of the fold-in, and the explanation: everything that another K, filter or row redraws."""
    list_choice = choice.show_filters(cache.model(runs[0]))

    def make_list(model: Model) -> UserList:
        return results.new_list(model, indices(model, liked), list_choice.k, list_choice.filter)

    shown = lists.fetch(runs, make_list)
    lists.show(shown, styles, "a new user", list_choice.k)
    item = address.value("item")
    if item and (with_list := [run_list for run_list in shown if run_list.list is not None]):
        _why(with_list, styles, liked, item)
    lists.shared(shown, "a new user")
    _fits(shown, styles, liked)


def indices(model: Model, liked: Sequence[str]) -> list[int]:
    """Indices of the picked titles in this run's data. Raises UnknownIdError where its filters dropped one."""
    return [model.dataset.interactions.items.index(item_id) for item_id in liked]


def _fits(shown: Sequence[Shown], styles: Mapping[str, RunStyle], liked: Sequence[str]) -> None:
    """What was fitted in each run."""
    st.subheader("How the new user was folded in", anchor=False)
    for run_list in shown:
        if run_list.model is None or run_list.list is None:
            continue
        folded = results.new_user(run_list.model, indices(run_list.model, liked))
        description = folded.words
        if folded.loss is not None and folded.loss_start is not None:
            description += f" The loss of a triple went from {number(folded.loss_start)} to {number(folded.loss)}"
            description += "." if folded.loss < folded.loss_start else _NO_LOWER
        st.markdown(f"{heading(run_list.run.name, styles[run_list.run.name])}  \n{plain(description)}")
    st.caption("In Python: `fold_in(load_run(run, home).model, items)`, from `convncf.inspection.fold_in`.")


def _why(shown: Sequence[Shown], styles: Mapping[str, RunStyle], liked: Sequence[str], item: str) -> None:
    """The chosen item for the new user: score and rank in every run, map and sum in one run at a time."""
    model = shown[0].model
    assert model is not None
    items = model.dataset.interactions.items
    widgets.section(plain(f"Why {model.item_label(items.index(item))}?"))
    traces: dict[str, PairTrace] = {}
    with st.container(horizontal=True, gap="large"):
        for run_list in shown:
            assert run_list.model is not None
            with st.container(width="content", gap=None):
                st.markdown(heading(run_list.run.name, styles[run_list.run.name]))
                index = run_list.model.dataset.interactions.items.get(item)
                if index is None:
                    st.caption("Not among the items of this run.")
                    continue
                trace, rank = results.new_pair(run_list.model, indices(run_list.model, liked), index)
                st.markdown(f"**{plain(sentence(rank.words).removesuffix('.'))}**")
                st.caption(f"score {number(trace.score)}")
                if isinstance(trace, PairTrace):
                    traces[run_list.run.name] = trace
    if not traces:
        st.caption("None of these models reads an interaction map, so there is none to show.")
        return
    _inside(traces)


def _inside(traces: Mapping[str, PairTrace]) -> None:
    name = next(iter(traces))
    if len(traces) > 1:
        name = widgets.one_of("Look inside", list(traces), parameter="inside")
    trace, theme = traces[name], address.theme()
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=presentation.room(500)):
            plots.show(figures.interaction_map(trace, theme), key="recommend:map")
            reading = wording.READ_INTERACTION_MAP if trace.layers else wording.READ_INTERACTION_MAP_FACTORISATION
            st.caption(reading)
            st.caption(wording.DIMENSIONS_HAVE_NO_ORDER)
        with st.container(width=480):
            st.subheader("The score as a sum", anchor=False)
            plots.show(figures.score_terms(trace, theme), key="recommend:parts")
            st.caption(wording.READ_SCORE_TERMS_FACTORISATION if not trace.layers else plain(trace.words))
