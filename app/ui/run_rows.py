"""Runs as rows of text: name, state, progress or result, and links to the next pages."""

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


def show(summaries: Sequence[RunSummary], order: Sequence[str]) -> None:
    """One row per run; `order` gives each its colour. What their kept epochs mean is explained once, below them."""
    theme = address.theme()
    for summary in summaries:
        with st.container(gap="xsmall"):
            _row(summary, figures.run_colour(summary.name, order, theme))
    for kept, explanation in dict.fromkeys(
        (summary.kept, summary.kept_note) for summary in summaries if summary.kept_note
    ):
        st.caption(plain(f"{kept[:1].upper()}{kept[1:]}: {explanation}"))


def _row(summary: RunSummary, colour: str) -> None:
    state = text.STATE_LABELS[summary.state]
    model = f" · {plain(summary.model_words)}" if summary.model else ""
    st.markdown(f':color[●]{{foreground="{colour}"}} **{plain(summary.name)}** · {state}{model}')
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
    """Progress of an active run, as text and as a bar."""
    status = summary.status
    parts = [text.phase(status, summary.model), text.remaining(status)]
    line = " · ".join(part for part in parts if part)
    st.progress(text.progress(status), text=f":small[{plain(line[:1].upper() + line[1:])}]")


def why(summary: RunSummary) -> None:
    """Why a run is not finished though no worker trains it, and what to do."""
    reason = text.sentence(summary.reason or summary.status.message)
    if summary.state in ("failed", "broken"):
        st.error(plain(reason))
    else:
        st.caption(plain(reason))
    if summary.state == "broken":
        st.caption(text.BROKEN)
    if summary.state == "failed":
        st.caption(plain(text.hint(reason)))
    if summary.state in ("failed", "lost"):
        tail = summary.run.log_tail(8 if summary.state == "failed" else 2)
        if tail:
            st.code(tail, language=None, wrap_lines=True)


def _links(summary: RunSummary) -> None:
    with st.container(horizontal=True, gap="small"):
        if summary.trained:
            # without a network there are no feature maps: the first link on Start must not promise them
            page_link("inspect", summary.inside, {"run": summary.name})
        page_link("recommend", "Recommend", {"run": summary.name})
        page_link("train", "Training curves" if summary.trained else "Results", {"run": summary.name})


def heading(name: str, style: RunStyle) -> str:
    """A run's name after a dot in its colour."""
    return f"{dot(style)} {plain(name)}"


def dot(style: RunStyle) -> str:
    return f':color[●]{{foreground="{style.colour}"}}'
