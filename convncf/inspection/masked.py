"""Scores of every item for one user where cells of the interaction map are masked, without making the maps.

Layer 1 is bilinear in p and q (models/tower.py), and stays so under a mask M on the map:

    out[c, a, b] = Σ_t G[b, t, a, c] q[b·k + t] + bias[c]
    G[b, t, a, c] = Σ_s W[c, s, t] p[a·k + s] M[a·k + s, b·k + t]

G still depends on the user alone; it only differs from column to column. So any mask costs what no mask costs, and
there is no need to know which windows it touches. Layer 2 is added up from the pieces of layer 1 that it reads, column
by column, which keeps them in a processor's cache.

Shapes: N items, D embedding size, as in models/tower.py k and C kernel and channels of layer 1, A columns of its maps,
r kernel of layer 2, A' = A / r, W = r·C, C' channels of layer 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from convncf import streams
from convncf.models import tower
from convncf.models.convncf import ConvNCF
from convncf.models.pairwise import scoring

_ITEMS: Final = 128
"""Items scored at a time."""


def masked_scores(model: ConvNCF, p: Tensor, q: Tensor, mask: Tensor) -> Tensor:
    """Scores of items under (p qᵀ) ∘ mask: (D,), (N, D), (D, D) -> (N,) float32 on the CPU; no gradient, no dropout.

    Where kernel and stride of a layer differ, or there is one layer, the maps are made after all, some at a time.
    """
    plan = model.config
    scores = torch.empty(len(q))
    with scoring(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        fits = plan.cnn_kernels == plan.cnn_strides and len(plan.cnn_kernels) > 1
        score = _by_columns(model, p, mask) if fits else _by_maps(model, p, mask)

        def work(piece: int) -> None:
            with torch.no_grad():
                rows = slice(piece * _ITEMS, (piece + 1) * _ITEMS)
                some = q[rows]  # (n, D)
                # the last piece is filled up: with fewer rows a sum could come out otherwise, and break a tie
                filled = torch.cat([some, some[-1:].expand(_ITEMS - len(some), -1)])
                scores[rows] = score(filled)[: len(some)].cpu()

        streams.share(work, -(-len(q) // _ITEMS))
    return scores


def _by_maps(model: ConvNCF, p: Tensor, mask: Tensor) -> Callable[[Tensor], Tensor]:
    """The reference: (n, D) -> (n,)."""

    def score(q: Tensor) -> Tensor:
        maps = torch.einsum("i,bj,ij->bij", p, q, mask)[:, None]  # (n, 1, D, D)
        return model.score_of(model.feature_maps(maps)[-1])

    return score


def _by_columns(model: ConvNCF, p: Tensor, mask: Tensor) -> Callable[[Tensor], Tensor]:
    """The same, (n, D) -> (n,), by the algebra at the top."""
    shape = tower.geometry(model.config)
    k, r, side, rows, width = shape.k, shape.r, shape.side, shape.rows, shape.width
    first, *above = model.layers
    matrices = tower.matrices([layer.weight for layer in above], torch.float32)
    biases = [layer.bias for layer in above if layer.bias is not None]
    inverse = torch.argsort(shape.order).to(p.device)
    assert first.bias is not None
    assert len(biases) == len(above)
    pieces, windows = p.view(side, k), mask.view(side, k, side, k)  # (A, s), (A, s, A, t)
    g = torch.einsum("cst,as,asbt->btac", first.weight[:, 0], pieces, windows)  # (A, k, A, C)
    folded = torch.cat([g, first.bias.expand(side, 1, side, -1)], dim=1).flatten(2)  # (A, k+1, A'·W), a row is (a', s)
    of_column = matrices[0].view(r, width, -1)  # (t, (s, C), C')

    def score(q: Tensor) -> Tensor:
        n = len(q)
        columns = F.pad(q.view(n, side, k), (0, 1), value=1.0).transpose(0, 1).contiguous()  # (A, n, k+1)
        patches = biases[0].repeat(rows, n * rows, 1)  # (b', (n, a'), C')
        for b in range(side):
            maps = torch.mm(columns[b], folded[b]).relu_()  # (n, A'·W)
            patches[b // r].addmm_(maps.view(n * rows, width), of_column[b % r])
        maps = patches.relu_().view(rows, n, rows, -1).permute(1, 2, 0, 3).reshape(n, rows * rows, -1)  # (n, A'·A', C')
        pooled = tower.upper(maps[:, inverse], matrices[1:], biases[1:])  # (n, C of the last layer)
        return model.score_of(pooled[..., None, None])

    return score
