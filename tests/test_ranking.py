"""The rank rule to the letter, against its definition and against cases with a known answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from convncf.errors import NonFiniteScoreError
from convncf.evaluation.full_ranking import ranks
from convncf.evaluation.ranking import Ints, ItemRank, rank_item, rank_positives, top_k
from tests.wording import values_in

CANDIDATE, POSITIVE, LEFT_OUT = 0, 1, 2
# Few distinct scores, so that most examples have ties; -0.0 is one of them.
one_user = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([-1.5, -0.0, 0.0, 1.0, 2.0, 3e38]), min_size=n, max_size=n),
        st.lists(st.sampled_from([CANDIDATE, CANDIDATE, POSITIVE, LEFT_OUT]), min_size=n, max_size=n),
    )
)


class Table:
    """A scorer that looks scores up: (n_users, n_items)."""

    def __init__(self, scores: Any) -> None:
        self.scores = torch.as_tensor(np.asarray(scores, dtype=np.float32))
        self.n_users, self.n_items = self.scores.shape
        self.asked: list[int] = []

    def score_items(self, user: int) -> torch.Tensor:
        self.asked.append(user)
        return self.scores[user]


def parts(roles: list[int]) -> tuple[Ints, Ints]:
    return np.flatnonzero(np.array(roles) == POSITIVE), np.flatnonzero(np.array(roles) == LEFT_OUT)


def matrix(rows: Any) -> Any:
    return csr_array(np.asarray(rows, dtype=np.bool_))


def rank_by_definition(scores: list[float], roles: list[int], item: int) -> int:
    """The rule as it is written, one comparison at a time; an item that is no positive counts every tie against it."""
    rank = 1
    for other, (score, role) in enumerate(zip(scores, roles, strict=True)):
        if other == item or role == LEFT_OUT:
            continue
        if roles[item] == POSITIVE and role == POSITIVE:
            rank += score > scores[item] or (score == scores[item] and other < item)
        else:
            rank += score >= scores[item]
    return rank


@given(one_user)
def test_ranks_of_positives_equal_the_definition(user: tuple[list[float], list[int]]) -> None:
    scores, roles = user
    positives, excluded = parts(roles)
    expected = [rank_by_definition(scores, roles, item) for item in positives]
    assert rank_positives(np.array(scores, dtype=np.float32), positives, excluded).tolist() == expected


@given(one_user)
def test_the_rank_of_any_item_equals_the_definition(user: tuple[list[float], list[int]]) -> None:
    scores, roles = user
    positives, excluded = parts(roles)
    others = len(scores) - excluded.size
    for item, role in enumerate(roles):
        found = rank_item(scores, item, positives, excluded)
        seen = role == LEFT_OUT
        equal = [other for other, score in enumerate(scores) if score == scores[item] and roles[other] != LEFT_OUT]
        assert found == ItemRank(
            rank=rank_by_definition(scores, roles, item),
            candidates=others + seen,
            tied=len(equal) - (not seen),
            seen=seen,
        )


@given(one_user, st.integers(1, 30))
def test_the_list_is_in_order_and_its_ranks_agree_with_inspection(user: tuple[list[float], list[int]], k: int) -> None:
    scores, roles = user
    positives, excluded = parts(roles)
    found = top_k(scores, excluded, k, positives=positives)
    candidates = [item for item, role in enumerate(roles) if role != LEFT_OUT]
    expected = sorted(candidates, key=lambda item: (-scores[item], item))[:k]
    assert found.items.tolist() == expected
    assert found.scores.tolist() == [scores[item] for item in expected]
    looked_up = [rank_item(scores, item, positives, excluded) for item in expected]
    assert found.tied.tolist() == [one.tied for one in looked_up]
    assert found.ranks.tolist() == [one.rank for one in looked_up]
    for position, (rank, tied) in enumerate(zip(found.ranks, found.tied, strict=True), start=1):
        assert rank == position if tied == 0 else position <= rank + tied


@given(one_user)
def test_positives_of_one_user_never_share_a_rank(user: tuple[list[float], list[int]]) -> None:
    scores, roles = user
    positives, excluded = parts(roles)
    found = rank_positives(scores, positives, excluded)
    assert np.unique(found).size == positives.size
    assert (found <= len(scores) - excluded.size).all()


@given(st.integers(1, 30), st.data())
def test_a_constant_model_ranks_every_positive_last(n_items: int, data: st.DataObject) -> None:
    positives = sorted(data.draw(st.sets(st.integers(0, n_items - 1), min_size=1)))
    found = rank_positives(np.full(n_items, 0.25), positives, [])
    assert found.tolist() == list(range(n_items - len(positives) + 1, n_items + 1))


def test_positives_keep_the_order_in_which_they_were_asked() -> None:
    scores = [0.0, 3.0, 1.0, 2.0]
    assert rank_positives(scores, [2, 1], []).tolist() == [3, 1]
    assert rank_positives(scores, [1, 2], []).tolist() == [1, 3]


def test_equal_positives_follow_in_index_order_behind_what_ties_with_them() -> None:
    scores = [5.0, 1.0, 1.0, 1.0, 0.0]  # items 1 and 3 are positives, 2 ties with both
    assert rank_positives(scores, [1, 3], []).tolist() == [3, 4]


def test_minus_zero_ties_with_zero() -> None:
    assert rank_positives(np.array([0.0, -0.0, 0.0]), [0], []).tolist() == [3]
    found = top_k(np.array([-0.0, 0.0, -1.0]), [], 2)
    assert (found.items.tolist(), found.tied.tolist()) == ([0, 1], [1, 1])


def test_four_users_whose_counts_all_tie_have_rank_three() -> None:
    """Users 0 to 3 trained on item u each, so popularity gives every item one; user 0 is tested on 1, others on 0."""
    train = np.eye(4, dtype=np.bool_)
    test = np.zeros((4, 4), dtype=np.bool_)
    test[[0, 1, 2, 3], [1, 0, 0, 0]] = True
    found = ranks(Table(np.tile(train.sum(axis=0), (4, 1))), matrix(test), matrix(train))
    assert found.ranks.tolist() == [3, 3, 3, 3]
    assert found.candidates.tolist() == [3, 3, 3, 3]
    for user, item in enumerate([1, 0, 0, 0]):
        inspected = rank_item(np.ones(4), item, [item], [user])
        assert inspected == ItemRank(rank=3, candidates=3, tied=2, seen=False)
        assert values_in(inspected.words) == ["3", "3", "2"]
        listed = top_k(np.ones(4), [user], 1)
        assert (listed.tied.tolist(), listed.ranks.tolist()) == ([2], [3])


def test_a_seen_item_has_a_would_be_rank() -> None:
    found = rank_item([4.0, 3.0, 2.0, 1.0], 1, [3], [0, 1])
    assert found == ItemRank(rank=1, candidates=3, tied=0, seen=True)
    assert values_in(found.words) == ["1", "3"]


def test_a_list_is_as_long_as_there_are_candidates() -> None:
    assert top_k([1.0, 2.0, 3.0], [2], 10).items.tolist() == [1, 0]
    nothing = top_k([1.0, 2.0], [0, 1], 5)
    assert nothing.items.size == nothing.scores.size == nothing.tied.size == nothing.ranks.size == 0
    with pytest.raises(ValueError, match="1 or more"):
        top_k([1.0], [], 0)


def test_ties_at_the_end_of_the_list_are_counted_beyond_it() -> None:
    found = top_k([1.0, 1.0, 9.0, 1.0, 1.0], [1], 2)
    assert found.items.tolist() == [2, 0]
    assert found.tied.tolist() == [0, 2]
    assert found.ranks.tolist() == [1, 4]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])  # a candidate, a positive, a left-out item
def test_a_score_that_is_not_finite_is_an_error_and_never_a_hit(bad: float, place: int) -> None:
    scores = np.zeros((3, 4))
    scores[2, place] = bad
    scores[2, 3] = bad
    one = matrix([[0, 1, 0, 0]] * 3)
    out = matrix([[0, 0, 1, 0]] * 3)
    with pytest.raises(NonFiniteScoreError, match=r"user 2 .* 2 of 4"):
        ranks(Table(scores), one, out)
    for ask in (lambda: rank_item(scores[2], 1, [1], [2]), lambda: top_k(scores[2], [2], 1)):
        with pytest.raises(NonFiniteScoreError, match="2 of 4"):
            ask()


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[1\]"):
        rank_positives([1.0, 2.0], [1], [1])
    with pytest.raises(ValueError, match="given twice"):
        rank_positives([1.0, 2.0], [1, 1], [])
    with pytest.raises(ValueError, match="0 to 1, got -1"):
        rank_item([1.0, 2.0], -1, [], [])
    with pytest.raises(ValueError, match="one row"):
        rank_positives([[1.0, 2.0]], [1], [])
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        ranks(Table(np.zeros((2, 3))), matrix(np.ones((2, 4))), matrix(np.zeros((2, 4))))


def test_scores_are_not_touched() -> None:
    scores = np.array([3.0, 1.0, 2.0], dtype=np.float32)
    before = scores.copy()
    rank_positives(scores, [0], [1])
    rank_item(scores, 1, [0], [1])
    top_k(scores, [1], 2)
    np.testing.assert_array_equal(scores, before)
