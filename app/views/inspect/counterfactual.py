"""Counterfactual (what if): a chosen change of an interaction map, and its effect on score and rank of the pair."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final, get_args

import streamlit as st

from app.ui import address, cache, pair_controls, picker, plots, widgets
from app.ui.cache import Model
from app.ui.pair import Pair
from app.ui.text import plain, sentence
from app.views.inspect import closer_results
from convncf import figures
from convncf.figures import wording
from convncf.figures.theme import number
from convncf.inspection import Block, Counterfactual
from convncf.inspection.counterfactual import Keep

_KEEPS: Final = {"all": "every cell", "diagonal": "only the diagonal", "off-diagonal": "all but the diagonal"}
_NOTHING: Final = dict.fromkeys(("zero_user", "zero_item", "keep", "block", "as_user"))
"""The parameters of a counterfactual in the address, each removed."""


def show_choice(model: Model, user: int, size: int) -> Counterfactual:
    """The controls, for a user and an embedding size; returns the counterfactual that they describe."""
    counterfactual, problems = _requested(size)
    counterfactual = replace(counterfactual, user=_requested_user(model, user, problems))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        _zeros("Set to 0 in p, the user", "zero_user", counterfactual.zero_user, size)
        _zeros("Set to 0 in every q, the items", "zero_item", counterfactual.zero_item, size)
        _user(model, user if counterfactual.user is None else counterfactual.user)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        st.session_state["edit:keep"] = counterfactual.keep
        st.segmented_control(
            "Cells of the map to keep",
            get_args(Keep),
            format_func=_KEEPS.__getitem__,
            required=True,
            key="edit:keep",
            on_change=address.follow("keep", "edit:keep"),
        )
        if size > 1:  # a map of one cell has no block
            _block(counterfactual.block, size)
        st.button(
            "Reset", key="edit:reset", on_click=_reset, disabled=counterfactual == Counterfactual() and not problems
        )
    for problem in problems:
        widgets.problem(problem)
    return counterfactual


def counterfactual_words(model: Model, counterfactual: Counterfactual) -> str:
    """Description of a counterfactual, with the other user by raw id."""
    rest = replace(counterfactual, user=None)
    if counterfactual.user is None:
        return rest.words
    replacement = f"the embedding of user {model.user_id(counterfactual.user)} in place of this user's"
    return replacement if rest == Counterfactual() else f"{replacement}; {rest.words}"


def _user(model: Model, shown: int) -> None:
    n = model.dataset.interactions.n_users
    picker.show(
        "Replace p by that of user",
        pair_controls.user_label(model, shown, titles=1),
        key="edit:user",
        hint=f"Part of an id, among {n:,} users",
        find=lambda text: cache.find_users(model, text),
        describe=lambda index: pair_controls.user_label(model, index),
        suggestions=lambda: {f"The first of {n:,} users": range(min(n, cache.MOST_MATCHES))},
        choose=lambda index: address.choose(as_user=model.user_id(index)),
    )


def _zeros(label: str, parameter: str, chosen: frozenset[int], size: int) -> None:
    key = f"edit:{parameter}"
    st.session_state[key] = sorted(chosen)
    st.multiselect(
        label,
        range(size),
        key=key,
        placeholder="No dimension",
        width=300,
        on_change=lambda: address.choose(**{parameter: ".".join(map(str, sorted(st.session_state[key]))) or None}),
    )


def _block(block: Block | None, size: int) -> None:
    st.session_state["edit:masked"] = block is not None
    st.toggle("Mask a block", key="edit:masked", on_change=_mask_toggled, args=(size,))
    if block is None:
        return
    for label, key, span in (
        ("Rows, dimensions of p", "edit:rows", (block.top, block.bottom)),
        ("Columns, dimensions of q", "edit:columns", (block.left, block.right)),
    ):
        st.session_state[key] = (span[0], span[1] - 1)  # shown with its last dimension, not the one after
        st.slider(label, 0, size - 1, key=key, on_change=_block_moved, width=200)


# ---------------------------------------------------------------- to and from the address
def _requested(size: int) -> tuple[Counterfactual, list[str]]:
    """The counterfactual in the address, and what is invalid in it at this embedding size."""
    problems: list[str] = []
    zeros = {name: _dimensions(name, size, problems) for name in ("zero_user", "zero_item")}
    keep = address.value("keep") or "all"
    if keep not in _KEEPS:
        problems.append(
            f"The address keeps {keep!r} of the map, which is none of {', '.join(_KEEPS)}. Every cell is kept."
        )
        keep = "all"
    counterfactual = Counterfactual(**zeros, keep=keep, block=_requested_block(size, problems))  # type: ignore[arg-type]
    return counterfactual, problems


def _requested_user(model: Model, user: int, problems: list[str]) -> int | None:
    requested = address.value("as_user")
    users = model.dataset.interactions.users
    if not requested or requested == users.id(user):
        return None
    if requested in users:
        return users.index(requested)
    problems.append(f"No user of the {len(users):,} in the data has the id {requested!r}; this user's own p is used.")
    return None


def _dimensions(name: str, size: int, problems: list[str]) -> frozenset[int]:
    requested = address.value(name)
    if not requested:
        return frozenset()
    parts = requested.split(".")
    dimensions = {int(part) for part in parts if re.fullmatch("[0-9]{1,6}", part) and int(part) < size}
    invalid = [part for part in parts if not (part.isdecimal() and part.isascii() and int(part) in dimensions)]
    if invalid:
        vector = "p" if name == "zero_user" else "q"
        problems.append(f"{vector} has dimensions 0 to {size - 1}; {', '.join(invalid)} of the address is ignored.")
    return frozenset(dimensions)


def _requested_block(size: int, problems: list[str]) -> Block | None:
    requested = address.value("block")
    if not requested:
        return None
    match = re.fullmatch(r"([0-9]{1,6})-([0-9]{1,6})\.([0-9]{1,6})-([0-9]{1,6})", requested)
    if match:
        top, last_row, left, last_column = map(int, match.groups())
        if top <= last_row < size and left <= last_column < size:
            return Block(top, last_row + 1, left, last_column + 1)
    problems.append(
        f"The address masks the block {requested!r}, which is none of this {size}×{size} map; no block is masked. "
        "Rows 0 to 3 and columns 4 to 7 are written 0-3.4-7."
    )
    return None


def _mask_toggled(size: int) -> None:
    half = size // 2 - 1  # a quarter of the map is large enough to be seen
    address.choose(block=f"0-{half}.0-{half}" if st.session_state["edit:masked"] else None)


def _block_moved() -> None:
    (top, bottom), (left, right) = st.session_state["edit:rows"], st.session_state["edit:columns"]
    address.choose(block=f"{top}-{bottom}.{left}-{right}")


def _reset() -> None:
    address.choose(**_NOTHING)


def show(pair: Pair) -> None:
    """The controls, the score and the map at once, and the rank when all items are scored."""
    model, view = pair.model(), pair.view()
    counterfactual = show_choice(model, view.user, len(pair.trace().p))
    description = counterfactual_words(model, counterfactual)
    scores = closer_results.counterfactual_score(model, view.user, view.item, counterfactual)
    st.markdown(
        f"{plain(sentence(description))} Score **{number(scores.score_before)} → {number(scores.score_after)}**"
    )
    if scores.note:
        st.caption(plain(sentence(scores.note)))
    ranks_place = st.container()  # above the maps, which are drawn first
    maps = figures.maps.beside(scores.map_after, scores.map_before, address.theme(), ("after", "before"))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(maps, key="what-if:maps")
    st.caption(f"{figures.maps.READ_DIFFERENCE} {wording.NO_ORDER}")
    with ranks_place, st.spinner("Ranking all items…", show_time=False):
        ranks = closer_results.counterfactual_rank(model, view.user, view.item, counterfactual)
        change = figures.change.counterfactual(
            (ranks.score_before, ranks.score_after),
            (ranks.before.rank, ranks.after.rank),
            ranks.after.candidates,
            address.theme(),
            what=description,
        )
        st.markdown(f"Before: {plain(ranks.before.words)}. After: **{plain(ranks.after.words)}**.")
        plots.show(change, key="what-if:moved")
        st.caption(f"{figures.change.READ_COUNTERFACTUAL} {plain(sentence(ranks.excluded))}")
