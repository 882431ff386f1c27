"""A question before the picture: the reader guesses, then sees what this run says.

The right answer is computed from the pair's own numbers, and the words fit whichever it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app import state
from app.wording import plain


@dataclass(frozen=True, slots=True)
class Question:
    """A question with two or three answers, as plain text."""

    text: str
    answers: Mapping[str, str]
    """What stands in the address -> what the button says."""
    right: str
    """The key of the answer that the run gives."""
    reveal: str
    """The numbers behind it, one or two sentences."""


def show(question: Question) -> None:
    """Ask; once one of the answers is in the address (`?guess=…`), say whether it is right, and why."""
    with st.container(key="learn-question", gap="small"):
        guess = st.query_params.get("guess")
        st.markdown(f"**What do you expect?** {plain(question.text)}")
        if guess is not None and guess in question.answers:
            said, right = question.answers[guess], question.answers[question.right]
            verdict = "That is right." if guess == question.right else f"This run says otherwise: {right}."
            st.markdown(f"You said “{plain(said)}”. **{plain(verdict)}** {plain(question.reveal)}")
            st.button("Ask me again", key="learn:again", type="tertiary", on_click=_guessed, args=(None,))
            return
        with st.container(horizontal=True):
            for key, answer in question.answers.items():
                st.button(plain(answer), key=f"learn:guess:{key}", on_click=_guessed, args=(key,))


def _guessed(key: str | None) -> None:
    state.choose(guess=key)


def forget_if_other(about: str) -> None:
    """Take the guess away where it was about another pair, run or step than the session showed last."""
    if st.session_state.get("learn:about", about) != about:
        state.choose(guess=None)
    st.session_state["learn:about"] = about
