"""What the panels of Learn fetch from the core: which runs can be told, and the steps of BPR; keys as in loading.

What is cached is read-only and shared between sessions. Users and items are indices here.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import loading
from app.loading import Key, Model
from convncf.data.splitting import Split
from convncf.experiment.loading import LoadedRun
from convncf.inspection.bpr_step import BprSteps, Triple, bpr_steps, draw_triple
from convncf.runs import Run


def told(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs whose method can be told: ConvNCF with a model, in the order given."""
    return tuple(run for run in runs if run.model_path.exists() and _is_network(loading.kept(run), run))


def triple(model: Model, user: int, item: int, draw: int) -> Triple:
    """What the user's step is taken on."""
    return _triple(model.data_key, model.loaded.split, user, item, draw)


def steps(model: Model, triple: Triple, rate: float) -> BprSteps:
    """All steps at that size; the page shows as many as the slider says."""
    return _steps(model.key, model.loaded, triple, rate)


@st.cache_resource(max_entries=2048, show_spinner=False)
def _is_network(key: Key, _run: Run) -> bool:
    return not _run.broken() and _run.config().model.name == "convncf"


@st.cache_resource(max_entries=256, show_spinner=False)
def _triple(data_key: Key, _split: Split, user: int, item: int, draw: int) -> Triple:
    return draw_triple(_split, user, item, draw)


@st.cache_resource(max_entries=64, show_spinner=False)
def _steps(key: Key, _loaded: LoadedRun, triple: Triple, rate: float) -> BprSteps:
    return bpr_steps(_loaded.model, triple, rate)
