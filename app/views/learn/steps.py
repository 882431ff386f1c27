"""Learn's steps in their order: the list of them, Back and Next, how this network began, and where to read on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from app.ui import widgets
from app.ui.cache import Model
from app.ui.pair import Pair, report_errors
from app.views.learn import bpr, embeddings, features, filter, map, question, score

NAMES: Final = ("Embeddings", "The map", "The first filter", "Feature maps", "The score", "The BPR step")
NOTEBOOKS: Final = {
    "00_quick_start": "from a file of your own to a look inside the network",
    "01_implicit_feedback": "from a file of marks to a matrix, and splits that do not leak",
    "02_matrix_factorisation": "the dot product, the BPR loss and one step by hand",
    "03_interaction_map": "what the outer product holds, and what a network could add",
    "04_convolutional_tower": "one cell by hand, receptive fields, from the map to a number",
    "05_training": "what training needs, and what it looks like when it fails",
    "06_evaluation": "which of two models is better, and how far to trust the answer",
    "07_looking_inside": "from a score back to the numbers that made it",
    "08_do_the_maps_mean_anything": "an experiment, and your verdict",
}
"""Notebooks by name, with their subject; one that is not there is left out."""
_TELL_MORE: Final = (
    ("01_implicit_feedback", "02_matrix_factorisation"),
    ("03_interaction_map", "08_do_the_maps_mean_anything"),
    ("04_convolutional_tower",),
    ("04_convolutional_tower", "07_looking_inside"),
    ("07_looking_inside", "06_evaluation"),
    ("02_matrix_factorisation", "05_training"),
)
"""Those that tell more of each step; all of them begin with the quick start."""
_FOLDER: Final = Path(__file__).resolve().parents[3] / "notebooks"


def chooser(step: int) -> None:
    """Back and Next, and the list of steps beside them."""
    with st.container(horizontal=True, vertical_alignment="center", key="learn-steps"):
        st.button("Back", key="learn:back", disabled=step == 1, on_click=question.go, args=(step - 1,))
        last = step == len(NAMES)
        widgets.main_button("Next", key="learn:next", disabled=last, on_click=question.go, args=(step + 1,))
        st.session_state["learn:step"] = step
        st.segmented_control(
            "Step",
            range(1, len(NAMES) + 1),
            key="learn:step",
            format_func=lambda number: f"{number} · {NAMES[number - 1]}",
            required=True,
            label_visibility="collapsed",
            on_change=lambda: question.go(st.session_state["learn:step"]),
        )


@st.fragment(key="learn-step")
@report_errors
def show(pair: Pair, step: int) -> None:
    """One step: what it is about, a question, a slider, a picture."""
    widgets.section(f"{step} of {len(NAMES)} · {NAMES[step - 1]}")
    match step:
        case 1:
            embeddings.show(pair)
        case 2:
            map.show(pair)
        case 3:
            filter.show(pair)
        case 4:
            features.show(pair)
        case 5:
            score.show(pair, how_it_began(pair.model()))
        case _:
            bpr.show(pair)


def how_it_began(model: Model) -> str:
    """How the network was started, one or two sentences of plain text."""
    began = model.loaded.config.model["initialisation"]
    if began == "dot product":
        words = (
            "This network began as exactly p·q (a trace start): two channels of each layer carried the dot product "
            "through, and no other had a weight in the score."
        )
    else:
        noise = "the noise of the 2018 code" if began == "paper" else "noise"
        words = f"This network began from random filters ({noise}): all that it reads in the map, it has learnt."
    return words if model.loaded.epoch else f"{words} The model that was kept is that start, before the first step."


def read_on(pair: Pair, step: int) -> None:
    """Where the same pair can be looked at more closely, and the notebooks on this step that are there."""
    ids = {"run": pair.run, "user": pair.user, "item": pair.item}
    widgets.page_link("inspect", "Look at this pair on Inspect", ids)
    names = (*_TELL_MORE[step - 1], "00_quick_start")
    there = {name: NOTEBOOKS[name] for name in names if (_FOLDER / f"{name}.ipynb").is_file()}
    if there:
        with st.expander("Notebooks that tell more"):
            for name, words in there.items():
                st.markdown(f"`notebooks/{name}.ipynb`: {words}.")
                st.code(f".venv/bin/jupyter lab notebooks/{name}.ipynb", language=None, wrap_lines=True)
    widgets.command_line(pair.command())
