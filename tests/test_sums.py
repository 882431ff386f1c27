"""Sums that a pair's pictures come to, held by traces whose sums are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from convncf.inspection import PairTrace, trace_pair
from convncf.inspection.sums import diagonal_share, running_dot, score_sum, window, zero_share
from tests.made_traces import layer, pair
from tests.toy_training import toy_model, toy_split


def of(p: list[float], q: list[float]) -> PairTrace:
    """A trace with these embeddings; nothing else in it is asked for."""
    user, item = np.array(p, np.float32), np.array(q, np.float32)
    return replace(pair(), p=user, q=item, map=np.outer(user, item))


@cache
def started_as_the_trace() -> Any:
    """A ConvNCF of three 2×2 layers whose score is p·q."""
    return toy_model(toy_split(), "convncf", initialisation="dot product").eval()


def test_the_dot_product_grows_dimension_by_dimension() -> None:
    found = running_dot(of([1, 2, -3], [4, -1, -2]))
    assert found.sums.tolist() == [4, 2, 8]
    assert (found.product, found.positive_sum, found.negative_sum) == (8, 10, -2)


def test_the_map_is_its_diagonal_and_the_rest() -> None:
    found = diagonal_share(of([1, 2], [3, -1]))  # cells 3 -1 / 6 -2
    assert (found.diagonal, found.rest) == (1, 5)
    assert found.share == pytest.approx(5 / 12)
    assert found.even_share == 1 / 2


def test_cells_of_one_size_give_the_even_share_and_a_map_of_zeros_none() -> None:
    even = diagonal_share(of([1, -1, 1, -1], [2, 2, 2, 2]))
    assert even.share == even.even_share == 1 / 4
    assert diagonal_share(of([0, 0], [1, 1])).share == 0


def test_a_filter_that_is_the_diagonal_adds_up_its_piece_of_the_dot_product() -> None:
    trace = trace_pair(started_as_the_trace(), 2, 3)
    assert isinstance(trace, PairTrace)
    found = window(trace, 0, 1, 1)
    assert found.patch == pytest.approx(trace.map[2:4, 2:4])
    assert found.products[0, 1] == found.products[1, 0] == 0
    assert found.products.sum() == pytest.approx(float(trace.p[2:4] @ trace.q[2:4]), abs=1e-7)
    assert found.products.sum() == pytest.approx(found.arithmetic.product, abs=1e-7)
    with pytest.raises(IndexError, match="no channel 4"):
        window(trace, 4, 0, 0)


def test_zeros_are_counted_over_all_channels() -> None:
    """Channel 0 is zero everywhere, each of the others in one cell of 16."""
    assert zero_share(layer(channels=4, side=4)) == pytest.approx((16 + 3) / 64)


def test_the_score_is_added_up_from_its_largest_term() -> None:
    found = score_sum(pair([1.5, -0.25, 0.5], bias=0.125))
    assert found.terms.tolist() == [0, 2, 1]
    assert found.values.tolist() == [1.5, 0.5, -0.25]
    assert found.sums.tolist() == [0.125, 1.625, 2.125, 1.875]
    assert found.remainder(1) == 0.25
    assert found.remainder(3) == 0


@pytest.mark.parametrize(
    ("contributions", "bias", "enough"),
    [
        ([1.5, -0.25, 0.5], 0.125, 3),  # a tenth of 1.875 is 0.19: 0.25 beside it at 1, and at 2
        ([10, 0.5, 0.5], 0, 1),
        ([0, 0], 2.0, 0),  # the bias alone is the score
        ([5, -4.5, 1], 0, 3),  # 5, 0.5, 1.5
        ([5, 5, -9, 0.0], 0, 3),  # -9, -4, 1, and the last adds nothing
        ([1, -1], 0, 2),  # a score of 0 is not close until all is added
    ],
)
def test_how_many_terms_are_enough(contributions: list[float], bias: float, enough: int) -> None:
    assert score_sum(pair(contributions, bias=bias)).n_terms_needed == enough


def test_only_terms_that_add_something_speak() -> None:
    assert score_sum(pair([0, 2, 0, -1])).n_nonzero == 2
