"""Scored pairs: each is what Inspect says of it, in the order that was asked, and ranks are those of the evaluation."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from convncf.data.split import Split
from convncf.inspection import view_pair
from convncf.inspection.scored_pairs import score_file, score_pairs
from convncf.models.popularity import Popularity
from convncf.workflow.loading import load_run
from tests.toy_training import toy_split
from tests.worlds import finished_run, row


@pytest.fixture(scope="module")
def popular() -> tuple[Split, Popularity]:
    split = toy_split()
    return split, Popularity(*split.train.shape).fit(split.train)


def test_each_pair_is_what_inspect_says_in_the_order_that_was_asked(popular: tuple[Split, Popularity]) -> None:
    split, model = popular
    draw = np.random.default_rng(0)
    users, items = draw.integers(model.n_users, size=60), draw.integers(model.n_items, size=60)
    found = score_pairs(model, split, users, items)
    assert [(pair.user, pair.item) for pair in found] == list(zip(users.tolist(), items.tolist(), strict=True))
    for pair in found:
        view = view_pair(model, split, pair.user, pair.item)
        assert (pair.score, pair.rank, pair.part) == (view.score, view.rank, view.part)
    assert {pair.part for pair in found} >= {"training", "test", "new"}, "or it proves little"


def test_a_pair_may_be_asked_twice_and_none_at_all(popular: tuple[Split, Popularity]) -> None:
    split, model = popular
    first, second = score_pairs(model, split, [3, 3], [5, 5])
    assert first == second
    assert score_pairs(model, split, [], []) == ()


def test_progress_counts_users(popular: tuple[Split, Popularity]) -> None:
    split, model = popular
    told: list[tuple[int, int]] = []
    score_pairs(model, split, [*range(20), 0, 1], [0] * 22, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    assert all(before < after for (before, _), (after, _) in pairwise(told))


@pytest.mark.parametrize(("users", "items", "error"), [([0], [], ValueError), ([99], [0], IndexError)])
def test_what_is_no_pair_of_the_model_is_refused(
    popular: tuple[Split, Popularity], users: list[int], items: list[int], error: type[Exception]
) -> None:
    split, model = popular
    with pytest.raises(error):
        score_pairs(model, split, users, items)


def test_ranks_of_a_file_are_those_that_the_run_kept_and_a_seen_item_is_marked(home: Path, tmp_path: Path) -> None:
    run = finished_run(home)
    loaded = load_run(run)
    ranks = run.read_frame("ranks")
    seen = loaded.dataset.items.items.id(int(row(loaded.split.train, 0)[0]))
    first = loaded.dataset.interactions.users.id(0)
    pairs = [*zip(ranks.user_id, ranks.item_id, strict=True), (first, seen)]
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in pairs), encoding="utf-8")
    found = score_file(path, loaded.model, loaded.split, loaded.dataset.items)
    *held_out, last = found.rows
    assert [line["rank"] for line in held_out] == ranks["rank"].tolist()
    assert {line["part"] for line in held_out} == {"test"}
    assert {line["seen"] for line in held_out} == {""}
    view = view_pair(loaded.model, loaded.split, 0, int(row(loaded.split.train, 0)[0]))
    assert (last["seen"], last["part"], last["rank"]) == ("seen", "training", view.rank.rank)
    assert (found.scored, found.seen) == (len(pairs), 1)
    assert any(words.startswith("1 row marked seen: ") for words in found.sentences)
