"""Runs as rows of words: name, state, what it does or what came out, and where to go from there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.ui import address, commands, text
from app.ui.run_summary import RunSummary
from app.ui.text import plain
from app.ui.widgets import attempt, page_link
from convncf import figures
from convncf.figures.theme import RunStyle


def show(seen: Sequence[RunSummary], order: Sequence[str]) -> None:
    """One row a run; `order` gives each its colour. What their kept epochs mean stands once, under them."""
    theme = address.theme()
    for summary in seen:
        with st.container(gap="xsmall"):
            _row(summary, figures.run_colour(summary.name, order, theme))
    for kept, words in dict.fromkeys((one.kept, one.about_the_choice) for one in seen if one.about_the_choice):
        st.caption(plain(f"{kept[:1].upper()}{kept[1:]}: {words}"))


def _row(summary: RunSummary, colour: str) -> None:
    words = text.STATE_WORDS[summary.state]
    what = f" · {plain(summary.model_words)}" if summary.model else ""
    st.markdown(f':color[●]{{foreground="{colour}"}} **{plain(summary.name)}** · {words}{what}')
    if summary.active:
        live(summary)
    elif summary.finished:
        took = f" · took {text.duration(summary.seconds)}" if summary.seconds is not None else ""
        st.caption(f"{plain(summary.result or summary.status.message)}{took}")
        _links(summary)
    else:
        why(summary)
        if summary.resumable and not address.read_only():
            resume = partial(commands.resume, summary.run)
            st.button("Resume", key=f"row:resume:{summary.name}", on_click=attempt, args=(resume,))


def live(summary: RunSummary) -> None:
    """Progress of an active run, in words and as a bar."""
    status = summary.status
    parts = [text.phase(status, summary.model), text.remaining(status)]
    words = " · ".join(part for part in parts if part)
    st.progress(text.progress(status), text=f":small[{plain(words[:1].upper() + words[1:])}]")


def why(summary: RunSummary) -> None:
    """Why a run is not finished though nobody works on it, and what to do."""
    words = text.sentence(summary.reason or summary.status.message)
    if summary.state in ("failed", "broken"):
        st.error(plain(words))
    else:
        st.caption(plain(words))
    if summary.state == "broken":
        st.caption(text.BROKEN)
    if summary.state == "failed":
        st.caption(plain(text.hint(words)))
    if summary.state in ("failed", "lost"):
        tail = summary.run.log_tail(8 if summary.state == "failed" else 2)
        if tail:
            st.code(tail, language=None, wrap_lines=True)


def _links(summary: RunSummary) -> None:
    with st.container(horizontal=True, gap="small"):
        if summary.trained:
            # without a network there are no feature maps: what stands first on Start must not promise them
            page_link("inspect", summary.inside, {"run": summary.name})
        page_link("recommend", "Recommend", {"run": summary.name})
        page_link("train", "How it learned" if summary.trained else "What came out", {"run": summary.name})


def heading(name: str, style: RunStyle) -> str:
    """A run's name after a dot in its colour."""
    return f"{dot(style)} {plain(name)}"


def dot(style: RunStyle) -> str:
    return f':color[●]{{foreground="{style.colour}"}}'
