"""Inspect: one user and one item, and every picture between their embeddings and the score."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import loading, state, widgets
from app.loading import Model
from app.panels import (
    commands,
    feature_maps,
    interaction_map,
    pair_controls,
    pair_header,
    run_rows,
    score_parts,
    user_lists,
)
from app.panels.pair import Pair
from app.wording import plain
from convncf.data.interactions import Vocabulary
from convncf.errors import CheckpointError, ConvNCFError, RunNotFoundError, UnknownIdError
from convncf.inspection import PairTrace
from convncf.runs import Run

SIDE: Final = "stretch"
MAP_WIDTH: Final = 500


def page() -> None:
    widgets.notices()
    runs = state.store().all()
    if not runs:
        return _no_run()
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        run = pair_controls.run(runs)
    if run is None:
        return _no_such_run()
    if widgets.broken_run(run):
        return None
    try:
        _inspect(run, controls)
    except CheckpointError as error:
        widgets.problem(error)
        st.page_link(state.PAGES["train"], label="See how its training goes")
    except ConvNCFError as error:
        widgets.problem(error)


def _inspect(run: Run, controls: st.delta_generator.DeltaGenerator) -> None:
    best = loading.model(run)
    choices = loading.epochs(run, best.loaded.epoch)
    epoch = _epoch(run, choices, best.loaded.epoch)
    model = best if epoch == best.loaded.epoch else loading.model(run, epoch)
    wrong: list[str] = []
    user = _user(model, wrong)
    item = _item(model, user, wrong)
    with controls:
        pair_controls.user(model, user)
        pair_controls.item(model, user, item)
        pair_controls.surprise(model)
        pair_controls.epoch(choices, best.loaded.epoch, epoch)
    for sentence in wrong:
        widgets.problem(sentence)
    if user is None or item is None:
        return
    _pair(model, Pair(run.name, None if model is best else epoch, user, item), best.loaded.epoch)


def _pair(model: Model, pair: Pair, best: int) -> None:
    view = pair.view()
    pair_header.show(model, view, best)
    if not isinstance(view.trace, PairTrace):
        st.markdown(plain(view.trace.words))
        with st.container(width=MAP_WIDTH):
            user_lists.show(model, pair.user, pair.item)
        return _command(model, pair)
    with st.container(horizontal=True, gap="medium"):
        with st.container():
            user_lists.show(model, pair.user, pair.item)
        with st.container(width=MAP_WIDTH):
            interaction_map.show(pair)
        with st.container():
            score_parts.show(view.trace)
    if view.trace.layers:
        feature_maps.show(pair)
    else:
        st.caption("There are no feature maps: matrix factorisation has no network, it adds up the map's diagonal.")
    _command(model, pair)


def _command(model: Model, pair: Pair) -> None:
    """The same from a terminal."""
    words = ["convncf", "inspect", pair.run, "--user", model.user_id(pair.user), "--item", model.item_id(pair.item)]
    if pair.epoch is not None:
        words += ["--epoch", str(pair.epoch)]
    with st.expander("The same in a terminal"):
        st.code(shlex.join(words), language=None)


# ---------------------------------------------------------------- what the address says


def _epoch(run: Run, choices: Sequence[int], best: int) -> int:
    asked = st.query_params.get("epoch")
    if asked is None:
        return best
    if asked.isdecimal() and int(asked) in choices:
        return int(asked)
    listed = ", ".join(map(str, choices))
    widgets.problem(f"Run {run.name} kept no checkpoint of epoch {asked}. Kept: {listed}. The best, {best}, is shown.")
    return best


def _user(model: Model, wrong: list[str]) -> int | None:
    return _index("user", model.dataset.interactions.users, _showpiece(model).get("user"), 0, wrong)


def _item(model: Model, user: int | None, wrong: list[str]) -> int | None:
    if user is None:
        return _index("item", model.dataset.interactions.items, None, None, wrong)
    best = loading.top(model, user).items.tolist()
    return _index(
        "item", model.dataset.interactions.items, _showpiece(model).get("item"), best[0] if best else 0, wrong
    )


def _showpiece(model: Model) -> dict[str, str]:
    return dict(run_rows.SHOWPIECE.get(model.dataset.name, {}))


def _index(name: str, ids: Vocabulary, showpiece: str | None, default: int | None, wrong: list[str]) -> int | None:
    """The index of the id that is chosen; an unknown one in the address is said, one remembered is let go."""
    asked = state.chosen(name)
    if asked is not None and asked in ids:
        state.choose(**{name: asked})
        return ids.index(asked)
    if asked is not None and name in st.query_params:
        try:
            ids.index(asked)
        except UnknownIdError as error:
            sentence = str(error)
            wrong.append(f"{sentence[:1].upper()}{sentence[1:]} Choose another one above, or be surprised.")
        return None
    found = ids.get(showpiece) if showpiece else None
    found = default if found is None else found
    if found is not None:
        state.choose(**{name: ids.id(found)})
    return found


# ---------------------------------------------------------------- nothing to see yet


def _no_run() -> None:
    widgets.page_title("Inspect", "Look inside one prediction: every picture between two embeddings and a score.")
    widgets.empty(
        "There is no trained model yet. The demo trains three small ones; the first is ready in a minute or two."
    )
    pressed = st.button(
        "Train the demo models", type="primary", key="demo", on_click=widgets.attempt, args=(commands.start_demo,)
    )
    if pressed:
        state.go("start")


def _no_such_run() -> None:
    try:
        state.store().open(str(state.chosen("run")))
    except RunNotFoundError as error:
        sentence = str(error)
        widgets.problem(f"{sentence[:1].upper()}{sentence[1:]} Choose another run above.")


page()
