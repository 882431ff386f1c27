"""The same pair in several models: where each ranks it, and its interaction and feature maps on shared scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.ui import address, cache, pair_controls, plots, presentation, widgets
from app.ui.cache import Model
from app.ui.run_rows import heading
from app.ui.text import plain, sentence
from app.views.compare import choice, feature_maps, results
from convncf import figures
from convncf.errors import ConvNCFError
from convncf.evaluation.comparison import Comparison
from convncf.figures import wording
from convncf.figures.maps import ORDERS, READ_DIFFERENCE, largest
from convncf.figures.theme import RunStyle, number
from convncf.inspection import Alignment, PairTrace, PairView
from convncf.inspection.alignment import MapDifference, Method, map_difference
from convncf.models.registry import PRETRAINING
from convncf.runs import Run

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


def show_difference(traced: Sequence[tuple[Model, PairTrace]]) -> None:
    """The first of these models is the baseline; the other is chosen where there are several."""
    if len(traced) < 2:
        return
    st.subheader("Difference", anchor=False)
    names = [model.loaded.run.name for model, _ in traced]
    with st.container(horizontal=True, gap="medium"):
        against = names[1]
        if len(names) > 2:
            against = widgets.one_of("Against", names[1:], parameter="against")
        else:
            address.show(against=against)
        align = choice.pick("Alignment", "align", words=lambda name: ALIGNMENTS[name])
    (base, first), (other, second) = traced[0], traced[names.index(against)]
    if len(first.p) != len(second.p):
        st.caption(
            plain(
                f"{names[0]} has embeddings of size {len(first.p)} and {against} of {len(second.p)}: "
                "maps of two sizes have no difference."
            )
        )
        return
    found = None if align == "none" else results.alignment(base, other, _METHODS[align])
    difference = map_difference(first, second, found)
    title = against if found is None else f"{against}, aligned"
    drawn = figures.maps.beside(difference.first, difference.second, address.theme(), (names[0], title))
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
    share = f"{number(100 * abs(found.share_removed))}%"
    effect = f"removes {share} of the difference" if found.share_removed >= 0 else f"adds {share} to the difference"
    return f"{apart}, {number(found.after)} once aligned: alignment {effect} in this pair."


@dataclass(frozen=True, slots=True)
class _Seen:
    """One run's view of the pair, or why there is none."""

    run: Run
    model: Model | None = None
    view: PairView | None = None
    problem: str = ""

    @property
    def trace(self) -> PairTrace | None:
        return self.view.trace if self.view and isinstance(self.view.trace, PairTrace) else None


def show(runs: Sequence[Run], _: Comparison, styles: Mapping[str, RunStyle], __: Sequence[str]) -> None:
    """Choose a user and an item of the baseline's data, and look at them in every run."""
    model = cache.model(runs[0])
    wrong: list[str] = []
    user = pair_controls.user_index(model, wrong)
    item = pair_controls.item_index(model, user, wrong)
    pair_controls.remember(model, user, item)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair_controls.both(model, user, item)
    for words in wrong:
        widgets.problem(words)
    if user is None or item is None:
        return
    seen = [_look(run, model.user_id(user), model.item_id(item)) for run in runs]
    _ranks(seen, styles, model.item_label(item))
    _maps(seen, styles)


def _look(run: Run, user: str, item: str) -> _Seen:
    """By raw id, since another run may have other data."""
    try:
        model = cache.model(run)
        interactions = model.dataset.interactions
        view = cache.pair(model, interactions.users.index(user), interactions.items.index(item))
    except ConvNCFError as error:
        return _Seen(run, problem=sentence(error))
    return _Seen(run, model, view)


def _ranks(seen: Sequence[_Seen], styles: Mapping[str, RunStyle], item: str) -> None:
    """Each run's rank and score, with a way to look inside; and the title, where an id means something else there."""
    with st.container(horizontal=True, gap="large"):
        for one in seen:
            with st.container(width="content", gap=None):
                st.markdown(heading(one.run.name, styles[one.run.name]))
                if one.view is None or one.model is None:
                    st.caption(plain(one.problem))
                    continue
                words = one.view.rank_words
                st.markdown(f"**{plain(words[:1].upper() + words[1:])}**")
                label = one.model.item_label(one.view.item)
                st.caption(f"score {number(one.view.score)}{'' if label == item else plain(f' · here {label}')}")
                query = {
                    "run": one.run.name,
                    "user": one.model.user_id(one.view.user),
                    "item": one.model.item_id(one.view.item),
                }
                widgets.page_link("inspect", "Look inside", query)
    st.caption("Scores order the items of one model; between models, compare ranks.")


def _maps(seen: Sequence[_Seen], styles: Mapping[str, RunStyle]) -> None:
    traced = [(one, one.trace) for one in seen if one.trace is not None]
    if not traced:
        st.caption("None of these models reads an interaction map, so there is none to show.")
        return
    theme = address.theme()
    picked = choice.pick("Order of dimensions", "order")
    order = next(known for known in ORDERS if known == picked)
    limit = max(largest(trace) for _, trace in traced)
    width = feature_maps.width_of(len(traced))
    with st.container(horizontal=True, gap="medium"):
        for one, trace in traced:
            with st.container(width=presentation.room(width), gap="xsmall"):
                st.markdown(heading(one.run.name, styles[one.run.name]))
                drawn = figures.interaction_map(trace, theme, order, zmax=limit, width=width)
                plots.show(drawn, key=f"compare:map:{one.run.name}")
    st.caption(plain(_kinship([one for one, _ in traced])))
    if order != ORDERS[0]:
        st.caption(wording.ORDER_IS_FOR_DISPLAY)
    networks = [(one.run.name, trace) for one, trace in traced if trace.layers]
    if networks:
        feature_maps.show(networks, styles)
    if seen[0].trace is not None:
        show_difference([(one.model, trace) for one, trace in traced if one.model is not None])


def _kinship(seen: Sequence[_Seen]) -> str:
    """What dimension k of one model has to do with dimension k of another."""
    origins = {_origin(one) for one in seen}
    if len(seen) > 1 and len(origins) == 1 and "" not in origins:
        return (
            f"These models share their pretraining: all embeddings began as those of {origins.pop()}, so dimension k "
            "began as the same in each, and training moved it. All maps share one colour scale."
        )
    return (
        "Dimension k of one model has nothing to do with dimension k of another: each was trained from its own start. "
        "Compare strength and pattern. All maps share one colour scale."
    )


def _origin(one: _Seen) -> str:
    """The run that the embeddings began from; one of what others are pretrained with is its own."""
    assert one.model is not None
    config = one.model.loaded.config.model
    return one.run.name if config.name == PRETRAINING.name else config.pretrained_from
