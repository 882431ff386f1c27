"""Comparison with another item for the same user: score, rank, both interaction maps and their difference."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui import address, cache, picker, plots, widgets
from app.ui.cache import Model
from app.ui.pair import Pair, to_pairs
from app.ui.text import plain
from convncf import figures
from convncf.figures import wording
from convncf.figures.theme import number
from convncf.inspection import PairTrace, PairView

_LEAD_WIDTH: Final = 560


def show(pair: Pair) -> None:
    """Choose the other item; by default the first other one of the user's list."""
    model, view = pair.model(), pair.view()
    other = _other(model, view)
    _picker(model, view, other)
    if other is None:
        return
    address.show(beside=model.item_id(other))
    other_view = cache.pair(model, view.user, other)
    assert isinstance(other_view.trace, PairTrace)
    first, second = _in_order(view, other_view)
    names = tuple(model.item_label(pair_view.item) for pair_view in (first, second))
    st.markdown(
        f"**{plain(names[0])}** is ahead by **{number(first.score - second.score)}**: score {number(first.score)}, "
        f"{plain(first.rank_words)}; **{plain(names[1])}**: score {number(second.score)}, {plain(second.rank_words)}."
    )
    first_trace, second_trace = (
        pair_view.trace for pair_view in (first, second) if isinstance(pair_view.trace, PairTrace)
    )
    with st.container(width=_LEAD_WIDTH):
        plots.show(
            figures.score.lead_terms(first_trace, second_trace, address.theme(), (names[0], names[1])), key="other:lead"
        )
        st.caption(plain(f"{figures.score.READ_LEAD} {figures.score.lead_words(first_trace, second_trace)}".strip()))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        figure = figures.maps.beside(first_trace.map, second_trace.map, address.theme(), (names[0], names[1]))
        plots.show(figure, key="other:maps")
    st.caption(f"{figures.maps.READ_DIFFERENCE} {wording.NO_ORDER}")
    to_pairs(model, [(view.user, other)], key="other:go")


def _in_order(view: PairView, other: PairView) -> tuple[PairView, PairView]:
    return (view, other) if view.score >= other.score else (other, view)


def _other(model: Model, view: PairView) -> int | None:
    """The item that the address names, else the first of the user's list that is not this one."""
    requested = address.value("beside")
    items = model.dataset.interactions.items
    if requested and requested in items and items.index(requested) != view.item:  # an item is not compared with itself
        return items.index(requested)
    if requested and requested not in items:
        widgets.problem(f"No item of the {len(items):,} in the data has the id {requested!r}. Choose another.")
        return None
    candidates = [item for item in cache.top(model, view.user).items.tolist() if item != view.item]
    return candidates[0] if candidates else None


def _picker(model: Model, view: PairView, other: int | None) -> None:
    picker.show(
        "Other item",
        "Choose an item" if other is None else model.item_label(other),
        key="other:item",
        hint=f"Part of a title or id, among {model.dataset.interactions.n_items:,} items",
        find=lambda text: cache.find_items(model, text),
        describe=model.item_label,
        suggestions=lambda: {
            f"Top {cache.TOP} of user {model.user_id(view.user)}": cache.top(model, view.user).items.tolist(),
            "Their history": cache.history(model, view.user).items[: cache.MOST_MATCHES].tolist(),
        },
        choose=lambda index: address.choose(beside=model.item_id(index)),
    )
