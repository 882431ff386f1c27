"""What if: the edit of an interaction map that is chosen, and how score and rank of the pair move."""

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

_KEEPS: Final = {"all": "every cell", "diagonal": "the diagonal alone", "off-diagonal": "all but the diagonal"}
_NOTHING: Final = dict.fromkeys(("zero_user", "zero_item", "keep", "block", "as_user"))
"""The parameters of an edit in the address, each taken away."""


def show_choice(model: Model, user: int, size: int) -> Counterfactual:
    """The controls, for the pairs of a user and an embedding size; the edit that they say."""
    edit, wrong = _asked(size)
    edit = replace(edit, user=_asked_user(model, user, wrong))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        _zeros("Set to 0 in p, the user", "zero_user", edit.zero_user, size)
        _zeros("Set to 0 in every q, the items", "zero_item", edit.zero_item, size)
        _user(model, user if edit.user is None else edit.user)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        st.session_state["edit:keep"] = edit.keep
        st.segmented_control(
            "Keep of the map",
            get_args(Keep),
            format_func=_KEEPS.__getitem__,
            required=True,
            key="edit:keep",
            on_change=address.follow("keep", "edit:keep"),
        )
        if size > 1:  # a map of one cell has no block
            _block(edit.block, size)
        st.button("Reset", key="edit:reset", on_click=_reset, disabled=edit == Counterfactual() and not wrong)
    for words in wrong:
        widgets.problem(words)
    return edit


def counterfactual_words(model: Model, edit: Counterfactual) -> str:
    """What is changed, the other user by raw id."""
    rest = replace(edit, user=None)
    if edit.user is None:
        return rest.words
    lent = f"the embedding of user {model.user_id(edit.user)} in place of this user's"
    return lent if rest == Counterfactual() else f"{lent}; {rest.words}"


def _user(model: Model, shown: int) -> None:
    n = model.dataset.interactions.n_users
    picker.show(
        "With the p of user",
        pair_controls.user_label(model, shown, titles=1),
        key="edit:user",
        hint=f"Part of an id, among {n:,} users",
        find=lambda text: cache.find_users(model, text),
        describe=lambda index: pair_controls.user_label(model, index),
        suggestions=lambda: {f"The first of {n:,} users": range(min(n, cache.FOUND))},
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
    st.toggle("Mask a block", key="edit:masked", on_change=_masked, args=(size,))
    if block is None:
        return
    for label, key, ends in (
        ("Rows, dimensions of p", "edit:rows", (block.top, block.bottom)),
        ("Columns, dimensions of q", "edit:columns", (block.left, block.right)),
    ):
        st.session_state[key] = (ends[0], ends[1] - 1)  # shown with its last dimension, not the one after
        st.slider(label, 0, size - 1, key=key, on_change=_block_moved, width=200)


# ---------------------------------------------------------------- to and from the address
def _asked(size: int) -> tuple[Counterfactual, list[str]]:
    """The edit that the address asks for, and what of it cannot be had at this embedding size."""
    wrong: list[str] = []
    zeros = {name: _dimensions(name, size, wrong) for name in ("zero_user", "zero_item")}
    keep = address.asked("keep") or "all"
    if keep not in _KEEPS:
        wrong.append(f"The address keeps {keep!r} of the map, which is none of {', '.join(_KEEPS)}. All is kept.")
        keep = "all"
    edit = Counterfactual(**zeros, keep=keep, block=_asked_block(size, wrong))  # type: ignore[arg-type]
    return edit, wrong


def _asked_user(model: Model, user: int, wrong: list[str]) -> int | None:
    asked = address.asked("as_user")
    users = model.dataset.interactions.users
    if not asked or asked == users.id(user):
        return None
    if asked in users:
        return users.index(asked)
    wrong.append(f"No user of the {len(users):,} in the data has the id {asked!r}; this user's own p is taken.")
    return None


def _dimensions(name: str, size: int, wrong: list[str]) -> frozenset[int]:
    asked = address.asked(name)
    if not asked:
        return frozenset()
    parts = asked.split(".")
    known = {int(part) for part in parts if re.fullmatch("[0-9]{1,6}", part) and int(part) < size}
    lost = [part for part in parts if not (part.isdecimal() and part.isascii() and int(part) in known)]
    if lost:
        what = "p" if name == "zero_user" else "q"
        wrong.append(f"{what} has dimensions 0 to {size - 1}; {', '.join(lost)} of the address is left as it is.")
    return frozenset(known)


def _asked_block(size: int, wrong: list[str]) -> Block | None:
    asked = address.asked("block")
    if not asked:
        return None
    found = re.fullmatch(r"([0-9]{1,6})-([0-9]{1,6})\.([0-9]{1,6})-([0-9]{1,6})", asked)
    if found:
        top, last_row, left, last_column = map(int, found.groups())
        if top <= last_row < size and left <= last_column < size:
            return Block(top, last_row + 1, left, last_column + 1)
    wrong.append(
        f"The address masks the block {asked!r}, which is none of this {size}×{size} map; no block is masked. "
        "Rows 0 to 3 and columns 4 to 7 are written 0-3.4-7."
    )
    return None


def _masked(size: int) -> None:
    half = size // 2 - 1  # a quarter of the map is a block that one sees
    address.choose(block=f"0-{half}.0-{half}" if st.session_state["edit:masked"] else None)


def _block_moved() -> None:
    (top, bottom), (left, right) = st.session_state["edit:rows"], st.session_state["edit:columns"]
    address.choose(block=f"{top}-{bottom}.{left}-{right}")


def _reset() -> None:
    address.choose(**_NOTHING)


def show(pair: Pair) -> None:
    """The controls, the score and the map at once, and the rank when all items are scored."""
    model, view = pair.model(), pair.view()
    edit = show_choice(model, view.user, len(pair.trace().p))
    words = counterfactual_words(model, edit)
    found = closer_results.edited(model, view.user, view.item, edit)
    st.markdown(f"{plain(sentence(words))} Score **{number(found.score_before)} → {number(found.score_after)}**")
    if found.note:
        st.caption(plain(sentence(found.note)))
    ranks = st.container()  # above the maps, which are there first
    drawn = figures.maps.beside(found.map_after, found.map_before, address.theme(), ("after", "before"))
    with st.container(width=figures.maps.BESIDE_WIDTH):
        plots.show(drawn, key="what-if:maps")
    st.caption(f"{figures.maps.READ_DIFFERENCE} {wording.NO_ORDER}")
    with ranks, st.spinner("Ranking all items…", show_time=False):
        ranked = closer_results.edited_rank(model, view.user, view.item, edit)
        moved = figures.change.counterfactual(
            (ranked.score_before, ranked.score_after),
            (ranked.before.rank, ranked.after.rank),
            ranked.after.candidates,
            address.theme(),
            what=words,
        )
        st.markdown(f"Before: {plain(ranked.before.words)}. After: **{plain(ranked.after.words)}**.")
        plots.show(moved, key="what-if:moved")
        st.caption(f"{figures.change.READ_COUNTERFACTUAL} {plain(sentence(ranked.excluded))}")
