"""Sorting within groups gives what sorting by group and key gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.interactions import order_within

INTEGERS = st.one_of(st.integers(0, 3), st.integers(0, 2**62 - 1), st.integers(-(2**63), 2**63 - 1))
FLOATS = st.one_of(st.floats(0, 1), st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 0.5]))


@given(rows=st.lists(st.tuples(st.integers(0, 4), INTEGERS, FLOATS), max_size=40))
def test_the_order_is_that_of_sorting_by_group_and_key(rows: list[tuple[int, int, float]]) -> None:
    group = np.asarray([row[0] for row in rows], np.int32)
    for key in (np.asarray([row[1] for row in rows], np.int64), np.asarray([row[2] for row in rows], np.float64)):
        given_key = key.copy()
        np.testing.assert_array_equal(order_within(group, key, 6), np.lexsort((key, group)))
        np.testing.assert_array_equal(key, given_key)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.float64, np.float32])
def test_equal_keys_keep_their_order(kind: type[np.generic]) -> None:
    draw = np.random.Generator(np.random.PCG64(0))
    group, key = draw.integers(0, 50, 5000).astype(np.int32), draw.integers(0, 4, 5000).astype(kind)
    np.testing.assert_array_equal(order_within(group, key, 50), np.lexsort((key, group)))
