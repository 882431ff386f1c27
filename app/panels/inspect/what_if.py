"""What if: the interaction map edited, and how score and rank of the pair move."""

from __future__ import annotations

import streamlit as st

from app import plots, state
from app.panels.inspect import closer_results, edit_choice
from app.panels.inspect.pair import Pair
from app.wording import number, plain, sentence
from convncf import figures
from convncf.figures import wording


def show(pair: Pair) -> None:
    """The controls, the score and the map at once, and the rank when all items are scored."""
    model, view = pair.model(), pair.view()
    edit = edit_choice.show(model, view.user, len(pair.trace().p))
    words = edit_choice.words(model, edit)
    found = closer_results.edited(model, view.user, view.item, edit)
    st.markdown(f"{plain(sentence(words))} Score **{number(found.score_before)} → {number(found.score_after)}**")
    if found.note:
        st.caption(plain(sentence(found.note)))
    ranks = st.container()  # above the maps, which are there first
    drawn = figures.maps.beside(found.map_after, found.map_before, state.theme(), ("after", "before"))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(drawn, key="what-if:maps")
    st.caption(f"{figures.maps.READ_DIFFERENCE} {wording.NO_ORDER}")
    with ranks, st.spinner("Ranking all items…", show_time=False):
        ranked = closer_results.edited_rank(model, view.user, view.item, edit)
        moved = figures.change.what_if(
            (ranked.score_before, ranked.score_after),
            (ranked.before.rank, ranked.after.rank),
            ranked.after.candidates,
            state.theme(),
            what=words,
        )
        st.markdown(f"Before: {plain(ranked.before.words)}. After: **{plain(ranked.after.words)}**.")
        plots.show(moved, key="what-if:moved")
        st.caption(f"{figures.change.READ_WHAT_IF} {plain(sentence(ranked.left_out))}")
