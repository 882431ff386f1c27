"""Headline of Inspect: the pair, its score and rank, and the notes that are needed to read the rank."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.ui import cache, pair_controls, shelf
from app.ui.cache import Model
from app.ui.pair_controls import BEST
from app.ui.text import phase, plain, sentence, terms
from convncf.errors import ConvNCFError
from convncf.figures.theme import number, shorten
from convncf.inspection import PairView
from convncf.models import registry
from convncf.runs import Run

_LONGEST: Final = 200
"""Characters of a title or an id in the headline; a longer one is shown in full in an expander."""
_DIRECTION_MARKS: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def show(model: Model, view: PairView, best: int, mark: str) -> None:
    """ "Twelve Monkeys (1995) for user 15: score 2.31, rank 4 of 8,911", with the notes that it needs."""
    user = model.user_id(view.user)
    label = model.item_label(view.item)
    headline = f"{_in_heading(label)} for user {_in_heading(user)}: score {number(view.score)}, {view.rank_words}"
    st.title(headline, anchor=False, help=terms("score", "rank"))
    for what, text in (("title", label), ("user id", user)):
        if len(text) > _LONGEST:
            with st.expander(f"The whole {what}, {len(text):,} characters"):
                st.text(text)
    config = model.loaded.config.model
    # the picker of runs is too narrow for a long name, and names often differ at the end
    run = f"{registry.label(config.name)} of run {model.loaded.run.name}."
    notes = (run, sentence(view.excluded), _part_note(model, view), _epoch_note(model, best, mark))
    st.caption(" ".join(plain(note) for note in notes if note))


def _in_heading(text: str) -> str:
    """Plain text for a heading, which Streamlit ends at the first line feed: as a character reference it does not.

    A text that changes the direction of writing is isolated (U+2068 … U+2069), so that it cannot affect what follows.
    """
    short = shorten(text, _LONGEST)
    if any(character in _DIRECTION_MARKS for character in short):
        short = f"\u2068{short}\u2069"
    return plain(short).replace("  \n", "&#10;")


def _part_note(model: Model, view: PairView) -> str:
    user = shorten(model.user_id(view.user), _LONGEST)
    excluded = "so it is excluded from the ranking, and the rank shown is the one that it would have"
    match view.part:
        case "training":
            return f"User {user} has it in training, {excluded}."
        case "validation":
            return f"User {user} has it in validation, {excluded}."
        case "test":
            return f"It is held out for the test: user {user} has it, and the model was not trained on it."
        case "rated lower":
            return f"User {user} rated it below this run's lowest positive rating, so the model was not trained on it."
        case "new":
            return f"User {user} has no interaction with it in the data."


def _epoch_note(model: Model, best: int, mark: str) -> str:
    """Which checkpoint this is, where it is not the best."""
    loaded = model.loaded
    if loaded.epoch == best:
        return ""
    if loaded.epoch:
        kept = "the best on validation" if mark == BEST else f"the {mark}"
        return f"This is epoch {loaded.epoch}; {kept} is {pair_controls.epoch_label(best)}."
    config = loaded.config
    if not (config.model.pretrained_from or config.pretrain.epochs):
        return "This is the start, before the first step of training."
    start = "This is the start: the embeddings are those of the pretraining"
    if config.model.starts_as_dot_product:
        return f"{start}, and the network begins as their dot product."
    return f"{start}, and the network is untrained."


_SECONDS: Final = 5.0
"""Seconds between two checks."""


def follow(run: Run) -> None:
    """Nothing for a run that is not in training; else its progress, and the page again when it keeps another epoch."""
    try:
        if run.status().active:
            st.fragment(_check, run_every=_SECONDS)(run, cache.checkpoints_key(run))
    except ConvNCFError:  # deleted meanwhile: the page says so where it reads the run
        return


def _check(run: Run, kept_before: shelf.Key) -> None:
    try:
        status = run.status()
        progress = phase(status, run.config().model.name)
    except ConvNCFError:
        st.rerun()
    if not status.active or cache.checkpoints_key(run) != kept_before:
        st.rerun()
    st.caption(plain(f"{sentence(progress)} Still in training: this page is updated when another epoch is kept."))
