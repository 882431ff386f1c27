"""Runs as rows of words: name, state, what it does or what came out, and where to go from there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.ui import address, commands, text
from app.ui.run_summary import Glance
from app.ui.text import plain
from app.ui.widgets import attempt, onward
from convncf import figures
from convncf.figures.theme import RunStyle


def show(seen: Sequence[Glance], order: Sequence[str]) -> None:
    """One row a run; `order` gives each its colour. What their kept epochs mean stands once, under them."""
    theme = address.theme()
    for glance in seen:
        with st.container(gap="xsmall"):
            _row(glance, figures.run_colour(glance.name, order, theme))
    for kept, words in dict.fromkeys((one.kept, one.about_the_choice) for one in seen if one.about_the_choice):
        st.caption(plain(f"{kept[:1].upper()}{kept[1:]}: {words}"))


def _row(glance: Glance, colour: str) -> None:
    words = text.STATE_WORDS[glance.state]
    what = f" · {plain(glance.model_words)}" if glance.model else ""
    st.markdown(f':color[●]{{foreground="{colour}"}} **{plain(glance.name)}** · {words}{what}')
    if glance.active:
        live(glance)
    elif glance.finished:
        took = f" · took {text.duration(glance.seconds)}" if glance.seconds is not None else ""
        st.caption(f"{plain(glance.result or glance.status.message)}{took}")
        _links(glance)
    else:
        why(glance)
        if glance.resumable and not address.read_only():
            resume = partial(commands.resume, glance.run)
            st.button("Resume", key=f"row:resume:{glance.name}", on_click=attempt, args=(resume,))


def live(glance: Glance) -> None:
    """Progress of an active run, in words and as a bar."""
    status = glance.status
    parts = [text.phase(status, glance.model), text.remaining(status)]
    words = " · ".join(part for part in parts if part)
    st.progress(text.progress(status), text=f":small[{plain(words[:1].upper() + words[1:])}]")


def why(glance: Glance) -> None:
    """Why a run is not finished though nobody works on it, and what to do."""
    words = text.sentence(glance.reason or glance.status.message)
    if glance.state in ("failed", "broken"):
        st.error(plain(words))
    else:
        st.caption(plain(words))
    if glance.state == "broken":
        st.caption(text.BROKEN)
    if glance.state == "failed":
        st.caption(plain(text.hint(words)))
    if glance.state in ("failed", "lost"):
        tail = glance.run.log_tail(8 if glance.state == "failed" else 2)
        if tail:
            st.code(tail, language=None, wrap_lines=True)


def _links(glance: Glance) -> None:
    with st.container(horizontal=True, gap="small"):
        if glance.trained:
            # without a network there are no feature maps: what stands first on Start must not promise them
            onward("inspect", glance.inside, {"run": glance.name})
        onward("recommend", "Recommend", {"run": glance.name})
        onward("train", "How it learned" if glance.trained else "What came out", {"run": glance.name})


def heading(name: str, style: RunStyle) -> str:
    """A run's name after a dot in its colour."""
    return f"{dot(style)} {plain(name)}"


def dot(style: RunStyle) -> str:
    return f':color[●]{{foreground="{style.colour}"}}'
