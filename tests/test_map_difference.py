"""The difference of a pair's map in two models: a turned copy differs as trained, and no more once turned back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convncf.errors import ConfigError
from convncf.inspection import Embeddings, PairTrace, align, trace_pair
from convncf.inspection.alignment import MapDifference, Method, map_difference
from convncf.models import MatrixFactorisation
from convncf.models.base import Sizes

SIZE = 6
IDS = (tuple(f"u{user}" for user in range(8)), tuple(f"i{item}" for item in range(9)))


def model(matrix: np.ndarray | None = None) -> MatrixFactorisation:
    """Always the same embeddings, turned by a matrix."""
    made = MatrixFactorisation({"embedding_size": SIZE}, Sizes(8, 9))
    generator = torch.Generator().manual_seed(0)
    turn = torch.eye(SIZE) if matrix is None else torch.as_tensor(matrix, dtype=torch.float32)
    with torch.no_grad():
        for table in (made.user_embedding, made.item_embedding):
            table.weight.copy_(torch.randn(table.weight.shape, generator=generator) @ turn)
    return made


def tables(made: MatrixFactorisation) -> Embeddings:
    p, q = (table.weight.detach().numpy().copy() for table in (made.user_embedding, made.item_embedding))
    return Embeddings(*IDS, p, q)


def traced(made: MatrixFactorisation) -> PairTrace:
    found = trace_pair(made, 2, 5)
    assert isinstance(found, PairTrace)
    return found


def difference(other: MatrixFactorisation, method: Method | None) -> MapDifference:
    first = model()
    alignment = None if method is None else align(tables(first), tables(other), method)
    return map_difference(traced(first), traced(other), alignment)


def rotation() -> np.ndarray:
    return np.asarray(np.linalg.qr(np.random.default_rng(1).normal(size=(SIZE, SIZE)))[0])


def test_as_trained_it_is_the_plain_difference_in_shares_of_the_first() -> None:
    found = difference(model(-2 * np.eye(SIZE)), None)  # the map is 4 times the first, and 3 times it apart
    assert (found.before, found.after, found.share_removed) == pytest.approx((9, 9, 0))
    np.testing.assert_allclose(found.second, 4 * found.first, rtol=1e-5)


def test_equal_maps_are_not_apart_and_nothing_is_removed() -> None:
    found = difference(model(), "permutation")
    assert found.before == 0
    assert found.share_removed == 0


def test_a_rotated_copy_is_brought_back_by_rotation_alone() -> None:
    found = difference(model(rotation()), "rotation")
    assert found.before > 0.1
    assert found.share_removed == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found.second, found.first, atol=1e-4)
    assert difference(model(rotation()), "permutation").share_removed < 0.9


def test_a_permuted_copy_is_brought_back_by_a_permutation() -> None:
    found = difference(model(np.eye(SIZE)[[3, 0, 5, 1, 2, 4]]), "permutation")
    assert found.before > 0.1
    assert found.share_removed == pytest.approx(1, abs=1e-6)


def test_the_pair_is_the_second_models_own_rows() -> None:
    """Another model may have the same user and item at other places."""
    first, own = traced(model()), tables(model())
    alignment = align(own, own, "rotation")
    found = map_difference(first, replace(first, user=3, item=4), alignment)
    np.testing.assert_allclose(found.second, np.outer(own.p[3], own.q[4]), atol=1e-5)


def test_an_alignment_may_make_one_pair_worse_and_says_so() -> None:
    first = traced(model())
    alignment = replace(align(tables(model()), tables(model()), "rotation"), p=-tables(model()).p)
    found = map_difference(first, replace(first, user=2), alignment)
    assert (found.before, found.after) == pytest.approx((0, 4))
    nearly = replace(first, map=(first.map * np.float32(0.5)))
    assert map_difference(first, nearly, alignment).share_removed == pytest.approx(1 - 4 / 0.25)


def test_a_first_map_of_zeros_has_no_measure() -> None:
    first = traced(model())
    found = map_difference(replace(first, map=np.zeros_like(first.map)), first)
    assert (found.before, found.share_removed) == (float("inf"), 0.0)


def test_two_sizes_are_refused() -> None:
    other = MatrixFactorisation({"embedding_size": 4}, Sizes(8, 9))
    with pytest.raises(ConfigError, match="size 6 and 4"):
        map_difference(traced(model()), traced(other))
