"""The convolution layers of a plan with kernel = stride, as reshapes and matrix products.

Patches do not overlap, so a layer is one product on patches laid out as rows, and where its rows come out in the order
in which the next layer reads them, a view is all that lies between two layers. And layer 1 never needs p qᵀ, because on
an outer product it is bilinear:

    out[c, a, b] = Σ_s Σ_t W[c, s, t] p[a·k + s] q[b·k + t] + bias[c]
                 = Σ_t G[t, a, c] q[b·k + t] + bias[c],     G[t, a, c] = Σ_s W[c, s, t] p[a·k + s]

G depends on the user alone and costs next to nothing: for all items of a user it is computed once. The bias is one more
row of G, which meets a 1 at the end of each segment of q.

Shapes: B users, M items to each, D embedding size, k and C kernel and channels of layer 1, A = D / k rows and as many
columns of its maps, r = kernel of layer 2, A' = A / r, W = r·C. A row is a = a'·r + s, a column b = b'·r + t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convncf.config import layer_sizes


@dataclass(frozen=True, slots=True)
class Layers:
    """Sizes of a plan with kernel = stride in each layer."""

    side: int
    """A."""
    channels: tuple[int, ...]
    """Of each layer's maps."""
    kernels: tuple[int, ...]

    @property
    def k(self) -> int:
        """Kernel of layer 1."""
        return self.kernels[0]

    @property
    def r(self) -> int:
        """Kernel of layer 2; 1 where there is none."""
        return self.kernels[1] if len(self.kernels) > 1 else 1

    @property
    def rows(self) -> int:
        """A': rows of layer 2's patches."""
        return self.side // self.r

    @property
    def width(self) -> int:
        """W = r·C: numbers of layer 1 at one row of a patch of layer 2."""
        return self.r * self.channels[0]

    @property
    def maps(self) -> int:
        """Numbers of layer 1 for one pair."""
        return self.side**2 * self.channels[0]


@dataclass(frozen=True, slots=True)
class Geometry(Layers):
    """With the order of layer 2's patches in which the layers above need no more permutation."""

    order: Tensor
    """(A'·A',) where patch (a', b') lies: what one patch of layer 3 reads lies together, and so on upwards."""


def geometry(embedding_size: int, layers: Sequence[nn.Conv2d]) -> Geometry:
    """The geometry of layers with kernel = stride each."""
    kernels = [int(layer.kernel_size[0]) for layer in layers]
    sides = layer_sizes(embedding_size, kernels, kernels)
    order = torch.arange(sides[-1] ** 2).view(sides[-1], sides[-1])
    for k in reversed(kernels[2:]):
        inside = torch.arange(k * k).view(k, k)
        order = (order[:, None, :, None] * k * k + inside[None, :, None, :]).reshape(len(order) * k, -1)
    return Geometry(
        sides[0], tuple(layer.out_channels for layer in layers), tuple(kernels), order.reshape(-1).contiguous()
    )


def fold(shape: Geometry, p: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """G, with the bias as its last row, for each row a' of layer 2: (B, D) -> (B, A', k+1, (s, C)).

    `weight` (C, 1, k, k) and `bias` (C,) are those of layer 1.
    """
    k, r, c = shape.k, shape.r, shape.channels[0]
    filters = weight[:, 0].permute(1, 2, 0).reshape(k, k * c)  # (C, s, t) -> (s, (t, C))
    g = (p.reshape(len(p) * shape.side, k) @ filters).view(len(p), shape.rows, r, k, c)
    biases = bias.expand(len(p), shape.rows, 1, r, c)
    return torch.cat([g.transpose(2, 3), biases], dim=2).view(len(p), shape.rows, k + 1, r * c)  # here s is layer 2's


def matrices(weights: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Filters of layers 2 and up, (C_out, C, k, k) each, as matrices (k·k·C, C_out).

    Rows of layer 2 are in the order (t, s, C), as layer 1 leaves its patches; those above in the order (s, t, C).
    """
    return [w.permute(axes(layer)).reshape(-1, len(w)).to(dtype) for layer, w in enumerate(weights)]


def axes(layer: int) -> tuple[int, int, int, int]:
    """Order of axes in which filters (C_out, C, s, t) become the matrix of the layer, counted from 0 for layer 2."""
    return (3, 2, 1, 0) if layer == 0 else (2, 3, 1, 0)


def layer_one(shape: Geometry, q: Tensor, folded: Tensor) -> Tensor:
    """ReLU of layer 1 as patches of layer 2: q (B, M, D), G (B, A', k+1, W) -> (B, M, A'·A', r·W), patches by row."""
    users, items = q.shape[:2]
    segments = F.pad(q.reshape(users, items, 1, shape.side, shape.k), (0, 1), value=1.0)  # (B, M, 1, A, k+1)
    maps = torch.matmul(segments, folded[:, None]).relu_()  # (B, M, A', A, W): b', t and s, c, so patches lie whole
    return maps.view(users, items, shape.rows**2, shape.r * shape.width)


def layer_two(patches: Tensor, matrix: Tensor, bias: Tensor, inverse: Tensor) -> Tensor:
    """(B, A'·A', r·W), patches by row -> ReLU of layer 2, (B, A'·A', C_out), in the order in which layer 3 reads.

    `inverse` (A'·A',) says which patch lies where: the inverse permutation of `Geometry.order`.
    """
    out = torch.addmm(bias, patches.reshape(-1, patches.shape[2]), matrix).relu_()
    return out.view(len(patches), len(inverse), -1)[:, inverse]


def upper(maps: Tensor, filters: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Layers 3 and up, then the sum over space: (B, A'·A', C) in the order of `Geometry.order` -> (B, C_out)."""
    size = len(maps)
    for matrix, bias in zip(filters, biases, strict=True):
        maps = torch.addmm(bias, maps.reshape(-1, len(matrix)), matrix).relu_()
    return maps.view(size, -1, maps.shape[-1]).sum(dim=1)
