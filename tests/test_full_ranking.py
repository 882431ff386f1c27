"""Every user ranked by the rule, whatever the order, the chunks and the streams; and the lists beside the ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from convncf.errors import TrainingStopped
from convncf.evaluation import full_ranking
from convncf.evaluation.beyond_accuracy import NOTHING
from convncf.evaluation.full_ranking import ranks, users_with_positives
from convncf.evaluation.ranking import rank_positives, top_k
from convncf.runtime import threads as runtime_threads
from tests.test_ranking import CANDIDATE, LEFT_OUT, POSITIVE, Table, matrix, rank_by_definition


def test_a_scorer_that_returns_the_wrong_shape_is_named() -> None:
    class Short(Table):
        def score_items(self, user: int) -> torch.Tensor:
            return self.scores[user, :2]

    with pytest.raises(ValueError, match=r"score_items\(0\) .* \(2,\), expected \(3,\)"):
        ranks(Short(np.zeros((1, 3))), matrix([[0, 0, 1]]), matrix([[0, 0, 0]]))


@st.composite
def populations(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    n_users, n_items = draw(st.integers(1, 8)), draw(st.integers(1, 12))
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    scores = generator.integers(-3, 4, size=(n_users, n_items)).astype(np.float32)
    return scores, generator.choice([CANDIDATE, POSITIVE, LEFT_OUT], size=(n_users, n_items))


@given(populations(), st.randoms(use_true_random=False))
def test_ranks_depend_neither_on_order_nor_on_chunks(
    population: tuple[NDArray[np.float32], NDArray[np.int64]], random: Any
) -> None:
    scores, roles = population
    positives, excluded = matrix(roles == POSITIVE), matrix(roles == LEFT_OUT)
    whole = ranks(Table(scores), positives, excluded)
    users = list(range(scores.shape[0]))
    random.shuffle(users)
    cut = random.randint(0, len(users))
    chunks = [ranks(Table(scores), positives, excluded, users=chunk) for chunk in (users[:cut], users[cut:])]
    for user in users:
        items, found = whole.of(user)
        assert items.tolist() == np.flatnonzero(roles[user] == POSITIVE).tolist()
        expected = [rank_by_definition(scores[user].tolist(), roles[user].tolist(), item) for item in items]
        assert found.tolist() == expected
        assert [rank for chunk in chunks for rank in chunk.of(user)[1]] == expected
    assert whole.users.tolist() == np.flatnonzero((roles == POSITIVE).any(axis=1)).tolist()
    assert whole.candidates.tolist() == (roles != LEFT_OUT).sum(axis=1)[whole.users].tolist()


def test_users_without_a_positive_are_never_scored() -> None:
    scorer = Table(np.zeros((3, 2)))
    found = ranks(scorer, matrix([[1, 0], [0, 0], [0, 1]]), matrix(np.zeros((3, 2))))
    assert scorer.asked == found.users.tolist() == [0, 2]
    assert found.of(1)[0].size == found.of(1)[1].size == found.of(99)[0].size == 0
    assert ranks(scorer, matrix(np.zeros((3, 2))), matrix(np.zeros((3, 2)))).indptr.tolist() == [0]


def test_users_are_chosen_once_and_must_exist() -> None:
    positives = matrix([[1, 0], [0, 0], [0, 1]])
    assert users_with_positives(positives, [2, 1]).tolist() == [2]
    assert users_with_positives(positives, []).size == 0
    with pytest.raises(ValueError, match="given twice"):
        users_with_positives(positives, [2, 2])
    for stranger in (-1, 3):
        with pytest.raises(ValueError, match="0 to 2"):
            users_with_positives(positives, [stranger])


def test_a_matrix_with_repeats_and_no_order_means_the_same() -> None:
    loose = csr_array((np.ones(3, dtype=np.bool_), np.array([3, 1, 3]), np.array([0, 3])), shape=(1, 4))
    found = ranks(Table([[1.0, 2.0, 3.0, 4.0]]), loose, matrix([[0, 0, 0, 0]]))
    assert (found.items.tolist(), found.ranks.tolist()) == ([1, 3], [3, 1])
    assert loose.nnz == 3  # the caller's matrix is left as it was


def test_progress_counts_every_user_and_stop_is_asked_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_ranking, "USERS_TOGETHER", 1)
    monkeypatch.setattr(runtime_threads, "width", lambda: 2)
    told: list[tuple[int, int]] = []
    args = (matrix(np.eye(5)), matrix(np.zeros((5, 5))))
    ranks(Table(np.zeros((5, 5))), *args, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]
    scorer = Table(np.zeros((5, 5)))
    with pytest.raises(TrainingStopped, match="4 of 5"):
        ranks(scorer, *args, stop=lambda: len(scorer.asked) == 4)
    assert sorted(scorer.asked) == [0, 1, 2, 3]


def test_scores_held_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_threads, "width", lambda: 2)
    together: list[int] = []
    args = (matrix(np.eye(9, 50)), matrix(np.zeros((9, 50))))
    for floats in (10**6, 300, 1):
        monkeypatch.setattr(full_ranking, "FLOATS", floats)
        told = [0]
        ranks(Table(np.zeros((9, 50))), *args, progress=lambda done, _: told.append(done))  # noqa: B023
        together.append(max(np.diff(told).tolist()))
    assert together == [9, 6, 2]  # all; six rows of 50; one for each stream, whatever it takes


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_streams_changes_no_rank(threads: int) -> None:
    scores = np.random.default_rng(4).integers(0, 9, (40, 30)).astype(np.float32)  # many ties
    wanted = np.random.default_rng(5).random((40, 30)) < 0.2
    hidden = (np.random.default_rng(6).random((40, 30)) < 0.3) & ~wanted
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = ranks(Table(scores), matrix(wanted), matrix(hidden))
    finally:
        torch.set_num_threads(before)
    for user in found.users.tolist():
        items, places = found.of(user)
        expected = rank_positives(scores[user], np.flatnonzero(wanted[user]), np.flatnonzero(hidden[user]))
        assert (items.tolist(), places.tolist()) == (np.flatnonzero(wanted[user]).tolist(), expected.tolist())


def test_what_was_found_cannot_be_changed() -> None:
    found = ranks(Table(np.zeros((2, 2))), matrix(np.eye(2)), matrix(np.zeros((2, 2))))
    for array in (found.users, found.indptr, found.items, found.ranks, found.candidates):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@given(populations(), st.integers(1, 15))
def test_lists_come_with_the_ranks_and_are_those_of_top_k(
    population: tuple[NDArray[np.float32], NDArray[np.int64]], places: int
) -> None:
    scores, roles = population
    positives, excluded = matrix(roles == POSITIVE), matrix(roles == LEFT_OUT)
    found = ranks(Table(scores), positives, excluded, lists=places)
    assert found.lists is not None
    assert found.lists.shape == (found.users.size, min(places, scores.shape[1]))
    for user, listed in zip(found.users.tolist(), found.lists.tolist(), strict=True):
        expected = top_k(scores[user], np.flatnonzero(roles[user] == LEFT_OUT), places).items.tolist()
        assert listed == expected + [NOTHING] * (len(listed) - len(expected))
    assert ranks(Table(scores), positives, excluded).lists is None
