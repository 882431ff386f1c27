"""A small home for the app's tests: a generated dataset, and tiny runs made by the real core."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from convncf.data import catalogue
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.models.settings import resolve
from convncf.runs import Run, RunStore, Status
from convncf.workflow.running import run_experiment

DATASET = "tiny-films"
OTHER_DATASET = "other-films"
N_USERS, N_ITEMS = 24, 30
AWKWARD = "The *Odd* $x$ :red[film] <b>"
"""A title that a careless page would read as Markdown, TeX or HTML."""
TWIN = "Hamlet"
"""Two items have this title and year, and differ in their id alone."""
UNTITLED = "i29"
ACCENTED = "Amélie"

_NETWORK = {"model.embedding_size": 8, "train.epochs": 2, "train.keep_every": 1, "train.patience": 5}
_FROM_MF = {"model.pre_model_path": "tiny-mf", "pretrain.epochs": 0, "model.train_method": "after_pretrain"}
_RUNS: dict[str, tuple[str, dict[str, object]]] = {
    "tiny-mf": ("mf-bpr", {"model.embedding_size": 8, "train.epochs": 2, "train.keep_every": 1, "train.patience": 5}),
    "tiny-222": (
        "convncf",
        {
            **_NETWORK,
            **_FROM_MF,
            "model.cnn_channels": [1, 4, 4, 4],
            "model.cnn_kernels": [2, 2, 2],
            "model.cnn_strides": [2, 2, 2],
        },
    ),
    "tiny-42": (
        "convncf",
        {
            **_NETWORK,
            **_FROM_MF,
            "model.cnn_channels": [1, 4, 4],
            "model.cnn_kernels": [4, 2],
            "model.cnn_strides": [4, 2],
        },
    ),
    "tiny-pop": ("popularity", {}),
}


def dataset(name: str, seed: int) -> Dataset:
    """24 users with 6 to 14 of 30 items each; titles that test pages."""
    draw = np.random.default_rng(seed)
    rows = [
        {"user_id": f"u{user}", "item_id": f"i{item}", "timestamp": 1_000_000_000 + 86_400 * int(draw.integers(900))}
        for user in range(N_USERS)
        for item in draw.permutation(N_ITEMS)[: int(draw.integers(6, 15))]
    ]
    known = {row["item_id"] for row in rows}
    rows += [
        {"user_id": "u0", "item_id": f"i{item}", "timestamp": 5} for item in range(N_ITEMS) if f"i{item}" not in known
    ]
    interactions = Interactions.from_frame(pd.DataFrame(rows))
    titles = {f"i{number}": f"Film {number}" for number in range(N_ITEMS)}
    titles |= {"i3": AWKWARD, "i5": TWIN, "i6": TWIN, "i7": ACCENTED, UNTITLED: ""}
    ids = interactions.items.ids
    years = tuple(None if titles[raw] == "" else 1990 for raw in ids)
    items = ItemTable(interactions.items, tuple(titles[raw] for raw in ids), years, ((),) * len(ids))
    return Dataset(name, interactions, items, "generated for a test")


def train(home: Path, name: str, model: str, settings: dict[str, object], data: str = DATASET) -> Run:
    """One run through the real core, in this process."""
    resolved = resolve(model=model, preset="quick", dataset=data, seed=1, settings=settings)
    run = RunStore(home).create(name, resolved, fingerprint=catalogue.load(data, home).fingerprint)
    run_experiment(run)
    run.write_status(Status(state="finished", message="finished"))
    return run


def make_home(home: Path) -> None:
    """Four finished runs on one dataset, one on another, one that has not begun, and one that is broken."""
    catalogue.save(dataset(DATASET, 1), home)
    catalogue.save(dataset(OTHER_DATASET, 2), home)
    for name, (model, settings) in _RUNS.items():
        train(home, name, model, settings)
    train(home, "other-pop", "popularity", {}, OTHER_DATASET)
    waiting = resolve(model="popularity", preset="quick", dataset=DATASET)
    RunStore(home).create("waiting", waiting, fingerprint=catalogue.load(DATASET, home).fingerprint)
    shutil.copytree(home / "runs" / "tiny-pop", home / "runs" / "broken")
    (home / "runs" / "broken" / "config.json").write_text("{ not json", encoding="utf-8")
