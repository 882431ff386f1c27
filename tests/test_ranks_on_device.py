"""Ranks counted where the scores are, against the rule; on the CPU, where the same code runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from convncf.errors import NonFiniteScoreError, TrainingStopped
from convncf.evaluation import full_ranking
from convncf.evaluation.beyond_accuracy import NOTHING
from convncf.evaluation.full_ranking import ranked, ranks
from convncf.evaluation.ranking import rank_positives, top_k
from tests.waiting import Waits


class OnDevice:
    """Scores looked up, (n_users, n_items), by a scorer that says that it is elsewhere."""

    def __init__(self, scores: np.ndarray[Any, Any]) -> None:
        self.table = torch.from_numpy(scores.astype(np.float32))
        self.n_users, self.n_items = scores.shape
        self.device = torch.device("cpu")
        self.groups: list[int] = []

    def score_users(self, users: torch.Tensor) -> torch.Tensor:
        self.groups.append(len(users))
        return self.table[users].clone()

    def score_items(self, user: int) -> torch.Tensor:
        return self.table[user]


def example(seed: int) -> tuple[Any, csr_array, csr_array]:
    rng = np.random.default_rng(seed)
    scores = rng.choice([-1.0, -0.0, 0.0, 0.5, 2.0], (30, 25))  # many ties; -0.0 is one
    wanted = rng.random((30, 25)) < 0.25
    hidden = (rng.random((30, 25)) < 0.3) & ~wanted
    return scores, csr_array(wanted), csr_array(hidden)


def expected(scores: Any, wanted: csr_array, hidden: csr_array, user: int) -> list[int]:
    rows = (matrix[[user]].indices for matrix in (wanted, hidden))
    return [int(rank) for rank in rank_positives(scores[user].astype(np.float32), *rows)]


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_those_of_the_rule(seed: int) -> None:
    scores, wanted, hidden = example(seed)
    scorer = OnDevice(scores)
    found = ranks(scorer, wanted, hidden)
    assert scorer.groups == [found.users.size]  # all at once
    for at, user in enumerate(found.users.tolist()):
        assert found.of(user)[1].tolist() == expected(scores, wanted, hidden, user)
        assert found.candidates[at] == 25 - hidden[[user]].nnz


@pytest.mark.parametrize("floats", [1, 60, 10**6])
def test_memory_is_bounded_and_changes_nothing(floats: int) -> None:
    scores, wanted, hidden = example(9)
    scorer, users, told = OnDevice(scores), np.arange(30), list[int]()
    found = ranked(scorer, users, wanted, hidden, told.append, floats=floats)
    assert max(scorer.groups) == max(1, min(floats // 25, 30))
    assert told[-1] == 30
    assert found.tolist() == [rank for user in range(30) for rank in expected(scores, wanted, hidden, user)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_an_error_with_the_user(bad: float) -> None:
    scores, wanted, hidden = example(1)
    scores[[17, 21], 3] = bad
    with pytest.raises(NonFiniteScoreError, match=r"2 of 30 users .* user 17 "):
        ranks(OnDevice(scores), wanted, hidden)


def test_a_positive_that_is_left_out_is_refused() -> None:
    scores, wanted, hidden = example(3)
    item = int(wanted[[7]].indices[0])
    both = hidden.toarray()
    both[7, item] = True
    with pytest.raises(ValueError, match=rf"\[{item}\]"):
        ranks(OnDevice(scores), wanted, csr_array(both))


def test_nothing_is_fetched_before_the_last_group() -> None:
    scores, wanted, hidden = example(4)
    waits = Waits()
    before: list[list[str]] = []
    with waits:
        ranked(OnDevice(scores), np.arange(30), wanted, hidden, lambda _: before.append(list(waits.seen)), floats=60)
    assert len(before) == 15
    assert before[-1] == []


def test_a_scorer_elsewhere_without_scores_for_several_users_is_ranked_on_the_cpu() -> None:
    scores, wanted, hidden = example(5)

    class Single:
        n_users, n_items, device = 30, 25, "cuda:0"

        def score_items(self, user: int) -> torch.Tensor:
            return torch.from_numpy(scores[user])

    found = ranks(Single(), wanted, hidden)
    assert found.ranks.tolist() == ranks(OnDevice(scores), wanted, hidden).ranks.tolist()


def test_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, wanted, hidden = example(2)
    monkeypatch.setattr(full_ranking.ranked, "__defaults__", (250,))
    answers = iter([False, False, True])
    with pytest.raises(TrainingStopped, match="20 of 30"):
        ranks(OnDevice(scores), wanted, hidden, stop=lambda: next(answers))


@pytest.mark.parametrize("floats", [1, 60, 600, 10**6])
def test_lists_are_those_of_the_cpu_ties_included(floats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_ranking.ranked, "__defaults__", (floats,))
    scores, wanted, hidden = example(6)
    few = hidden.toarray()
    few[4] = ~wanted.toarray()[4]  # fewer candidates than places
    scorer = OnDevice(scores)
    found = ranks(scorer, wanted, csr_array(few), lists=12)
    assert found.lists is not None
    for user, listed in zip(found.users.tolist(), found.lists.tolist(), strict=True):
        expected = top_k(scores[user].astype(np.float32), np.flatnonzero(few[user]), 12).items.tolist()
        assert listed == expected + [NOTHING] * (12 - len(expected))
    assert found.ranks.tolist() == ranks(scorer, wanted, csr_array(few)).ranks.tolist()
