"""A run that is looked at while it is trained: a sentence that says so, and a page that follows its kept epochs."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import loading
from app.wording import phase, plain, sentence
from convncf.errors import ConvNCFError
from convncf.runs import Run

_EVERY: Final = 5.0
"""Seconds between two looks."""


def follow(run: Run) -> None:
    """Nothing for a run that nobody trains; else how far it is, and the page again when it kept another epoch."""
    try:
        if run.status().active:
            st.fragment(_look, run_every=_EVERY)(run, loading.kept(run))
    except ConvNCFError:  # deleted meanwhile: the page says so where it reads the run
        return


def _look(run: Run, before: loading.Key) -> None:
    try:
        status = run.status()
        words = phase(status, run.config().model.name)
    except ConvNCFError:
        st.rerun()
    if not status.active or loading.kept(run) != before:
        st.rerun()
    st.caption(plain(f"{sentence(words)} Still in training: this page follows when another epoch is kept."))
