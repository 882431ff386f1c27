"""A small home for the tests of Inspect and Compare: a generated dataset, and tiny runs made by the real core."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from convncf.config import resolve
from convncf.data import catalogue
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.runs import Run, RunStore, Status
from convncf.workflow.running import run_experiment

ROOT = Path(__file__).resolve().parents[1]

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
    run_experiment(run, home)
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


def open_page(name: str, **parameters: str | list[str]) -> AppTest:
    """The real app, on one of its pages, with these parameters in the address; run once."""
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60)
    for parameter, value in parameters.items():
        app.query_params[parameter] = value
    app._page_hash = calc_hash(name)  # of its address; switch_page knows the pages only after a first run
    return app.run()


def texts(app: AppTest) -> str:
    """Everything that the page says in Markdown, captions, headings and notices, escapes undone."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "info", "warning", "success")
    said = [str(getattr(element, "value", "")) for kind in kinds for element in app.get(kind)]
    return "\n".join(said).replace("\\", "")


def figures_of(app: AppTest) -> list[dict[str, Any]]:
    """The specification of every figure on the page; each has a text alternative."""
    sent = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    assert all(data["alt"] for data in sent)
    # the tool bar's offer to upload the chart to an outside host is taken out
    assert all(data["config"]["showSendToCloud"] is False for data in sent)
    return [json.loads(data["figure"]) for data in sent]


def control(app: AppTest, place: int) -> Any:
    """The segmented control at that place of the page."""
    return app.get("segmented_control")[place]
