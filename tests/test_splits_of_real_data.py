"""Filters, splits and candidate sets of the real datasets; skipped where the folder is absent."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from convncf.config import DataConfig, EvalConfig
from convncf.data import catalogue
from convncf.data.candidate_sampling import candidate_sets
from convncf.data.dataset import Dataset
from convncf.data.filtering import apply_filters
from convncf.data.reading.api import read
from convncf.data.splitting import filter_and_split
from tests.wording import values_in

BESIDE_THE_CLONE = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("CONVNCF_SHARED_DATA", BESIDE_THE_CLONE))
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is absent (CONVNCF_SHARED_DATA names another place)"),
]


def dataset(name: str) -> Dataset:
    return catalogue.as_dataset(name, read(FOLDER / name))


def test_ml_1m_as_it_came_with_its_candidates() -> None:
    filtered, made = filter_and_split(dataset("ml-1m"), DataConfig(), 1)
    assert (made.kind, made.train.nnz, made.validation.nnz, made.test.nnz) == ("predefined", 988_129, 6040, 6040)
    assert values_in(made.notes[1]) == ["2", "'1805'", "'3569'"]
    stored = candidate_sets(filtered.dataset, made, "test", EvalConfig(), 1)
    assert values_in(stored.origin) == ["156", "98", "99"]
    assert int((stored.sizes == 98).sum()) == 156
    drawn = candidate_sets(filtered.dataset, made, "validation", EvalConfig(), 1)
    assert (len(drawn), values_in(drawn.origin)) == (6040, ["99", "1"])
    everything = made.interactions.matrix()
    assert not np.asarray(everything[np.repeat(drawn.user, 99), drawn.negatives]).any()


def test_gowalla_as_it_came() -> None:
    made = filter_and_split(dataset("gowalla"), DataConfig(), 1)[1]
    assert (made.train.nnz + made.validation.nnz, made.validation.nnz, made.test.nnz) == (810_128, 29_858, 217_242)


def test_ml_100k_filtered() -> None:
    ledger = apply_filters(dataset("ml-100k"), DataConfig(min_rating=4, min_user=5, min_item=5)).steps
    assert [(step.users, step.items, step.interactions) for step in ledger] == [
        (943, 1682, 100_000),
        (942, 1447, 55_375),
        (938, 1008, 54_413),
    ]
