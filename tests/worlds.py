"""Small worlds for tests: generated data in a home of its own, tiny settings, and one finished run to copy.

The toy is a checkerboard: even users like even items, odd users odd ones, and each user has some of them.
Whoever learns that rule ranks the held-out items far above chance.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

from convncf import jobs
from convncf.data import catalogue
from convncf.data.candidates import CandidateSets
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.models.effects import idle_settings, unused_settings
from convncf.models.settings import Resolved, resolve
from convncf.runs import Run, RunStore
from convncf.training import CLOCK_FIELDS

TINY: Mapping[str, Any] = {
    "data.dataset": "toy",
    "model.embedding_size": 8,
    "model.cnn_channels": [1, 4, 4, 4],
    "model.cnn_kernels": [2, 2, 2],
    "model.cnn_strides": [2, 2, 2],
    "pretrain.epochs": 3,
    "pretrain.lr": 2e-2,
    "pretrain.batch_size": 64,
    "pretrain.validate_every": 1,
    "train.epochs": 4,
    "train.batch_size": 64,
    "train.lr_embedding": 5e-3,
    "train.lr_network": 2e-3,
    "train.device": "cpu",
    "eval.ks": [3, 10],
    "eval.validation_users": None,
}
"""Departures from the preset quick: D = 8, layers of 2×2, 4 channels, a few short epochs."""


def checkerboard(n_users: int = 30, n_items: int = 40, *, seed: int = 0) -> pd.DataFrame:
    """user_id, item_id (raw ids unlike their indices), timestamp: about 60% of the items of each user's colour."""
    generator = np.random.default_rng(seed)
    same_colour = (np.arange(n_users)[:, None] - np.arange(n_items)) % 2 == 0
    user, item = np.nonzero(same_colour & (generator.random((n_users, n_items)) < 0.6))
    order = generator.permutation(len(user))
    return pd.DataFrame(
        {
            "user_id": [f"u{u}" for u in user[order]],
            "item_id": [f"i{i}" for i in item[order]],
            "timestamp": 1_700_000_000 + 60 * np.arange(len(order)),
        }
    )


def dataset_of(frame: pd.DataFrame | None = None, name: str = "toy", **more: Any) -> Dataset:
    """A frame of interactions, the checkerboard unless another is given, as a dataset that is kept nowhere."""
    interactions = Interactions.from_frame(checkerboard() if frame is None else frame)
    return Dataset(name, interactions, ItemTable.untitled(interactions.items), "generated for a test", **more)


def divided(
    *rows: tuple[str, str, int], candidates: Sequence[tuple[str, str, str]] = (), name: str = "divided"
) -> Dataset:
    """Rows of user, item and part (0, 1, 2) as a dataset that came divided.

    `candidates` are (user, answer, negative): a set of one negative each.
    """
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "part"])
    made = dataset_of(frame.drop(columns="part"), name, part=frame["part"].to_numpy(np.int8))
    if not candidates:
        return made
    user, item = made.interactions.users.index, made.interactions.items.index
    sets = CandidateSets(
        np.array([user(u) for u, _, _ in candidates], np.int32),
        np.array([item(a) for _, a, _ in candidates], np.int32),
        np.arange(len(candidates) + 1),
        np.array([item(n) for _, _, n in candidates], np.int32),
    )
    return replace(made, candidates=sets)


def save_dataset(home: Path, name: str = "toy", frame: pd.DataFrame | None = None) -> Dataset:
    """Keep a frame of interactions, the checkerboard unless another is given, as a dataset of that home."""
    catalogue.save(dataset_of(frame, name), home)
    return catalogue.load(name, home)


def tiny(model: str = "convncf", **settings: Any) -> Resolved:
    """The tiny settings of a model; departures by key with __ for the dot: train__epochs=5, seed=2."""
    departures = {key.replace("__", "."): value for key, value in settings.items()}
    idle = idle_settings({**TINY, **departures, "model.name": model})
    asked = {key: value for key, value in TINY.items() if key not in idle} | departures
    unused = unused_settings(model)
    return resolve(model=model, preset="quick", settings={k: v for k, v in asked.items() if k not in unused})


def make_run(home: Path, name: str = "tiny", model: str = "convncf", **settings: Any) -> Run:
    """A run that is ready for its worker; the toy is saved where the home does not hold it yet."""
    if settings.get("data__dataset", "toy") == "toy" and "toy" not in catalogue.names(home):
        save_dataset(home)
    return jobs.prepare(tiny(model, **settings), name, home)


def created(store: RunStore, name: str, request_id: str = "") -> Run:
    """A run of the tiny settings that has not begun, on data that is nowhere."""
    return store.create(name, tiny(), fingerprint="sha256:0", request_id=request_id)


def finished_run(home: Path) -> Run:
    """The finished run "tiny" and its data, copied into this home; it is trained once for all tests."""
    shutil.copytree(_template(), home, dirs_exist_ok=True)
    return RunStore(home).open("tiny")


def stopped_twin(home: Path) -> Run:
    """The run "cut" and its data, copied into this home: as "tiny", but an exception ended it after its epoch 2."""
    shutil.copytree(_stopped(), home, dirs_exist_ok=True)
    return RunStore(home).open("cut")


def row(matrix: csr_array, user: int) -> npt.NDArray[np.int64]:
    """Items of one user in a matrix of a split, ascending."""
    return np.asarray(matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]], dtype=np.int64)


def without_clock(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of metrics.jsonl without what differs between two runs of one seed."""
    return [{key: value for key, value in row.items() if key not in CLOCK_FIELDS} for row in rows]


def litter(folder: Path) -> list[str]:
    """Temporary files that somebody left behind."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.part"))


def folder_for_all(prefix: str) -> Path:
    """A folder for what is made once for all tests of this process; it goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _stopped() -> Path:
    def end(record: object) -> None:
        if (getattr(record, "phase", ""), getattr(record, "epoch", 0)) == ("training", 2):
            raise ArithmeticError("epoch 2 went wrong")

    home = folder_for_all("convncf-worlds-")
    with suppress(ArithmeticError):
        jobs.work(make_run(home, "cut"), on_record=end)
    return home


@cache
def _template() -> Path:
    home = folder_for_all("convncf-worlds-")
    jobs.work(make_run(home))
    return home
