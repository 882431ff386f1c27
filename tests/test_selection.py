"""How an epoch was chosen: who was in the mean that chose it, in the records of training and in the report's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from convncf.data.candidate_sampling import sample_candidates
from convncf.data.interactions import Interactions
from convncf.data.splitting import ratio_split
from convncf.runs import Run
from convncf.training import EpochRecord, Trainer
from convncf.workflow.running import run_experiment
from tests.toy_training import EVAL, toy_model, toy_trainer
from tests.wording import values_in
from tests.worlds import checkerboard, make_run, save_dataset


def with_one_who_has_all() -> pd.DataFrame:
    """The checkerboard's 30 users, and one who has each of the 40 items."""
    everything = pd.DataFrame({"user_id": "all", "item_id": [f"i{n}" for n in range(40)], "timestamp": 1_700_000_000})
    return pd.concat([checkerboard(), everything], ignore_index=True)


def test_a_record_counts_the_users_in_its_mean_and_those_who_are_not() -> None:
    """Without a test part, the one who has all has no candidate but validation items; nor can negatives be drawn."""
    parts = ratio_split(Interactions.from_frame(with_one_who_has_all()), (0.8, 0.2, 0.0), seed=1)
    model = toy_model(parts)
    config = toy_trainer(parts, model, epochs=2, validate_every=2).config
    sets = sample_candidates(parts, "validation", 5, seed=1)
    for candidates in (None, sets):
        records = list(Trainer(model, parts, config, EVAL, seed=1, candidates=candidates))
        counted = [(record.validation_users, record.validation_left_out) for record in records]
        assert counted == [(30, 1), (0, 0), (30, 1)], "epoch 1 was not judged"


def test_a_record_of_earlier_versions_is_read(parts_row: dict[str, Any]) -> None:
    assert EpochRecord.from_json(parts_row).validation_left_out == 0


@pytest.fixture
def parts_row() -> dict[str, Any]:
    """A line of metrics.jsonl as it was before those who were left out were counted."""
    numbers = {"loss": None, "validation": None, "seconds": 0.0, "validation_seconds": 0.0, "triples_per_second": None}
    return numbers | {"phase": "training", "epoch": 0, "validation_users": 7, "improved": True, "time": "2026-01-01"}


def selection(home: Path, **settings: Any) -> str:
    save_dataset(home, "toy", with_one_who_has_all())
    run: Run = make_run(home, pretrain__epochs=0, train__epochs=1, **settings)
    said = run_experiment(run)["selection"]
    assert isinstance(said, str)
    return said


def test_the_report_says_how_many_of_those_asked_are_not_in_the_mean(home: Path) -> None:
    said = selection(home, eval__protocol="candidates", eval__negatives=5)
    assert said.startswith("best NDCG@10 on validation, within candidate sets")
    assert values_in(said) == ["10", "1"]


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ([0.8, 0.1, 0.1], "best NDCG@10 on validation"),
        ([0.9, 0.0, 0.1], "the last epoch"),
    ],
)
def test_where_all_or_nobody_is_in_the_mean(home: Path, ratios: list[float], said: str) -> None:
    assert selection(home, data__ratios=ratios).startswith(said)
