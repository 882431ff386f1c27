"""Next step on the Start page: the one button to press now, what happens meanwhile, and other options than the demo."""

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


def next_step(summaries: Sequence[RunSummary]) -> None:
    """The most useful thing to do now, as one prominent button, or as text while there is none."""
    ready = [summary for summary in summaries if summary.finished and summary.layered]
    active = any(summary.active for summary in summaries)
    demo = [summary for summary in summaries if summary.name in DEMO_RUNS]
    if ready:
        _inspect_or_compare(ready)
    elif active:
        _in_training(summaries)
    if address.read_only():
        st.caption(commands.READ_ONLY)
    elif not demo:
        _train_the_demo(prominent=not ready)
    elif not active and any(summary.state in ("stopped", "lost") for summary in demo):
        _resume_demo(prominent=not ready)


def _inspect_or_compare(ready: Sequence[RunSummary]) -> None:
    # a network that improved on its start comes first: one that kept its start only shows what MF-BPR learned
    first = min(ready, key=lambda summary: (summary.name not in DEMO_RUNS, summary.kept_the_start))
    with st.container(horizontal=True, vertical_alignment="center"):
        if main_button(f"Look inside {first.name}", key="look-inside"):
            address.go("inspect", run=first.name)
        comparable = [summary for summary in ready if summary.measured == first.measured and summary is not first]
        if first.measured and comparable and st.button(f"Compare it with {plain(comparable[0].name)}", key="compare"):
            address.go("compare", run=first.name, other=comparable[0].name)
    st.caption("Every step from a user and an item to the score: the interaction map, the feature maps, the sum.")


def _in_training(summaries: Sequence[RunSummary]) -> None:
    """What is in training before the first network can be inspected."""
    if not any(summary.active and summary.name in DEMO_RUNS for summary in summaries):
        st.caption("A model is being trained. Once a ConvNCF is finished, a button to look inside it appears here.")
        return
    st.markdown(
        "**What happens now.** First MF-BPR is trained: it learns an embedding (a list of numbers) for each user and "
        "each film, so that films a user watched score above others. The two ConvNCF models start from these "
        "embeddings, multiply every number of a user with every number of a film into a grid, and learn to read the "
        "grid like an image: demo-4x4 begins as exactly MF-BPR, demo-2x2 from random filters."
    )
    estimate = "On two free processor cores the first ConvNCF is ready about three minutes after the start"
    waited = time.time() - min(summary.run.created for summary in summaries if summary.name in DEMO_RUNS)
    if waited < _USUAL_SECONDS:
        estimate += f"; {text.duration(waited)} have passed. A button to look inside it appears here."
    else:
        estimate += "; this machine is slower or busy. A button to look inside it appears here."
    st.caption(f"{estimate} You can close this page: training continues.")


def _train_the_demo(*, prominent: bool) -> None:
    if not prominent:
        st.caption("Or the demo: an MF-BPR and two ConvNCF networks on the film ratings that come with the workbench.")
    else:
        st.markdown(
            "**Nothing is trained yet.** One click trains three small models on the film ratings that come with the "
            "workbench: an MF-BPR, and two ConvNCF networks that start from it. It takes a few minutes, without a GPU."
        )
    _demo_button("Train the demo models", prominent=prominent)


def _resume_demo(*, prominent: bool) -> None:
    if prominent:
        st.markdown(
            "**The demo models were interrupted.** They resume from their last saved epoch, one after the other."
        )
    _demo_button("Resume the demo models", prominent=prominent)


def _demo_button(label: str, *, prominent: bool) -> None:
    if prominent:
        main_button(label, key="demo", on_click=attempt, args=(commands.start_demo,))
    else:
        st.button(label, key="demo", on_click=attempt, args=(commands.start_demo,))


def other_options() -> None:
    """Three other options than the demo; none on a read-only server."""
    if address.read_only():
        return
    section("More than the demo")
    data, train, command = st.columns(3, gap="large")
    with data:
        st.subheader("Your own data", anchor=False)
        st.caption("A CSV with a user and an item on each line is enough. You see what was read before it is saved.")
        page_link("data", "Add a dataset")
    with train:
        st.subheader("A model of your own", anchor=False)
        st.caption(
            "Choose the embedding size and the layers, start, and watch it learn. It can be stopped and resumed."
        )
        page_link("train", "Train a model")
    with command:
        st.subheader("The command line", anchor=False)
        st.caption("The same runs, from a terminal; runs started there appear here.")
        st.code("convncf train --name first", language=None, wrap_lines=True)
