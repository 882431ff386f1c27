"""Another item for the same user beside this one: score, rank, both interaction maps and their difference."""

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
    """Choose the other item; the better one of the user's list is taken where none is chosen."""
    model, view = pair.model(), pair.view()
    other = _other(model, view)
    _picker(model, view, other)
    if other is None:
        return
    address.show(beside=model.item_id(other))
    beside = cache.pair(model, view.user, other)
    assert isinstance(beside.trace, PairTrace)
    first, second = _in_order(view, beside)
    names = tuple(model.item_label(one.item) for one in (first, second))
    st.markdown(
        f"**{plain(names[0])}** is ahead by **{number(first.score - second.score)}**: score {number(first.score)}, "
        f"{plain(first.rank_words)}; **{plain(names[1])}**: score {number(second.score)}, {plain(second.rank_words)}."
    )
    one, two = (each.trace for each in (first, second) if isinstance(each.trace, PairTrace))
    with st.container(width=_LEAD_WIDTH):
        plots.show(figures.score.lead_terms(one, two, address.theme(), (names[0], names[1])), key="other:lead")
        st.caption(plain(f"{figures.score.READ_LEAD} {figures.score.lead_words(one, two)}".strip()))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        drawn = figures.maps.beside(one.map, two.map, address.theme(), (names[0], names[1]))
        plots.show(drawn, key="other:maps")
    st.caption(f"{figures.maps.READ_DIFFERENCE} {wording.NO_ORDER}")
    to_pairs(model, [(view.user, other)], key="other:go")


def _in_order(view: PairView, beside: PairView) -> tuple[PairView, PairView]:
    return (view, beside) if view.score >= beside.score else (beside, view)


def _other(model: Model, view: PairView) -> int | None:
    """The item that the address names, else the first of the user's list that is not this one."""
    asked = address.asked("beside")
    items = model.dataset.interactions.items
    if asked and asked in items and items.index(asked) != view.item:  # beside itself there is nothing to see
        return items.index(asked)
    if asked and asked not in items:
        widgets.problem(f"No item of the {len(items):,} in the data has the id {asked!r}. Choose another.")
        return None
    best = [item for item in cache.top(model, view.user).items.tolist() if item != view.item]
    return best[0] if best else None


def _picker(model: Model, view: PairView, other: int | None) -> None:
    picker.show(
        "Beside it",
        "Choose an item" if other is None else model.item_label(other),
        key="other:item",
        hint=f"Part of a title or id, among {model.dataset.interactions.n_items:,} items",
        find=lambda text: cache.find_items(model, text),
        describe=model.item_label,
        suggestions=lambda: {
            f"Top {cache.TOP} of user {model.user_id(view.user)}": cache.top(model, view.user).items.tolist(),
            "Their history": cache.history(model, view.user).items[: cache.FOUND].tolist(),
        },
        choose=lambda index: address.choose(beside=model.item_id(index)),
    )
