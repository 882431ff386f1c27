"""The baseline's map of a pair against another model's: as trained, or with the dimensions of the other aligned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import plots, state
from app.loading import Model
from app.panels.compare import address as compare_address
from app.panels.compare import results as compare_results
from app.wording import number, plain
from convncf import figures
from convncf.figures.maps import READ_DIFFERENCE
from convncf.inspection import Alignment, PairTrace
from convncf.inspection.alignment import MapDifference, Method, map_difference

ALIGNMENTS: Final = {
    "none": "As trained",
    "permutation": "Best permutation",
    "rotation": "Orthogonal Procrustes",
}
_METHODS: Final[dict[str, Method]] = {"permutation": "permutation", "rotation": "rotation"}
WARNING: Final = (
    "Dimension k of one model has nothing to do with dimension k of another, unless both began from the same "
    "embeddings: a difference as trained may be no more than another order of dimensions."
)
TURNED: Final = (
    "Aligned for display: p·q is the same under the turn, so the score of a matrix factorisation is too; a network "
    "reads the map as it was trained, and would score the aligned map otherwise."
)


def show(traced: Sequence[tuple[Model, PairTrace]]) -> None:
    """The first of these models is the baseline; the other is chosen where there are several."""
    if len(traced) < 2:
        return
    st.subheader("Difference", anchor=False)
    names = [model.loaded.run.name for model, _ in traced]
    with st.container(horizontal=True, gap="medium"):
        against = names[1]
        if len(names) > 2:
            against = compare_address.pick("Against", "against", names[1:])
        else:
            state.choose(against=against)
        align = compare_address.pick("Alignment", "align", words=lambda name: ALIGNMENTS[name])
    (base, first), (other, second) = traced[0], traced[names.index(against)]
    if len(first.p) != len(second.p):
        st.caption(
            plain(
                f"{names[0]} has embeddings of size {len(first.p)} and {against} of {len(second.p)}: "
                "maps of two sizes have no difference."
            )
        )
        return
    found = None if align == "none" else compare_results.alignment(base, other, _METHODS[align])
    difference = map_difference(first, second, found)
    title = against if found is None else f"{against}, aligned"
    drawn = figures.maps.beside(difference.first, difference.second, state.theme(), (names[0], title))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(drawn, key="compare:difference")
    st.markdown(f"**{plain(in_words(difference, found))}**")
    st.caption(plain(f"{READ_DIFFERENCE} {WARNING if found is None else TURNED}"))
    if found is not None:
        st.caption(plain(f"Over all embeddings: {found.words}."))


def in_words(found: MapDifference, alignment: Alignment | None) -> str:
    """How far apart the maps are, and how much of that alignment takes away."""
    if found.before == 0:
        return "The two maps are equal, cell by cell."
    apart = f"The squared differences sum to {number(found.before)} times the baseline's squares as trained"
    if alignment is None:
        return f"{apart}."
    share = f"{number(100 * abs(found.removed))}%"
    effect = f"removes {share} of the difference" if found.removed >= 0 else f"adds {share} to the difference"
    return f"{apart}, {number(found.after)} once aligned: alignment {effect} in this pair."
