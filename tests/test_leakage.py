"""What pretrained embeddings have seen: a leak is refused before any work, and what cannot be known is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convncf import jobs
from convncf.data import catalogue
from convncf.data.splitting import filter_and_split, leave_one_out
from convncf.errors import PretrainingError
from convncf.runs import Run, RunStore
from convncf.workflow.leakage import shared_pairs
from convncf.workflow.loading import data_of
from convncf.workflow.running import run_experiment
from tests.worlds import checkerboard, dataset_of, make_run, save_dataset

SHORT: dict[str, Any] = {"train__epochs": 1}
FROM: dict[str, Any] = {"model__train_method": "after_pretrain", "pretrain__epochs": 0}


def mf(home: Path, name: str = "mf", **settings: Any) -> Run:
    run = make_run(home, name, "mf-bpr", **(SHORT | settings))
    run_experiment(run)
    return run


def net(home: Path, path: str = "mf", name: str = "net", **settings: Any) -> Run:
    return make_run(home, name, model__pre_model_path=path, **(FROM | SHORT | settings))


def pairs(run: Run, home: Path, part: str) -> set[tuple[str, str]]:
    """The raw pairs of a part of a run's split, taken one by one."""
    _, parts = data_of(run)
    interactions = parts.interactions
    found = getattr(parts, part).tocoo()
    users, items = interactions.users, interactions.items
    return {(users.id(int(u)), items.id(int(i))) for u, i in zip(*found.coords, strict=True)}


def test_pairs_are_counted_by_raw_id_whatever_the_order_of_the_indices(home: Path) -> None:
    frame = checkerboard()
    other = frame.sample(frac=1, random_state=3, ignore_index=True)
    here, there = dataset_of(frame).interactions, dataset_of(other).interactions
    assert here.users.ids != there.users.ids
    ours, same = leave_one_out(here, "random", 1), leave_one_out(there, "random", 1)
    assert shared_pairs(same, ours, ours.test) == shared_pairs(same, ours, ours.validation) == 0
    assert shared_pairs(same, ours, ours.train) == ours.train.nnz
    without = dataset_of(frame[frame["user_id"] != "u3"]).interactions
    fewer = leave_one_out(without, "random", 1)
    assert shared_pairs(fewer, ours, ours.train) <= ours.train.nnz - ours.train[[here.users.index("u3")]].nnz


def test_another_seed_has_seen_test_pairs_and_is_refused_with_their_number(home: Path) -> None:
    source = mf(home)
    config = source.config()
    parts = filter_and_split(catalogue.load("toy", home), config.data, 2)[1]
    ids = parts.interactions
    train = pairs(source, home, "train")
    test = [(ids.users.id(int(u)), ids.items.id(int(i))) for u, i in np.argwhere(parts.test.toarray())]
    seen = sum(pair in train for pair in test)
    assert 0 < seen < len(test)
    words = rf"run 'mf' .* trained on {seen} of the {len(test)} test pairs .*seed 1, this one's .*seed 2.*same seed"
    with pytest.raises(PretrainingError, match=words):
        net(home, seed=2)
    assert RunStore(home).names() == ("mf",)
    with pytest.raises(PretrainingError, match=f"{seen} of the {len(test)} test pairs"):
        net(home, str(source.path), seed=2)  # by its folder, too


@pytest.mark.parametrize("split", [{"data__split": "leave-one-out"}, {"data__ratios": (0.6, 0.2, 0.2)}])
def test_another_split_of_the_same_seed_is_no_better(home: Path, split: dict[str, Any]) -> None:
    mf(home)
    with pytest.raises(PretrainingError, match="test pairs"):
        net(home, **split)


def test_a_run_in_the_queue_is_looked_at_too_and_again_when_it_has_ended(home: Path) -> None:
    make_run(home, "mf", "mf-bpr", **SHORT)  # its worker has not come yet
    with pytest.raises(PretrainingError, match="test pairs"):
        net(home, seed=2)
    run = net(home)
    shutil.rmtree(home / "runs" / "mf")
    mf(home, seed=2)  # made anew under that name, of another split
    with pytest.raises(PretrainingError, match="test pairs"):
        jobs.work(run)
    assert run.status().state == "failed"
    assert run.metrics() == []


def test_the_same_split_is_no_leak_and_nothing_is_said(home: Path) -> None:
    mf(home)
    report = run_experiment(net(home))
    assert report["warnings"] == []
    mf(home, "timed", data__split="leave-one-out")
    run = net(home, "timed", "of-time", data__split="leave-one-out", seed=2)  # by time: the seed decides nothing
    assert run_experiment(run)["warnings"] == []


def test_where_there_is_no_test_part_there_is_nothing_to_leak(home: Path) -> None:
    mf(home)
    report = run_experiment(net(home, data__ratios=(1.0, 0.0, 0.0), seed=2))
    assert report["warnings"] == []


def test_seen_validation_pairs_are_no_refusal_and_are_told(home: Path) -> None:
    """All of the data but the test part of leave-one-out by time was trained on."""
    frame = checkerboard()
    ours = leave_one_out(dataset_of(frame).interactions, "time")
    held_out = ours.part == 2
    save_dataset(home, "earlier", frame[~held_out])
    n = int((ours.part == 1).sum())
    mf(home, data__dataset="earlier", data__ratios=(1.0, 0.0, 0.0))
    (said,) = run_experiment(net(home, data__split="leave-one-out"))["warnings"]
    assert f"trained on {n} of the {n} validation pairs" in said
    assert "No test pair" in said


def test_a_bare_file_and_a_run_whose_data_is_gone_are_of_unknown_origin(home: Path, tmp_path: Path) -> None:
    source = mf(home)
    file = tmp_path / "bare.safetensors"
    shutil.copy(source.model_path, file)
    (said,) = run_experiment(net(home, str(file), "by-file"))["warnings"]
    assert "of unknown origin" in said
    assert "the test part" in said
    assert str(file) in said

    save_dataset(home, "copy")
    mf(home, "of-copy", data__dataset="copy")
    shutil.rmtree(home / "datasets" / "copy")
    (said,) = run_experiment(net(home, "of-copy", "by-run"))["warnings"]
    assert "of unknown origin" in said
    assert "'copy'" in said


def test_what_a_report_says_of_the_run_behind_the_embeddings_is_handed_on(home: Path) -> None:
    mf(home, train__excluded_negatives="test items")
    (said,) = run_experiment(net(home))["warnings"]
    assert "run 'mf'" in said
    second = net(home, "net", "second")
    assert said in run_experiment(second)["warnings"][0]
