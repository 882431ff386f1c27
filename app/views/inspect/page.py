"""Inspect: one user and one item, and every picture between their embeddings and the score."""

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
    runs = address.listed()
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
            st.page_link(address.PAGES["train"], label="See how its training goes", query_params={"run": run.name})
            header.follow(run)


def _inspect(run: Run, row: st.delta_generator.DeltaGenerator) -> None:
    best = cache.model(run)
    choices = cache.epochs(run, best.loaded.epoch)
    epoch = _epoch(run, choices, best.loaded.epoch)
    model = best if epoch == best.loaded.epoch else cache.model(run, epoch)
    mark = pair_controls.BEST if run_summary.validated(run) else "last"
    wrong: list[str] = []
    user = pair_controls.user_index(model, wrong)
    item = pair_controls.item_index(model, user, wrong)
    trained = record(best.loaded.config.model.name).trained
    # while it trains, another epoch may become the best, and the page follows it
    at = {"epoch": str(epoch)} if trained and not run.status().active else {}
    pair_controls.remember(model, user, item, run=run.name, **at)
    with row:
        pair_controls.both(model, user, item)
        if trained:
            pair_controls.epoch(choices, best.loaded.epoch, epoch, mark)
    header.follow(run)
    if user is None or item is None:
        _title()
        for words in wrong:
            widgets.problem(words)
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
        return _page_links(pair)
    large = presentation.on()  # then three things do not fit side by side: the lists go under the other two
    with st.container(horizontal=True, gap="medium"):
        if not large:
            with st.container():
                lists.show(pair)
        with st.container(width=presentation.room(MAP_WIDTH)):
            interaction_map.show(pair)
        with st.container(width=SCORE_WIDTH if large else "stretch"):  # else it is squeezed beside the map at 800
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
    _page_links(pair)


def _start(model: Model, view: PairView, best: int) -> PairTrace | None:
    """The same pair before the first step, for a network that was to begin as p·q; none where that was not kept.

    Not its rank, which would take far longer than the trace.
    """
    run = model.loaded.run
    if model.loaded.config.model["initialisation"] != "dot product" or 0 not in cache.epochs(run, best):
        return None
    try:
        start = cache.model(run, 0 if best else None)
    except ConvNCFError:  # damaged: the sentence about it is dropped, and "Over training" names the file
        return None
    trace = inspection.trace_pair(start.loaded.model, view.user, view.item)
    return trace if isinstance(trace, PairTrace) else None


def _page_links(pair: Pair) -> None:
    """The same as files, and from a terminal."""
    exports.show(pair)
    widgets.command_line(pair.command())


# ---------------------------------------------------------------- what the address says
def _epoch(run: Run, choices: Sequence[int], best: int) -> int:
    asked = address.asked("epoch")
    if not asked:
        return best
    if asked.isdecimal() and int(asked) in choices:
        return int(asked)
    listed = ", ".join(map(str, choices))
    widgets.problem(f"Run {run.name} kept no checkpoint of epoch {asked}. Kept: {listed}. The best, {best}, is shown.")
    return best


# ---------------------------------------------------------------- nothing to see yet
def _title() -> None:
    widgets.page_title("Inspect", "Look inside one prediction: every picture between two embeddings and a score.")


def _why_not(run: Run | None) -> None:
    """Why there is nothing to see of the run that the address names; the choice of another stands above."""
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
