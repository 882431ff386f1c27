"""Bands of activity and popularity: known means, whole counts, and nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.evaluation.user_groups import group_means


def test_bands_of_known_counts_have_known_means() -> None:
    found = group_means({"a": [0, 0, 1, 1, 0, 1, 1, 1], "b": np.ones(8)}, [1, 2, 3, 4, 5, 6, 70, 800], groups=4)
    assert found.labels == ("1 to 2", "3 to 4", "5 to 6", "70 to 800")
    assert found.n.tolist() == [2, 2, 2, 2]
    assert found.means["a"].tolist() == [0, 1, 0.5, 1]
    assert found.means["b"].tolist() == [1, 1, 1, 1]


def test_equal_counts_stay_together() -> None:
    found = group_means({"a": [1, 0, 1, 0, 1]}, [5, 5, 5, 5, 9], groups=4)
    assert found.labels == ("5", "9")
    assert found.n.tolist() == [4, 1]
    assert found.means["a"].tolist() == [0.5, 1]
    assert group_means({"a": [1, 0]}, [3, 3]).labels == ("3",)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), min_size=1, max_size=60), st.integers(1, 6))
def test_every_count_is_in_one_band_and_the_mean_comes_out_again(rows: list[tuple[int, float]], bands: int) -> None:
    counts, values = (np.array(column) for column in zip(*rows, strict=True))
    found = group_means({"a": values}, counts, bands)
    assert len(found.n) <= bands
    assert found.n.sum() == len(rows)
    assert found.n.min() > 0
    assert (found.low[0], found.high[-1]) == (counts.min(), counts.max())
    assert (found.high[:-1] < found.low[1:]).all()
    assert (found.n * found.means["a"]).sum() / found.n.sum() == pytest.approx(values.mean())


def test_values_without_their_counts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 counts.*'a': 3"):
        group_means({"a": [1, 2, 3]}, [1, 2])
    with pytest.raises(ValueError, match="0 counts"):
        group_means({}, [])
