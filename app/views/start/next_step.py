"""What leads on from the Start page: the one next step, what happens meanwhile, and the ways beyond the demo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.ui import address, commands, text
from app.ui.run_summary import RunSummary
from app.ui.text import plain
from app.ui.widgets import attempt, main_button, page_link, section
from convncf.jobs import DEMO_RUNS

_USUAL_SECONDS: Final = 180


def next_step(seen: Sequence[RunSummary]) -> None:
    """The most useful thing to do now, as one prominent button, or in words while there is none."""
    ready = [summary for summary in seen if summary.finished and summary.layered]
    active = any(summary.active for summary in seen)
    demo = [summary for summary in seen if summary.name in DEMO_RUNS]
    if ready:
        _look_inside(ready)
    elif active:
        _meanwhile(seen)
    if address.read_only():
        st.caption(commands.ONLY_SHOWS)
    elif not demo:
        _train_the_demo(prominent=not ready)
    elif not active and any(summary.state in ("stopped", "lost") for summary in demo):
        _go_on(prominent=not ready)


def _look_inside(ready: Sequence[RunSummary]) -> None:
    # a network that learned something first: one that kept its start shows what its MF-BPR knew
    first = min(ready, key=lambda summary: (summary.name not in DEMO_RUNS, summary.kept_the_start))
    with st.container(horizontal=True, vertical_alignment="center"):
        if main_button(f"Look inside {first.name}", key="look-inside"):
            address.go("inspect", run=first.name)
        others = [summary for summary in ready if summary.measured == first.measured and summary is not first]
        if first.measured and others and st.button(f"Compare it with {plain(others[0].name)}", key="compare"):
            address.go("compare", run=first.name, other=others[0].name)
    st.caption("Every picture between a user, an item and the score: the interaction map, the feature maps, the sum.")


def _meanwhile(seen: Sequence[RunSummary]) -> None:
    """What is going on before the first network can be looked into."""
    if not any(summary.active and summary.name in DEMO_RUNS for summary in seen):
        st.caption("A model is being trained. Once a ConvNCF is finished, a button to look inside it appears here.")
        return
    st.markdown(
        "**What happens now.** First MF-BPR is trained: it learns a list of numbers for each user and each film, so "
        "that films a person watched score above others. The two ConvNCF models take over those numbers, lay them "
        "against each other as a picture, and learn to read it: demo-4x4 begins as exactly MF-BPR, demo-2x2 from "
        "random filters."
    )
    usual = "On two free processor cores the first ConvNCF can be looked into about three minutes after the start"
    waited = time.time() - min(summary.run.created for summary in seen if summary.name in DEMO_RUNS)
    if waited < _USUAL_SECONDS:
        usual += f"; {text.duration(waited)} have passed. A button to it appears here."
    else:
        usual += "; this machine is slower or busy. A button to it appears here."
    st.caption(f"{usual} You can stay, or leave and come back: training goes on either way.")


def _train_the_demo(*, prominent: bool) -> None:
    if not prominent:
        st.caption("Or the demo: an MF-BPR and two ConvNCF networks on the film ratings that come with the workbench.")
    else:
        st.markdown(
            "**Nothing is trained yet.** One click trains three small models on the film ratings that come with the "
            "workbench: an MF-BPR, and two ConvNCF networks that start from it. It takes a few minutes, without a GPU."
        )
    _demo_button("Train the demo models", prominent=prominent)


def _go_on(*, prominent: bool) -> None:
    if prominent:
        st.markdown("**The demo models were interrupted.** They go on from their last saved epoch, in their order.")
    _demo_button("Go on with the demo models", prominent=prominent)


def _demo_button(label: str, *, prominent: bool) -> None:
    if prominent:
        main_button(label, key="demo", on_click=attempt, args=(commands.start_demo,))
    else:
        st.button(label, key="demo", on_click=attempt, args=(commands.start_demo,))


def ways_on() -> None:
    """The three ways beyond the demo; none where nothing can be added."""
    if address.read_only():
        return
    section("Beyond the demo")
    data, train, command = st.columns(3, gap="large")
    with data:
        st.subheader("Your own data", anchor=False)
        st.caption("A CSV with a user and an item on each line is enough. You see what is read before it is kept.")
        page_link("data", "Add a dataset")
    with train:
        st.subheader("A model of your own", anchor=False)
        st.caption(
            "Choose the embedding size and the layers, start, and watch it learn. It can be stopped and resumed."
        )
        page_link("train", "Train a model")
    with command:
        st.subheader("The command line", anchor=False)
        st.caption("The same runs, from a terminal; what it trains shows up here.")
        st.code("convncf train --name first", language=None, wrap_lines=True)
