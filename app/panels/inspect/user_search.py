"""A user is found by a part of an id, or of a title that they have; the server searches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from scipy import sparse

from app import loading
from app.loading import FOUND, Found, Key, Model
from convncf.data.interactions import Interactions
from convncf.inspection.owners import Owners, owners


@dataclass(frozen=True, slots=True)
class FoundUsers:
    """Users by id first, then those who have what was typed."""

    found: Found
    has: dict[int, int]
    """User -> the item by whose title they were found."""


def find(model: Model, text: str) -> FoundUsers:
    """At most `loading.FOUND` users; those found both ways count once."""
    by_id = loading.find_users(model, text)
    titled = loading.find_items(model, text)
    having = _owners(model, titled.indices)
    more = titled.total > len(titled.indices)
    note = f"Of {titled.total:,} titles with it, the first {len(titled.indices)} were looked for." if more else ""
    if by_id.total > len(by_id.indices):  # a full list: nobody else would be shown
        return FoundUsers(Found(by_id.indices, by_id.total), {})
    new = ~np.isin(having.users, by_id.indices)
    users, items = having.users[new], having.items[new]
    shown = users[: FOUND - len(by_id.indices)].tolist()
    has = dict(zip(shown, items.tolist(), strict=False))
    return FoundUsers(Found((*by_id.indices, *shown), by_id.total + len(users), note), has)


def _owners(model: Model, items: tuple[int, ...]) -> Owners:
    return owners(_held(model.data_key, model.dataset.interactions), items)


@st.cache_resource(max_entries=3, show_spinner=False)
def _held(data_key: Key, _interactions: Interactions) -> sparse.csc_array:
    return _interactions.matrix().tocsc()
