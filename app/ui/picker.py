"""Search picker: choose one user or item among many thousands; the server searches and sends a few tens of matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from app.ui.cache import Matches
from app.ui.text import plain

WIDTH: Final = 288
"""Width of the button in pixels: two of them, a run and an epoch fill a row of 1280, and wrap in one of 800."""


def show(
    label: str,
    shown: str,
    *,
    key: str,
    hint: str,
    find: Callable[[str], Matches],
    describe: Callable[[int], str],
    suggestions: Callable[[], Mapping[str, Sequence[int]]],
    choose: Callable[[int], None],
    help: str | None = None,
) -> None:
    """A button labelled `shown` that opens a search; `choose` gets the index that is pressed.

    While nothing is typed, `suggestions` (heading -> indices) are offered. Typing redraws this picker alone.
    """
    with st.container(width=WIDTH):  # around the fragment, which would take the whole width of a row
        _picker(label, shown, key, hint, find, describe, suggestions, choose, help)


@st.fragment
def _picker(
    label: str,
    shown: str,
    key: str,
    hint: str,
    find: Callable[[str], Matches],
    describe: Callable[[int], str],
    suggestions: Callable[[], Mapping[str, Sequence[int]]],
    choose: Callable[[int], None],
    help: str | None,
) -> None:
    opened = f"{key}:open"
    with st.container(gap="xxsmall"):
        st.markdown(f":small[{plain(label)}]", help=help)
        box = st.popover(plain(shown), width="stretch", wrap=False, key=opened, on_change="rerun")
    if not box.open:
        return
    with box, st.container(width=420):
        text = st.text_input(
            f"Search for {label.lower()}",
            type="search",
            live="200ms",
            placeholder=hint,
            label_visibility="collapsed",
            key=f"{key}:text",
        )
        with st.container(height=320, gap=None, border=False):
            groups = _groups(text or "", find, suggestions)
            for heading, indices in groups.items():
                st.caption(plain(heading))
                for index in indices:
                    st.button(
                        plain(describe(index)),
                        type="tertiary",
                        wrap=False,
                        key=f"{key}:{heading}:{index}",
                        on_click=_press,
                        args=(choose, index, opened),
                    )


def _press(choose: Callable[[int], None], index: int, opened: str) -> None:
    choose(index)
    st.session_state[opened] = False
    st.rerun()  # the whole page, not this picker alone


def _groups(
    text: str, find: Callable[[str], Matches], suggestions: Callable[[], Mapping[str, Sequence[int]]]
) -> Mapping[str, Sequence[int]]:
    if not text.strip():
        return suggestions()
    matches = find(text)
    note = f". {matches.note}" if matches.note else ""
    if not matches.total:
        return {f"No match for “{text.strip()}”. Part of an id or title is enough.": ()}
    if matches.total > len(matches.indices):
        heading = f"The first {len(matches.indices)} of {matches.total:,}; type more to narrow them down{note}"
        return {heading: matches.indices}
    return {f"Matches: {matches.total:,}{note}": matches.indices}
