"""A hand-made new user: titles that they like, the lists that each run makes of them, and the maps behind an item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import streamlit as st

from app.ui import address, cache, picker, plots, presentation, widgets
from app.ui.cache import Model
from app.ui.pair import in_words
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
_NO_LOWER: Final = ", no lower than at its start: the mean of the picked items' embeddings was as good already."


def show(runs: Sequence[Run], styles: Mapping[str, RunStyle]) -> None:
    """Pick titles, and see the lists."""
    model = cache.model(runs[0])
    picked = _picked(model)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _add(model, picked)
        for index in picked:
            raw = model.item_id(index)
            st.button(
                plain(model.item_label(index)),
                key=f"like:{raw}",
                icon=":material/close:",
                icon_position="right",
                help="Take it away",
                on_click=_write,
                args=([model.item_id(other) for other in picked if other != index],),
            )
    if picked:
        _lists(runs, styles, [model.item_id(index) for index in picked])
        return
    widgets.empty("Pick a title or more that a new user likes: each run then makes a list for them.")
    for run in runs:  # the page stands; what a first fit needs is loaded while the reader looks for a title
        results.warm(cache.model(run))


def _picked(model: Model) -> list[int]:
    """Indices of the titles in the address; an id that the data lacks is said."""
    known = model.dataset.interactions.items
    asked = address.values("like")
    for raw in asked:
        if raw not in known:
            try:
                known.index(raw)
            except UnknownIdError as error:
                widgets.problem(sentence(error))
    found = [raw for raw in asked if raw in known]
    if len(found) > MOST:
        widgets.problem(f"At most {MOST} titles make a new user; the first {MOST} are taken.")
    address.choose(like=found[:MOST])
    return [known.index(raw) for raw in found[:MOST]]


def _add(model: Model, picked: Sequence[int]) -> None:
    if len(picked) >= MOST:
        st.caption(f"{MOST} titles are picked, as many as can be.")
        return
    taken = [model.item_id(index) for index in picked]
    n = model.dataset.interactions.n_items
    picker.show(
        "Titles that a new user likes",
        "Add a title" if picked else "Pick a title",
        key="like",
        hint=f"Part of a title or id, among {n:,} items",
        find=lambda text: cache.find_items(model, text),
        describe=model.item_label,
        suggestions=lambda: {"Those that most users have in training": _most_popular(model, picked)},
        choose=lambda index: _write(list(dict.fromkeys([*taken, model.item_id(index)]))),
    )


def _most_popular(model: Model, picked: Sequence[int]) -> list[int]:
    counts = np.diff(model.loaded.split.train.tocsc().indptr)
    return [index for index in np.argsort(-counts, kind="stable").tolist() if index not in picked][:_SUGGESTED]


def _write(ids: Sequence[str]) -> None:
    address.choose(like=ids)


@st.fragment
@in_words
def _lists(runs: Sequence[Run], styles: Mapping[str, RunStyle], liked: Sequence[str]) -> None:
    """Filters, lists, what the fit did, and why: all that another K, filter or row redraws."""
    wanted = choice.show_filters(cache.model(runs[0]))

    def make(model: Model) -> UserList:
        return results.new_list(model, indices(model, liked), wanted.k, wanted.filter)

    shown = lists.fetch(runs, make)
    lists.show(shown, styles, "a new user", wanted.k)
    item = address.asked("item")
    if item and (made := [one for one in shown if one.list is not None]):
        _why(made, styles, liked, item)
    lists.shared(shown, "a new user")
    _fits(shown, styles, liked)


def indices(model: Model, liked: Sequence[str]) -> list[int]:
    """The picked titles in this run's data. Raises UnknownIdError where its filters left one out."""
    return [model.dataset.interactions.items.index(raw) for raw in liked]


def _fits(shown: Sequence[Shown], styles: Mapping[str, RunStyle], liked: Sequence[str]) -> None:
    """What was fitted, run by run."""
    st.subheader("How the new user was made", anchor=False)
    for one in shown:
        if one.model is None or one.list is None:
            continue
        folded = results.new_user(one.model, indices(one.model, liked))
        words = folded.words
        if folded.loss is not None and folded.loss_start is not None:
            words += f" The loss of a triple went from {number(folded.loss_start)} to {number(folded.loss)}"
            words += "." if folded.loss < folded.loss_start else _NO_LOWER
        st.markdown(f"{heading(one.run.name, styles[one.run.name])}  \n{plain(words)}")
    st.caption("In Python: `fold_in(load_run(run, home).model, items)`, from `convncf.inspection.fold_in`.")


def _why(shown: Sequence[Shown], styles: Mapping[str, RunStyle], liked: Sequence[str], item: str) -> None:
    """The chosen item for the new user: score and rank everywhere, map and sum in one run at a time."""
    model = shown[0].model
    assert model is not None
    known = model.dataset.interactions.items
    widgets.section(plain(f"Why {model.item_label(known.index(item))}?"))
    traces: dict[str, PairTrace] = {}
    with st.container(horizontal=True, gap="large"):
        for one in shown:
            assert one.model is not None
            with st.container(width="content", gap=None):
                st.markdown(heading(one.run.name, styles[one.run.name]))
                index = one.model.dataset.interactions.items.get(item)
                if index is None:
                    st.caption("Not among the items of this run.")
                    continue
                trace, rank = results.new_pair(one.model, indices(one.model, liked), index)
                st.markdown(f"**{plain(sentence(rank.words).removesuffix('.'))}**")
                st.caption(f"score {number(trace.score)}")
                if isinstance(trace, PairTrace):
                    traces[one.run.name] = trace
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
            read = wording.READ_INTERACTION_MAP if trace.layers else wording.READ_INTERACTION_MAP_FACTORISATION
            st.caption(read)
            st.caption(wording.DIMENSIONS_HAVE_NO_ORDER)
        with st.container(width=480):
            st.subheader("The score as a sum", anchor=False)
            plots.show(figures.score_terms(trace, theme), key="recommend:parts")
            st.caption(wording.READ_SCORE_TERMS_FACTORISATION if not trace.layers else plain(trace.words))
