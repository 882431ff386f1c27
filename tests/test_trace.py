"""Tracing a pair: the arrays are the model's own, and they add up to its score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from convncf.errors import NonFiniteScoreError
from convncf.inspection import NoTrace, PairTrace, trace_pair
from convncf.models import ConvNCF, FusedConvNCF, MatrixFactorisation, Popularity
from convncf.models.base import Sizes

SIZES = Sizes(n_users=7, n_items=9)
PLANS = [
    pytest.param(8, [2, 2, 2], [2, 2, 2], id="ends-at-1x1"),
    pytest.param(16, [4, 2], [4, 2], id="ends-at-2x2"),
    pytest.param(7, [3, 3], [2, 2], id="overlapping-patches"),
]


def network(
    size: int = 8,
    kernels: list[int] | None = None,
    strides: list[int] | None = None,
    kind: type[ConvNCF] = ConvNCF,
    **settings: Any,
) -> ConvNCF:
    """A small untrained ConvNCF, the same at each call."""
    kernels = [2, 2, 2] if kernels is None else kernels
    torch.manual_seed(5)
    plan = {
        "embedding_size": size,
        "cnn_channels": [1] + [4] * len(kernels),
        "cnn_kernels": kernels,
        "cnn_strides": kernels if strides is None else strides,
        "dropout_prob": 0.5,
    }
    return kind(plan | settings, SIZES)


def factorisation() -> MatrixFactorisation:
    torch.manual_seed(6)
    return MatrixFactorisation({"embedding_size": 5}, SIZES)


def traced(model: Any, user: int = 2, item: int = 3) -> PairTrace:
    trace = trace_pair(model, user, item)
    assert isinstance(trace, PairTrace)
    return trace


def arrays(trace: PairTrace) -> list[np.ndarray[Any, Any]]:
    layers = [array for layer in trace.layers for array in (layer.maps, layer.filters, layer.biases)]
    return [trace.p, trace.q, trace.map, trace.features, trace.weights, trace.contributions, *layers]


@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_the_parts_of_a_network_add_up_to_its_score(
    kind: type[ConvNCF], size: int, kernels: list[int], strides: list[int]
) -> None:
    model = network(size, kernels, strides, kind)
    for user, item in ((0, 0), (2, 3), (6, 8)):
        trace = traced(model, user, item)
        score = float(model.score_pairs(torch.tensor([user]), torch.tensor([item]))[0])
        assert trace.score == score
        assert float(trace.contributions.sum()) + trace.bias == pytest.approx(score, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_every_array_is_what_its_name_says(size: int, kernels: list[int], strides: list[int]) -> None:
    model = network(size, kernels, strides)
    trace = traced(model)
    np.testing.assert_array_equal(trace.p, model.user_embedding.weight[2].detach().numpy())
    np.testing.assert_array_equal(trace.q, model.item_embedding.weight[3].detach().numpy())
    np.testing.assert_array_equal(trace.map, np.outer(trace.p, trace.q))
    assert [(layer.kernel, layer.stride) for layer in trace.layers] == list(zip(kernels, strides, strict=True))
    assert [layer.name for layer in trace.layers] == [f"layer {n}" for n in range(1, len(kernels) + 1)]
    side = size
    for layer, kernel, stride in zip(trace.layers, kernels, strides, strict=True):
        side = (side - kernel) // stride + 1
        assert layer.shape == layer.maps.shape == (4, side, side)
        assert (layer.maps >= 0).all()
    np.testing.assert_allclose(trace.features, trace.layers[-1].maps.sum(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(trace.contributions, trace.features * trace.weights)
    assert trace.term == "channel"
    assert ("2×2" in trace.words) == (side == 2)


def test_the_trace_start_shows_the_dot_product_in_two_channels() -> None:
    """relu(p·q) in channel 0, relu(-p·q) in channel 1, and nothing from the others."""
    model = network(initialisation="dot product")
    seen = set()
    for item in range(SIZES.n_items):
        trace = traced(model, 1, item)
        product = float(trace.p @ trace.q)
        expected = [max(product, 0.0), -max(-product, 0.0), 0.0, 0.0]
        np.testing.assert_allclose(trace.contributions, expected, atol=1e-5)
        assert trace.score == pytest.approx(product, abs=1e-5)
        seen.add(product > 0)
    assert seen == {True, False}


def test_factorisation_has_a_map_and_no_layers() -> None:
    trace = traced(factorisation())
    assert trace.layers == ()
    assert trace.term == "dimension"
    assert trace.bias == 0
    np.testing.assert_array_equal(trace.contributions, trace.p * trace.q)
    np.testing.assert_array_equal(np.diag(trace.map), trace.contributions)
    assert float(trace.contributions.sum()) == pytest.approx(trace.score, abs=1e-5)
    assert "no feature maps" in trace.words


def test_popularity_says_that_there_is_nothing_to_look_into() -> None:
    model = Popularity(3, 4).fit(csr_array(np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]], dtype=bool)))
    trace = trace_pair(model, 2, 0)
    assert trace == NoTrace(user=2, item=0, score=3.0, words=trace.words)
    assert "nothing to look into" in trace.words
    assert "how many users" in trace.words


def test_a_model_of_another_kind_is_named() -> None:
    class Neighbours:
        n_users, n_items = 2, 2

        def score_items(self, user: int) -> Tensor:
            return torch.tensor([0.0, 0.5])

    trace = trace_pair(Neighbours(), 0, 1)
    assert isinstance(trace, NoTrace)
    assert trace.score == 0.5
    assert trace.words.startswith("Neighbours has no embeddings")


@pytest.mark.parametrize("make", [network, factorisation])
def test_arrays_are_float32_read_only_and_the_traces_own(make: Any) -> None:
    model = make()
    trace = traced(model)
    before = [array.copy() for array in arrays(trace)]
    for array in arrays(trace):
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    for array, was in zip(arrays(trace), before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_tracing_neither_drops_out_nor_disturbs_training() -> None:
    model = network()
    model.train()
    one, other = traced(model), traced(model)
    assert model.training
    assert one.score == other.score
    np.testing.assert_array_equal(one.contributions, other.contributions)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(("user", "item", "word"), [(7, 0, "user 7"), (-1, 0, "user -1"), (0, 9, "item 9")])
def test_an_index_out_of_range_is_refused(user: int, item: int, word: str) -> None:
    with pytest.raises(IndexError, match=word):
        trace_pair(network(), user, item)


def test_a_diverged_model_is_refused_in_words() -> None:
    model = network()
    with torch.no_grad():
        model.output.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteScoreError, match="diverged"):
        trace_pair(model, 0, 0)


def test_a_trace_whose_parts_miss_the_score_cannot_be_made() -> None:
    trace = traced(network())
    with pytest.raises(ValueError, match="add up to"):
        replace(trace, score=trace.score + 0.01)


def bf16_network() -> ConvNCF:
    """A network whose fast path rounds to 16 bits, with weights large enough for that to show."""
    torch.manual_seed(5)
    plan = {
        "embedding_size": 16,
        "cnn_channels": [1, 8, 8],
        "cnn_kernels": [4, 4],
        "cnn_strides": [4, 4],
        "dropout_prob": 0.0,
    }
    model = FusedConvNCF(plan, SIZES, "bf16")
    with torch.no_grad():
        model.user_embedding.weight.uniform_(-2, 2)
        model.item_embedding.weight.uniform_(-2, 2)
    return model


def test_a_score_in_bf16_is_traced_and_its_rounding_said() -> None:
    model = bf16_network()
    missed = []
    for user in range(SIZES.n_users):
        trace = traced(model, user)
        assert trace.precision == "bf16"
        assert trace.score == float(model.score_items(user)[3])  # the one that ranks
        parts = float(trace.contributions.sum()) + trace.bias
        assert (
            f"add up to {parts:.4g}, and the score that it ranks by is {trace.score:.4g}, because of rounding"
            in trace.words
        )
        missed.append(abs(parts - trace.score))
    assert max(missed) > 1e-4  # else this test shows nothing


def test_wrong_parts_are_refused_in_either_precision() -> None:
    for model in (network(), bf16_network()):
        trace = traced(model)
        with pytest.raises(ValueError, match="the terms of the score add up to"):
            replace(trace, score=trace.score + 1.0)
        assert "bf16" not in traced(network()).words
