"""The fast path where it can be compiled (`pip install "convncf[fast]"`): chunks of a batch in streams.

Nothing large is kept for the backward pass: layer 1's maps would cost more to write to memory and read again than to
compute a second time. Gradients of parameters are added up in a fixed number of lanes, so they do not depend on how
many threads there are.

Shapes as in plan.py: B users, M items to each (in training 2: the positive and the negative).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from convncf.config import Precision
from convncf.models.compiled.plan import Plan
from convncf.models.tower import Geometry, Layers, axes, matrices
from convncf.runtime import threads

COMPILER: Final = find_spec("llvmlite") is not None
"""Whether llvmlite is installed."""

if COMPILER:
    from convncf.models.compiled import kernels, layers, products

LANES: Final = 16
"""Sums of gradients that are kept apart until the end; more threads than lanes would not help."""
_CACHE: Final = 2**18
"""Bytes of layer 1's maps that are worked on at a time: they stay in a core's own cache until layer 2 has read them."""

_log = logging.getLogger(__name__)
_own = threading.local()


def available(precision: Precision = "fp32") -> bool:
    """Whether loops can be compiled here: llvmlite is installed, and for bf16 the processor has tiles."""
    return COMPILER and (precision == "fp32" or products.available())


class CompiledTower:
    """Last feature maps, summed over space, of one plan."""

    def __init__(self, shape: Geometry, precision: Precision) -> None:
        filled = Layers(shape.side, tuple(map(_whole, shape.channels)), shape.kernels)
        group = max(2, min(32, _CACHE // (4 * filled.maps) // 2 * 2))
        self.shape = shape
        self.plan = Plan(filled.side, filled.channels, filled.kernels, group, precision)

    @classmethod
    def of(cls, shape: Geometry, precision: Precision) -> CompiledTower | None:
        """The tower, or None where it cannot be compiled and plain torch (`tower.py`) is used."""
        if len(shape.kernels) < 2 or not available(precision):
            return None
        compiled = cls(shape, precision)
        try:
            kernels.fold(compiled.plan)
        except RuntimeError as error:  # a processor that this LLVM does not know, say
            _log.warning("the fast path cannot be compiled here: %s", error)
            return None
        return compiled

    def of_user(self, p: Tensor, parameters: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
        """A function from items (M, D) to (M, C), for one user, (1, D); streams may share it."""
        plan, weights = self.plan, Weights(parameters, self.plan.precision)
        folded = torch.empty(1, plan.rows, plan.k + 1, plan.width)
        kernels.fold(plan)(*_addresses(p, weights.filters, weights.biases[0], folded), 1)

        def pooled(q: Tensor) -> Tensor:
            sums = torch.empty(len(q), plan.channels[-1])
            room = self.room("x", "work", *(f"y{layer}" for layer in plan.above))
            arrays = (q, folded, self.shape.order, *weights.above, *room, sums)
            kernels.rank(plan)(*_addresses(*arrays), len(q))
            return sums[:, : self.shape.channels[-1]]

        return pooled

    def pooled(self, p: Tensor, q: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """(B, D), (B, M, D) -> (B, M, C); differentiable. `parameters`: weight and bias of each layer, in turn."""
        pooled: Tensor = _Pooled.apply(self, p, q, *parameters)  # type: ignore[no-untyped-call]
        return pooled[..., : self.shape.channels[-1]]

    def room(self, *names: str) -> list[Tensor]:
        """This thread's own memory for `group` pairs: fresh memory would cost more than the arithmetic."""
        held: dict[tuple[Any, ...], Tensor] = _own.__dict__.setdefault("held", {})
        for name in names:
            if (self.plan, name) not in held:
                held[self.plan, name] = torch.empty(self._numbers(name))
        return [held[self.plan, name] for name in names]

    def _numbers(self, name: str) -> int:
        """float32 in the room of that name."""
        plan = self.plan
        if name == "work":
            return layers.room(plan) if plan.precision == "bf16" else 0
        if name.endswith("g"):
            return plan.group * plan.rows * (plan.k + 1) * plan.width
        if name.endswith("x"):
            return plan.most_rows * plan.depth(1)
        layer = int(name.lstrip("dy"))
        return max(plan.group * plan.rows_of(layer), plan.most_rows if layer == 1 else 0) * plan.channels[layer]


class Weights:
    """Parameters as the kernels take them: filters of layer 1 (s, t, C), of the others (k·k·C, C_out).

    Channels are filled up to whole vectors of 16 with zeros: such a channel is 0, and gives 0 to the layer above.
    """

    def __init__(self, parameters: Sequence[Tensor], precision: Precision) -> None:
        self.shapes = [parameter.shape for parameter in parameters]
        parameters = [_filled(parameter.detach(), first=not number) for number, parameter in enumerate(parameters)]
        self.of_layers, self.biases, self.precision = parameters[::2], parameters[1::2], precision
        self.filters = self.of_layers[0][:, 0].permute(1, 2, 0).contiguous()
        self.layers = [matrix.contiguous() for matrix in matrices(self.of_layers[1:], torch.float32)]
        first = products.interleaved(self.layers[0]) if precision == "bf16" else self.layers[0]
        self.above = [t for pair in zip([first, *self.layers[1:]], self.biases[1:], strict=True) for t in pair]
        """Matrix and bias of each layer above the first, as they are multiplied."""

    @property
    def flipped(self) -> list[Tensor]:
        """The matrices transposed, as gradients are multiplied by them."""
        transposed = [matrix.t().contiguous() for matrix in self.layers]
        return [products.interleaved(transposed[0]), *transposed[1:]] if self.precision == "bf16" else transposed

    def zeros(self) -> list[Tensor]:
        """Room for the gradients of filters, first bias, then matrix and bias of each layer above."""
        sums = [torch.zeros(t.shape) for t in (self.filters, *self.layers)]
        if self.precision == "bf16":
            sums[1] = torch.zeros(self.layers[0].t().shape)
        return [t for matrix, bias in zip(sums, self.biases, strict=True) for t in (matrix, torch.zeros(bias.shape))]

    def as_parameters(self, sums: Sequence[Tensor]) -> list[Tensor]:
        """Such gradients in the shapes of the parameters."""
        gradients = [sums[0].permute(2, 0, 1)[:, None], sums[1]]
        sums = [sums[0], sums[1], sums[2].t().contiguous() if self.precision == "bf16" else sums[2], *sums[3:]]
        for layer, (weight, matrix, bias) in enumerate(zip(self.of_layers[1:], sums[2::2], sums[3::2], strict=True)):
            order = axes(layer)
            back = [order.index(axis) for axis in range(4)]
            gradients += [matrix.view([weight.shape[axis] for axis in order]).permute(back), bias]
        return [
            g[: shape[0], : shape[1]] if g.dim() > 1 else g[: shape[0]]
            for g, shape in zip(gradients, self.shapes, strict=True)
        ]


class _Pooled(torch.autograd.Function):
    """`CompiledTower.pooled`."""

    @staticmethod
    def forward(ctx: Any, tower: CompiledTower, p: Tensor, q: Tensor, *parameters: Tensor) -> Tensor:
        p, q, plan = p.contiguous(), q.contiguous(), tower.plan
        weights = Weights(parameters, plan.precision)
        users, items = q.shape[:2]
        assert items <= 2, "a group has room for two items to each user"
        pooled = torch.empty(users, items, plan.channels[-1])
        maps = [torch.empty(users, items, plan.rows_of(layer), plan.channels[layer]) for layer in plan.above]
        lane = _lanes(plan, users)

        def work(number: int) -> None:
            rows = slice(number * lane, (number + 1) * lane)
            arrays = (weights.filters, weights.biases[0], q[rows], tower.shape.order, *weights.above)
            outputs = (*(y[rows] for y in maps), pooled[rows])
            kernels.forward(plan)(
                *_addresses(p[rows], *arrays, *tower.room("g", "x", "work"), *outputs), len(p[rows]), items
            )

        threads.share(work, -(-users // lane))
        ctx.tower, ctx.weights, ctx.maps = tower, weights, maps
        ctx.save_for_backward(p, q)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        tower, weights, maps, (p, q) = ctx.tower, ctx.weights, ctx.maps, ctx.saved_tensors
        plan, grad = tower.plan, grad.contiguous()
        dp, dq = torch.empty_like(p), torch.empty_like(q)
        flipped = weights.flipped
        lane = _lanes(plan, len(p))
        sums: list[list[Tensor]] = [[] for _ in range(-(-len(p) // lane))]

        def work(number: int) -> None:
            rows = slice(number * lane, (number + 1) * lane)
            sums[number] = weights.zeros()
            room = tower.room("g", "dg", "x", "dx", "work", *(f"dy{layer}" for layer in plan.above))
            arrays = (p[rows], weights.filters, weights.biases[0], q[rows], tower.shape.order, *flipped)
            outputs = (*(y[rows] for y in maps), grad[rows], *room, dp[rows], dq[rows], *sums[number])
            kernels.backward(plan)(*_addresses(*arrays, *outputs), len(p[rows]), q.shape[1])

        threads.share(work, len(sums))
        of_parameters = [torch.stack(lanes).sum(dim=0) for lanes in zip(*sums, strict=True)]
        return None, dp, dq, *weights.as_parameters(of_parameters)


def _whole(channels: int) -> int:
    return -(-channels // 16) * 16


def _filled(parameter: Tensor, *, first: bool) -> Tensor:
    """A bias (C,) or filters (C_out, C, k, k) in whole vectors of channels; what layer 1 reads stays one channel."""
    after = _whole(len(parameter)) - len(parameter)
    if parameter.dim() == 1:
        return F.pad(parameter, (0, after)) if after else parameter
    before = 0 if first else _whole(parameter.shape[1]) - parameter.shape[1]
    return F.pad(parameter, (0, 0, 0, 0, 0, before, 0, after)) if before or after else parameter


def _lanes(plan: Plan, users: int) -> int:
    """Users of a lane: whole groups, so that no group depends on the number of lanes."""
    group_users = plan.group // 2
    return group_users * max(1, -(-users // (LANES * group_users)))


def _addresses(*tensors: Tensor) -> list[int]:
    assert all(tensor.is_contiguous() for tensor in tensors)
    return [tensor.data_ptr() for tensor in tensors]
