"""Headline of Inspect: the pair, its score and rank, and in which sense the rank is to be read."""

from __future__ import annotations

import streamlit as st

from app.loading import Model
from app.panels import pair_controls
from app.panels.pair_controls import BEST
from app.wording import number, plain, sentence, terms
from convncf.inspection import PairView


def show(model: Model, view: PairView, best: int, mark: str) -> None:
    """ "Twelve Monkeys (1995) for user 15: score 2.31, rank 4 of 8,911", and what that leaves out."""
    user = model.user_id(view.user)
    label = model.item_label(view.item)
    headline = f"{plain(label)} for user {plain(user)}: score {number(view.score)}, {view.rank_words}"
    st.title(headline, anchor=False, help=terms("score", "rank"))
    words = (sentence(view.left_out), _standing(model, view), _epoch(model, best, mark))
    st.caption(" ".join(plain(each) for each in words if each))


def _standing(model: Model, view: PairView) -> str:
    user = model.user_id(view.user)
    left_out = "so it is left out of the ranking, and the rank is the one that it would have"
    match view.standing:
        case "training":
            return f"User {user} has it in training, {left_out}."
        case "validation":
            return f"User {user} has it in validation, {left_out}."
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
    if config.model.name != "convncf" or not (config.model.pre_model_path or config.pretrain.epochs):
        return "This is the start, before the first step of training."
    words = "This is the start: the embeddings are those of the pretraining"
    if config.model.initialisation == "trace":
        return f"{words}, and the network begins as their dot product."
    return f"{words}, and the network knows nothing yet."
