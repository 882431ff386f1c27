"""A pair in its place: the rank of inspection, the list and the evaluation are one rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from convncf import jobs
from convncf.config import DataConfig, EvalConfig
from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import filter_and_split, ratio_split
from convncf.errors import NonFiniteScoreError
from convncf.evaluation.report import evaluate
from convncf.inspection import NoTrace, PairTrace, history, part_of, recommend, view_pair
from convncf.models import Popularity
from convncf.workflow.loading import LoadedRun, load_run
from tests.worlds import dataset_of, finished_run, make_run, save_dataset


@pytest.fixture
def loaded(home: Path) -> LoadedRun:
    return load_run(finished_run(home))


def test_evaluation_list_and_inspection_agree_for_twenty_test_pairs(loaded: LoadedRun) -> None:
    model, parts = loaded.model, loaded.split
    report = evaluate(model, parts, "test", EvalConfig(ks=(10,)))
    users = report.users[:20].tolist()
    assert len(users) == 20
    for user in users:
        items, ranks = report.ranks.of(user)
        listed = recommend(model, parts, user, 40)
        for item, rank in zip(items.tolist(), ranks.tolist(), strict=True):
            view = view_pair(model, parts, user, item)
            assert view.rank.rank == rank
            assert not view.rank.seen
            assert view.part == "test"
            at = listed.items.tolist().index(item)
            assert listed.ranks[at] == rank
            assert at + 1 <= rank <= at + 1 + listed.tied[at], "a tie may stand before it in the list"
            assert listed.scores[at] == view.score
            assert view.rank.candidates == len(listed.items)
            assert view.excluded == parts.excluded_in_words(user, "test")


def test_what_a_user_has_is_not_recommended_and_shows_where_it_would_stand(loaded: LoadedRun) -> None:
    model, parts = loaded.model, loaded.split
    user = 3
    scores = model.score_items(user).numpy()
    listed = set(recommend(model, parts, user, 40).items.tolist())
    seen = parts.excluded("test").indices[slice(*parts.excluded("test").indptr[user : user + 2])].tolist()
    assert seen
    assert not listed & set(seen)
    assert listed | set(seen) == set(range(40))
    for item in seen:
        view = view_pair(model, parts, user, item)
        assert view.rank.seen
        assert view.part in ("training", "validation")
        others = [other for other in listed if scores[other] >= scores[item]]
        assert view.rank.rank == 1 + len(others), "as if it alone came back, and ties count against it"
        assert view.rank.candidates == len(listed) + 1


def test_a_user_who_has_everything_gets_an_empty_list(home: Path) -> None:
    rows = [("u1", f"i{item}") for item in range(4)] + [("u2", "i0"), ("u2", "i1")]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id"])
    parts = ratio_split(Interactions.from_frame(frame), (1, 0, 0), seed=1)
    model = Popularity(2, 4).fit(parts.train)
    listed = recommend(model, parts, 0, 10)
    assert listed.items.size == listed.ranks.size == listed.scores.size == 0
    view = view_pair(model, parts, 0, 3)
    assert (view.rank.rank, view.rank.candidates, view.rank.seen) == (1, 1, True)
    assert recommend(model, parts, 1, 10).items.tolist() == [2, 3]


def test_the_trace_of_the_view_is_the_score_of_the_list(loaded: LoadedRun) -> None:
    view = view_pair(loaded.model, loaded.split, 5, 7)
    assert isinstance(view.trace, PairTrace)
    assert view.trace.score == pytest.approx(view.score, abs=1e-5)
    assert [layer.maps.shape for layer in view.trace.layers] == [(4, 4, 4), (4, 2, 2), (4, 1, 1)]


def test_a_pair_that_a_threshold_left_out_stands_as_rated_lower() -> None:
    rows = [("u1", "i1", 5), ("u1", "i2", 1), ("u1", "i3", 4), ("u2", "i2", 5), ("u2", "i3", 5), ("u2", "i1", 4)]
    dataset = dataset_of(pd.DataFrame(rows, columns=["user_id", "item_id", "rating"]))
    config = DataConfig(min_rating=4, split="ratio", ratios=(1.0, 0.0, 0.0))
    filtered, parts = filter_and_split(dataset, config, 1)
    interactions = filtered.dataset.interactions
    u1, i2 = interactions.users.index("u1"), interactions.items.index("i2")
    assert part_of(parts, u1, i2) == "rated lower"
    assert i2 not in recommend(Popularity(2, 3).fit(parts.train), parts, u1, 10).items


def test_standing_is_the_part_that_holds_the_pair(loaded: LoadedRun) -> None:
    parts = loaded.split
    for user in range(30):
        for item in range(40):
            where = {
                "training": parts.train[user, item],
                "validation": parts.validation[user, item],
                "test": parts.test[user, item],
            }
            held = [part for part, holds in where.items() if holds]
            assert part_of(parts, user, item) == (held[0] if held else "new")


def test_a_history_is_complete_latest_first_with_its_parts(loaded: LoadedRun) -> None:
    parts = loaded.split
    frame = loaded.dataset.interactions.to_frame()
    for user in (0, 11, 29):
        found = history(parts, user)
        raw = loaded.dataset.interactions.users.id(user)
        own = frame[frame["user_id"] == raw].sort_values("timestamp", ascending=False, kind="stable")
        assert [loaded.dataset.interactions.items.id(item) for item in found.items.tolist()] == own["item_id"].tolist()
        assert found.seconds is not None
        assert (np.diff(found.seconds) <= 0).all()
        assert [part_of(parts, user, item) for item in found.items.tolist()] == list(found.parts)
    assert "test" in found.parts


def test_without_times_a_history_keeps_the_order_of_the_file() -> None:
    frame = pd.DataFrame({"user_id": ["a"] * 4 + ["b"] * 4, "item_id": [*"zyxw", *"wxyz"]})
    parts = ratio_split(Interactions.from_frame(frame), (0.5, 0.25, 0.25), seed=1)
    found = history(parts, 0)
    assert [parts.interactions.items.id(item) for item in found.items.tolist()] == [*"zyxw"]
    assert found.seconds is None
    assert sorted(found.parts) == ["test", "training", "training", "validation"]


def test_scores_that_are_not_finite_are_an_error_everywhere(loaded: LoadedRun) -> None:
    class Nan:
        n_users, n_items = 30, 40

        def score_items(self, user: int) -> torch.Tensor:
            return torch.full((40,), float("nan"))

    with pytest.raises(NonFiniteScoreError):
        recommend(Nan(), loaded.split, 0, 5)


# ---------------------------------------------------------------- a model of ties, by hand


def ring() -> Split:
    """Users 10 to 13 have one item each in training, all different, and one in test."""
    train = [("10", "0"), ("11", "1"), ("12", "2"), ("13", "3")]
    test = [("10", "1"), ("11", "0"), ("12", "0"), ("13", "0")]
    frame = pd.DataFrame(train + test, columns=["user_id", "item_id"])
    part = np.array([0] * 4 + [2] * 4, dtype=np.int8)
    return Split(Interactions.from_frame(frame), part, "predefined", 4, 0)


def test_where_all_items_are_equally_popular_every_positive_is_last_everywhere() -> None:
    parts = ring()
    model = Popularity(4, 4).fit(parts.train)
    report = evaluate(model, parts, "test", EvalConfig(ks=(1, 2, 3)))
    assert report.ranks.ranks.tolist() == [3, 3, 3, 3]
    expected = {"HR@1": 0.0, "HR@2": 0.0, "HR@3": 1.0, "MRR@3": 1 / 3, "NDCG@3": 0.5}
    assert {name: report.metrics[name] for name in expected} == pytest.approx(expected)
    for user, item in zip(range(4), report.ranks.items.tolist(), strict=True):
        view = view_pair(model, parts, user, item)
        assert (view.rank.rank, view.rank.candidates, view.rank.tied) == (3, 3, 2)
        assert "tied with 2" in view.rank.words
        assert isinstance(view.trace, NoTrace)
        listed = recommend(model, parts, user, 3)
        assert listed.tied.tolist() == [2, 2, 2]
        assert listed.ranks.tolist() == [3, 3, 3]


def test_the_same_numbers_come_out_of_the_whole_chain(home: Path) -> None:
    """A ring of users: each has the next item in training and all items are equally popular."""
    n = 5
    rows = [(f"u{u}", f"i{(u + step) % n}") for u in range(n) for step in (0, 1)]
    save_dataset(home, "ring", pd.DataFrame(rows, columns=["user_id", "item_id"]))
    settings = {"data__dataset": "ring", "data__ratios": [0.5, 0.0, 0.5], "eval__ks": [1, 4], "eval__monitor": "MRR@4"}
    run = make_run(home, "ring", "popularity", **settings)
    report = jobs.work(run)
    # which of a user's two items is held out is drawn, so the counts are read from the split, not assumed
    loaded = load_run(run)
    counts = np.asarray(loaded.split.train.sum(axis=0)).ravel()
    expected = []
    for user in range(n):
        mine = int(loaded.split.test.indices[user])
        candidates = [item for item in range(n) if not loaded.split.train[user, item]]
        expected.append(1 + sum(counts[item] >= counts[mine] for item in candidates if item != mine))
        assert view_pair(loaded.model, loaded.split, user, mine).rank.rank == expected[-1]
    assert report["metrics"]["MRR@4"] == pytest.approx(np.mean([1 / rank if rank <= 4 else 0 for rank in expected]))
    assert report["metrics"]["HR@1"] == np.mean([rank == 1 for rank in expected])
    assert report["n_users_evaluated"] == n
    assert report["validation"] == {}
