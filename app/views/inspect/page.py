"""Inspect: one user and one item, and every step from their embeddings to the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.ui import address, cache, first_runs, pair_controls, presentation, run_summary, widgets
from app.ui.cache import Model
from app.ui.pair import Pair
from app.ui.text import BROKEN, plain, sentence
from app.views.inspect import closer, exports, feature_maps, header, interaction_map, lists
from convncf import inspection
from convncf.errors import CheckpointError, ConvNCFError, RunNotFoundError
from convncf.inspection import PairTrace, PairView
from convncf.models.registry import record
from convncf.runs import Run

MAP_WIDTH: Final = 500
SCORE_WIDTH: Final = 340


def page() -> None:
    widgets.notices()
    runs = address.selectable_runs()
    if not runs:
        _title()
        first_runs.none_yet()
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        run = pair_controls.run(runs)
    if run is None or run.broken():
        _title()
        _why_not(run)
        return
    try:
        _inspect(run, row)
    except ConvNCFError as error:
        _title()
        widgets.problem(sentence(error))
        if isinstance(error, CheckpointError):
            st.page_link(address.PAGES["train"], label="Watch its training", query_params={"run": run.name})
            header.follow(run)


def _inspect(run: Run, row: st.delta_generator.DeltaGenerator) -> None:
    best = cache.model(run)
    choices = cache.epochs(run, best.loaded.epoch)
    epoch = _epoch(run, choices, best.loaded.epoch)
    model = best if epoch == best.loaded.epoch else cache.model(run, epoch)
    mark = pair_controls.BEST if run_summary.validated(run) else "last"
    problems: list[str] = []
    user = pair_controls.user_index(model, problems)
    item = pair_controls.item_index(model, user, problems)
    trained = record(best.loaded.config.model.name).trained
    # while it trains, another epoch may become the best, and the page follows it
    epoch_parameter = {"epoch": str(epoch)} if trained and not run.status().active else {}
    pair_controls.remember(model, user, item, run=run.name, **epoch_parameter)
    with row:
        pair_controls.user_and_item(model, user, item)
        if trained:
            pair_controls.epoch(choices, best.loaded.epoch, epoch, mark)
    header.follow(run)
    if user is None or item is None:
        _title()
        for problem in problems:
            widgets.problem(problem)
        return
    _pair(
        model,
        Pair(run.name, None if model is best else epoch, model.user_id(user), model.item_id(item)),
        best.loaded.epoch,
        mark,
    )


def _pair(model: Model, pair: Pair, best: int, mark: str) -> None:
    view = pair.view()
    header.show(model, view, best, mark)
    if not isinstance(view.trace, PairTrace):
        st.markdown(plain(view.trace.words))
        with st.container(width=MAP_WIDTH):
            lists.show(pair)
        closer.show(pair)
        return _exports(pair)
    large = presentation.on()  # then three panels do not fit side by side: the lists go below the other two
    with st.container(horizontal=True, gap="medium"):
        if not large:
            with st.container():
                lists.show(pair)
        with st.container(width=presentation.room(MAP_WIDTH)):
            interaction_map.show(pair)
        with st.container(width=SCORE_WIDTH if large else "stretch"):  # else it is squeezed beside the map at 800 px
            interaction_map.show_score(view.trace, _start(model, view, best))
    if large:
        with st.container(width=MAP_WIDTH):
            lists.show(pair)
    if view.trace.layers:
        feature_maps.show(pair)
    else:
        widgets.section("Feature maps")
        st.caption(plain(view.trace.words))
    closer.show(pair)
    _exports(pair)


def _start(model: Model, view: PairView, best: int) -> PairTrace | None:
    """The same pair before the first step, for a network with a dot-product start; None where that was not kept.

    Without its rank, which would take far longer than the trace.
    """
    run = model.loaded.run
    if not model.loaded.config.model.starts_as_dot_product or 0 not in cache.epochs(run, best):
        return None
    try:
        start = cache.model(run, 0 if best else None)
    except ConvNCFError:  # damaged: the sentence about it is dropped, and "Over training" names the file
        return None
    trace = inspection.trace_pair(start.loaded.model, view.user, view.item)
    return trace if isinstance(trace, PairTrace) else None


def _exports(pair: Pair) -> None:
    """The pair as files, and its command line."""
    exports.show(pair)
    widgets.command_line(pair.command())


# ---------------------------------------------------------------- the address
def _epoch(run: Run, choices: Sequence[int], best: int) -> int:
    requested = address.value("epoch")
    if not requested:
        return best
    if requested.isdecimal() and int(requested) in choices:
        return int(requested)
    kept = ", ".join(map(str, choices))
    widgets.problem(f"Run {run.name} has no checkpoint of epoch {requested}. Kept: {kept}. The best, {best}, is shown.")
    return best


# ---------------------------------------------------------------- empty states
def _title() -> None:
    widgets.page_title("Inspect", "Look inside one prediction: every step from two embeddings to a score.")


def _why_not(run: Run | None) -> None:
    """Why the run that the address names cannot be shown; another can be chosen above."""
    if run is not None:
        widgets.broken_run(run)
        st.caption(BROKEN)
        st.page_link(address.PAGES["train"], label="Open it on the Train page", query_params={"run": run.name})
        return
    try:
        address.store().open(str(address.chosen("run")))
    except RunNotFoundError as error:
        widgets.problem(f"{sentence(error)} Choose another run above.")


page()
