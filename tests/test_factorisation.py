"""MF-BPR: a dot product, whatever way it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from convncf.models import MatrixFactorisation
from convncf.models.base import Sizes

USER, ITEM, NEGATIVE = torch.tensor([0, 2]), torch.tensor([3, 1]), torch.tensor([1, 1])
BATCH = {"user_id": USER, "item_id": ITEM, "neg_item_id": NEGATIVE}


def model(**changes: Any) -> MatrixFactorisation:
    torch.manual_seed(2)
    return MatrixFactorisation({"embedding_size": 2, "reg_weights": [0.5, 9.0]} | changes, Sizes(3, 4))


def known() -> MatrixFactorisation:
    made = model()
    made.start_from(
        torch.tensor([[1.0, 0.0], [0.0, 0.0], [2.0, -1.0]]),
        torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [5.0, 7.0]]),
    )
    return made


def test_a_score_is_the_dot_product() -> None:
    assert known()(USER, ITEM).tolist() == [5.0, 2.0]
    assert known().predict(BATCH).tolist() == [5.0, 2.0]
    assert known().score_items(2).tolist() == [0.0, 2.0, 1.0, 3.0]
    assert known().full_sort_predict({"user_id": torch.tensor([2, 0])}).tolist() == [0, 2, 1, 3, 0, 3, 1, 5]


def test_one_pair_and_all_items_agree_to_the_last_digit() -> None:
    mf = MatrixFactorisation({"embedding_size": 64}, Sizes(3, 400))
    items = torch.arange(400)
    assert torch.equal(mf.score_pairs(torch.full((400,), 1), items), mf.score_items(1))


def test_its_only_parameters_are_the_embeddings() -> None:
    assert [name for name, _ in known().named_parameters()] == ["user_embedding.weight", "item_embedding.weight"]
    assert known().weights() == []


def test_the_squared_penalty_is_on_the_batchs_embeddings() -> None:
    made = model(penalty="squared")
    made.start_from(known().user_embedding.weight, known().item_embedding.weight)
    loss, penalty = made.loss_and_penalty(BATCH)
    # gaps: 5 - 3 and 2 - 2; squares: users 1 + 5, positives 74 + 25, negatives 25 + 25
    assert loss.item() == pytest.approx(0.126928 + 0.693147, rel=1e-5)
    assert penalty.item() == pytest.approx(0.5 * (6 + 99 + 50))
    assert made.reg_loss().item() == 0
    assert made.calculate_loss(BATCH).item() == pytest.approx(0.820075 + 77.5)


def test_the_norms_are_of_whole_tables() -> None:
    assert known().reg_loss().item() == pytest.approx(0.5 * (6**0.5 + (25 + 2 + 74) ** 0.5))


def test_the_layer_plan_of_a_network_is_not_its_concern() -> None:
    assert model(embedding_size=7, cnn_kernels=[4, 4]).user_embedding.weight.shape == (3, 7)
