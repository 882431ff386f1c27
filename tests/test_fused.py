"""The fast path against the reference: same scores, same gradients, nothing kept from before."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from convncf.config import Precision
from convncf.models import ConvNCF, FusedConvNCF, fused
from convncf.models.base import Sizes
from convncf.models.compiled import tower as compiled_tower
from convncf.runtime.threads import share

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
    "wide": (64, [2] * 6, [16] * 6),
    "ends at 2x2 in 16 channels": (32, [4, 4], [16, 48]),
    "one channel": (16, [2, 2, 4], [1, 1, 2]),
    "kernel of 8": (64, [8, 4, 2], [32, 16, 16]),
    "unlike": (36, [3, 2, 6], [48, 16, 32]),
}

UNLIKE = ("quick", "recbole", "unlike channels", "kernel of 1", "unlike")
"""Those that take each way through the compiled code; `make full` compiles the others too."""


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


@pytest.mark.slow
@pytest.mark.parametrize("way", ["compiled", "plain torch"])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(plan, marks=[] if plan in UNLIKE else [pytest.mark.full])
        for plan, (_, kernels, _) in PLANS.items()
        if len(kernels) > 1
    ],
)
def test_in_single_precision_it_is_within_a_hundred_thousandth(
    plan: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "plain torch":
        monkeypatch.setattr(compiled_tower, "COMPILER", False)
    reference, fast = models(plan)
    fast = fast.float()
    assert (fast._compiled is not None) == (way == "compiled")
    for user in (0, 5):
        items = torch.arange(SIZES.n_items)
        expected = reference(torch.full_like(items, user), items)
        assert (fast.score_items(user) - expected).abs().max() <= 1e-5 * expected.abs().max()
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
    monkeypatch.setattr(fused, "_CPU_FLOATS", 1)  # pieces of 16, the least
    torch.testing.assert_close(fast(pairs["user_id"], pairs["item_id"]), whole)
    for ours, theirs in zip(gradients(fast, pairs), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("plan", ["quick", "paper", "one layer", "three layers that end at 2x2"])
def test_the_size_of_the_pieces_changes_no_ranking_score(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fast = models(plan)
    whole = fast.score_items(3)
    monkeypatch.setattr(fused, "_ITEMS", 64)  # two whole pieces and a rest of 22
    torch.testing.assert_close(fast.score_items(3), whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", ["double", "float"])
def test_an_empty_batch_has_no_scores(way: str) -> None:
    _, fast = models("quick")
    fast = getattr(fast, way)()
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


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("plan", ["recbole", "quick", "kernel of 8", "unlike", "unlike channels"])
def test_neither_threads_nor_who_else_is_scored_changes_a_bit(plan: str, precision: Precision) -> None:
    if precision == "bf16" and not compiled_tower.available("bf16"):
        pytest.skip("this processor has no tiles")
    _, fast = single(plan, precision)
    assert fast._compiled is not None
    pairs, threads = batch(333), torch.get_num_threads()
    found = []
    try:
        for n in (1, 2, 5):
            torch.set_num_threads(n)
            p, q = fast.user_embedding(pairs["user_id"]), fast.item_embedding(pairs["item_id"])[:, None]
            pooled = fast._pooled(p, q)  # (B, 1, C): what is above is torch's, which adds up as it has threads
            of_pooled = torch.autograd.grad((pooled**2).sum(), list(fast.parameters())[:-2])
            found.append([fast.score_items(3), pooled, *of_pooled])
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))
    users, items = pairs["user_id"], pairs["item_id"]
    alone = torch.cat([fast(users[i : i + 1], items[i : i + 1]) for i in range(40)])
    torch.testing.assert_close(alone, fast(users, items)[:40], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("plan", ["recbole", "wide", "ends at 2x2 in 16 channels", "unlike", "ends at 2x2"])
def test_bf16_is_near(plan: str) -> None:
    """16 bits have 8 binary digits: 0.4% a factor. Where that moves a sum across 0, a ReLU's gradient comes or goes."""
    if not compiled_tower.available("bf16"):
        pytest.skip("this processor has no tiles")
    reference, fast = single(plan, "bf16")
    assert fast._compiled is not None
    users, items, weights = torch.arange(6).repeat(25), torch.arange(150), torch.linspace(0.5, 1.5, 150)
    expected, found = reference(users, items), fast(users, items)
    assert 0 < distance(found, expected) < 0.01
    of_reference = torch.autograd.grad((expected * weights).sum(), list(reference.parameters()))
    of_fast = torch.autograd.grad((found * weights).sum(), list(fast.parameters()))
    for ours, theirs in zip(of_fast, of_reference, strict=True):
        assert distance(ours, theirs) < 0.1
    for user in (0, 5):
        scores = reference(torch.full_like(items, user), items)
        assert distance(fast.score_items(user), scores) < 0.01


@pytest.mark.parametrize("plan", ["recbole", "unlike channels", "one layer"])
def test_a_gpus_way_through_many_users_at_once_gives_the_same(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fast = models(plan)
    monkeypatch.setattr(fused, "_GPU_FLOATS", 40 * fast._shape.side**2 * fast._shape.channels[0])  # 13 items at a time
    found = fast._score_users(torch.tensor([4, 0, 2]))
    expected = torch.stack([fast.score_items(user) for user in (4, 0, 2)])
    torch.testing.assert_close(found.float(), expected, rtol=1e-6, atol=1e-6)


def test_threads_that_score_together_leave_the_model_in_training() -> None:
    reference, _ = models("quick", dropout_prob=0.9)
    reference.train()
    expected = [ConvNCF.score_items(reference, user) for user in range(6)]
    found: dict[int, list[Tensor]] = {user: [] for user in range(6)}
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        share(lambda i: found[i % 6].append(reference.score_items(i % 6)), 30)
    finally:
        torch.set_num_threads(before)
    assert reference.training
    for user, scores in found.items():
        assert len(scores) == 5
        for other in scores:
            torch.testing.assert_close(other, expected[user])


def test_a_score_that_is_not_finite_is_not_hidden() -> None:
    _, fast = single("recbole", "fp32")
    with torch.no_grad():
        fast.item_embedding.weight[7, 3] = float("nan")
    assert torch.isnan(fast.score_items(0)).nonzero().tolist() == [[7]]


def distance(found: Tensor, expected: Tensor) -> float:
    """Relative, over the whole tensor."""
    return float((found - expected).detach().norm() / expected.detach().norm())


def single(plan: str, precision: Precision) -> tuple[ConvNCF, FusedConvNCF]:
    """The reference and the fast form of it in single precision, and at that precision."""
    reference, double = models(plan)
    fast = FusedConvNCF(double.config, SIZES, precision)
    fast.load_state_dict(reference.float().state_dict())
    return reference, fast
