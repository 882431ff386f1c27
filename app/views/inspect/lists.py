"""Lists beside a pair: the user's best items, and what the user has; a click chooses an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from app.ui import address, cache, presentation
from app.ui.cache import Model
from app.ui.pair import Pair, in_words
from app.ui.text import HELD_OUT, plain
from convncf import inspection
from convncf.evaluation.ranking import TopK
from convncf.models.registry import record

_ROW: Final = 65
"""Height of a row in pixels beside an interaction map, where a long title would lose its year: Streamlit wraps cells
from 4 rem on. Elsewhere the list is wide enough."""
_TABS: Final = ("top", "history")
"""What the address calls them."""


@st.fragment
@in_words
def show(pair: Pair) -> None:
    """Two tabs, Top 10 and History; which is open stands in the address as `list`, once one was chosen."""
    model, view = pair.model(), pair.view()
    user, item = view.user, view.item
    history = cache.history(model, user)
    labels = [f"Top {cache.TOP}", f"History · {len(history.items):,}"]
    asked = address.asked("list")
    key = f"lists:{model.loaded.run.name}:{user}"
    st.session_state[key] = labels[_TABS.index(asked) if asked in _TABS else 0]
    top, own = st.tabs(
        labels, key=key, on_change=lambda: address.choose(list=_TABS[labels.index(st.session_state[key])])
    )
    if asked == _TABS[1]:
        with own:
            _history(model, user)
    else:
        with top:
            _top(model, user, item)


def _top(model: Model, user: int, item: int) -> None:
    """Ten choices rather than a table, which a browser takes a fifth of a second to draw."""
    found = cache.top(model, user)
    items = found.items.tolist()
    if not items:
        st.caption(f"User {plain(model.user_id(user))} has every item: nothing is left to recommend.")
        return
    key = f"top:{model.loaded.run.name}:{model.loaded.epoch}:{user}"
    st.session_state[key] = items.index(item) if item in items else None
    st.radio(
        f"Top {len(items)} of user {model.user_id(user)}",
        range(len(items)),
        key=key,
        # in the label rather than as captions of the widget, each of which a browser lays out on its own
        format_func=lambda place: (
            f"{plain(model.item_label(items[place]))}  \n:small[:gray[{_caption(model, user, found, place)}]]"
        ),
        label_visibility="collapsed",
        on_change=lambda: _choose(model, items[st.session_state[key]]),
    )
    words = [f"{HELD_OUT} marks held-out test items, which should rank high."]
    if found.tied.any():
        words.append("Some scores are equal: each of them has the last place of its group.")
    st.caption(" ".join(words))


def _caption(model: Model, user: int, found: TopK, place: int) -> str:
    """ "rank 3, score 2.31 ●"."""
    score = float(found.scores[place])
    shown = f"{score:.0f}" if record(model.loaded.config.model.name).score_unit else f"{score:.2f}".replace("-", "−")
    held_out = inspection.part_of(model.loaded.split, user, int(found.items[place])) == "test"
    return f"rank {found.ranks[place]}, score {shown}{f' {HELD_OUT}' if held_out else ''}"


def _history(model: Model, user: int) -> None:
    found = cache.history(model, user)
    columns = {"Item": [model.item_label(index) for index in found.items.tolist()], "Part": list(found.parts)}
    if found.seconds is not None:
        columns["When"] = pd.to_datetime(found.seconds, unit="s").date.tolist()
    key = f"history:{model.loaded.run.name}:{user}"
    narrow = record(model.loaded.config.model.name).interaction_map and not presentation.on()
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=38 + cache.TOP * _ROW if narrow else 388,
        row_height=_ROW if narrow else None,
        key=key,
        on_select=lambda: _clicked(key, found.items.tolist(), model),
        selection_mode="single-cell",
        alt=f"What user {model.user_id(user)} has, and in which part of the split",
        column_config={
            "Item": st.column_config.TextColumn(width=154),
            "Part": st.column_config.TextColumn(
                width=76, help="Part of the split: the model learns from training alone."
            ),
            "When": st.column_config.DateColumn(width=90),
        },
    )
    latest = "Latest first. " if found.seconds is not None else ""
    st.caption(f"Click a row to look at it. {latest}The model learned from the training part alone.")


def _clicked(key: str, items: Sequence[int], model: Model) -> None:
    cells = st.session_state[key].selection.cells
    if cells:
        _choose(model, items[cells[0][0]])


def _choose(model: Model, item: int) -> None:
    address.choose(item=model.item_id(item))
    st.rerun()  # the whole page follows, not the lists alone
