"""The fast path against the reference: same scores, same gradients, nothing kept from before."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from convncf.models import ConvNCF, FusedConvNCF, fused
from convncf.models.interface import Sizes

SIZES = Sizes(n_users=6, n_items=150)
PLANS: dict[str, tuple[int, list[int], list[int]]] = {
    "quick": (32, [4, 4, 2], [16, 16, 16]),
    "recbole": (64, [4, 4, 2, 2], [32, 32, 32, 32]),
    "paper": (64, [2] * 6, [8] * 6),
    "ends at 2x2": (64, [8, 4], [8, 8]),
    "unlike channels": (24, [2, 3, 4], [5, 7, 3]),
    "one layer": (8, [8], [4]),
    "one layer that ends at 4x4": (8, [2], [4]),
    "three layers that end at 2x2": (16, [2, 2, 2], [3, 4, 5]),
    "kernel of 1": (8, [1, 8], [2, 3]),
}


@pytest.fixture(params=PLANS)
def pair(request: pytest.FixtureRequest) -> tuple[ConvNCF, FusedConvNCF]:
    return models(request.param)


def models(plan: str, **changes: Any) -> tuple[ConvNCF, FusedConvNCF]:
    """The reference and the fast form of it, with the same weights, in double precision: only mistakes show."""
    size, kernels, channels = PLANS[plan]
    config = {
        "embedding_size": size,
        "cnn_channels": [1, *channels],
        "cnn_kernels": kernels,
        "cnn_strides": kernels,
        "dropout_prob": 0.0,
    } | changes
    torch.manual_seed(5)
    reference, fast = ConvNCF(config, SIZES).double(), FusedConvNCF(config, SIZES).double()
    for parameter in reference.parameters():
        if parameter.dim() > 2:
            torch.nn.init.kaiming_normal_(parameter)  # signals that do not fade on their way up
    fast.load_state_dict(reference.state_dict())
    return reference, fast


def batch(n: int = 40) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    bounds = {"user_id": SIZES.n_users, "item_id": SIZES.n_items, "neg_item_id": SIZES.n_items}
    return {field: torch.randint(bound, (n,), generator=generator) for field, bound in bounds.items()}


def gradients(model: ConvNCF, of: dict[str, Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(model.calculate_loss(of), list(model.parameters())))


def test_the_parameters_are_the_references(pair: tuple[ConvNCF, FusedConvNCF]) -> None:
    reference, fast = pair
    assert list(reference.state_dict()) == list(fast.state_dict())


def test_scores_equal_the_references(pair: tuple[ConvNCF, FusedConvNCF]) -> None:
    reference, fast = pair
    pairs = batch()
    expected = reference(pairs["user_id"], pairs["item_id"])
    assert expected.std() > 1e-3
    torch.testing.assert_close(fast(pairs["user_id"], pairs["item_id"]), expected, rtol=1e-10, atol=1e-12)


def test_gradients_equal_the_references(pair: tuple[ConvNCF, FusedConvNCF]) -> None:
    reference, fast = pair
    for ours, theirs in zip(gradients(fast, batch()), gradients(reference, batch()), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_ranking_scores_equal_the_references(pair: tuple[ConvNCF, FusedConvNCF]) -> None:
    reference, fast = pair
    items = torch.arange(SIZES.n_items)
    for user in (0, 5):
        expected = reference(torch.full_like(items, user), items).detach().float()
        torch.testing.assert_close(fast.score_items(user), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("plan", ["quick", "recbole", "ends at 2x2"])
def test_in_single_precision_it_is_within_a_hundred_thousandth(plan: str) -> None:
    reference, fast = models(plan)
    fast = fast.float()
    pairs = batch()
    expected = reference(pairs["user_id"], pairs["item_id"])
    assert (fast(pairs["user_id"], pairs["item_id"]) - expected).abs().max() <= 1e-5 * expected.abs().max()
    for ours, theirs in zip(gradients(fast, batch()), gradients(reference, batch()), strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max() + 1e-12


@pytest.mark.parametrize("n", [1, 31, 100])
def test_the_size_of_the_pieces_changes_no_training_score(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fast = models("quick")
    pairs = batch(n)
    whole, expected = fast(pairs["user_id"], pairs["item_id"]), gradients(fast, pairs)
    monkeypatch.setattr(fused, "_TRAINING_FLOATS", 1)  # pieces of 32, the least
    torch.testing.assert_close(fast(pairs["user_id"], pairs["item_id"]), whole)
    for ours, theirs in zip(gradients(fast, pairs), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("plan", ["quick", "paper", "one layer", "three layers that end at 2x2"])
def test_the_size_of_the_pieces_changes_no_ranking_score(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fast = models(plan)
    whole = fast.score_items(3)
    monkeypatch.setattr(fused, "_RANKING_FLOATS", 1)  # pieces of 64, the least: two whole ones and a rest of 22
    torch.testing.assert_close(fast.score_items(3), whole, rtol=1e-6, atol=1e-6)


def test_an_empty_batch_has_no_scores() -> None:
    _, fast = models("quick")
    nothing = torch.empty(0, dtype=torch.long)
    assert fast(nothing, nothing).shape == (0,)


def test_dropout_is_drawn_as_in_the_reference() -> None:
    reference, fast = models("quick", dropout_prob=0.5)
    pairs = batch()
    torch.manual_seed(9)
    expected = reference.train()(pairs["user_id"], pairs["item_id"])
    torch.manual_seed(9)
    torch.testing.assert_close(fast.train()(pairs["user_id"], pairs["item_id"]), expected)


@pytest.mark.parametrize("name", ["user_embedding.weight", "item_embedding.weight", "cnn.0.weight", "cnn.1.bias"])
def test_changed_weights_show_at_once(name: str) -> None:
    _, fast = models("quick")
    before = fast.score_items(2)
    with torch.no_grad():
        fast.get_parameter(name).add_(0.1)
    assert not torch.equal(fast.score_items(2), before)


def test_other_plans_take_the_reference_path_and_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    config = {"embedding_size": 8, "cnn_channels": [1, 4, 4], "cnn_kernels": [4, 3], "cnn_strides": [2, 1]}
    torch.manual_seed(5)
    reference = ConvNCF(config, SIZES).eval()
    with caplog.at_level(logging.WARNING):
        fast = FusedConvNCF(config, SIZES).eval()
        fast.load_state_dict(reference.state_dict())
        pairs = batch()
        assert torch.equal(fast(pairs["user_id"], pairs["item_id"]), reference(pairs["user_id"], pairs["item_id"]))
        assert torch.equal(fast.score_items(1), reference.score_items(1))
    assert not fast.fits
    assert [record.message for record in caplog.records] == [
        "kernels [4, 3] differ from strides [2, 1]: this model takes the reference path, which is many times slower"
    ]


def test_a_plan_that_fits_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _, fast = models("quick")
    assert fast.fits
    assert not caplog.records
