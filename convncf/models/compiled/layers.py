"""Convolution layers in compiled loops, forward and backward: layer 1 folded with the user, layer 2, those above.

Lists of arrays begin with layer 2's.

Shapes as in plan.py; n patches, at most `plan.most_rows`. `work` is memory of this layer's own, under bf16 alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from convncf.models.compiled import products
from convncf.models.compiled.plan import Plan
from convncf.models.compiled.products import Matrix, add_rows, product
from convncf.models.compiled.vectors import LANES, Function

_BLOCK: Final = 4
"""Vectors of W that are worked on at a time: with k = 4, 20 registers hold the user's side of them."""


def fold(f: Function, plan: Plan, p: Any, filters: Any, bias: Any, folded: Any, users: Any) -> None:
    """G[a', t, (s, c)] = Σ_s' F[s', t, c] p[(a'·r + s)·k + s'], and the bias as its last row."""
    k, channels, width = plan.k, plan.channels[0], plan.width
    with f.loop(f.times(users, plan.rows)) as row, f.loop(plan.r) as s:
        segment = f.times(f.add(f.times(row, plan.r), s), k)
        here = f.add(f.times(row, (k + 1) * width), f.times(s, channels))
        numbers = [f.number(p, f.add(segment, i)) for i in range(k)]
        for c in range(0, channels, LANES):
            with f.loop(k) as t:
                total = f.splat(0.0)
                for i in range(k):
                    weight = f.vector(filters, f.add(f.times(f.add(t, i * k), channels), c))
                    total = f.fma(numbers[i], weight, total)
                f.store(total, folded, f.add(here, f.add(f.times(t, width), c)))
            f.store(f.vector(bias, c), folded, f.add(here, k * width + c))


def forward_one(f: Function, plan: Plan, q: Any, folded: Any, order: Any, x: Any, users: Any, items: Any) -> None:
    """x = ReLU(Σ_t G[t] q[t] + bias), a block of W at a time for all items of a user."""
    k, width = plan.k, plan.width
    with f.loop(users) as user, f.loop(plan.rows) as row:
        g = _of_row(f, plan, user, row)
        for block in _blocks(plan):
            side = [[f.vector(folded, f.add(g, t * width + j)) for j in block] for t in range(k + 1)]
            with f.loop(items) as item:
                pair = f.add(f.times(user, items), item)
                with f.loop(plan.rows) as column:
                    place = _place(f, plan, order, pair, row, column)
                    for t2 in range(plan.r):
                        segment = _segment(f, plan, pair, column, t2)
                        sums = side[k]
                        for t in range(k):
                            q_t = f.number(q, f.add(segment, t))
                            sums = [f.fma(q_t, of, so_far) for of, so_far in zip(side[t], sums, strict=True)]
                        for j, value in zip(block, sums, strict=True):
                            f.store(f.relu(value), x, f.add(place, t2 * width + j), plan.dtype)


def backward_one(
    f: Function,
    plan: Plan,
    q: Any,
    folded: Any,
    order: Any,
    x: Any,
    dx: Any,
    dq: Any,
    dfolded: Any,
    users: Any,
    items: Any,
) -> None:
    """Gradients of q and of G from that of x, float32."""
    k, width = plan.k, plan.width
    with f.loop(users) as user:
        with f.loop(plan.rows) as row:  # of G: sums over items and columns
            g = _of_row(f, plan, user, row)
            for block in _blocks(plan):
                sums = [[f.variable(f.splat(0.0)) for _ in block] for _ in range(k + 1)]
                with f.loop(items) as item:
                    pair = f.add(f.times(user, items), item)
                    with f.loop(plan.rows) as column:
                        place = _place(f, plan, order, pair, row, column)
                        for t2 in range(plan.r):
                            segment = _segment(f, plan, pair, column, t2)
                            values = [_through_relu(f, plan, x, dx, f.add(place, t2 * width + j)) for j in block]
                            for v, value in enumerate(values):
                                sums[k][v].value = f.plus(sums[k][v].value, value)
                            for t in range(k):
                                q_t = f.number(q, f.add(segment, t))
                                for v, value in enumerate(values):
                                    sums[t][v].value = f.fma(q_t, value, sums[t][v].value)
                for t in range(k + 1):
                    for v, j in enumerate(block):
                        f.store(sums[t][v].value, dfolded, f.add(g, t * width + j))
        with f.loop(items) as item:  # of q: sums over rows and W
            pair = f.add(f.times(user, items), item)
            with f.loop(plan.rows) as column, f.loop(plan.r) as t2:
                totals = [f.variable(f.splat(0.0)) for _ in range(k)]
                with f.loop(plan.rows) as row:
                    g = _of_row(f, plan, user, row)
                    here = f.add(_place(f, plan, order, pair, row, column), f.times(t2, width))
                    for j in range(0, width, LANES):
                        value = _through_relu(f, plan, x, dx, f.add(here, j))
                        for t in range(k):
                            of = f.vector(folded, f.add(g, t * width + j))
                            totals[t].value = f.fma(of, value, totals[t].value)
                segment = _segment(f, plan, pair, column, t2)
                for t in range(k):
                    f.store_number(f.total(totals[t].value), dq, f.add(segment, t))


def fold_backward(
    f: Function, plan: Plan, p: Any, dp: Any, filters: Any, dfolded: Any, dfilters: Any, dbias: Any, users: Any
) -> None:
    """Gradients of p, and added to what is there of filters and bias, from that of G."""
    k, channels, width = plan.k, plan.channels[0], plan.width
    with f.loop(f.times(users, plan.rows)) as row, f.loop(plan.r) as s:
        segment = f.times(f.add(f.times(row, plan.r), s), k)
        here = f.add(f.times(row, (k + 1) * width), f.times(s, channels))
        numbers = [f.number(p, f.add(segment, i)) for i in range(k)]
        totals = [f.variable(f.splat(0.0)) for _ in range(k)]
        with f.loop(k) as t:
            for c in range(0, channels, LANES):
                dg = f.vector(dfolded, f.add(here, f.add(f.times(t, width), c)))
                for i in range(k):
                    at = f.add(f.times(f.add(t, i * k), channels), c)
                    totals[i].value = f.fma(f.vector(filters, at), dg, totals[i].value)
                    f.store(f.fma(numbers[i], dg, f.vector(dfilters, at)), dfilters, at)
        for c in range(0, channels, LANES):
            dg = f.vector(dfolded, f.add(here, k * width + c))
            f.store(f.plus(dg, f.vector(dbias, c)), dbias, c)
        for i in range(k):
            f.store_number(f.total(totals[i].value), dp, f.add(segment, i))


def _through_relu(f: Function, plan: Plan, x: Any, dx: Any, at: Any) -> Any:
    """Gradient below layer 1's ReLU; in fp32 the product that made dx has applied it already."""
    value = f.vector(dx, at)
    return value if plan.precision == "fp32" else f.where_positive(f.vector(x, at, plan.dtype), value)


def _of_row(f: Function, plan: Plan, user: Any, row: Any) -> Any:
    """Where the rows of G that make row a' of patches begin."""
    return f.times(f.add(f.times(user, plan.rows), row), (plan.k + 1) * plan.width)


def _segment(f: Function, plan: Plan, pair: Any, column: Any, t: Any) -> Any:
    """Where the k numbers of q begin that make column t of the patches in column b'."""
    return f.times(f.add(f.times(f.add(f.times(pair, plan.rows), column), plan.r), t), plan.k)


def _place(f: Function, plan: Plan, order: Any, pair: Any, row: Any, column: Any) -> Any:
    """Where patch (row, column) of a pair begins in x."""
    patch = f.add(f.times(pair, plan.rows**2), f.integer(order, f.add(f.times(row, plan.rows), column)))
    return f.times(patch, plan.r * plan.width)


def _blocks(plan: Plan) -> list[list[int]]:
    """Where the vectors of W begin, in blocks that are worked on together."""
    starts = list(range(0, plan.width, LANES))
    size = max(1, min(_BLOCK, 24 // (plan.k + 1)))
    return [starts[at : at + size] for at in range(0, len(starts), size)]


def forward_two(f: Function, plan: Plan, x: Any, weight: Any, bias: Any, y: Any, rows: Any, work: Any) -> None:
    """y_2 = ReLU(x W + bias). `weight` is (r·W, C_2), under bf16 interleaved as `tiles.interleaved` has it."""
    depth, columns = plan.depth(1), plan.channels[1]
    if plan.precision == "fp32":
        left, right, out = Matrix(x, depth), Matrix(weight, columns), Matrix(y, columns)
        product(f, left, right, out, rows, depth, columns, bias=bias, relu=True)
        return
    with f.loop(f.quotient(f.add(rows, products.SIDE - 1), products.SIDE)) as block:
        row = f.times(block, products.SIDE)
        for chunk in _chunks(range(0, columns, products.SIDE), 4):
            sums = {column: products.zero(f) for column in chunk}
            for k, many in products.depths(depth):
                left = products.load(f, x, f.add(f.times(row, depth), k), depth, depth=many)
                for column in chunk:
                    right = products.load(f, weight, k * columns + 2 * column, 2 * columns, depth=many, right=True)
                    sums[column] = products.multiply(f, sums[column], left, right, depth=many)
            for column in chunk:
                products.store(f, sums[column], work, f.add(f.times(row, columns), column), columns)
    for column in range(0, columns, LANES):
        of_bias = f.vector(bias, column)
        with f.loop(rows) as row:
            at = f.add(f.times(row, columns), column)
            f.store(f.relu(f.plus(f.vector(work, at), of_bias)), y, at)


def backward_two(
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
    with (
        f.loop(f.quotient(f.add(rows, products.SIDE - 1), products.SIDE)) as block,
        f.loop(depth // products.SIDE) as column,
    ):
        row, at = f.times(block, products.SIDE), f.times(column, products.SIDE)
        sums = products.zero(f)
        for k, many in products.depths(columns):
            of_dy = products.load(f, left, f.add(f.times(row, columns), k), columns, depth=many)
            of_weight = products.load(f, flipped, f.add(f.times(at, 2), k * depth), 2 * depth, depth=many, right=True)
            sums = products.multiply(f, sums, of_dy, of_weight, depth=many)
        products.store(f, sums, dx, f.add(f.times(row, depth), at), depth)
    with f.loop(depth // products.SIDE) as column:
        at = f.times(column, products.SIDE)
        for row in range(0, columns, products.SIDE):
            place = f.add(at, row * depth)
            sums = products.load_sums(f, dweight, place, depth)
            for k, many in products.depths(most):
                of_dy = products.load(f, turned, row * most + k, most, depth=many)
                of_x = products.load(f, right, f.add(f.times(at, 2), k * depth), 2 * depth, depth=many, right=True)
                sums = products.multiply(f, sums, of_dy, of_x, depth=many)
            products.store(f, sums, dweight, place, depth)


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


def _chunks(numbers: range, n: int) -> list[list[int]]:
    """The numbers in chunks of at most n."""
    return [list(numbers[at : at + n]) for at in range(0, len(numbers), n)]


def forward_above(
    f: Function, plan: Plan, x: Any, weights: Sequence[Any], ys: Sequence[Any], pooled: Any, pairs: Any, work: Any
) -> None:
    """y_2 and up from x, and pooled, the sum of the last over space. `weights`: matrix and bias of each, in turn."""
    forward_two(f, plan, x, weights[0], weights[1], ys[0], f.times(pairs, plan.rows_of(1)), work)
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


def backward_above(
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
