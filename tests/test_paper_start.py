"""The start of the 2018 code, its penalty on the output layer, and its warm-up epoch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from convncf.models import ConvNCF, FusedConvNCF
from convncf.models.base import Sizes, truncated_normal
from convncf.models.losses import squared_norm
from tests.toy_training import toy_model, toy_split, toy_trainer

# Of N(0, 1) within two standard deviations: 1 - 2 · 2 · φ(2) / (Φ(2) - Φ(-2)), its square root.
SPREAD = 0.8796

PLAN: dict[str, Any] = {
    "embedding_size": 64,
    "cnn_channels": [1] + [32] * 6,
    "cnn_kernels": [2] * 6,
    "cnn_strides": [2] * 6,
    "initialisation": "paper",
    "embedding_start": "truncated",
    "embedding_std": 0.01,
}
BATCH = {"user_id": torch.tensor([0, 1]), "item_id": torch.tensor([2, 0]), "neg_item_id": torch.tensor([1, 3])}


def made(**more: Any) -> ConvNCF:
    torch.manual_seed(1)
    return ConvNCF(PLAN | more, Sizes(n_users=500, n_items=400))


def is_truncated(tensor: Tensor, spread: float) -> bool:
    """Nothing beyond two standard deviations, and as wide as that leaves it."""
    found = tensor.detach().flatten()
    close = abs(float(found.std()) / (SPREAD * spread) - 1) < 0.1
    return close and float(found.abs().max()) <= 2 * spread and abs(float(found.mean())) < 0.1 * spread


def test_a_truncated_normal_has_the_shape_of_one() -> None:
    torch.manual_seed(0)
    drawn = truncated_normal(torch.empty(200_000), 0.5)
    assert float(drawn.abs().max()) <= 1.0
    assert float(drawn.std()) == pytest.approx(0.5 * SPREAD, rel=0.01)
    # of the normal's 0.9545 within two, 0.6827 lie within one
    assert float((drawn.abs() < 0.5).float().mean()) == pytest.approx(0.6827 / 0.9545, abs=0.005)


def test_every_parameter_starts_as_in_the_2018_code() -> None:
    model = made()
    for layer in model.layers[1:]:
        assert is_truncated(layer.weight, 0.1)
    assert float(model.layers[0].weight.detach().abs().max()) <= 0.2
    for layer in model.layers:
        assert layer.bias is not None
        assert torch.equal(layer.bias.detach(), torch.full_like(layer.bias, 0.1))
    assert float(model.output.weight.detach().abs().max()) <= 0.2
    assert 0 < float(model.output.weight.detach().std()) < 0.2
    assert 0 < abs(model.output.bias.item()) <= 0.2
    for table in (model.user_embedding.weight, model.item_embedding.weight):
        assert is_truncated(table, 0.01)


def test_the_start_depends_on_the_seed_alone() -> None:
    one, other = made(), made()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    torch.manual_seed(2)
    third = ConvNCF(PLAN, Sizes(500, 400))
    assert not torch.equal(third.output.weight, one.output.weight)


def test_the_usual_start_is_not_touched() -> None:
    model = made(initialisation="random", embedding_start="normal", embedding_std=1.0)
    assert float(model.user_embedding.weight.detach().abs().max()) > 2.5
    assert not torch.equal(model.layers[0].bias, torch.full((32,), 0.1))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
@torch.no_grad()
def test_the_output_layer_may_be_penalised_otherwise(kind: type[ConvNCF]) -> None:
    torch.manual_seed(1)
    config = PLAN | {"penalty": "squared", "reg_weights": [0.5, 2.0]}
    model = kind(config | {"output_reg": 11.0}, Sizes(5, 4))
    filters = float(squared_norm(layer.weight for layer in model.layers))
    output = float(squared_norm([model.output.weight]))
    assert float(model.reg_loss()) == pytest.approx(2.0 * filters + 11.0 * output)
    vectors = [model.item_embedding(BATCH[key]) for key in ("item_id", "neg_item_id")]
    of_batch = float(squared_norm([model.user_embedding(BATCH["user_id"]), *vectors]))
    _, penalty = model.loss_and_penalty(BATCH)
    assert float(penalty) == pytest.approx(2.0 * filters + 11.0 * output + 0.5 * of_batch, rel=1e-5)
    for weight, other in [(2.0, {}), (0.0, {"output_reg": 0.0})]:
        model = kind(config | other, Sizes(5, 4))
        filters = float(squared_norm(layer.weight for layer in model.layers))
        output = float(squared_norm([model.output.weight]))
        assert float(model.reg_loss()) == pytest.approx(2.0 * filters + weight * output)
    model = kind(config | {"output_reg": 11.0, "penalised": "weights and biases"}, Sizes(5, 4))
    filters = float(squared_norm(tensor for layer in model.layers for tensor in (layer.weight, layer.bias)))  # type: ignore[misc]
    output = float(squared_norm([model.output.weight, model.output.bias]))
    assert float(model.reg_loss()) == pytest.approx(2.0 * filters + 11.0 * output)
    norms = kind(config | {"penalty": "norms", "output_reg": 11.0, "penalised": "weights and biases"}, Sizes(5, 4))
    plain = kind(config | {"penalty": "norms"}, Sizes(5, 4))
    plain.load_state_dict(norms.state_dict())
    assert float(norms.reg_loss()) == float(plain.reg_loss())


def test_a_gentle_epoch_goes_without_l2_and_at_its_own_rate_with_an_optimiser_of_its_own() -> None:
    parts = toy_split()

    def after(epochs: int, **more: Any) -> dict[str, Tensor]:
        model = toy_model(parts, "convncf", reg_weights=(0.3, 0.2))
        trainer = toy_trainer(parts, model, epochs=epochs, optimizer="adagrad", patience=0, **more)
        list(trainer)
        return trainer.state().tensors

    gentle = after(1, warmup_epochs=1, warmup_lr=0.02)
    model = toy_model(parts, "convncf", reg_weights=(0.0, 0.0))
    plain = toy_trainer(parts, model, epochs=1, optimizer="adagrad", lr_embedding=0.02, lr_network=0.02)
    list(plain)
    without = plain.state().tensors
    assert all(torch.equal(gentle[name], without[name]) for name in without)

    # the second epoch begins with fresh accumulators, as the 2018 code's second optimiser does
    second = after(2, warmup_epochs=1, warmup_lr=0.02)
    steps = toy_trainer(parts, toy_model(parts)).sampler.steps(64)
    assert {int(value) for name, value in second.items() if name.endswith(".step")} == {steps}
    assert int(after(2)["optimizer.0.step"]) == 2 * steps


def test_a_gentle_epoch_needs_a_model_that_tells_its_loss_apart() -> None:
    from tests.toy_training import Scripted

    parts = toy_split()
    with pytest.raises(TypeError, match="PairwiseModel, got Scripted"):
        toy_trainer(parts, Scripted(parts), warmup_epochs=1)
