"""Ways from one pair to another, which keep everything else that the address says.

They are buttons: the browser's address does not follow a link from a page to itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state, widgets
from app.loading import Model
from app.wording import plain


def to_pairs(model: Model, pairs: Sequence[tuple[int, int]], notes: Sequence[str] = (), *, key: str) -> None:
    """A button a pair of indices (user, item), with its note behind it; plain text."""
    for place, (user, item) in enumerate(pairs):
        note = f" · {notes[place]}" if notes else ""
        label = f"{model.item_label(item)} for user {model.user_id(user)}{note}"
        st.button(
            plain(label),
            type="tertiary",
            key=f"{key}:{place}",
            icon=widgets.ONWARD,
            icon_position="right",
            on_click=_go,
            args=(model.user_id(user), model.item_id(item)),
        )


def _go(user: str, item: str) -> None:
    state.choose(user=user, item=item)
    st.rerun()  # the whole page follows, not the part alone that the button is in
