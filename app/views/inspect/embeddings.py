"""Embeddings on a plane, and the items nearest to the one that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from app.ui import address, plots, widgets
from app.ui.cache import Model
from app.ui.pair import Pair, to_pairs
from app.ui.plots import Click
from app.ui.text import plain, sentence
from app.views.inspect import closer_results
from convncf import figures
from convncf.inspection import PairTrace
from convncf.inspection.neighbours import Neighbours
from convncf.inspection.projection import Projection, Whose, main_genres

_CHOICES: Final = {
    "popularity": "Items by popularity",
    "genre": "Items by genre",
    "activity": "Users by activity",
}
"""Name in the address -> what is shown, and what colours it."""


def show(pair: Pair) -> None:
    """The choice, and the dots, with the item or the user that is looked at ringed."""
    model, view = pair.model(), pair.view()
    known = [name for name in _CHOICES if name != "genre" or any(model.dataset.items.genres)]
    asked = address.asked("space")
    if asked not in known and asked in _CHOICES:
        address.show(space=None)
    chosen = widgets.one_of("What is shown", known, parameter="space", words=_CHOICES.__getitem__)
    if asked == "genre" and chosen != asked:
        st.caption("Nothing is known of the genres of these items, so they are coloured by popularity.")
    whose: Whose = "user" if chosen == "activity" else "item"
    at = view.user if whose == "user" else view.item
    found = closer_results.projection(model, whose, at)
    drawn = _figure(model, found, chosen, at)
    plots.show(drawn, key="space:dots", on_click=lambda click: _clicked(model, found.whose, click))
    st.caption(f"{plain(sentence(found.words))} Click a dot to look at it. {figures.embeddings.READ_SCATTER}")


def _figure(model: Model, found: Projection, chosen: str, at: int) -> Any:
    name = model.user_id if found.whose == "user" else model.item_label
    by_genre = chosen == "genre"
    return figures.embeddings.embeddings(
        found.xy,
        [name(index) for index in found.index.tolist()],
        address.theme(),
        index=found.index,
        explained=found.explained,
        whose=found.whose,
        counts=None if by_genre else found.counts,
        categories=main_genres(model.dataset.items, found.index) if by_genre else None,
        what="main genre" if by_genre else "training interactions",
        selected=at,
    )


def _clicked(model: Model, whose: str, click: Click) -> None:
    if click.customdata is None:
        return
    index = int(click.customdata)
    if whose == "user":
        address.choose(user=model.user_id(index))
    else:
        address.choose(item=model.item_id(index))
    st.rerun()  # the whole page follows, not this part alone


_LINKS: Final = 5


def show_neighbours(pair: Pair) -> None:
    """Side by side; a model without embeddings has the second alone."""
    model, view = pair.model(), pair.view()
    shown: list[Callable[[], Neighbours]] = [lambda: closer_results.sharing(model, view.item)]
    if isinstance(view.trace, PairTrace):
        shown.insert(0, lambda: closer_results.nearest(model, view.item))
    else:
        st.caption(f"{plain(view.trace.words)} So the items stand here that share users with it, by the data alone.")
    with st.container(horizontal=True, gap="medium"):
        for place, fetch in enumerate(shown):
            with st.container(width=528):
                _neighbours(model, view.user, fetch(), key=f"neighbours:{place}")
    st.caption(figures.embeddings.READ_NEIGHBOURS)


def _neighbours(model: Model, user: int, found: Neighbours, *, key: str) -> None:
    st.subheader(found.measure.capitalize(), anchor=False)
    items = found.items.tolist()
    drawn = figures.embeddings.neighbours(
        [model.item_label(item) for item in items],
        found.similarity,
        address.theme(),
        item=model.item_label(found.item),
        measure=found.measure,
        together=found.together,
    )
    plots.show(drawn, key=key)
    with st.container(gap=None):
        to_pairs(model, [(user, item) for item in items[:_LINKS]], key=f"{key}:go")
