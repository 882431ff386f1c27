"""Steps of Learn in their order: the list of them, Back and Next, how this network started, and further reading."""

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
    "01_implicit_feedback": "from a file of ratings to a matrix, and splits without leakage",
    "02_matrix_factorisation": "the dot product, the BPR loss and one step by hand",
    "03_interaction_map": "what the outer product holds, and what a network could add",
    "04_convolutional_tower": "one cell by hand, receptive fields, from the map to a number",
    "05_training": "what training needs, and what it looks like when it fails",
    "06_evaluation": "which of two models is better, and how reliable the answer is",
    "07_looking_inside": "from a score back to the numbers that made it",
    "08_do_the_maps_mean_anything": "an experiment, and your conclusion",
}
"""Notebooks by name, with their subject; one that does not exist is skipped."""
_FURTHER: Final = (
    ("01_implicit_feedback", "02_matrix_factorisation"),
    ("03_interaction_map", "08_do_the_maps_mean_anything"),
    ("04_convolutional_tower",),
    ("04_convolutional_tower", "07_looking_inside"),
    ("07_looking_inside", "06_evaluation"),
    ("02_matrix_factorisation", "05_training"),
)
"""Notebooks with more on each step; the quick start is listed for every step."""
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
    """One step: its text, a question, a slider, a picture."""
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
            score.show(pair, how_it_started(pair.model()))
        case _:
            bpr.show(pair)


def how_it_started(model: Model) -> str:
    """How the network was started, one or two sentences of plain text."""
    settings = model.loaded.config.model
    if settings.starts_as_dot_product:
        sentence = (
            "This network started as exactly p·q (a dot-product start): two channels of each layer carried the dot "
            "product through, and no other channel had a weight in the score."
        )
    else:
        noise = "the noise of the 2018 code" if settings["initialisation"] == "paper" else "noise"
        sentence = f"This network started from random filters ({noise}): all that it reads in the map was learned."
    return sentence if model.loaded.epoch else f"{sentence} The kept model is that start, before the first step."


def read_on(pair: Pair, step: int) -> None:
    """Links to the same pair on Inspect, and to the existing notebooks on this step."""
    ids = {"run": pair.run, "user": pair.user, "item": pair.item}
    widgets.page_link("inspect", "Open this pair on Inspect", ids)
    names = (*_FURTHER[step - 1], "00_quick_start")
    existing = {name: NOTEBOOKS[name] for name in names if (_FOLDER / f"{name}.ipynb").is_file()}
    if existing:
        with st.expander("Notebooks on this step"):
            for name, subject in existing.items():
                st.markdown(f"`notebooks/{name}.ipynb`: {subject}.")
                st.code(f".venv/bin/jupyter lab notebooks/{name}.ipynb", language=None, wrap_lines=True)
    widgets.command_line(pair.command())
