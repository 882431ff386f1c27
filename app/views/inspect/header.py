"""Headline of Inspect: the pair, its score and rank, and in which sense the rank is to be read."""

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
"""Characters of a title or an id in the headline; a longer one stands whole in a fold of its own."""
_TURNS: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def show(model: Model, view: PairView, best: int, mark: str) -> None:
    """ "Twelve Monkeys (1995) for user 15: score 2.31, rank 4 of 8,911", and what that leaves out."""
    user = model.user_id(view.user)
    label = model.item_label(view.item)
    headline = f"{_in_heading(label)} for user {_in_heading(user)}: score {number(view.score)}, {view.rank_words}"
    st.title(headline, anchor=False, help=terms("score", "rank"))
    for what, text in (("title", label), ("user id", user)):
        if len(text) > _LONGEST:
            with st.expander(f"The whole {what}, {len(text):,} characters"):
                st.text(text)
    config = model.loaded.config.model
    # the picker of runs is too narrow for a long name, and what tells two runs apart is often its end
    run = f"{registry.label(config.name)} of run {model.loaded.run.name}."
    words = (run, sentence(view.excluded), _standing(model, view), _epoch(model, best, mark))
    st.caption(" ".join(plain(each) for each in words if each))


def _in_heading(text: str) -> str:
    """Plain text for a heading, which Streamlit ends at the first line feed: as a character reference it goes on.

    A text that turns the direction of writing is kept apart (U+2068 … U+2069), so that it cannot turn what follows.
    """
    short = shorten(text, _LONGEST)
    if any(sign in _TURNS for sign in short):
        short = f"\u2068{short}\u2069"
    return plain(short).replace("  \n", "&#10;")


def _standing(model: Model, view: PairView) -> str:
    user = shorten(model.user_id(view.user), _LONGEST)
    excluded = "so it is left out of the ranking, and the rank is the one that it would have"
    match view.part:
        case "training":
            return f"User {user} has it in training, {excluded}."
        case "validation":
            return f"User {user} has it in validation, {excluded}."
        case "test":
            return f"It is held out for the test: user {user} has it, and the model never trained on that."
        case "rated lower":
            return f"User {user} rated it lower than this run takes for a positive, so it was not learnt from."
        case "new":
            return f"In the data, user {user} has not had it."


def _epoch(model: Model, best: int, mark: str) -> str:
    """At which point of the training this is, where it is not the best."""
    loaded = model.loaded
    if loaded.epoch == best:
        return ""
    if loaded.epoch:
        which = "the best on validation" if mark == BEST else f"the {mark}"
        return f"This is epoch {loaded.epoch}; {which} is {pair_controls.epoch_label(best)}."
    config = loaded.config
    if not (config.model.pretrained_from or config.pretrain.epochs):
        return "This is the start, before the first step of training."
    words = "This is the start: the embeddings are those of the pretraining"
    if config.model["initialisation"] == "dot product":
        return f"{words}, and the network begins as their dot product."
    return f"{words}, and the network knows nothing yet."


_EVERY: Final = 5.0
"""Seconds between two looks."""


def follow(run: Run) -> None:
    """Nothing for a run that nobody trains; else how far it is, and the page again when it kept another epoch."""
    try:
        if run.status().active:
            st.fragment(_look, run_every=_EVERY)(run, cache.kept(run))
    except ConvNCFError:  # deleted meanwhile: the page says so where it reads the run
        return


def _look(run: Run, before: shelf.Key) -> None:
    try:
        status = run.status()
        words = phase(status, run.config().model.name)
    except ConvNCFError:
        st.rerun()
    if not status.active or cache.kept(run) != before:
        st.rerun()
    st.caption(plain(f"{sentence(words)} Still in training: this page follows when another epoch is kept."))
