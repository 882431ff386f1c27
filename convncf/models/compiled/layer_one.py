"""Layer 1 inside compiled loops: folded with the user, applied to items, and both backward. Shapes as in plan.py."""

from __future__ import annotations

from typing import Any, Final

from convncf.models.compiled.plan import Plan
from convncf.models.compiled.vectors import LANES, Function

_BLOCK: Final = 4
"""Vectors of W that are worked on at a time: with k = 4, 20 registers hold the user's side of them."""


def fold(f: Function, plan: Plan, p: Any, filters: Any, bias: Any, folded: Any, users: Any) -> None:
    """G[a', t, (s, c)] = Σ_s' F[s', t, c] p[(a'·r + s)·k + s'], and the bias as its last row."""
    k, channels, width = plan.k, plan.channels[0], plan.width
    with f.loop(f.times(users, plan.rows)) as row, f.loop(plan.r) as s:
        piece = f.times(f.add(f.times(row, plan.r), s), k)
        here = f.add(f.times(row, (k + 1) * width), f.times(s, channels))
        numbers = [f.number(p, f.add(piece, i)) for i in range(k)]
        for c in range(0, channels, LANES):
            with f.loop(k) as t:
                total = f.splat(0.0)
                for i in range(k):
                    weight = f.vector(filters, f.add(f.times(f.add(t, i * k), channels), c))
                    total = f.fma(numbers[i], weight, total)
                f.store(total, folded, f.add(here, f.add(f.times(t, width), c)))
            f.store(f.vector(bias, c), folded, f.add(here, k * width + c))


def forward(f: Function, plan: Plan, q: Any, folded: Any, order: Any, x: Any, users: Any, items: Any) -> None:
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
                        piece = _piece(f, plan, pair, column, t2)
                        sums = side[k]
                        for t in range(k):
                            q_t = f.number(q, f.add(piece, t))
                            sums = [f.fma(q_t, of, so_far) for of, so_far in zip(side[t], sums, strict=True)]
                        for j, value in zip(block, sums, strict=True):
                            f.store(f.relu(value), x, f.add(place, t2 * width + j), plan.dtype)


def backward(
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
                            piece = _piece(f, plan, pair, column, t2)
                            values = [_through_relu(f, plan, x, dx, f.add(place, t2 * width + j)) for j in block]
                            for v, value in enumerate(values):
                                sums[k][v].value = f.plus(sums[k][v].value, value)
                            for t in range(k):
                                q_t = f.number(q, f.add(piece, t))
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
                piece = _piece(f, plan, pair, column, t2)
                for t in range(k):
                    f.store_number(f.total(totals[t].value), dq, f.add(piece, t))


def fold_backward(
    f: Function, plan: Plan, p: Any, dp: Any, filters: Any, dfolded: Any, dfilters: Any, dbias: Any, users: Any
) -> None:
    """Gradients of p, and added to what is there of filters and bias, from that of G."""
    k, channels, width = plan.k, plan.channels[0], plan.width
    with f.loop(f.times(users, plan.rows)) as row, f.loop(plan.r) as s:
        piece = f.times(f.add(f.times(row, plan.r), s), k)
        here = f.add(f.times(row, (k + 1) * width), f.times(s, channels))
        numbers = [f.number(p, f.add(piece, i)) for i in range(k)]
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
            f.store_number(f.total(totals[i].value), dp, f.add(piece, i))


def _through_relu(f: Function, plan: Plan, x: Any, dx: Any, at: Any) -> Any:
    """Gradient below layer 1's ReLU; in fp32 the product that made dx has seen to it already."""
    value = f.vector(dx, at)
    return value if plan.precision == "fp32" else f.where_positive(f.vector(x, at, plan.dtype), value)


def _of_row(f: Function, plan: Plan, user: Any, row: Any) -> Any:
    """Where the part of G that makes row a' of patches begins."""
    return f.times(f.add(f.times(user, plan.rows), row), (plan.k + 1) * plan.width)


def _piece(f: Function, plan: Plan, pair: Any, column: Any, t: Any) -> Any:
    """Where the k numbers of q begin that make column t of the patches in column b'."""
    return f.times(f.add(f.times(f.add(f.times(pair, plan.rows), column), plan.r), t), plan.k)


def _place(f: Function, plan: Plan, order: Any, pair: Any, row: Any, column: Any) -> Any:
    """Where patch (row, column) of a pair begins in x."""
    patch = f.add(f.times(pair, plan.rows**2), f.integer(order, f.add(f.times(row, plan.rows), column)))
    return f.times(patch, plan.r * plan.width)


def _blocks(plan: Plan) -> list[list[int]]:
    """Where the vectors of W begin, in blocks that are worked on together."""
    every = list(range(0, plan.width, LANES))
    at_once = max(1, min(_BLOCK, 24 // (plan.k + 1)))
    return [every[at : at + at_once] for at in range(0, len(every), at_once)]
