"""The fast path as functions compiled for the processor at hand: all layers, both ways, a few pairs at a time.

In torch this is dozens of short operations that read and write memory again and again; here layer 1's maps, 32 KB
a pair at D = 64, are read by layer 2 while they are in a core's own cache, and never reach memory. Shapes as in
plan.py; G, dG, x, dx, dy_l and work are room for `plan.group` pairs, and so are y_l in ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from convncf.models.compiled import layers
from convncf.models.compiled.plan import Plan
from convncf.models.compiled.vectors import Function

Kernel = Callable[..., None]
"""Called with addresses, then counts."""


@cache
def fold(plan: Plan) -> Kernel:
    """(p, filters, bias, G; users): G from p (B, D)."""
    f = Function("p filters bias folded n_users")
    p, filters, bias, folded, users = f.arguments
    layers.fold(f, plan, p, filters, bias, folded, users)
    return f.compiled()


@cache
def rank(plan: Plan) -> Kernel:
    """(q, G, order, W_2, b_2, …, x, work, y_2, …, pooled; items): of one user, pooled (M, C) from q (M, D)."""
    n = len(plan.above)
    f = Function(f"q folded order{_names(plan, 'w', 'b')} x work{_names(plan, 'y')} pooled n_items")
    (q, folded, order), rest = f.arguments[:3], f.arguments[3:]
    weights, (x, work, *ys, pooled, items) = rest[: 2 * n], rest[2 * n :]
    with _groups(f, items, plan.group) as (first, count):
        layers.forward_one(f, plan, f.shift(q, f.times(first, plan.size)), folded, order, x, 1, count)
        to = f.shift(pooled, f.times(first, plan.channels[-1]))
        layers.forward_above(f, plan, x, weights, ys, to, count, work)
    return f.compiled()


@cache
def forward(plan: Plan) -> Kernel:
    """(p, filters, bias, q, order, W_2, b_2, …, G, x, work, y_2, …, pooled; users, items): y_l, pooled of a batch."""
    n = len(plan.above)
    names = f"{_names(plan, 'w', 'b')} folded x work{_names(plan, 'y')} pooled"
    f = Function(f"p filters bias q order{names} n_users n_items")
    (p, filters, bias, q, order), rest = f.arguments[:5], f.arguments[5:]
    weights, (folded, x, work, *ys, pooled, users, items) = rest[: 2 * n], rest[2 * n :]
    with _groups(f, users, plan.group // 2) as (first, count):
        pair = f.times(first, items)
        layers.fold(f, plan, f.shift(p, f.times(first, plan.size)), filters, bias, folded, count)
        layers.forward_one(f, plan, f.shift(q, f.times(pair, plan.size)), folded, order, x, count, items)
        to = f.shift(pooled, f.times(pair, plan.channels[-1]))
        layers.forward_above(f, plan, x, weights, _maps(f, plan, ys, pair), to, f.times(count, items), work)
    return f.compiled()


@cache
def backward(plan: Plan) -> Kernel:
    """Gradients of a batch from that of `pooled`, (B, M, C); those of parameters are added to what is there.

    (p, filters, bias, q, order, W_2ᵀ, …, y_2, …, dpooled, G, dG, x, dx, work, dy_2, …, dp, dq, dfilters, dbias, dW_2,
    db_2, …; users, items). `layer_two` says how W_2ᵀ and dW_2 lie.
    """
    n = len(plan.above)
    room, sums = f"folded dfolded x dx work{_names(plan, 'dy')}", _names(plan, "dw", "db")
    f = Function(
        f"p filters bias q order{_names(plan, 't')}{_names(plan, 'y')} dpooled {room} "
        f"dp dq dfilters dbias{sums} n_users n_items"
    )
    (p, filters, bias, q, order), rest = f.arguments[:5], f.arguments[5:]
    flipped, ys, rest = rest[:n], rest[n : 2 * n], rest[2 * n :]
    (dpooled, folded, dfolded, x, dx, work), dys, rest = rest[:6], rest[6 : 6 + n], rest[6 + n :]
    (dp, dq, dfilters, dbias), of_layers, (users, items) = rest[:4], rest[4 : 4 + 2 * n], rest[4 + 2 * n :]
    with _groups(f, users, plan.group // 2) as (first, count):
        pair, pairs = f.times(first, items), f.times(count, items)
        p, dp = (f.shift(array, f.times(first, plan.size)) for array in (p, dp))
        q, dq = (f.shift(array, f.times(pair, plan.size)) for array in (q, dq))
        grad = f.shift(dpooled, f.times(pair, plan.channels[-1]))
        layers.backward_above(f, plan, grad, flipped, _maps(f, plan, ys, pair), dys, of_layers, pairs)
        layers.fold(f, plan, p, filters, bias, folded, count)
        layers.forward_one(f, plan, q, folded, order, x, count, items)
        rows = f.times(pairs, plan.rows_of(1))
        layers.backward_two(f, plan, x, flipped[0], dys[0], dx, of_layers[0], rows, work)
        layers.backward_one(f, plan, q, folded, order, x, dx, dq, dfolded, count, items)
        layers.fold_backward(f, plan, p, dp, filters, dfolded, dfilters, dbias, count)
    return f.compiled()


@contextmanager
def _groups(f: Function, total: Any, at_once: int) -> Iterator[tuple[Any, Any]]:
    """`total` in groups: (the first, how many)."""
    with f.loop(f.quotient(f.add(total, at_once - 1), at_once)) as number:
        first = f.times(number, at_once)
        yield first, f.least(f.minus(total, first), at_once)


def _names(plan: Plan, *kinds: str) -> str:
    return "".join(f" {kind}{layer}" for layer in plan.above for kind in kinds)


def _maps(f: Function, plan: Plan, ys: list[Any], pair: Any) -> list[Any]:
    """y_l of the pairs from `pair` on."""
    return [
        f.shift(y, f.times(pair, plan.rows_of(layer) * plan.channels[layer]))
        for layer, y in zip(plan.above, ys, strict=True)
    ]
