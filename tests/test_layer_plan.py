"""Layer plans: sizes known beforehand, refusals that say why, and proposals that would be accepted."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import layer_sizes, nearest_plans, plans_to_one
from convncf.errors import LayerPlanError
from convncf.models import ModelConfig


@pytest.mark.parametrize(
    ("size", "kernels", "strides", "sizes"),
    [
        (64, [4, 4, 2, 2], [4, 4, 2, 2], (16, 4, 2, 1)),
        (64, [2] * 6, [2] * 6, (32, 16, 8, 4, 2, 1)),
        (64, [8, 4], [8, 4], (8, 2)),
        (8, [8], [8], (1,)),
        (7, [3, 3], [2, 2], (3, 1)),
        (5, [5], [1], (1,)),
    ],
)
def test_sides_of_the_feature_maps(size: int, kernels: list[int], strides: list[int], sizes: tuple[int, ...]) -> None:
    assert layer_sizes(size, kernels, strides) == sizes


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
)
def test_a_plan_is_accepted_exactly_where_a_convolution_drops_nothing(size: int, layers: list[tuple[int, int]]) -> None:
    side, whole, sizes = size, True, []
    for kernel, stride in layers:
        if side < kernel:
            whole = False
            break
        after = torch.nn.functional.conv2d(
            torch.ones(1, 1, side, side), torch.ones(1, 1, kernel, kernel), stride=stride
        )
        whole = whole and (after.shape[-1] - 1) * stride + kernel == side
        side = after.shape[-1]
        sizes.append(side)
    kernels, strides = [k for k, _ in layers], [s for _, s in layers]
    if whole:
        assert layer_sizes(size, kernels, strides) == tuple(sizes)
    else:
        with pytest.raises(LayerPlanError):
            layer_sizes(size, kernels, strides)


def test_a_plan_that_would_drop_rows_is_refused_with_the_steps_that_lead_there() -> None:
    with pytest.raises(LayerPlanError) as caught:
        layer_sizes(32, [4, 4, 4], [4, 4, 4])
    words = str(caught.value)
    assert "kernels [4, 4, 4]" in words
    assert "32: 32 / 4 = 8, 8 / 4 = 2, " in words
    assert "[4, 4, 2]" in words
    assert "[2, 2, 2, 2, 2]" not in words, "the nearest come first, and few are listed"


@pytest.mark.parametrize(
    ("kernels", "strides", "complaint"),
    [
        ([], [], "no layer"),
        ([4, 4], [4], "2 and 1"),
        ([0], [1], "1 or more"),
        ([2], [-2], "1 or more"),
        ([9], [1], "kernel of 9"),
        ([3], [2], "(8 - 3)"),
    ],
)
def test_what_cannot_be_a_plan_says_why(kernels: list[int], strides: list[int], complaint: str) -> None:
    with pytest.raises(LayerPlanError) as caught:
        layer_sizes(8, kernels, strides)
    assert complaint in str(caught.value)


def test_a_size_that_no_plan_fits_gets_another_size_proposed() -> None:
    with pytest.raises(LayerPlanError, match="16, 32 or 64"):
        layer_sizes(17, [4, 4], [4, 4])


def test_the_plans_of_eight_are_its_ordered_factorisations() -> None:
    assert set(plans_to_one(8)) == {(8,), (2, 4), (4, 2), (2, 2, 2)}


@given(st.integers(2, 256), st.lists(st.integers(1, 9), max_size=5))
def test_every_proposal_would_be_accepted(size: int, wanted: list[int]) -> None:
    for plan in nearest_plans(size, wanted):
        assert prod(plan) == size
        assert layer_sizes(size, plan, plan)[-1] == 1


def test_the_plan_asked_for_is_the_nearest_to_itself() -> None:
    assert nearest_plans(64, [4, 4, 2, 2])[0] == [4, 4, 2, 2]


# ---------------------------------------------------------------- as settings of a model


def test_a_network_whose_channels_do_not_fit_its_kernels_is_refused() -> None:
    with pytest.raises(LayerPlanError, match=r"\[1, 8\] .* 2 kernels.*\[1, 32, 32\]"):
        ModelConfig(embedding_size=4, cnn_channels=(1, 8), cnn_kernels=(2, 2), cnn_strides=(2, 2))


@pytest.mark.parametrize("channels", [(2, 4, 4), (1, 0, 4), ()])
def test_channels_begin_with_the_one_interaction_map_and_none_is_empty(channels: tuple[int, ...]) -> None:
    with pytest.raises(LayerPlanError):
        ModelConfig(embedding_size=4, cnn_channels=channels, cnn_kernels=(2, 2), cnn_strides=(2, 2))


def test_other_models_do_not_care_for_the_plan() -> None:
    assert ModelConfig(name="mf-bpr", embedding_size=7).embedding_size == 7


def trace(size: int, kernels: tuple[int, ...], strides: tuple[int, ...], channels: tuple[int, ...]) -> Any:
    return ModelConfig(
        embedding_size=size,
        cnn_kernels=kernels,
        cnn_strides=strides,
        cnn_channels=channels,
        initialisation="dot product",
    )


def test_a_trace_start_needs_a_plan_that_ends_at_one_by_one() -> None:
    with pytest.raises(LayerPlanError, match=r"2×2\. .*1×1 for size 64: \[") as caught:
        trace(64, (8, 4), (8, 4), (1, 4, 4))
    assert "[8, 8]" in str(caught.value)


def test_a_trace_start_needs_kernels_that_do_not_overlap() -> None:
    with pytest.raises(LayerPlanError, match="kernel = stride"):
        trace(7, (3, 3), (2, 2), (1, 4, 4))


def test_a_trace_start_needs_two_channels() -> None:
    with pytest.raises(LayerPlanError, match=r"2 channels .*\[4, 1\]"):
        trace(4, (2, 2), (2, 2), (1, 4, 1))


def test_where_no_plan_can_carry_the_trace_a_size_is_proposed_instead_of_nothing() -> None:
    # 34 = 2 × 17: the first layer fits, and no kernel of 2 to 16 finishes it
    with pytest.raises(LayerPlanError, match="16, 32 or 64"):
        trace(34, (2,), (2,), (1, 4))
