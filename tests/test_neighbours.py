"""ItemKNN against sums written out by hand, and against a slow reference on random matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from convncf.models import ItemKNN, item_similarity

FloatArray = npt.NDArray[np.float64]

# users a to d, items 0 to 3: 0 and 1 have two users in common, 0 and 2 one, 3 has a user of its own
KNOWN = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]])


def fitted(matrix: Any, neighbours: int = 100, shrinkage: float = 0.0) -> ItemKNN:
    dense = np.asarray(matrix)
    n_users, n_items = dense.shape
    return ItemKNN(n_users, n_items, neighbours, shrinkage).fit(csr_array(dense != 0))


def scores(model: ItemKNN) -> FloatArray:
    return np.stack([model.score_items(user).numpy() for user in range(model.n_users)]).astype(np.float64)


def slow(matrix: FloatArray, k: int, shrinkage: float) -> FloatArray:
    """Each pair of items by itself; the k nearest of the scored item."""
    n_items = matrix.shape[1]
    similarity = np.zeros((n_items, n_items))
    for i in range(n_items):
        for j in range(n_items):
            norms = np.sqrt(matrix[:, i].sum()) * np.sqrt(matrix[:, j].sum())
            if i != j and matrix[:, i] @ matrix[:, j]:
                similarity[j, i] = matrix[:, i] @ matrix[:, j] / (norms + shrinkage)
    for i in range(n_items):
        nearest = sorted(range(n_items), key=lambda j: (-similarity[j, i], j))[:k]
        similarity[[j for j in range(n_items) if j not in nearest], i] = 0
    return matrix @ similarity


def test_a_score_is_the_sum_of_cosines() -> None:
    found = scores(fitted(KNOWN))
    of_0_1, of_0_2 = 2 / np.sqrt(3 * 2), 1 / np.sqrt(3 * 1)
    assert found[0] == pytest.approx([of_0_1, of_0_1, of_0_2, 0])  # has 0 and 1
    assert found[2] == pytest.approx([of_0_2, of_0_1, of_0_2, 0])  # has 0 and 2
    assert found[3] == pytest.approx([0, 0, 0, 0]), "nothing is like an item that shares no user; not even itself"


def test_shrinkage_is_added_below() -> None:
    found = scores(fitted(KNOWN, shrinkage=3.0))
    assert found[0][1] == pytest.approx(2 / (np.sqrt(6) + 3))


def test_the_neighbourhood_of_the_scored_item_is_cut_not_that_of_the_seen_one() -> None:
    found = scores(fitted(KNOWN, neighbours=1))
    # the nearest of 0 is 1, so user 2, who has 2 but not 1, gives nothing to 0; of 2 it is 0, though 0 is nearer to 1
    assert found[2][0] == 0
    assert found[0][2] == pytest.approx(1 / np.sqrt(3))


def test_of_equally_near_items_the_first_counts() -> None:
    matrix = np.array([[1, 1, 1], [1, 1, 1]])
    found = fitted(matrix, neighbours=1)
    assert found.similarity_items.tolist() == [1, 2, 0]  # 0 is the nearest of 1 and of 2, and 1 that of 0
    assert found.similarity_start.tolist() == [0, 2, 3, 3]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([0.0, 2.5]), st.sampled_from([1, 40, 2**20]))
def test_it_equals_a_slow_reference_whatever_the_blocks(seed: int, k: int, shrinkage: float, at_once: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = (generator.random((generator.integers(1, 9), generator.integers(1, 9))) < 0.5).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_similarity, "_CHUNK_PAIRS", at_once)
        found = scores(fitted(matrix, k, shrinkage))
    np.testing.assert_allclose(found, slow(matrix, k, shrinkage), rtol=1e-6, atol=1e-9)


def test_repeated_entries_count_once() -> None:
    twice = csr_array((np.ones(3, bool), np.array([0, 0, 1]), np.array([0, 3])), shape=(1, 2))
    assert ItemKNN(1, 2, shrinkage=0.0).fit(twice).score_items(0).tolist() == [1.0, 1.0]
    assert twice.nnz == 3, "the caller's matrix is not touched"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(4, 4\), expected \(4, 5\)"):
        ItemKNN(4, 5).fit(csr_array(KNOWN != 0))
    with pytest.raises(ValueError, match="neighbours 0"):
        ItemKNN(4, 4, neighbours=0)
    state = fitted(KNOWN).state_dict()
    for name, value, words in [
        ("history_items", torch.tensor([0, 9]), "history"),
        ("similarity_items", state["similarity_items"] + 3, "similarity: items 3 to 5, of 4"),
        ("similarity", torch.zeros(2), "similarity: 2 values for 4 items"),
        ("history_start", torch.tensor([0, 3, 2, 6, 7]), "are not 4 rows"),
    ]:
        with pytest.raises(RuntimeError, match=words):
            ItemKNN(4, 4).load_state_dict(state | {name: value})
    with pytest.raises(RuntimeError, match="holds"):
        ItemKNN(4, 4).load_state_dict({"counts": torch.zeros(4)})


def test_a_loaded_model_does_not_share_memory_with_what_it_was_given() -> None:
    state = fitted(KNOWN).state_dict()
    model = ItemKNN(4, 4)
    model.load_state_dict(state)
    before = scores(model)
    state["similarity"].zero_()
    assert np.array_equal(scores(model), before)


def test_tensors_by_their_earlier_names_give_the_same_scores() -> None:
    state = fitted(KNOWN).state_dict()
    earlier = {name.replace("similarity", "likeness"): tensor for name, tensor in state.items()}
    assert earlier.keys() != state.keys()
    model = ItemKNN(4, 4)
    model.load_state_dict(earlier)
    assert np.array_equal(scores(model), scores(fitted(KNOWN)))


def test_it_stays_on_the_processor_in_single_precision() -> None:
    model = fitted(KNOWN).double().to("meta")
    assert model.similarity.dtype is torch.float32
    assert model.similarity.device.type == "cpu"
