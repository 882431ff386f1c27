"""The start that makes ConvNCF exactly matrix factorisation, for any plan that can carry it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import plans_to_one
from convncf.errors import LayerPlanError
from convncf.models import ConvNCF, FusedConvNCF, MatrixFactorisation
from convncf.models.base import Sizes

SIZES = Sizes(n_users=5, n_items=7)
USER, ITEM = torch.tensor([0, 4, 2]), torch.tensor([6, 0, 0])


def plan(kernels: tuple[int, ...], channels: int = 3, size: int | None = None) -> dict[str, Any]:
    return {
        "embedding_size": size or math.prod(kernels),
        "cnn_channels": [1] + [channels] * len(kernels),
        "cnn_kernels": list(kernels),
        "cnn_strides": list(kernels),
    }


@given(st.sampled_from([8, 12, 32]).flatmap(lambda size: st.sampled_from(plans_to_one(size))), st.integers(2, 5))
def test_the_trace_start_makes_the_network_the_dot_product(kernels: tuple[int, ...], channels: int) -> None:
    model = ConvNCF(plan(kernels, channels) | {"initialisation": "dot product"}, SIZES).double().eval()
    p, q = model.user_embedding.weight, model.item_embedding.weight
    torch.testing.assert_close(torch.stack([model(torch.full((7,), u), torch.arange(7)) for u in range(5)]), p @ q.T)


@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
def test_before_the_first_step_its_lists_are_mfs(kind: type[ConvNCF]) -> None:
    torch.manual_seed(1)
    sizes = Sizes(n_users=20, n_items=300)
    mf = MatrixFactorisation({"embedding_size": 32, "embedding_std": 0.1}, sizes)
    model = kind(plan((4, 4, 2), channels=16) | {"initialisation": "dot product"}, sizes)
    model.start_from(mf.user_embedding.weight, mf.item_embedding.weight)
    for user in range(20):
        ours, theirs = model.score_items(user), mf.score_items(user)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
        assert ours.topk(20).indices.tolist() == theirs.topk(20).indices.tolist()


def test_the_trace_start_carries_each_sign_on_its_own_channel() -> None:
    model = ConvNCF(plan((4, 2), channels=4) | {"initialisation": "dot product"}, SIZES)
    maps = model.feature_maps(model.interaction_map(USER, ITEM))
    dot = (model.user_embedding(USER) * model.item_embedding(ITEM)).sum(dim=1)
    torch.testing.assert_close(maps[-1][:, 0, 0, 0], dot.relu())
    torch.testing.assert_close(maps[-1][:, 1, 0, 0], (-dot).relu())
    assert model.output.weight[0].tolist() == [1, -1, 0, 0]
    assert model.output.bias.item() == 0


@pytest.mark.slow
def test_after_the_trace_start_every_channel_learns() -> None:
    torch.manual_seed(0)
    model = ConvNCF(plan((4, 2), channels=4) | {"initialisation": "dot product", "dropout_prob": 0.0}, SIZES)
    start = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    user, item = (grid.flatten() for grid in torch.meshgrid(torch.arange(5), torch.arange(7), indexing="ij"))
    for _ in range(2):
        optimizer.zero_grad()
        loss = model.calculate_loss({"user_id": user, "item_id": item, "neg_item_id": (item + 1) % 7})
        torch.autograd.backward(loss)
        optimizer.step()
    for before, (name, after) in zip(start, model.named_parameters(), strict=True):
        if name.endswith("weight"):
            moved = (after - before).detach().abs().flatten(start_dim=1).amax(dim=1)
            assert (moved > 0).all(), name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (plan((2, 2), size=8), r"1×1.*\[2, 4\]|1×1.*\[4, 2\]"),
        (plan((4, 2)) | {"cnn_kernels": [4, 3], "cnn_strides": [2, 1]}, "kernel = stride"),
        (plan((4, 2), channels=1), "2 channels"),
    ],
)
def test_the_trace_start_refuses_what_cannot_carry_it(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(LayerPlanError, match=reason):
        ConvNCF(change | {"initialisation": "dot product"}, SIZES)
    with pytest.raises(LayerPlanError, match=reason):  # asked for later
        ConvNCF(change, SIZES).initialise_dot_product()
