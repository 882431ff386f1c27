"""Attribution: exact where the answer is known, complete where the method says so, and honest about the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from convncf.errors import NonFiniteScoreError
from convncf.inspection import Attribution, gradient_times_input, integrated_gradients
from convncf.inspection.attribution import STEPS
from convncf.models import ConvNCF, FusedConvNCF, Popularity
from convncf.models.base import Sizes
from tests.test_trace import PLANS, factorisation, network, traced

BOTH = pytest.mark.parametrize("attribute", [gradient_times_input, integrated_gradients])


@BOTH
def test_of_the_trace_start_it_is_the_diagonal_of_the_map(attribute: Any) -> None:
    """score = p·q, so dimension k adds p_k q_k, and what lies off the diagonal nothing."""
    model = network(initialisation="dot product")
    for item in range(5):
        found, trace = attribute(model, 1, item), traced(model, 1, item)
        np.testing.assert_allclose(found.values, np.diag(trace.p * trace.q), rtol=1e-6)
        assert (found.values[~np.eye(8, dtype=bool)] == 0).all()
        assert found.baseline == 0
        assert abs(found.error) < 1e-6


@BOTH
def test_of_matrix_factorisation_it_is_exact(attribute: Any) -> None:
    model = factorisation()
    found, trace = attribute(model, 2, 3), traced(model)
    np.testing.assert_array_equal(found.values, np.diag(trace.p * trace.q))
    assert (found.score, found.baseline, found.steps) == (trace.score, 0, 0)
    assert abs(found.error) < 1e-6


def linear() -> tuple[ConvNCF, np.ndarray[Any, Any]]:
    """Embeddings, filters and biases above 0: no ReLU cuts off, so the score is Σ K ∘ E + constant. With K, (4, 4)."""
    model = network(4, [2, 2], dropout_prob=0.0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    first, second = (layer.weight.detach().numpy() for layer in model.layers)  # (C, 1, 2, 2), (C', C, 2, 2)
    k = np.einsum("d,dcab,cst->asbt", model.output.weight[0].detach().numpy(), second, first[:, 0])
    return model, k.reshape(4, 4)


@BOTH
def test_of_a_linear_network_it_is_the_map_times_its_weights(attribute: Any) -> None:
    model, k = linear()
    found = attribute(model, 2, 3)
    np.testing.assert_allclose(found.values, k * traced(model).map, rtol=1e-5)
    assert found.baseline > 0
    assert found.relative_error is not None
    assert found.relative_error < 1e-6


def one_kink(bias: float) -> ConvNCF:
    """score = relu(sum of the map + bias), with p = (1, 2) and q = (3, 1): the sum is 12."""
    model = ConvNCF(
        {"embedding_size": 2, "cnn_channels": [1, 1], "cnn_kernels": [2], "cnn_strides": [2], "dropout_prob": 0.0},
        Sizes(1, 1),
    )
    with torch.no_grad():
        model.user_embedding.weight[0] = torch.tensor([1.0, 2.0])
        model.item_embedding.weight[0] = torch.tensor([3.0, 1.0])
        model.layers[0].weight.fill_(1.0)
        model.output.weight.fill_(1.0)
        model.output.bias.zero_()
        layer_bias = model.layers[0].bias
        assert layer_bias is not None
        layer_bias.fill_(bias)
    return model


def test_one_relu_that_opens_on_the_way() -> None:
    """It opens at α = 1/4: the true integral is 3/4 of the map, and gradient × input misses by the bias."""
    model = one_kink(-3.0)
    cells = np.array([[3.0, 1.0], [6.0, 2.0]])
    found = integrated_gradients(model, 0, 0, steps=4096)
    np.testing.assert_allclose(found.values, 0.75 * cells, rtol=1e-3)
    assert (found.score, found.baseline) == (9, 0)
    coarse = gradient_times_input(model, 0, 0)
    np.testing.assert_array_equal(coarse.values, cells)
    assert coarse.error == 3
    assert coarse.relative_error == 3 / 9


def test_a_score_that_the_map_does_not_move_has_no_relative_error() -> None:
    found = integrated_gradients(one_kink(-100.0), 0, 0)
    assert (found.values == 0).all()
    assert (found.error, found.relative_error) == (0, None)
    assert found.words.endswith("completeness error +0")


@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_integrated_gradients_are_complete(
    kind: type[ConvNCF], size: int, kernels: list[int], strides: list[int]
) -> None:
    model = network(size, kernels, strides, kind)
    for user, item in ((0, 0), (2, 3), (6, 8)):
        trace = traced(model, user, item)
        found = integrated_gradients(model, user, item, steps=2000)
        assert found.values.shape == (size, size)
        assert found.score == pytest.approx(trace.score, abs=1e-5)
        assert found.total == pytest.approx(found.score - found.baseline, rel=2e-3, abs=1e-4)
        assert not found.values.flags.writeable
        zero = model.eval().score_of(model.feature_maps(torch.zeros(1, 1, size, size))[-1])
        assert found.baseline == pytest.approx(float(zero.detach()[0]), abs=1e-6)


def test_more_steps_are_nearer() -> None:
    model = network()
    errors = [
        np.mean([abs(integrated_gradients(model, 2, item, steps=steps).error) for item in range(9)])
        for steps in (2, 16, 128, 1024)
    ]
    assert errors == sorted(errors, reverse=True)
    assert integrated_gradients(model, 2, 3).steps == STEPS
    assert f"{STEPS} steps" in integrated_gradients(model, 2, 3).words


def test_how_many_are_worked_on_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    whole = integrated_gradients(model, 2, 3, steps=50)
    monkeypatch.setattr("convncf.inspection.attribution._MAPS", 7)
    np.testing.assert_allclose(integrated_gradients(model, 2, 3, steps=50).values, whole.values, rtol=1e-5, atol=1e-7)


@BOTH
def test_the_model_is_left_as_it_was(attribute: Any) -> None:
    model = network().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        first: Attribution = attribute(model, 2, 3)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    np.testing.assert_array_equal(attribute(model, 2, 3).values, first.values)  # no dropout in it


def test_what_cannot_be_attributed_is_refused() -> None:
    with pytest.raises(TypeError, match="Popularity"):
        gradient_times_input(Popularity(3, 4), 0, 0)
    with pytest.raises(IndexError, match="item 9"):
        integrated_gradients(network(), 0, 9)
    with pytest.raises(ValueError, match="got 0"):
        integrated_gradients(network(), 0, 0, steps=0)
    broken = network()
    with torch.no_grad():
        broken.output.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteScoreError):
        integrated_gradients(broken, 0, 0)


@pytest.mark.filterwarnings("default")
def test_captum_finds_the_same() -> None:
    captum = pytest.importorskip("captum.attr", reason="captum is not installed")
    model = network().eval()

    def score(maps: torch.Tensor) -> torch.Tensor:
        return model.score_of(model.feature_maps(maps)[-1])

    map_ = torch.from_numpy(traced(model).map.copy())[None, None].requires_grad_()
    theirs = captum.InputXGradient(score).attribute(map_)[0, 0].detach().numpy()
    np.testing.assert_allclose(gradient_times_input(model, 2, 3).values, theirs, rtol=1e-5, atol=1e-6)
    found = captum.IntegratedGradients(score).attribute(
        map_, n_steps=4000, method="riemann_middle", internal_batch_size=500
    )
    theirs = found[0, 0].detach().numpy()
    largest = np.abs(theirs).max()
    np.testing.assert_allclose(integrated_gradients(model, 2, 3, steps=4000).values, theirs, atol=2e-3 * largest)
