"""The items nearest to the one that is looked at: by their embeddings, and by the users whom they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from app import plots, state
from app.loading import Model
from app.panels.inspect import closer_results, links
from app.panels.inspect.pair import Pair
from app.wording import plain
from convncf import figures
from convncf.inspection import PairTrace
from convncf.inspection.neighbourhood import Neighbours

_LINKS: Final = 5


def show(pair: Pair) -> None:
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
    st.caption(figures.space.READ_NEIGHBOURS)


def _neighbours(model: Model, user: int, found: Neighbours, *, key: str) -> None:
    st.subheader(found.measure.capitalize(), anchor=False)
    items = found.items.tolist()
    drawn = figures.space.neighbours(
        [model.item_label(item) for item in items],
        found.likeness,
        state.theme(),
        of=model.item_label(found.item),
        measure=found.measure,
        together=found.together,
    )
    plots.show(drawn, key=key)
    with st.container(gap=None):
        links.to_pairs(model, [(user, item) for item in items[:_LINKS]], key=f"{key}:go")
