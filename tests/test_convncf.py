"""The reference ConvNCF: RecBole's interface, and answers known beforehand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from convncf.errors import ConfigError, LayerPlanError
from convncf.models import ConvNCF, ModelConfig
from convncf.models.base import Sizes

SIZES = Sizes(n_users=5, n_items=7)
SMALL: dict[str, Any] = {
    "embedding_size": 8,
    "cnn_channels": [1, 4, 3],
    "cnn_kernels": [4, 2],
    "cnn_strides": [4, 2],
    "dropout_prob": 0.0,
    "reg_weights": [0.1, 0.01],
}
USER, ITEM, NEGATIVE = torch.tensor([0, 4, 2]), torch.tensor([6, 0, 0]), torch.tensor([1, 2, 3])
BATCH = {"user_id": USER, "item_id": ITEM, "neg_item_id": NEGATIVE}


def small(**changes: Any) -> ConvNCF:
    torch.manual_seed(3)
    return ConvNCF(SMALL | changes, SIZES)


def constant(model: ConvNCF, weight: float) -> ConvNCF:
    """Every filter and output weight the same, no biases."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embedding" not in name:
                parameter.fill_(0.0 if name.endswith("bias") else weight)
    return model


class RecBoleConfig:
    """Subscriptable, answers None for a key that it lacks, and no Mapping; as RecBole's."""

    def __init__(self, **values: Any) -> None:
        self.values = {"USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id", "NEG_PREFIX": "neg_"} | values

    def __getitem__(self, key: str) -> Any:
        return self.values.get(key)


class RecBoleDataset:
    def num(self, field: str) -> int:
        return {"user_id": 5, "item_id": 7, "who": 3, "what": 4}[field]


class Batch:
    """Subscriptable and nothing else."""

    def __init__(self, **values: Tensor) -> None:
        self.values = values

    def __getitem__(self, field: str) -> Tensor:
        return self.values[field]


# ---------------------------------------------------------------- what it computes


def test_the_interaction_map_is_the_outer_product() -> None:
    model = small()
    maps = model.interaction_map(USER, ITEM)
    p, q = model.user_embedding.weight, model.item_embedding.weight
    assert maps.shape == (3, 1, 8, 8)
    assert maps[1, 0, 2, 5] == p[4, 2] * q[0, 5]  # rows are the user's dimensions, columns the item's


def test_feature_maps_shrink_by_the_kernel() -> None:
    model = small(cnn_kernels=[2, 2], cnn_strides=[2, 2])
    maps = model.feature_maps(model.interaction_map(USER, ITEM))
    assert [tuple(each.shape) for each in maps] == [(3, 4, 4, 4), (3, 3, 2, 2)]
    assert all((each >= 0).all() for each in maps)


def test_constant_filters_sum_the_whole_map() -> None:
    model = constant(small(), 1.0)
    with torch.no_grad():
        model.user_embedding.weight.copy_(torch.full((5, 8), 0.5))
        model.item_embedding.weight.copy_(torch.full((7, 8), 2.0))
    # 64 cells of 1; 4 channels carry them, 3 channels carry those 4, and the output adds the 3
    assert model(USER, ITEM).tolist() == [64 * 4 * 3] * 3
    # nothing negative passes a ReLU
    with torch.no_grad():
        model.item_embedding.weight.neg_()
    assert model(USER, ITEM).tolist() == [0.0] * 3


def test_a_map_that_does_not_end_at_1x1_is_summed_over_space() -> None:
    model = constant(small(cnn_kernels=[2, 2], cnn_strides=[2, 2], cnn_channels=[1, 1, 1]), 1.0)
    with torch.no_grad():
        model.user_embedding.weight.fill_(1.0)
        model.item_embedding.weight.fill_(1.0)
    assert model(USER, ITEM).tolist() == [64.0] * 3


def test_kernel_and_stride_may_differ() -> None:
    model = constant(small(cnn_kernels=[4, 3], cnn_strides=[2, 1], cnn_channels=[1, 1, 1]), 1.0)
    with torch.no_grad():
        model.user_embedding.weight.fill_(1.0)
        model.item_embedding.weight.fill_(1.0)
    assert [each.shape[-1] for each in model.feature_maps(model.interaction_map(USER, ITEM))] == [3, 1]
    assert model(USER, ITEM).tolist() == [16 * 9] * 3


def test_forward_is_its_steps() -> None:
    model = small()
    maps = model.feature_maps(model.interaction_map(USER, ITEM))
    assert torch.equal(model(USER, ITEM), model.score_of(maps[-1]))
    parts = maps[-1].sum(dim=(2, 3)) * model.output.weight
    torch.testing.assert_close(model(USER, ITEM), parts.sum(dim=1) + model.output.bias)


def test_dropout_acts_in_training_only() -> None:
    model = constant(small(dropout_prob=0.5), 1.0)
    with torch.no_grad():
        model.user_embedding.weight.fill_(1.0)
        model.item_embedding.weight.fill_(1.0)
    many = torch.zeros(200, dtype=torch.long)
    # three channels of 256, of which each is lost or doubled
    assert set(model.train()(many, many).tolist()) == {0.0, 512.0, 1024.0, 1536.0}
    assert set(model.eval()(many, many).tolist()) == {768.0}


# ---------------------------------------------------------------- RecBole's interface


def test_it_is_pairwise() -> None:
    assert ConvNCF.input_type == small().input_type == 2


def test_parameters_are_in_recboles_order() -> None:
    names = [name for name, _ in small().named_parameters()]
    of_layers = [f"cnn.{layer}.{kind}" for layer in range(2) for kind in ("weight", "bias")]
    assert names == ["user_embedding.weight", "item_embedding.weight", *of_layers, "output.weight", "output.bias"]


@pytest.mark.parametrize("dataset", [SIZES, RecBoleDataset()])
@pytest.mark.parametrize("form", [dict, RecBoleConfig, ModelConfig])
def test_any_subscriptable_configuration_and_either_dataset_will_do(form: Any, dataset: Any) -> None:
    torch.manual_seed(3)
    model = ConvNCF(form(**SMALL), dataset)
    assert (model.n_users, model.n_items) == (5, 7)
    assert torch.equal(model(USER, ITEM), small()(USER, ITEM))


def test_a_dataset_without_sizes_is_refused() -> None:
    with pytest.raises(ConfigError, match="n_users and n_items"):
        ConvNCF(SMALL, object())


def test_fields_can_be_renamed_as_in_recbole() -> None:
    config = RecBoleConfig(**SMALL, USER_ID_FIELD="who", ITEM_ID_FIELD="what", NEG_PREFIX="not_")
    model = ConvNCF(config, RecBoleDataset())
    assert (model.n_users, model.n_items) == (3, 4)
    batch = Batch(who=torch.tensor([2]), what=torch.tensor([3]), not_what=torch.tensor([0]))
    assert model.predict(batch).shape == (1,)
    assert model.calculate_loss(batch).shape == ()


def test_predict_and_the_losses_have_recboles_shapes() -> None:
    model, batch = small(), Batch(**BATCH)
    assert torch.equal(model.predict(batch), model(USER, ITEM))
    assert model.calculate_loss(batch).shape == model.reg_loss().shape == ()
    assert model.full_sort_predict(batch).shape == (3 * 7,)


def test_full_sort_predict_lists_items_user_by_user() -> None:
    model = small()
    scores = model.full_sort_predict({"user_id": torch.tensor([4, 1])})
    everything = torch.arange(7)
    torch.testing.assert_close(scores[:7], model(torch.full((7,), 4), everything).detach())
    torch.testing.assert_close(scores[7:], model(torch.full((7,), 1), everything).detach())


def test_only_the_first_two_reg_weights_count_as_in_recbole() -> None:
    assert torch.equal(small(reg_weights=[0.1, 0.01, 7.0]).reg_loss(), small().reg_loss())


def test_values_that_cannot_be_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="dropout_prob"):
        small(dropout_prob=2.0)
    with pytest.raises(ConfigError, match="train_method"):
        small(train_method="sometimes")


def test_a_plan_that_drops_rows_is_refused_with_plans_that_fit() -> None:
    with pytest.raises(LayerPlanError, match=r"\[4, 2\]"):
        small(cnn_kernels=[4, 4], cnn_strides=[4, 4])


# ---------------------------------------------------------------- losses


def test_norms_are_un_squared_and_of_whole_tensors() -> None:
    model = small()
    tables = model.user_embedding.weight.norm() + model.item_embedding.weight.norm()
    network = sum(weight.norm() for weight in [*(layer.weight for layer in model.layers), model.output.weight])
    torch.testing.assert_close(model.reg_loss(), 0.1 * tables + 0.01 * network)
    gap = model(USER, ITEM) - model(USER, NEGATIVE)
    bpr = torch.nn.functional.softplus(-gap).sum()
    torch.testing.assert_close(model.calculate_loss(BATCH), bpr + model.reg_loss())


def test_squared_is_the_papers_the_batchs_embeddings_and_each_weight() -> None:
    model = small(penalty="squared")
    network = sum(weight.square().sum() for weight in model.weights())
    torch.testing.assert_close(model.reg_loss(), 0.01 * network)
    p, q = model.user_embedding.weight, model.item_embedding.weight
    batch = p[USER].square().sum() + q[ITEM].square().sum() + q[NEGATIVE].square().sum()
    gap = model(USER, ITEM) - model(USER, NEGATIVE)
    bpr = torch.nn.functional.softplus(-gap).sum()
    torch.testing.assert_close(model.calculate_loss(BATCH), bpr + 0.1 * batch + 0.01 * network)


def test_loss_and_penalty_add_up() -> None:
    model = small(penalty="squared")
    loss, penalty = model.loss_and_penalty(BATCH)
    assert torch.equal(model.calculate_loss(BATCH), loss + penalty)


# ---------------------------------------------------------------- starts


def test_embedding_std_scales_one_and_the_same_draw() -> None:
    wide, narrow = small(), small(embedding_std=0.25)
    assert torch.equal(narrow.user_embedding.weight, 0.25 * wide.user_embedding.weight)
    assert torch.equal(narrow.item_embedding.weight, 0.25 * wide.item_embedding.weight)
    assert torch.equal(narrow.output.weight, wide.output.weight)


def test_the_random_start_is_torchs() -> None:
    model = small()
    torch.manual_seed(3)
    parts = [
        torch.nn.Embedding(5, 8),
        torch.nn.Embedding(7, 8),
        torch.nn.Conv2d(1, 4, 4, 4),
        torch.nn.Conv2d(4, 3, 2, 2),
    ]
    theirs = [*(parameter for part in parts for parameter in part.parameters()), *torch.nn.Linear(3, 1).parameters()]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), theirs, strict=True))
