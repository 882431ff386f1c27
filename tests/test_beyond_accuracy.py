"""What lists show together: coverage, Gini and popularity against counts by hand and against definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.evaluation.beyond_accuracy import NOTHING, beyond_accuracy, gini

POPULARITY = np.array([9, 4, 1, 0])


def test_three_lists_by_hand() -> None:
    lists = np.array([[0, 1], [0, 2], [0, NOTHING]], dtype=np.int32)
    found = beyond_accuracy(lists, POPULARITY, (2, 1))
    assert list(found) == ["Coverage@1", "Gini@1", "Popularity@1", "Coverage@2", "Gini@2", "Popularity@2"]
    assert found["Coverage@1"] == 1 / 4
    assert found["Gini@1"] == 3 / 4, "one item takes all: (I - 1) / I"
    assert found["Popularity@1"] == 9
    assert found["Coverage@2"] == 3 / 4
    assert found["Popularity@2"] == (9 + 9 + 9 + 4 + 1) / 5, "over the five places that hold an item"
    # counts 0 1 1 3: the 6 pairs differ by 1, 1, 3, 0, 2, 2
    assert found["Gini@2"] == pytest.approx(9 * 2 / (4 * 4) / (2 * 5 / 4), rel=1e-15)


def test_everybody_sees_the_same_or_everything() -> None:
    same = beyond_accuracy(np.zeros((5, 1), dtype=np.int32), POPULARITY, (1,))
    assert (same["Coverage@1"], same["Gini@1"]) == (0.25, 0.75)
    every = beyond_accuracy(np.tile(np.arange(4), (5, 1)), POPULARITY, (4,))
    assert (every["Coverage@4"], every["Gini@4"], every["Popularity@4"]) == (1.0, 0.0, 3.5)


def test_above_the_length_of_the_lists_all_of_them_count() -> None:
    lists = np.array([[0, 1]])
    assert (
        beyond_accuracy(lists, POPULARITY, (50,))["Coverage@50"]
        == beyond_accuracy(lists, POPULARITY, (2,))["Coverage@2"]
    )


def test_no_list_gives_no_figure() -> None:
    assert beyond_accuracy(np.zeros((0, 3), dtype=np.int32), POPULARITY, (3,)) == {}
    assert beyond_accuracy(np.full((2, 3), NOTHING), POPULARITY, (3,)) == {}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12).filter(any))
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    values = np.array(counts)
    difference = np.abs(values[:, None] - values).mean()
    assert gini(values) == pytest.approx(difference / (2 * values.mean()), rel=1e-12, abs=1e-12)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="items are 0 to 3"):
        beyond_accuracy(np.array([[4]]), POPULARITY, (1,))
    with pytest.raises(ValueError, match="or -1 for none"):
        beyond_accuracy(np.array([[-2]]), POPULARITY, (1,))
    with pytest.raises(ValueError, match="1 or more, got 0"):
        beyond_accuracy(np.array([[1]]), POPULARITY, (0,))
    with pytest.raises(ValueError, match="all 0"):
        gini(np.zeros(3, dtype=np.int64))
