"""Question before a picture: the reader guesses, then sees this run's answer.

The right answer is computed from the pair's own numbers.

Users and items are indices here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app.ui import address, cache, shelf, widgets
from app.ui.cache import Model
from app.ui.text import plain
from convncf.inspection.bpr_step import BprSteps, Triple, bpr_steps, sample_triple
from convncf.models.registry import record
from convncf.runs import Run

OF_STEP: Final[tuple[tuple[str, ...], ...]] = (
    ("dimension",),
    ("dimension",),
    ("filter", "place"),
    ("layer", "channel"),
    ("terms",),
    ("taken", "rate", "draw"),
)
"""The parameters of each step, in the steps' order; the address has only those of the current step."""


def step() -> int:
    """The step that is shown, from 1."""
    return whole("step", 1, 1, len(OF_STEP))


def go(step: int) -> None:
    """Show another step, from a callback. Its sliders keep their values, and its question is asked again."""
    address.choose(step=str(step))
    only(step)


def only(step: int) -> None:
    """Remove the parameters of other steps from the address."""
    address.forget(*({name for names in OF_STEP for name in names} - set(OF_STEP[step - 1])))


def whole(name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number of the address, else the session's last, else the default.

    An invalid one in the address is reported; an invalid one of the session is ignored: it belonged to another run.
    """
    requested = address.chosen_here(name)
    if requested is not None and requested.isdecimal() and len(requested) < 10 and lowest <= int(requested) <= highest:
        return int(requested)
    if address.value(name):
        widgets.problem(
            f"The address asks for {name} {requested!r}; here it is a whole number from {lowest} to {highest}. "
            f"{default} is shown."
        )
    return default


def slider(label: str, name: str, default: int, lowest: int, highest: int, *, help: str | None = None) -> int:
    """A slider over whole numbers whose value is `?name=…`; only text where there is one value."""
    value = whole(name, default, lowest, highest)
    address.show(**{name: str(value)})
    if lowest == highest:
        st.markdown(f":small[{plain(label)}]  \n{value}")
        return value
    key = f"learn:{name}"
    st.session_state[key] = value
    st.slider(label, lowest, highest, key=key, help=help, on_change=address.follow(name, key))
    return value


def networks(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs that can be explained: those with layers and a model, in the order given."""
    return tuple(run for run in runs if run.model_path.exists() and _is_network(run))


def _is_network(run: Run) -> bool:
    def read() -> bool:
        return not run.broken() and record(run.config().model.name).layers

    return shelf.keep("network", cache.checkpoints_key(run), read, room=shelf.RUNS)


def triple_of(model: Model, user: int, item: int, draw: int) -> Triple:
    """The triple of user, positive and negative item that the step is taken on."""
    key = (*model.data_key, model.user_id(user), model.item_id(item), str(draw))
    return shelf.keep("triple", key, lambda: sample_triple(model.loaded.split, user, item, draw), room=256)


def steps_of(model: Model, triple: Triple, rate: float) -> BprSteps:
    """All steps of that size; the page shows as many as the slider selects."""
    key = (*model.key, repr(triple), repr(rate))
    return shelf.keep("bpr steps", key, lambda: bpr_steps(model.loaded.model, triple, rate))


@dataclass(frozen=True, slots=True)
class Question:
    """A question with two or three answers, as plain text."""

    text: str
    answers: Mapping[str, str]
    """Value in the address -> label of the button."""
    right: str
    """The key of the right answer for this run."""
    reveal: str
    """The numbers behind it, one or two sentences."""


def ask(question: Question) -> None:
    """Ask; once one of the answers is in the address (`?guess=…`), say whether it is right, and why."""
    with st.container(key="learn-question", gap="small"):
        guess = address.value("guess")
        st.markdown(f"**What do you expect?** {plain(question.text)}")
        if guess is not None and guess in question.answers:
            guessed, right = question.answers[guess], question.answers[question.right]
            verdict = "That is right." if guess == question.right else f"In this run: {right}."
            st.markdown(f"You answered “{plain(guessed)}”. **{plain(verdict)}** {plain(question.reveal)}")
            st.button("Try again", key="learn:again", type="tertiary", on_click=_guessed, args=(None,))
            return
        with st.container(horizontal=True):
            for key, answer in question.answers.items():
                st.button(plain(answer), key=f"learn:guess:{key}", on_click=_guessed, args=(key,))


def _guessed(key: str | None) -> None:
    address.choose(guess=key)


def forget_if_other(about: str) -> None:
    """Remove the guess where it was about another pair, run or step than the session showed last."""
    if st.session_state.get("learn:about", about) != about:
        address.choose(guess=None)
    st.session_state["learn:about"] = about
