"""ConvNCF without its interaction map: the same function and the same parameters, by reshapes and matrix products.

With kernel = stride, patches do not overlap, so a layer is one matrix product on patches laid out as rows. And layer 1
never needs p qᵀ, because on an outer product it is bilinear:

    out[c, a, b] = Σ_s Σ_t W[c, s, t] p[a·k + s] q[b·k + t] + bias[c]
                 = Σ_t G[t, a, c] q[b·k + t] + bias[c],     G[t, a, c] = Σ_s W[c, s, t] p[a·k + s]

G depends on the user alone and costs next to nothing, so ranking all items for a user is one thin product per item and
keeps nothing between users: there is no cache that could be out of date. The bias rides along as one more row of G,
which meets a 1 at the end of each piece of q.

Shapes: B pairs, N items, D embedding size, k and C kernel and channels of layer 1, A = D / k rows and as many columns
of its maps, r = kernel of layer 2, A' = A / r. A row is a = a'·r + s, a column b = b'·r + t.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convncf.config import layer_sizes
from convncf.models.convncf import ConvNCF
from convncf.models.interface import Subscriptable
from convncf.models.pairwise import scoring

_log = logging.getLogger(__name__)

# Floats of layer 1's output that a CPU works on at a time: few enough to stay in its cache until layer 2 has read them.
_RANKING_FLOATS = 2**19
_TRAINING_FLOATS = 2**21
_TIMES_ON_GPU = 64


class FusedConvNCF(ConvNCF):
    """ConvNCF on the fast path where kernel = stride in each layer; on the reference path, said once, elsewhere."""

    def __init__(self, config: Subscriptable, dataset: Any) -> None:
        super().__init__(config, dataset)
        plan = self.config
        self.fits = plan.cnn_kernels == plan.cnn_strides
        if not self.fits:
            _log.warning(
                "kernels %s differ from strides %s: this model takes the reference path, which is many times slower",
                list(plan.cnn_kernels),
                list(plan.cnn_strides),
            )
        self._sides = layer_sizes(plan.embedding_size, plan.cnn_kernels, plan.cnn_strides)  # A, A', …
        self._next = plan.cnn_kernels[1] if len(plan.cnn_kernels) > 1 else 1  # r; 1 where there is no layer 2

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,); differentiable."""
        if not self.fits:
            return super().forward(user, item)
        p, q = self.user_embedding(user), self.item_embedding(item)  # (B, D), (B, D)
        filters = self._filters()
        step = max(len(user), 1)
        if p.device.type == "cpu":
            step = min(max(_TRAINING_FLOATS // (self._sides[0] ** 2 * self.config.cnn_channels[1]), 32), 256)
        pooled = [
            self._pooled(*pair, filters) for pair in zip(torch.split(p, step), torch.split(q, step), strict=True)
        ]  # (≤step, C)
        return self.score_of(torch.cat(pooled)[:, :, None, None])  # (B, C, 1, 1) -> (B,)

    def score_items(self, user: int) -> Tensor:
        """Scores of every item for one user, (n_items,) float32 on the CPU; no gradient, no dropout.

        Items go in fixed pieces, so a user's scores do not depend on who was asked for before.
        """
        if not self.fits:
            return super().score_items(user)
        with scoring(self):
            return self._ranking_scores(user).float().cpu()

    def _pooled(self, p: Tensor, q: Tensor, filters: list[Tensor]) -> Tensor:
        """Last feature maps, summed over space: (B, D), (B, D) -> (B, C)."""
        size, k, side, rows = len(p), self.config.cnn_kernels[0], self._sides[0], self._sides[0] // self._next
        pieces = F.pad(q.view(size, 1, side, k), (0, 1), value=1.0)  # (B, 1, A, k+1)
        pieces = pieces.expand(size, rows, side, k + 1).reshape(size * rows, side, k + 1)  # (B·A', A, k+1)
        x = torch.bmm(pieces, self._fold_user(p)).relu_()  # (B·A', A, r·C): b', t and s, c, so patches lie whole
        x = x.view(size, rows, rows, self._next * x.shape[2])  # (B, A', B', (t, s, C))
        for depth, (layer, weight) in enumerate(zip(self.layers[1:], filters, strict=True), start=1):
            side, (width, channels) = self._sides[depth], weight.shape
            if depth > 1:
                k = layer.kernel_size[0]
                x = x.view(size, side, k, side, k, x.shape[3]).permute(0, 1, 3, 4, 2, 5)  # (B, A', B', t, s, C)
            patches = x.reshape(size * side * side, width)  # (B·A'·B', (t, s, C))
            x = torch.addmm(_bias(layer), patches, weight).relu_()  # (B·A'·B', C_out)
            x = x.view(size, side, side, channels)  # (B, A', B', C_out)
        return x.sum(dim=(1, 2))

    def _ranking_scores(self, user: int) -> Tensor:
        """Scores of all items for a user, (n_items,). Maps lie by row of the user, (A', N·B', C), and stay so."""
        q = self.item_embedding.weight  # (n_items, D)
        k, side = self.config.cnn_kernels[0], self._sides[0]
        user_side = self._fold_user(self.user_embedding.weight[user][None])  # (A', k+1, r·C)
        second = self._filters()[:1]  # [((t, s, C), C_out)], or [] where there is one layer
        step = _RANKING_FLOATS * (1 if q.device.type == "cpu" else _TIMES_ON_GPU) // (side * user_side.shape[2])
        step = 64 * max(1, min(step, self.n_items + 63) // 64)  # N

        # Made once and written again for each piece: fresh memory would cost more than the arithmetic. The last piece
        # is as long as the others, with items of the one before at its end: what a product of fewer rows adds up in
        # another order could depend on the number of threads.
        pieces = q.new_ones(step, side, k + 1)  # q cut into pieces of k, each with a 1 for the bias
        patches = q.new_empty(step * side, user_side.shape[2])  # one row of layer 1, as patches of layer 2
        upper = list(zip(self._sides, self.layers, strict=True))[len(second) :]
        maps = [q.new_empty(a, step * a, layer.out_channels) for a, layer in upper]  # (A', N·B', C) of each layer
        weight, bias = self.output.weight, self.output.bias  # (1, C), (1,)
        scores = q.new_empty(self.n_items)
        for start in range(0, self.n_items, step):
            items = q[start : start + step]  # (N, D); fewer in the last piece
            pieces[: len(items), :, :k] = items.view(len(items), side, k)
            rows_of_q = pieces.view(-1, k + 1)  # (N·A, k+1)
            for row, folded in zip(maps[0], user_side, strict=True):
                if second:
                    torch.mm(rows_of_q, folded, out=patches).relu_()  # (N·A, r·C): whole patches, (N·B', (t, s, C))
                    torch.addmm(_bias(self.layers[1]), patches.view(len(row), -1), second[0], out=row).relu_()
                else:
                    torch.mm(rows_of_q, folded, out=row).relu_()
            for layer, x, out in zip(self.layers[2:], maps, maps[1:], strict=False):
                _next_maps(layer, x, out)
            g = maps[-1].view(len(maps[-1]), step, len(maps[-1]), -1).sum(dim=(0, 2))  # (N, C)
            scores[start : start + step] = (g * weight).sum(dim=1)[: len(items)] + bias
        return scores

    def _filters(self) -> list[Tensor]:
        """Filters of each layer after the first, as matrices (k·k·C_in, C_out) with rows in the order (t, s, c)."""
        return [layer.weight.permute(3, 2, 1, 0).reshape(-1, layer.out_channels) for layer in self.layers[1:]]

    def _fold_user(self, p: Tensor) -> Tensor:
        """G, with the bias as its last row, for each row a' of layer 2: (B, D) -> (B·A', k+1, (s, C))."""
        layer, r = self.layers[0], self._next
        k, c = layer.kernel_size[0], layer.out_channels
        filters = layer.weight[:, 0].permute(1, 2, 0).reshape(k, k * c)  # (C, s, t) -> (s, (t, C))
        g = (p.reshape(len(p) * self._sides[0], k) @ filters).view(len(p) * self._sides[0] // r, r, k, c)
        bias = _bias(layer).expand(len(g), 1, r, c)
        g = torch.cat([g.transpose(1, 2), bias], dim=1)  # (B·A', k+1, s, C); here s is layer 2's
        return g.view(len(g), k + 1, r * c)


def _next_maps(layer: nn.Conv2d, x: Tensor, out: Tensor) -> None:
    """One layer on maps that lie by row, (A, N·B, C) -> (A', N·B', C_out): a patch's rows are k products, added up."""
    k = layer.kernel_size[0]
    filters = layer.weight.permute(2, 3, 1, 0).reshape(k, -1, layer.out_channels)  # (s, (t, C), C_out)
    patches = x.view(len(out), k, out.shape[1], -1)  # (A', s, N·B', (t, C))
    for row, patch in zip(out, patches, strict=True):
        torch.addmm(_bias(layer), patch[0], filters[0], out=row)
        for s in range(1, k):
            row.addmm_(patch[s], filters[s])
        row.relu_()


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
