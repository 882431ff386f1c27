"""What loops are compiled for: the sizes of a plan, and the shapes that all of them share.

Shapes, as in `models/tower.py`: B users, M items to each of them, D embedding size, A columns of layer 1's maps,
k and C kernel and channels of layer 1, r kernel of layer 2, A' = A / r rows of its patches, W = r·C.

    G    (B, A', k+1, W)        layer 1 folded with the user
    x    (B, M, A'·A', r·W)     layer 1's maps as the patches that layer 2 reads; `order` (A'·A',) says where each lies
    y_l  (B·M·rows_l, C_l)      maps of layer l from 2 on; read as rows of k·k·C_l numbers, the patches of layer l + 1

Filters of layer 1 are (s, t, C), those of layer l are (k·k·C, C_l) as in `tower.matrices`. All is contiguous float32,
but under bf16 x, and what layer 2 multiplies, is bfloat16.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from convncf.config import Precision
from convncf.models.tower import Layers


@dataclass(frozen=True, slots=True)
class Plan(Layers):
    """What a kernel is compiled for."""

    group: int
    """Pairs whose maps of layer 1 are in the cache at a time; even."""
    precision: Precision = "fp32"
    """Of layer 2, which has most of the arithmetic."""

    @property
    def size(self) -> int:
        """D."""
        return self.k * self.side

    @property
    def dtype(self) -> torch.dtype:
        """Numbers of x."""
        return torch.float32 if self.precision == "fp32" else torch.bfloat16

    @property
    def most_rows(self) -> int:
        """Patches of layer 2 in a group, in whole tiles."""
        return -(-self.group * self.rows_of(1) // 32) * 32

    def rows_of(self, layer: int) -> int:
        """Rows that layer `layer`, counted from 0, leaves for one pair."""
        side = self.side
        for kernel in self.kernels[1 : layer + 1]:
            side //= kernel
        return side * side

    def depth(self, layer: int) -> int:
        """Numbers in a patch of layer `layer`."""
        return self.kernels[layer] ** 2 * self.channels[layer - 1]

    @property
    def above(self) -> range:
        """The layers above the first, counted from 0."""
        return range(1, len(self.kernels))
