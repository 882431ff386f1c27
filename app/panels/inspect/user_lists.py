"""Lists beside a pair: the user's best items, and what the user has; a click on a row chooses its item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from app import loading, state
from app.loading import Model
from app.panels import presentation
from app.panels.inspect.pair import Pair, in_words
from convncf import inspection
from convncf.config import TRAINED

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler
    from streamlit.elements.lib.column_types import ColumnConfig

_ROW: Final = 65
"""Height of a row in pixels beside an interaction map, where a long title would lose its year: Streamlit wraps cells
from 4 rem on. Elsewhere the list is wide enough."""
HELD_OUT: Final = "●"
CHOSEN: Final = "font-weight: 600; background-color: rgba(20, 150, 136, 0.14)"
"""The row of the item that is looked at; a tint that both themes bear."""


_TABS: Final = ("top", "history")
"""What the address calls them."""


@st.fragment
@in_words
def show(pair: Pair) -> None:
    """Two tabs, Top 10 and History; which is open stands in the address as `list`, once one was chosen."""
    model, view = pair.model(), pair.view()
    user, item = view.user, view.item
    history = loading.history(model, user)
    labels = [f"Top {loading.TOP}", f"History · {len(history.items):,}"]
    asked = st.query_params.get("list")
    key = f"lists:{model.loaded.run.name}:{user}"
    st.session_state[key] = labels[_TABS.index(asked) if asked in _TABS else 0]
    top, own = st.tabs(labels, key=key, on_change=lambda: state.choose(list=_TABS[labels.index(st.session_state[key])]))
    with top:
        _top(model, user, item)
    with own:
        _history(model, user)


def _top(model: Model, user: int, item: int | None) -> None:
    found = loading.top(model, user)
    counts = model.loaded.config.model.name == "popularity"
    items = found.items.tolist()
    held_out = [inspection.standing(model.loaded.split, user, index) == "test" for index in items]
    frame = pd.DataFrame(
        {
            "#": found.ranks,
            HELD_OUT: [HELD_OUT if held else "" for held in held_out],
            "Item": [model.item_label(index) for index in items],
            "Score": found.scores.astype("float64"),
        }
    )
    place = items.index(item) if item in items else None
    _table(
        frame.style.apply(lambda row: [CHOSEN if row.name == place else ""] * len(row), axis=1),
        items,
        model,
        key=f"top:{model.loaded.run.name}:{model.loaded.epoch}:{user}",
        alt=f"Top {len(items)} of user {model.user_id(user)}",
        columns={
            "#": st.column_config.NumberColumn(
                width=34, help="Rank: equal scores share the last place of their group."
            ),
            HELD_OUT: st.column_config.TextColumn(
                width=24, help="● held out: in the test part, so it should rank high."
            ),
            "Item": st.column_config.TextColumn(width=128),
            "Score": st.column_config.NumberColumn(width=52, format="%d" if counts else "%.2f"),
        },
    )
    words = [f"Click a row to look at it. {HELD_OUT} marks held-out test items, which should rank high."]
    if found.tied.any():
        words.append("Some scores are equal: each of them has the last place of its group.")
    st.caption(" ".join(words))


def _history(model: Model, user: int) -> None:
    found = loading.history(model, user)
    columns = {"Item": [model.item_label(index) for index in found.items.tolist()], "Part": list(found.parts)}
    if found.seconds is not None:
        columns["When"] = pd.to_datetime(found.seconds, unit="s").date.tolist()
    frame = pd.DataFrame(columns)
    _table(
        frame,
        found.items.tolist(),
        model,
        key=f"history:{model.loaded.run.name}:{user}",
        alt=f"What user {model.user_id(user)} has, and in which part of the split",
        columns={
            "Item": st.column_config.TextColumn(width=154),
            "Part": st.column_config.TextColumn(
                width=76, help="Part of the split: the model learns from training alone."
            ),
            "When": st.column_config.DateColumn(width=90),
        },
    )
    latest = "Latest first. " if found.seconds is not None else ""
    st.caption(f"{latest}The model learned from the training part alone.")


def _table(
    frame: pd.DataFrame | Styler,
    items: Sequence[int],
    model: Model,
    *,
    key: str,
    alt: str,
    columns: Mapping[str, ColumnConfig],
) -> None:
    narrow = model.loaded.config.model.name in TRAINED and not presentation.on()
    st.dataframe(
        frame,
        hide_index=True,
        height=38 + loading.TOP * _ROW if narrow else 388,
        row_height=_ROW if narrow else None,
        key=key,
        on_select=lambda: _clicked(key, items, model),
        selection_mode="single-cell",
        column_config=columns,
        alt=alt,
    )


def _clicked(key: str, items: Sequence[int], model: Model) -> None:
    cells = st.session_state[key].selection.cells
    if cells:
        state.choose(item=model.item_id(items[cells[0][0]]))
        st.rerun()  # the whole page follows, not the lists alone
