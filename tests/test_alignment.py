"""Alignment: a turned copy comes back whole, by raw id, and no dot product is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.errors import ConfigError, DataError, NonFiniteScoreError
from convncf.inspection import Alignment, Embeddings, align, embeddings, trace_pair
from convncf.inspection.alignment import Method
from convncf.models import MatrixFactorisation, Popularity
from convncf.models.base import Sizes
from tests.test_trace import network
from tests.wording import values_in
from tests.worlds import dataset_of

BOTH = pytest.mark.parametrize("method", ["rotation", "permutation"])


def tables(seed: int = 0, users: int = 30, items: int = 40, size: int = 6) -> Embeddings:
    generator = np.random.default_rng(seed)
    p, q = (generator.normal(size=(n, size)).astype(np.float32) for n in (users, items))
    return Embeddings(tuple(f"u{u}" for u in range(users)), tuple(f"i{i}" for i in range(items)), p, q)


def turned(first: Embeddings, matrix: np.ndarray) -> Embeddings:
    matrix = matrix.astype(np.float32)
    return replace(first, p=first.p @ matrix, q=first.q @ matrix)


def rotation(seed: int, size: int = 6) -> np.ndarray:
    return np.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0])


def shuffle(seed: int, size: int = 6, *, signs: bool) -> np.ndarray:
    generator = np.random.default_rng(seed)
    flipped = generator.choice([-1.0, 1.0], size) if signs else np.ones(size)
    return np.eye(size)[generator.permutation(size)] * flipped


def returns_whole(found: Alignment, first: Embeddings) -> None:
    np.testing.assert_allclose(found.p, first.p, atol=1e-5)
    np.testing.assert_allclose(found.q, first.q, atol=1e-5)
    assert found.explained_after == pytest.approx(1, abs=1e-6)
    assert found.factor == pytest.approx(1, abs=1e-5)


@given(st.integers(0, 1000))
def test_a_rotated_copy_comes_back(seed: int) -> None:
    first, matrix = tables(), rotation(seed)
    found = align(first, turned(first, matrix), "rotation")
    returns_whole(found, first)
    np.testing.assert_allclose(found.matrix, matrix.T, atol=1e-4)


@given(st.integers(0, 1000), st.booleans())
def test_a_permuted_copy_comes_back(seed: int, signs: bool) -> None:
    first, matrix = tables(), shuffle(seed, signs=signs)
    found = align(first, turned(first, matrix), "permutation", signs=signs)
    returns_whole(found, first)
    np.testing.assert_array_equal(found.matrix, matrix.T)


def test_signs_are_turned_over_only_where_asked() -> None:
    first = tables()
    flipped = turned(first, np.diag([1.0, -1, 1, 1, -1, 1]))
    assert align(first, flipped, "permutation").explained_after == pytest.approx(1, abs=1e-6)
    plain = align(first, flipped, "permutation", signs=False)
    assert set(np.unique(plain.matrix)) == {0, 1}
    assert plain.explained_after < 0.6
    one = tables(size=1)  # no other dimension to match it with
    assert align(one, turned(one, -np.eye(1)), "permutation", signs=False).matrix.tolist() == [[1.0]]


@BOTH
@given(st.integers(0, 1000))
def test_no_dot_product_is_changed_and_nothing_explains_less(method: Method, seed: int) -> None:
    """For two tables that have nothing to do with each other."""
    first, second = tables(seed), tables(seed + 1)
    found = align(first, second, method)
    np.testing.assert_allclose(found.p @ found.q.T, second.p @ second.q.T, atol=1e-4)
    np.testing.assert_allclose(found.matrix @ found.matrix.T, np.eye(6), atol=1e-10)
    assert 0 <= found.explained_before <= found.explained_after < 0.9
    assert align(first, second, "rotation").explained_after >= found.explained_after


@BOTH
def test_a_copy_of_another_size_differs_by_a_factor_alone(method: Method) -> None:
    first = tables()
    second = turned(first, 4 * np.eye(6))
    found = align(first, second, method)
    assert (found.explained_before, found.explained_after) == pytest.approx((1, 1))
    assert found.factor == pytest.approx(0.25)
    np.testing.assert_allclose(found.p, second.p, rtol=1e-5)  # its scores stay its own


def test_an_opposite_copy_explains_nothing_before() -> None:
    found = align(tables(), turned(tables(), -np.eye(6)), "rotation")
    assert (found.explained_before, found.explained_after) == pytest.approx((0, 1))


@BOTH
def test_rows_are_matched_by_raw_id(method: Method) -> None:
    """The second knows other users too, some of the first's not, and has all of them in another order."""
    first, other = tables(), tables(9, 5, 7)
    generator = np.random.default_rng(4)
    users, items = generator.permutation(30)[:20], generator.permutation(40)[:25]
    matrix = shuffle(3, signs=True)
    second = Embeddings(
        tuple(f"x{u}" for u in range(5)) + tuple(f"u{u}" for u in users),
        tuple(f"i{i}" for i in items) + tuple(f"x{i}" for i in range(7)),
        np.concatenate([other.p, first.p[users] @ matrix.astype(np.float32)]),
        np.concatenate([first.q[items] @ matrix.astype(np.float32), other.q]),
    )
    found = align(first, second, method)
    assert (found.shared_users, found.shared_items) == (20, 25)
    np.testing.assert_allclose(found.p[5:], first.p[users], atol=1e-4)
    np.testing.assert_allclose(found.q[:25], first.q[items], atol=1e-4)
    assert found.p.shape == second.p.shape
    assert (method in found.words, values_in(found.words)[:3]) == (True, ["20", "25", "100.0"])


def test_dimensions_that_are_zero_are_named() -> None:
    first = tables()
    second = turned(first, np.diag([1.0, 1, 0, 1, 1, 1]))
    found = align(first, second, "permutation")
    assert found.zero_dimensions == (2,)
    assert found.words.endswith("; 1 dimension is 0 throughout")
    assert found.explained_before == found.explained_after < 1


def test_the_tables_of_a_model() -> None:
    interactions = dataset_of().interactions
    model = MatrixFactorisation({"embedding_size": 5}, Sizes(30, 40))
    found = embeddings(model, interactions)
    assert found.user_ids == interactions.users.ids
    trace = trace_pair(model, 2, 3)
    np.testing.assert_array_equal(found.q[3], model.item_embedding.weight[3].detach().numpy())
    assert found.p[2] @ found.q[3] == pytest.approx(trace.score, abs=1e-5)
    with pytest.raises(TypeError, match="Popularity"):
        embeddings(Popularity(30, 40), interactions)


def test_the_network_is_not_carried_along() -> None:
    """Why the docstring warns: with turned embeddings the same network gives other scores."""
    model = network()
    before = model.score_items(2)
    matrix = torch.from_numpy(rotation(1, 8)).float()
    with torch.no_grad():
        for table in (model.user_embedding, model.item_embedding):
            table.weight.copy_(table.weight @ matrix)
    assert not torch.allclose(model.score_items(2), before, atol=1e-3)


def test_what_cannot_be_aligned_is_refused() -> None:
    first = tables()
    with pytest.raises(ConfigError, match="6 and 4"):
        align(first, tables(size=4), "rotation")
    apart = replace(tables(), user_ids=("a",) * 30, item_ids=("b",) * 40)
    with pytest.raises(DataError, match="in common"):
        align(first, apart, "permutation")
    broken = tables()
    broken.q[0, 0] = np.nan
    with pytest.raises(NonFiniteScoreError, match="second model's embeddings"):
        align(first, broken, "rotation")
