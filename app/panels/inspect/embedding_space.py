"""Embeddings on a plane: items or users as dots, coloured by what is known of them; a dot is a click away."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from app import plots, state
from app.loading import Model
from app.panels.inspect import closer_results
from app.panels.inspect.pair import Pair
from app.plots import Click
from app.wording import plain, sentence
from convncf import figures
from convncf.inspection.projection import Projection, Whose, main_genres

_KEY: Final = "space:chosen"
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
    asked = st.query_params.get("space")
    chosen = asked if asked in known else known[0]
    st.session_state[_KEY] = chosen
    st.segmented_control(
        "What is shown",
        known,
        format_func=_CHOICES.__getitem__,
        required=True,
        key=_KEY,
        label_visibility="collapsed",
        on_change=lambda: state.choose(space=st.session_state[_KEY]),
    )
    if asked == "genre" and chosen != asked:
        st.caption("Nothing is known of the genres of these items, so they are coloured by popularity.")
    whose: Whose = "user" if chosen == "activity" else "item"
    at = view.user if whose == "user" else view.item
    found = closer_results.projection(model, whose, at)
    drawn = _figure(model, found, chosen, at)
    plots.show(drawn, key="space:dots", on_click=lambda click: _clicked(model, found.whose, click))
    st.caption(f"{plain(sentence(found.words))} Click a dot to look at it. {figures.space.READ_SCATTER}")


def _figure(model: Model, found: Projection, chosen: str, at: int) -> Any:
    name = model.user_id if found.whose == "user" else model.item_label
    by_genre = chosen == "genre"
    return figures.space.embeddings(
        found.xy,
        [name(index) for index in found.index.tolist()],
        state.theme(),
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
        state.choose(user=model.user_id(index))
    else:
        state.choose(item=model.item_id(index))
    st.rerun()  # the whole page follows, not this part alone
