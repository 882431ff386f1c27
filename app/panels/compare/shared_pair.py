"""The same pair in several models: where each ranks it, and its interaction and feature maps on shared scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import loading, plots, state, widgets
from app.loading import Model
from app.panels import presentation
from app.panels.compare import address as compare_address
from app.panels.compare import difference as compare_difference
from app.panels.compare import features as compare_features
from app.panels.compare.metrics_table import heading
from app.panels.inspect import pair_controls
from app.wording import number, plain, sentence
from convncf import figures
from convncf.comparison import Comparison
from convncf.errors import ConvNCFError
from convncf.figures import wording
from convncf.figures.network import ORDERS, largest
from convncf.figures.theme import RunStyle
from convncf.inspection import PairTrace, PairView
from convncf.runs import Run


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
    model = loading.model(runs[0])
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
        model = loading.model(run)
        interactions = model.dataset.interactions
        view = loading.pair(model, interactions.users.index(user), interactions.items.index(item))
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
                address = {
                    "run": one.run.name,
                    "user": one.model.user_id(one.view.user),
                    "item": one.model.item_id(one.view.item),
                }
                widgets.onward("inspect", "Look inside", address)
    st.caption("Scores order the items of one model; between models, compare ranks.")


def _maps(seen: Sequence[_Seen], styles: Mapping[str, RunStyle]) -> None:
    traced = [(one, one.trace) for one in seen if one.trace is not None]
    if not traced:
        st.caption("None of these models has embeddings, so there are no maps to show.")
        return
    theme = state.theme()
    picked = compare_address.pick("Order of dimensions", "order")
    order = next(known for known in ORDERS if known == picked)
    limit = max(largest(trace) for _, trace in traced)
    width = compare_features.width_of(len(traced))
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
        compare_features.show(networks, styles)
    if seen[0].trace is not None:
        compare_difference.show([(one.model, trace) for one, trace in traced if one.model is not None])


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
    """The MF-BPR run that the embeddings began from; an MF-BPR is its own."""
    assert one.model is not None
    config = one.model.loaded.config.model
    return one.run.name if config.name == "mf-bpr" else config.pre_model_path
