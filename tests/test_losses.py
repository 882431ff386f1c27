"""The BPR loss and the L2 penalties, against answers known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from convncf.models.losses import ConvNCFBPRLoss, squared_norm, sum_of_norms

gaps = st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=30)


def loss_of(gap: list[float], dtype: torch.dtype = torch.float32) -> tuple[float, list[float]]:
    """Loss, and its gradient with respect to the positives' scores, for gaps pos - neg."""
    positive = torch.tensor(gap, dtype=dtype, requires_grad=True)
    loss = ConvNCFBPRLoss()(positive, torch.zeros_like(positive))
    assert loss.shape == ()
    (gradient,) = torch.autograd.grad(loss, positive)
    return loss.item(), gradient.tolist()


def test_equal_scores_cost_ln_2_each() -> None:
    assert loss_of([0.0] * 5)[0] == pytest.approx(5 * math.log(2))


def test_it_is_a_sum_over_the_batch_not_a_mean() -> None:
    assert loss_of([0.3, 0.3, 0.3])[0] == pytest.approx(3 * loss_of([0.3])[0])


def test_a_gap_costs_minus_log_sigmoid() -> None:
    assert loss_of([2.0])[0] == pytest.approx(-math.log(1 / (1 + math.exp(-2.0))))


def test_positive_first_negative_second() -> None:
    high, low = torch.tensor([3.0]), torch.tensor([1.0])
    assert ConvNCFBPRLoss()(high, low) < ConvNCFBPRLoss()(low, high)


@pytest.mark.parametrize(
    ("gap", "loss", "gradient"), [(1000.0, 0.0, 0.0), (-1000.0, 1000.0, -1.0), (-89.0, 89.0, -1.0)]
)
def test_wide_gaps_stay_exact(gap: float, loss: float, gradient: float) -> None:
    assert loss_of([gap]) == (loss, [gradient])


@given(gaps)
def test_it_equals_softplus_of_the_negated_gap(gap: list[float]) -> None:
    value, gradient = loss_of(gap)
    exact = torch.tensor(gap, dtype=torch.float64)
    assert value == pytest.approx(F.softplus(-exact).sum().item(), rel=1e-5)
    np.testing.assert_allclose(gradient, -torch.sigmoid(-exact).numpy(), rtol=1e-5, atol=1e-37)


@given(st.floats(-21, -19, width=32))
def test_nothing_shows_where_the_formula_changes(gap: float) -> None:
    value, (gradient,) = loss_of([gap])
    assert value == pytest.approx(-gap, rel=1e-6)
    assert gradient == pytest.approx(-1, rel=1e-6)


def test_a_score_that_is_not_finite_is_not_hidden() -> None:
    assert math.isnan(loss_of([math.nan, 1.0])[0])
    assert math.isinf(loss_of([-math.inf, 1.0])[0])


def test_norms_are_taken_of_each_tensor_and_added() -> None:
    tensors = [torch.tensor([3.0, 4.0]), torch.full((2, 2, 1, 1), 6.0)]
    assert sum_of_norms(tensors).item() == pytest.approx(5 + 12)
    assert squared_norm(tensors).item() == pytest.approx(25 + 144)


def test_the_norm_of_zero_has_a_gradient() -> None:
    weight = torch.zeros(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(sum_of_norms([weight]), weight)
    assert gradient.tolist() == [0.0, 0.0, 0.0]
