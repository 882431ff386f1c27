"""Positives that training never saw: missed or left out as if that had been so from the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from convncf.evaluation import cold_items
from convncf.evaluation.candidate_ranking import SetRanks
from convncf.evaluation.full_ranking import Ranks, ranks
from convncf.evaluation.metrics import MISS
from tests.test_evaluation import Table


@st.composite
def worlds(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Scores with ties, positives, left-out items, and which of the positives are cold."""
    n_users, n_items = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    shape = (n_users, n_items)
    role = generator.integers(0, 3, size=shape)
    return generator.integers(0, 4, size=shape).astype(np.float32), role == 1, role == 2, generator.random(shape) < 0.4


def full(scores: Any, positives: Any, hidden: Any) -> Ranks:
    return ranks(Table(scores), csr_array(positives), csr_array(hidden), lists=3)


def flags(found: Ranks, unseen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    owner = np.repeat(found.users, np.diff(found.indptr))
    return np.asarray(unseen[owner, found.items])


@given(worlds())
def test_misses_rank_nowhere_and_the_others_as_if_those_scored_below_everything(
    world: tuple[Any, Any, Any, Any],
) -> None:
    scores, positives, hidden, unseen = world
    found = full(scores, positives, hidden)
    changed = cold_items.as_misses(found, flags(found, unseen))
    expected = full(np.where(unseen & positives, -99, scores), positives, hidden)
    warm = ~flags(found, unseen)
    assert changed.ranks[warm].tolist() == expected.ranks[warm].tolist()
    assert set(changed.ranks[~warm].tolist()) <= {MISS}


@given(worlds())
def test_left_out_is_what_hiding_them_gives(world: tuple[Any, Any, Any, Any]) -> None:
    scores, positives, hidden, unseen = world
    found = full(scores, positives, hidden)
    changed = cold_items.without(found, flags(found, unseen))
    expected = full(scores, positives & ~unseen, hidden | (positives & unseen))
    for name in ("users", "indptr", "items", "ranks", "candidates"):
        assert getattr(changed, name).tolist() == getattr(expected, name).tolist(), name
    assert isinstance(changed, Ranks)
    assert changed.lists is not None
    assert found.lists is not None
    assert changed.lists.tolist() == found.lists[np.isin(found.users, changed.users)].tolist()


def in_sets() -> SetRanks:
    """User 3 with two sets, user 5 with one."""
    arrays = ([3, 5], [0, 2, 3], [7, 8, 7], [1, 2, 4], [10, 10, 4])
    return SetRanks(*(np.array(array) for array in arrays))


def test_within_candidate_sets() -> None:
    first = np.array([True, False, True])
    missed = cold_items.as_misses(in_sets(), first)
    assert missed.ranks.tolist() == [MISS, 2, MISS]
    left = cold_items.without(in_sets(), first)
    assert (left.users.tolist(), left.indptr.tolist(), left.items.tolist()) == ([3], [0, 1], [8])
    assert (left.ranks.tolist(), left.candidates.tolist()) == ([2], [10])
    nobody = cold_items.without(in_sets(), np.ones(3, dtype=np.bool_))
    assert (nobody.users.size, nobody.indptr.tolist()) == (0, [0])


def test_unseen_is_an_item_or_a_user_without_training() -> None:
    train = csr_array(np.array([[1, 0, 1], [0, 0, 0]], dtype=np.bool_))
    found = full(np.zeros((2, 3)), np.array([[0, 1, 0], [1, 0, 1]], dtype=np.bool_), np.zeros((2, 3), dtype=np.bool_))
    items, users = cold_items.unseen(train, found)
    assert found.items.tolist() == [1, 0, 2]
    assert items.tolist() == [True, False, False]
    assert users.tolist() == [False, True, True]


def test_the_found_ranks_stay_as_they_are() -> None:
    found = full([[3.0, 2.0, 1.0]], np.ones((1, 3), dtype=np.bool_), np.zeros((1, 3), dtype=np.bool_))
    first = np.array([True, False, False])
    assert cold_items.as_misses(found, first).ranks.tolist() == [MISS, 1, 2]
    assert cold_items.without(found, first).ranks.tolist() == [1, 2]
    assert found.ranks.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        cold_items.as_misses(found, first).ranks[0] = 1
