"""Embeddings in a two-dimensional projection, and the nearest items of the chosen one."""

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
"""Name in the address -> what is shown, and by what it is coloured."""


def show(pair: Pair) -> None:
    """The choice, and the scatter, with the chosen item or user ringed."""
    model, view = pair.model(), pair.view()
    available = [name for name in _CHOICES if name != "genre" or any(model.dataset.items.genres)]
    requested = address.value("space")
    if requested not in available and requested in _CHOICES:
        address.show(space=None)
    chosen = widgets.one_of("What is shown", available, parameter="space", labels=_CHOICES.__getitem__)
    if requested == "genre" and chosen != requested:
        st.caption("These items have no genres, so they are coloured by popularity.")
    whose: Whose = "user" if chosen == "activity" else "item"
    index = view.user if whose == "user" else view.item
    projection = closer_results.projection(model, whose, index)
    figure = _figure(model, projection, chosen, index)
    plots.show(figure, key="space:dots", on_click=lambda click: _clicked(model, projection.whose, click))
    st.caption(f"{plain(sentence(projection.words))} Click a dot to choose it. {figures.embeddings.READ_SCATTER}")


def _figure(model: Model, projection: Projection, chosen: str, selected: int) -> Any:
    name = model.user_id if projection.whose == "user" else model.item_label
    by_genre = chosen == "genre"
    return figures.embeddings.embeddings(
        projection.xy,
        [name(index) for index in projection.index.tolist()],
        address.theme(),
        index=projection.index,
        explained=projection.explained,
        whose=projection.whose,
        counts=None if by_genre else projection.counts,
        categories=main_genres(model.dataset.items, projection.index) if by_genre else None,
        what="main genre" if by_genre else "training interactions",
        selected=selected,
    )


def _clicked(model: Model, whose: str, click: Click) -> None:
    if click.customdata is None:
        return
    index = int(click.customdata)
    if whose == "user":
        address.choose(user=model.user_id(index))
    else:
        address.choose(item=model.item_id(index))
    st.rerun()  # the whole page, not this fragment alone


_LINKS: Final = 5


def show_neighbours(pair: Pair) -> None:
    """Neighbours by embedding and by shared users, side by side; a model without embeddings has only the second."""
    model, view = pair.model(), pair.view()
    fetchers: list[Callable[[], Neighbours]] = [lambda: closer_results.sharing(model, view.item)]
    if isinstance(view.trace, PairTrace):
        fetchers.insert(0, lambda: closer_results.nearest(model, view.item))
    else:
        st.caption(f"{plain(view.trace.words)} Only the items that share users with it are shown, from the data alone.")
    with st.container(horizontal=True, gap="medium"):
        for position, fetch in enumerate(fetchers):
            with st.container(width=528):
                _neighbours(model, view.user, fetch(), key=f"neighbours:{position}")
    st.caption(figures.embeddings.READ_NEIGHBOURS)


def _neighbours(model: Model, user: int, neighbours: Neighbours, *, key: str) -> None:
    st.subheader(neighbours.measure.capitalize(), anchor=False)
    items = neighbours.items.tolist()
    figure = figures.embeddings.neighbours(
        [model.item_label(item) for item in items],
        neighbours.similarity,
        address.theme(),
        item=model.item_label(neighbours.item),
        measure=neighbours.measure,
        together=neighbours.together,
    )
    plots.show(figure, key=key)
    with st.container(gap=None):
        to_pairs(model, [(user, item) for item in items[:_LINKS]], key=f"{key}:go")
