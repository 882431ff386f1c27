"""The same pair in several models: its rank in each, and its interaction and feature maps on shared scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.ui import address, cache, pair_controls, plots, presentation, widgets
from app.ui.cache import Model
from app.ui.run_rows import heading
from app.ui.text import percent, plain, sentence
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
    "Dimension k of one model is unrelated to dimension k of another, unless both started from the same "
    "embeddings: a difference as trained may be no more than another order of dimensions."
)
ALIGNED: Final = (
    "Aligned for display: alignment does not change p·q, so neither does the score of a matrix factorisation. "
    "A network reads the map as it was trained, and would give the aligned map another score."
)


def show_difference(traced: Sequence[tuple[Model, PairTrace]]) -> None:
    """Difference of two maps: the first model is the baseline; the other is chosen where there are several."""
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
        method = choice.pick("Alignment", "align", labels=lambda name: ALIGNMENTS[name])
    (base, first), (other, second) = traced[0], traced[names.index(against)]
    if len(first.p) != len(second.p):
        st.caption(
            plain(
                f"{names[0]} has embeddings of size {len(first.p)} and {against} of {len(second.p)}: "
                "maps of different sizes have no difference."
            )
        )
        return
    alignment = None if method == "none" else results.alignment(base, other, _METHODS[method])
    difference = map_difference(first, second, alignment)
    title = against if alignment is None else f"{against}, aligned"
    figure = figures.maps.beside(difference.first, difference.second, address.theme(), (names[0], title))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(figure, key="compare:difference")
    st.markdown(f"**{plain(describe(difference, alignment))}**")
    st.caption(plain(f"{READ_DIFFERENCE} {WARNING if alignment is None else ALIGNED}"))
    if alignment is not None:
        st.caption(plain(f"Over all embeddings: {alignment.words}."))


def describe(difference: MapDifference, alignment: Alignment | None) -> str:
    """How different the maps are, and how much of that the alignment removes."""
    if difference.before == 0:
        return "The two maps are equal, cell by cell."
    relative = f"Relative squared difference as trained: {percent(difference.before)}"
    if alignment is None:
        return f"{relative}."
    removed = f"{number(100 * abs(difference.share_removed))}%"
    effect = (
        f"removes {removed} of the difference" if difference.share_removed >= 0 else f"adds {removed} to the difference"
    )
    return f"{relative}, aligned: {percent(difference.after)}. Alignment {effect} in this pair."


@dataclass(frozen=True, slots=True)
class _RunView:
    """One run's view of the pair, or why there is none."""

    run: Run
    model: Model | None = None
    view: PairView | None = None
    problem: str = ""

    @property
    def trace(self) -> PairTrace | None:
        return self.view.trace if self.view and isinstance(self.view.trace, PairTrace) else None


def show(runs: Sequence[Run], _: Comparison, styles: Mapping[str, RunStyle], __: Sequence[str]) -> None:
    """Choose a user and an item of the baseline's data, and show the pair in every run."""
    model = cache.model(runs[0])
    problems: list[str] = []
    user = pair_controls.user_index(model, problems)
    item = pair_controls.item_index(model, user, problems)
    pair_controls.remember(model, user, item)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair_controls.user_and_item(model, user, item)
    for problem in problems:
        widgets.problem(problem)
    if user is None or item is None:
        return
    views = [_view(run, model.user_id(user), model.item_id(item)) for run in runs]
    _ranks(views, styles, model.item_label(item))
    _maps(views, styles)


def _view(run: Run, user: str, item: str) -> _RunView:
    """One run's view, by raw id, since another run may have other data."""
    try:
        model = cache.model(run)
        interactions = model.dataset.interactions
        view = cache.pair(model, interactions.users.index(user), interactions.items.index(item))
    except ConvNCFError as error:
        return _RunView(run, problem=sentence(error))
    return _RunView(run, model, view)


def _ranks(views: Sequence[_RunView], styles: Mapping[str, RunStyle], item: str) -> None:
    """Each run's rank and score, with a link to Inspect; and the title, where the id has another one in that run."""
    with st.container(horizontal=True, gap="large"):
        for run_view in views:
            with st.container(width="content", gap=None):
                st.markdown(heading(run_view.run.name, styles[run_view.run.name]))
                if run_view.view is None or run_view.model is None:
                    st.caption(plain(run_view.problem))
                    continue
                rank = run_view.view.rank_words
                st.markdown(f"**{plain(rank[:1].upper() + rank[1:])}**")
                label = run_view.model.item_label(run_view.view.item)
                st.caption(f"score {number(run_view.view.score)}{'' if label == item else plain(f' · here {label}')}")
                query = {
                    "run": run_view.run.name,
                    "user": run_view.model.user_id(run_view.view.user),
                    "item": run_view.model.item_id(run_view.view.item),
                }
                widgets.page_link("inspect", "Look inside", query)
    st.caption("Scores order the items of one model; between models, compare ranks.")


def _maps(views: Sequence[_RunView], styles: Mapping[str, RunStyle]) -> None:
    traced = [(run_view, run_view.trace) for run_view in views if run_view.trace is not None]
    if not traced:
        st.caption("None of these models reads an interaction map, so there is none to show.")
        return
    theme = address.theme()
    chosen = choice.pick("Order of dimensions", "order")
    order = next(name for name in ORDERS if name == chosen)
    limit = max(largest(trace) for _, trace in traced)
    width = feature_maps.width_of(len(traced))
    with st.container(horizontal=True, gap="medium"):
        for run_view, trace in traced:
            with st.container(width=presentation.room(width), gap="xsmall"):
                st.markdown(heading(run_view.run.name, styles[run_view.run.name]))
                figure = figures.interaction_map(trace, theme, order, zmax=limit, width=width)
                plots.show(figure, key=f"compare:map:{run_view.run.name}")
    st.caption(plain(_relation([run_view for run_view, _ in traced])))
    if order != ORDERS[0]:
        st.caption(wording.ORDER_IS_FOR_DISPLAY)
    networks = [(run_view.run.name, trace) for run_view, trace in traced if trace.layers]
    if networks:
        feature_maps.show(networks, styles)
    if views[0].trace is not None:
        show_difference([(run_view.model, trace) for run_view, trace in traced if run_view.model is not None])


def _relation(views: Sequence[_RunView]) -> str:
    """Whether dimension k of one model corresponds to dimension k of another."""
    origins = {_origin(run_view) for run_view in views}
    if len(views) > 1 and len(origins) == 1 and "" not in origins:
        return (
            f"These models share their pretraining: all embeddings started as those of {origins.pop()}, so dimension k "
            "was the same in each at the start, and training changed it. All maps share one colour scale."
        )
    return (
        "Dimension k of one model is unrelated to dimension k of another: each was trained from its own start. "
        "Compare strength and pattern. All maps share one colour scale."
    )


def _origin(run_view: _RunView) -> str:
    """The run that the embeddings were initialised from; a pretraining model is its own origin."""
    assert run_view.model is not None
    config = run_view.model.loaded.config.model
    return run_view.run.name if config.name == PRETRAINING.name else config.pretrained_from
