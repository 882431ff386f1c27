"""EASE against the minimum that its closed form stands for, and its memory asked for before it works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from convncf.errors import DataError
from convncf.models import EASE, item_similarity
from convncf.models.records import item_similarity as records
from convncf.models.records.item_similarity import refuse_unless_it_fits
from convncf.runtime import memory
from convncf.runtime.memory import available_memory


def matrix(n_users: int = 30, n_items: int = 13, seed: int = 0) -> csr_array:
    return csr_array(np.random.default_rng(seed).random((n_users, n_items)) < 0.3)


def test_its_weights_are_the_least_squares_with_an_empty_diagonal() -> None:
    x = matrix()
    b = EASE(30, 13, 4.0).fit(x).between.numpy().astype(np.float64)
    dense = x.toarray().astype(float)
    # at the minimum of ||X - XB||² + λ||B||² with diag(B) = 0, the gradient is 0 off the diagonal
    gradient = dense.T @ (dense @ b - dense) + 4.0 * b
    off = ~np.eye(13, dtype=bool)
    assert np.abs(gradient[off]).max() < 1e-4
    assert (b.diagonal() == 0).all()
    assert np.abs(gradient.diagonal()).max() > 0.1, "on the diagonal it is not, or the test says nothing"


def test_a_score_is_the_sum_of_the_weights_of_the_users_items() -> None:
    x = matrix()
    model = EASE(30, 13, 4.0).fit(x)
    for user in range(30):
        items = x.toarray()[user].nonzero()[0]
        expected = model.between.numpy()[items].sum(axis=0)
        np.testing.assert_allclose(model.score_items(user).numpy(), expected, rtol=1e-6, atol=1e-7)


def test_two_items_by_hand() -> None:
    # XᵀX + λ = [[2 + 1, 1], [1, 1 + 1]]; its inverse is [[2, -1], [-1, 3]] / 5
    model = EASE(2, 2, 1.0).fit(csr_array(np.array([[1, 1], [1, 0]]) != 0))
    np.testing.assert_allclose(model.between.numpy(), [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6)


@pytest.mark.parametrize("columns", [1, 5, 13, 1000])
def test_the_number_of_columns_at_a_time_does_not_matter(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = EASE(30, 13, 4.0).fit(matrix()).between
    monkeypatch.setattr(item_similarity, "_COLUMNS", columns)
    assert torch.equal(EASE(30, 13, 4.0).fit(matrix()).between, whole)


def test_a_user_without_items_and_a_model_that_is_not_fitted_score_nought() -> None:
    x = csr_array(np.array([[1, 1, 0], [0, 0, 0]]) != 0)
    assert EASE(2, 3).fit(x).score_items(1).tolist() == [0, 0, 0]
    assert EASE(2, 3).score_items(0).tolist() == [0, 0, 0]


def test_what_would_not_fit_is_refused_before_work_with_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_unless_it_fits(1000, available=12_000_000)
    with pytest.raises(DataError, match=r"40,981 .* 20\.2 GB .* 16\.0 GB .*itemknn"):
        refuse_unless_it_fits(40_981, available=16_000_000_000)
    monkeypatch.setattr(records, "available_memory", lambda: 1000)
    with pytest.raises(DataError, match="13 items"):
        EASE(30, 13).fit(matrix())
    monkeypatch.setattr(records, "available_memory", lambda: None)
    EASE(30, 13).fit(matrix())


def test_the_smallest_limit_on_memory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"most": "3000", "now": "1000", "memory.stat": "anon 7\ninactive_file 500\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", ((str(tmp_path), "most", "now", "inactive_file"),))
    assert available_memory() == 2500
    (tmp_path / "most").write_text("max\n")
    found = available_memory()
    assert found is None or found > 10**6, "a group without a limit says nothing"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="l2 0"):
        EASE(2, 3, 0.0)
    state = EASE(30, 13).fit(matrix()).state_dict()
    with pytest.raises(RuntimeError, match=r"between: shape \[13, 12\]"):
        EASE(30, 13).load_state_dict(state | {"between": torch.zeros(13, 12)})
