"""Layers 2 and up inside compiled loops, and the sum over space, forward and backward. Shapes as in plan.py.

Lists of arrays begin with layer 2's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convncf.models.compiled import layer_two
from convncf.models.compiled.plan import Plan
from convncf.models.compiled.products import Matrix, add_rows, product
from convncf.models.compiled.vectors import LANES, Function


def forward(
    f: Function, plan: Plan, x: Any, weights: Sequence[Any], ys: Sequence[Any], pooled: Any, pairs: Any, work: Any
) -> None:
    """y_2 and up from x, and pooled, the sum of the last over space. `weights`: matrix and bias of each, in turn."""
    layer_two.forward(f, plan, x, weights[0], weights[1], ys[0], f.times(pairs, plan.rows_of(1)), work)
    for layer in plan.above[1:]:
        depth, columns, rows = plan.depth(layer), plan.channels[layer], f.times(pairs, plan.rows_of(layer))
        left, out = Matrix(ys[layer - 2], depth), Matrix(ys[layer - 1], columns)
        weight, bias = weights[2 * layer - 2 : 2 * layer]
        product(f, left, Matrix(weight, columns), out, rows, depth, columns, bias=bias, relu=True)
    last, columns = plan.rows_of(plan.above[-1]), plan.channels[-1]
    with f.loop(pairs) as pair:
        for c in range(0, columns, LANES):
            total = f.variable(f.splat(0.0))
            with f.loop(last) as row:
                at = f.add(f.times(f.add(f.times(pair, last), row), columns), c)
                total.value = f.plus(total.value, f.vector(ys[-1], at))
            f.store(total.value, pooled, f.add(f.times(pair, columns), c))


def backward(
    f: Function,
    plan: Plan,
    dpooled: Any,
    flipped: Sequence[Any],
    ys: Sequence[Any],
    dys: Sequence[Any],
    sums: Sequence[Any],
    pairs: Any,
) -> None:
    """Down to dy_2, below layer 2's ReLU, from the gradient of pooled. `sums`: of each layer's matrix and bias."""
    last, columns = plan.rows_of(plan.above[-1]), plan.channels[-1]
    with f.loop(pairs) as pair, f.loop(last) as row:
        for c in range(0, columns, LANES):
            at = f.add(f.times(f.add(f.times(pair, last), row), columns), c)
            value = f.vector(dpooled, f.add(f.times(pair, columns), c))
            f.store(f.where_positive(f.vector(ys[-1], at), value), dys[-1], at)
    for layer in reversed(plan.above):
        depth, columns, rows = plan.depth(layer), plan.channels[layer], f.times(pairs, plan.rows_of(layer))
        gradient = Matrix(dys[layer - 1], columns)
        add_rows(f, gradient, rows, columns, sums[2 * layer - 1])
        if layer > 1:
            patches, total = Matrix(ys[layer - 2], depth), Matrix(sums[2 * layer - 2], columns)
            product(f, patches.transposed, gradient, total, depth, rows, columns, add=True)
            below = Matrix(dys[layer - 2], depth)
            product(f, gradient, Matrix(flipped[layer - 1], depth), below, rows, columns, depth, mask=patches)
