"""Layer 2 inside compiled loops, where most of the arithmetic is: by vectors in fp32, by tiles in bf16.

Shapes as in plan.py; n patches, at most `plan.most_rows`. `work` is memory of this layer's own, under bf16 alone.
"""

from __future__ import annotations

from typing import Any

from convncf.models.compiled import tiles
from convncf.models.compiled.plan import Plan
from convncf.models.compiled.products import Matrix, product
from convncf.models.compiled.vectors import LANES, Function


def forward(f: Function, plan: Plan, x: Any, weight: Any, bias: Any, y: Any, rows: Any, work: Any) -> None:
    """y_2 = ReLU(x W + bias). `weight` is (r·W, C_2), under bf16 interleaved as `tiles.interleaved` has it."""
    depth, columns = plan.depth(1), plan.channels[1]
    if plan.precision == "fp32":
        left, right, out = Matrix(x, depth), Matrix(weight, columns), Matrix(y, columns)
        product(f, left, right, out, rows, depth, columns, bias=bias, relu=True)
        return
    with f.loop(f.quotient(f.add(rows, tiles.SIDE - 1), tiles.SIDE)) as block:
        row = f.times(block, tiles.SIDE)
        for some in _at_most(range(0, columns, tiles.SIDE), 4):
            sums = {column: tiles.zero(f) for column in some}
            for k, many in tiles.depths(depth):
                left = tiles.load(f, x, f.add(f.times(row, depth), k), depth, depth=many)
                for column in some:
                    right = tiles.load(f, weight, k * columns + 2 * column, 2 * columns, depth=many, right=True)
                    sums[column] = tiles.multiply(f, sums[column], left, right, depth=many)
            for column in some:
                tiles.store(f, sums[column], work, f.add(f.times(row, columns), column), columns)
    for column in range(0, columns, LANES):
        of_bias = f.vector(bias, column)
        with f.loop(rows) as row:
            at = f.add(f.times(row, columns), column)
            f.store(f.relu(f.plus(f.vector(work, at), of_bias)), y, at)


def backward(
    f: Function, plan: Plan, x: Any, flipped: Any, dy: Any, dx: Any, dweight: Any, rows: Any, work: Any
) -> None:
    """dx = dy Wᵀ, float32, and dW += xᵀ dy.

    In fp32 dx is 0 where x is; `flipped` is (C_2, r·W), and dW is (r·W, C_2). Under bf16 dx is not masked yet,
    `flipped` is interleaved, dW is transposed, (C_2, r·W), and rows of x and dy from `rows` to `most_rows` become 0.
    """
    depth, columns = plan.depth(1), plan.channels[1]
    if plan.precision == "fp32":
        patches, gradient = Matrix(x, depth), Matrix(dy, columns)
        product(f, patches.transposed, gradient, Matrix(dweight, columns), depth, rows, columns, add=True)
        product(f, gradient, Matrix(flipped, depth), Matrix(dx, depth), rows, columns, depth, mask=patches)
        return
    most = plan.most_rows
    f.clear(x, f.times(rows, depth), most * depth, plan.dtype)
    f.clear(dy, f.times(rows, columns), most * columns)
    left, turned, right = work, f.shift(work, most * columns // 2), f.shift(work, most * columns)
    _halves(f, plan, dy, left, turned)
    _interleave(f, plan, x, right)
    with f.loop(f.quotient(f.add(rows, tiles.SIDE - 1), tiles.SIDE)) as block, f.loop(depth // tiles.SIDE) as column:
        row, at = f.times(block, tiles.SIDE), f.times(column, tiles.SIDE)
        sums = tiles.zero(f)
        for k, many in tiles.depths(columns):
            of_dy = tiles.load(f, left, f.add(f.times(row, columns), k), columns, depth=many)
            of_weight = tiles.load(f, flipped, f.add(f.times(at, 2), k * depth), 2 * depth, depth=many, right=True)
            sums = tiles.multiply(f, sums, of_dy, of_weight, depth=many)
        tiles.store(f, sums, dx, f.add(f.times(row, depth), at), depth)
    with f.loop(depth // tiles.SIDE) as column:
        at = f.times(column, tiles.SIDE)
        for row in range(0, columns, tiles.SIDE):
            place = f.add(at, row * depth)
            sums = tiles.load_sums(f, dweight, place, depth)
            for k, many in tiles.depths(most):
                of_dy = tiles.load(f, turned, row * most + k, most, depth=many)
                of_x = tiles.load(f, right, f.add(f.times(at, 2), k * depth), 2 * depth, depth=many, right=True)
                sums = tiles.multiply(f, sums, of_dy, of_x, depth=many)
            tiles.store(f, sums, dweight, place, depth)


def room(plan: Plan) -> int:
    """float32 that `work` needs."""
    depth, columns, most = plan.depth(1), plan.channels[1], plan.most_rows
    return most * columns + most * depth // 2


def _halves(f: Function, plan: Plan, dy: Any, left: Any, turned: Any) -> None:
    """dy in 16 bits, as it is and transposed."""
    columns, most = plan.channels[1], plan.most_rows
    with f.loop(most) as row:
        for column in range(0, columns, LANES):
            value = f.vector(dy, f.add(f.times(row, columns), column))
            f.store(value, left, f.add(f.times(row, columns), column), plan.dtype)
            f.scatter(value, turned, f.add(f.index(column * most), row), most)


def _interleave(f: Function, plan: Plan, x: Any, right: Any) -> None:
    """x as the right of a product: two rows, number by number."""
    depth = plan.depth(1)
    with f.loop(plan.most_rows // 2) as pair, f.loop(depth // LANES) as block:
        at = f.add(f.times(pair, 2 * depth), f.times(block, LANES))
        to = f.add(f.times(pair, 2 * depth), f.times(block, 2 * LANES))
        f.store_pairs(x, at, f.add(at, depth), right, to)


def _at_most(numbers: range, n: int) -> list[list[int]]:
    every = list(numbers)
    return [every[at : at + n] for at in range(0, len(every), n)]
