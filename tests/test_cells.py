"""Reading a trace: receptive fields, the arithmetic of a cell, and channels in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.inspection import (
    LayerTrace,
    cell_arithmetic,
    channel_stats,
    receptive_field,
    strongest_cell,
    strongest_channel,
)
from tests.test_trace import PLANS, factorisation, network, traced
from tests.wording import values_in


class Step:
    def __init__(self, kernel: int, stride: int) -> None:
        self.kernel, self.stride = kernel, stride


def test_receptive_fields_of_the_4_4_2_2_plan() -> None:
    plan = [Step(4, 4), Step(4, 4), Step(2, 2), Step(2, 2)]
    assert receptive_field(plan, 0, 3, 5) == (slice(12, 16), slice(20, 24))
    assert receptive_field(plan, 1, 0, 3) == (slice(0, 16), slice(48, 64))
    assert receptive_field(plan, 2, 1, 0) == (slice(32, 64), slice(0, 32))
    assert receptive_field(plan, 3, 0, 0) == (slice(0, 64), slice(0, 64))


def test_overlapping_patches_read_more_than_their_stride() -> None:
    assert receptive_field([Step(3, 1), Step(3, 1)], 1, 2, 0) == (slice(2, 7), slice(0, 5))
    assert receptive_field([Step(3, 2), Step(3, 2)], 1, 1, 0) == (slice(4, 11), slice(0, 7))


@given(st.lists(st.integers(2, 3), min_size=1, max_size=3))
def test_where_kernel_is_stride_the_fields_of_a_layer_tile_the_map(kernels: list[int]) -> None:
    size = int(np.prod(kernels))
    plan = [Step(kernel, kernel) for kernel in kernels]
    for layer in range(len(kernels)):
        side = int(np.prod(kernels[layer + 1 :]))
        covered = np.zeros((size, size), dtype=int)
        for row in range(side):
            for col in range(side):
                covered[receptive_field(plan, layer, row, col)] += 1
        assert (covered == 1).all()


@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_a_cell_changes_with_its_receptive_field_alone(size: int, kernels: list[int], strides: list[int]) -> None:
    model = network(size, kernels, strides)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()  # nothing is cut off by ReLU
        before = traced(model)
        last = len(kernels) - 1
        rows, _ = receptive_field(before.layers, last, 0, 0)
        for dimension in range(size):
            kept = model.user_embedding.weight[2, dimension].clone()  # adding 1 and taking it away would round it
            model.user_embedding.weight[2, dimension] += 1
            after = traced(model)
            model.user_embedding.weight[2, dimension] = kept
            changed = bool((after.layers[last].maps[:, 0, 0] != before.layers[last].maps[:, 0, 0]).any())
            assert changed == (dimension in range(size)[rows])


def test_a_field_outside_is_refused() -> None:
    with pytest.raises(IndexError, match="layer 1"):
        receptive_field([Step(2, 2)], 1, 0, 0)
    with pytest.raises(IndexError, match="cell"):
        receptive_field([Step(2, 2)], 0, -1, 0)


@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_the_arithmetic_of_every_cell_of_layer_1(size: int, kernels: list[int], strides: list[int]) -> None:
    trace = traced(network(size, kernels, strides))
    channels, height, width = trace.layers[0].shape
    for channel, row, col in np.ndindex(channels, height, width):
        cell = cell_arithmetic(trace, channel, row, col)
        assert cell.total == cell.product + cell.bias
        assert max(cell.total, 0.0) == pytest.approx(cell.value, abs=1e-5)
        assert cell.value == trace.layers[0].maps[channel, row, col]
        assert cell.filter.shape == (kernels[0], kernels[0])


def test_the_arithmetic_of_a_cell_by_hand() -> None:
    model = network(4, [2, 2])
    with torch.no_grad():
        model.user_embedding.weight[0] = torch.tensor([0.0, 0.0, 1.0, 2.0])
        model.item_embedding.weight[0] = torch.tensor([3.0, 4.0, 0.0, 0.0])
        first: Any = model.cnn[0]
        first.weight[1, 0] = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
        first.bias[1] = 0.5
    cell = cell_arithmetic(traced(model, 0, 0), channel=1, row=1, col=0)
    assert (cell.rows, cell.cols) == (slice(2, 4), slice(0, 2))
    assert cell.product == 1 * 3 - 2 * 4
    assert (cell.bias, cell.total, cell.value) == (0.5, -4.5, 0.0)


def test_a_cell_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError, match="4×4"):
        cell_arithmetic(traced(network()), 4, 0, 0)
    with pytest.raises(IndexError, match="no layers"):
        cell_arithmetic(traced(factorisation()), 0, 0, 0)


def layer_of(maps: list[Any]) -> LayerTrace:
    array = np.array(maps, dtype=np.float32)
    filters = np.zeros((len(array), 1, 2, 2), dtype=np.float32)
    return LayerTrace("layer 1", array, 2, 2, filters, np.zeros(len(array), dtype=np.float32))


def test_channels_in_numbers() -> None:
    stats = channel_stats(layer_of([[[0, 2], [4, 0]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]]))
    np.testing.assert_array_equal(stats.mean, [1.5, 1, 0])
    np.testing.assert_array_equal(stats.minimum, [0, 1, 0])
    np.testing.assert_array_equal(stats.maximum, [4, 1, 0])
    np.testing.assert_array_equal(stats.zeros, [0.5, 0, 1])
    assert stats.silent == (2,)
    assert values_in(stats.words) == ["2"]


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ([[[1]], [[2]]], ""),
        ([[[0]], [[2]], [[0]], [[0]]], "channels 0, 2"),
        ([[[0]], [[0]]], "every channel"),
    ],
)
def test_silent_channels_in_words(maps: list[Any], words: str) -> None:
    said = channel_stats(layer_of(maps)).words
    assert (said[: len(words)], said == "") == (words, words == "")


def test_the_strongest_channel_and_cell_hold_the_largest_value() -> None:
    maps = np.zeros((3, 2, 4), dtype=np.float32)
    maps[1, 1, 2], maps[2, 0, 3], maps[0, 1, 0] = 5, 4, 1
    layer = LayerTrace("layer 1", maps, 2, 2, np.zeros((3, 1, 2, 2), np.float32), np.zeros(3, np.float32))
    assert strongest_channel(layer) == 1
    assert [strongest_cell(layer, channel) for channel in range(3)] == [(1, 0), (1, 2), (0, 3)]


def test_of_equal_values_the_first_is_the_strongest() -> None:
    maps = np.ones((2, 2, 2), dtype=np.float32)
    layer = LayerTrace("layer 1", maps, 2, 2, np.zeros((2, 1, 2, 2), np.float32), np.zeros(2, np.float32))
    assert strongest_channel(layer) == 0
    assert strongest_cell(layer, 1) == (0, 0)
