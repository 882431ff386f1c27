"""What the address of Recommend says: several runs, genres and picked titles beside the single ids of `state`.

`?whose=user&run=a&run=b&user=15&k=10&popular=5&genre=Drama&item=318`, or `whose=new&like=318&like=296`.
The session remembers them only while the visitor is on another page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

_MEMORY: Final = "chosen:recommend"


def restore() -> None:
    """Bring back what was chosen before another page was visited; after that the address alone counts, also empty."""
    if "whose" in st.query_params:
        return
    for name, values in st.session_state.get(_MEMORY, {}).items():
        if values and name not in st.query_params:
            st.query_params[name] = values


def many(name: str) -> list[str]:
    """The values of a parameter in their order, each once."""
    return list(dict.fromkeys(value for value in st.query_params.get_all(name) if value))


def emptied(name: str) -> bool:
    """Whether the visitor took the last value away, rather than never having chosen one."""
    return bool(st.session_state.get(_MEMORY, {}).get(name) == [])


def write(name: str, values: Sequence[str]) -> None:
    """Choose these, in the address and for this session."""
    st.session_state[_MEMORY] = st.session_state.get(_MEMORY, {}) | {name: list(values)}
    if st.query_params.get_all(name) == list(values):
        return
    if values:
        st.query_params[name] = list(values)
    else:
        st.query_params.pop(name, None)


def one(name: str, default: str) -> str:
    """A parameter with one value that belongs to this page alone."""
    return (many(name) or [default])[0]
