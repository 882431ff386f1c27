"""Lists beside a pair: the user's top items and history; a click chooses an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from app.ui import address, cache, presentation
from app.ui.cache import Model
from app.ui.pair import Pair, report_errors
from app.ui.text import HELD_OUT, plain
from convncf import inspection
from convncf.evaluation.ranking import TopK
from convncf.models.registry import record

_ROW: Final = 65
"""Height of a row in pixels beside an interaction map, where a long title would lose its year: Streamlit wraps cells
from 4 rem on. Elsewhere the list is wide enough."""
_TABS: Final = ("top", "history")
"""Their names in the address."""


@st.fragment
@report_errors
def show(pair: Pair) -> None:
    """Two tabs, Top 10 and History; the open one is in the address as `list`, once one was chosen."""
    model, view = pair.model(), pair.view()
    user, item = view.user, view.item
    history = cache.history(model, user)
    labels = [f"Top {cache.TOP}", f"History · {len(history.items):,}"]
    requested = address.value("list")
    key = f"lists:{model.loaded.run.name}:{user}"
    st.session_state[key] = labels[_TABS.index(requested) if requested in _TABS else 0]
    top_tab, history_tab = st.tabs(
        labels, key=key, on_change=lambda: address.choose(list=_TABS[labels.index(st.session_state[key])])
    )
    if requested == _TABS[1]:
        with history_tab:
            _history(model, user)
    else:
        with top_tab:
            _top(model, user, item)


def _top(model: Model, user: int, item: int) -> None:
    """Ten choices rather than a table, which a browser takes a fifth of a second to draw."""
    top = cache.top(model, user)
    items = top.items.tolist()
    if not items:
        st.caption(f"User {plain(model.user_id(user))} has every item: there is nothing to recommend.")
        return
    key = f"top:{model.loaded.run.name}:{model.loaded.epoch}:{user}"
    st.session_state[key] = items.index(item) if item in items else None
    st.radio(
        f"Top {len(items)} of user {model.user_id(user)}",
        range(len(items)),
        key=key,
        # in the label rather than as captions of the widget, each of which a browser lays out on its own
        format_func=lambda position: (
            f"{plain(model.item_label(items[position]))}  \n:small[:gray[{_caption(model, user, top, position)}]]"
        ),
        label_visibility="collapsed",
        on_change=lambda: _choose(model, items[st.session_state[key]]),
    )
    notes = [f"{HELD_OUT} marks held-out test items, which should rank high."]
    if top.tied.any():
        notes.append("Tied scores share the last rank of their group.")
    st.caption(" ".join(notes))


def _caption(model: Model, user: int, top: TopK, position: int) -> str:
    """ "rank 3, score 2.31 ●"."""
    score = float(top.scores[position])
    score_text = (
        f"{score:.0f}" if record(model.loaded.config.model.name).score_unit else f"{score:.2f}".replace("-", "−")
    )
    held_out = inspection.part_of(model.loaded.split, user, int(top.items[position])) == "test"
    return f"rank {top.ranks[position]}, score {score_text}{f' {HELD_OUT}' if held_out else ''}"


def _history(model: Model, user: int) -> None:
    history = cache.history(model, user)
    columns = {"Item": [model.item_label(index) for index in history.items.tolist()], "Part": list(history.parts)}
    if history.seconds is not None:
        columns["Time"] = pd.to_datetime(history.seconds, unit="s").date.tolist()
    key = f"history:{model.loaded.run.name}:{user}"
    narrow = record(model.loaded.config.model.name).interaction_map and not presentation.on()
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=38 + cache.TOP * _ROW if narrow else 388,
        row_height=_ROW if narrow else None,
        key=key,
        on_select=lambda: _clicked(key, history.items.tolist(), model),
        selection_mode="single-cell",
        alt=f"History of user {model.user_id(user)}, with the part of the split",
        column_config={
            "Item": st.column_config.TextColumn(width=154),
            "Part": st.column_config.TextColumn(
                width=76, help="Part of the split: the model is trained on the training part alone."
            ),
            "Time": st.column_config.DateColumn(width=90),
        },
    )
    latest = "Latest first. " if history.seconds is not None else ""
    st.caption(f"Click a row to choose its item. {latest}The model was trained on the training part alone.")


def _clicked(key: str, items: Sequence[int], model: Model) -> None:
    cells = st.session_state[key].selection.cells
    if cells:
        _choose(model, items[cells[0][0]])


def _choose(model: Model, item: int) -> None:
    address.choose(item=model.item_id(item))
    st.rerun()  # the whole page, not the lists alone
