"""What the items of the user's history have in common: their mean interaction map against that of random items."""

from __future__ import annotations

import streamlit as st

from app import plots, state
from app.panels.inspect import closer_results
from app.panels.inspect.pair import Pair
from app.wording import plural
from convncf import figures
from convncf.figures import wording


def show(pair: Pair) -> None:
    """The two means and their difference. Raises DataError for a user with nothing, or everything, in training."""
    found = closer_results.mean_maps(pair.model(), pair.view().user)
    drawn = figures.maps.beside(found.history, found.random, state.theme(), ("history", "random items"))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(drawn, key="history:maps")
    st.caption(
        f"{plural(len(found.items), 'training item')} of the user against {plural(len(found.others), 'random item')} "
        f"that the user has not had. {figures.maps.READ_MEAN_MAPS} {wording.NO_ORDER}"
    )
