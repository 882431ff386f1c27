"""Responses of channels: percentiles, strongest pairs, dead and constant channels, with answers made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convncf.inspection import random_pairs, respond, response_percentiles, strongest_pairs
from convncf.models import ConvNCF, FusedConvNCF
from convncf.models.base import Sizes
from tests.test_trace import PLANS, network, traced


def every_pair(model: ConvNCF) -> tuple[np.ndarray, np.ndarray]:
    users, items = np.divmod(np.arange(model.n_users * model.n_items), model.n_items)
    return users, items


def ruled(n_users: int = 3, n_items: int = 4) -> ConvNCF:
    """One layer on a map of one cell, p q = (u + 1)(i + 1): channels give it as it is, never, always 2, and less 6."""
    plan = {"embedding_size": 1, "cnn_channels": [1, 4], "cnn_kernels": [1], "cnn_strides": [1]}
    model = ConvNCF(plan, Sizes(n_users, n_items))
    with torch.no_grad():
        model.user_embedding.weight[:, 0] = torch.arange(n_users) + 1.0
        model.item_embedding.weight[:, 0] = torch.arange(n_items) + 1.0
        layer = model.layers[0]
        layer.weight[:, 0, 0, 0] = torch.tensor([1.0, -1.0, 0.0, 1.0])
        assert layer.bias is not None
        layer.bias.copy_(torch.tensor([0.0, 0.0, 2.0, -6.0]))
    return model


@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_the_numbers_are_those_of_each_trace(
    kind: type[ConvNCF], size: int, kernels: list[int], strides: list[int]
) -> None:
    model = network(size, kernels, strides, kind)
    model.pairs_at_once = 4  # type: ignore[misc]
    users, items = np.array([0, 2, 6, 2, 0, 1]), np.array([0, 3, 8, 4, 5, 1])
    found = respond(model, users, items)
    assert [values.shape for values in found.maximum] == [(6, 4)] * len(kernels)
    for pair, (user, item) in enumerate(zip(users.tolist(), items.tolist(), strict=True)):
        for layer, trace in enumerate(traced(model, user, item).layers):
            np.testing.assert_allclose(found.maximum[layer][pair], trace.maps.max(axis=(1, 2)), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(found.mean[layer][pair], trace.maps.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_percentiles_count_what_is_below_and_half_of_what_is_equal() -> None:
    model = ruled()
    every = respond(model, *every_pair(model))  # products 1 2 3 4, 2 4 6 8, 3 6 9 12
    found = response_percentiles(traced(model, 1, 1), every, 0)  # 4: five below, two equal of twelve
    assert found.pairs == 12
    np.testing.assert_allclose(found.maximum, [50.0, 50.0, 50.0, 100 * 4.5 / 12], rtol=1e-6)
    np.testing.assert_array_equal(found.maximum, found.mean)
    assert found.outliers == ()
    few = respond(model, [0, 0, 1], [0, 1, 0])
    assert response_percentiles(traced(model, 2, 3), few, 0).outliers == (0, 3)  # 12, above all of 1, 2 and 2


def test_dead_and_constant_channels() -> None:
    model = ruled()
    every = respond(model, *every_pair(model))
    assert every.dead(0) == (1,)
    assert every.constant(0) == (2,)
    few = respond(model, [0, 0, 1], [0, 1, 0])
    assert few.dead(0) == (1, 3), "for these pairs"


def test_the_strongest_pairs_of_a_channel() -> None:
    model = ruled()
    every = respond(model, *every_pair(model))
    found = strongest_pairs(every, 0, 0, 4)
    assert list(zip(found.users.tolist(), found.items.tolist(), strict=True)) == [(2, 3), (2, 2), (1, 3), (1, 2)]
    assert found.values.tolist() == [12, 9, 8, 6]  # of the two sixes the first one
    assert strongest_pairs(every, 0, 3, 10).values.tolist() == [6, 3, 2]  # what is 0 is no answer
    assert len(strongest_pairs(every, 0, 1).users) == 0
    many = ruled(30, 40)
    ties = strongest_pairs(respond(many, *every_pair(many)), 0, 0, 1200)  # 1,200 products, many of them equal
    products = [(user + 1) * (item + 1) for user in range(30) for item in range(40)]
    assert (ties.users * 40 + ties.items).tolist() == sorted(range(1200), key=lambda pair: (-products[pair], pair))
    own = respond(model, [1, 1], [0, 2])  # among the items of one user
    assert strongest_pairs(own, 0, 0, 1, by="mean").items.tolist() == [2]
    with pytest.raises(IndexError, match="layer 1"):
        strongest_pairs(every, 1, 0)
    with pytest.raises(IndexError, match="channel 4"):
        strongest_pairs(every, 0, 4)


def test_random_pairs_are_different_seeded_and_spread() -> None:
    users, items = random_pairs(50, 40, 1000, seed=3)
    assert len(set(zip(users.tolist(), items.tolist(), strict=True))) == 1000
    again = random_pairs(50, 40, 1000, seed=3)
    np.testing.assert_array_equal(users, again[0])
    np.testing.assert_array_equal(items, again[1])
    assert not np.array_equal(items, random_pairs(50, 40, 1000, seed=4)[1])
    counts = np.bincount(users, minlength=50)  # 20 each on average, at most 40
    assert counts.min() > 5
    assert counts.max() < 38
    few = random_pairs(3, 4, 1000, seed=3)
    assert sorted(zip(few[0].tolist(), few[1].tolist(), strict=True)) == [(u, i) for u in range(3) for i in range(4)]
    with pytest.raises(ValueError, match="got 0"):
        random_pairs(3, 4, 0, seed=1)


def test_what_are_no_pairs_is_refused() -> None:
    model = network()
    with pytest.raises(ValueError, match="2 users and 1"):
        respond(model, [0, 1], [0])
    with pytest.raises(IndexError, match="item 9"):
        respond(model, [0, 1], [0, 9])
    with pytest.raises(IndexError, match="user -1"):
        respond(model, [-1], [0])


def test_the_model_is_left_in_training_with_no_gradients() -> None:
    model = network().train()
    respond(model, [0], [0])
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
