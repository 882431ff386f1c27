"""ConvNCF without its interaction map: the same function and the same parameters, many times faster.

The layers have two implementations, and a test holds both equal to the readable `convncf.py`: loops compiled for the
processor (`compiled/`), where the package's `fast` extra is installed and the plan suits them; plain torch (`tower.py`)
elsewhere, on a GPU above all. Neither caches anything between two calls that could be out of date.

Shapes: B pairs or triples, U users, N items, D embedding size, C channels of the last layer.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Self

import torch
from torch import Tensor

from convncf.config import Precision
from convncf.models import tower
from convncf.models.base import Subscriptable, scoring
from convncf.models.compiled.tower import CompiledTower, available
from convncf.models.convncf import ConvNCF
from convncf.models.record import Sizes
from convncf.models.records.convncf import ConvNCFSettings
from convncf.runtime import threads

_log = logging.getLogger(__name__)

_ITEMS: Final = 256
"""Items that a stream scores at a time."""
_CPU_FLOATS: Final = 2**21
"""Numbers of layer 1 that plain torch works on at a time on a CPU: few enough to stay in its cache."""
_GPU_FLOATS: Final = 2**28
"""The same on a GPU, where they only have to fit in its memory."""


class FusedConvNCF(ConvNCF):
    """ConvNCF on the fast path where kernel = stride in each layer; elsewhere on the reference path, with a warning."""

    def __init__(self, config: Subscriptable, dataset: Any, precision: Precision = "fp32") -> None:
        super().__init__(config, dataset)
        plan = self.config
        self.precision = precision
        self.fits = plan.cnn_kernels == plan.cnn_strides
        if not self.fits:
            _log.warning(
                "kernels %s differ from strides %s: this model takes the reference path, which is many times slower",
                list(plan.cnn_kernels),
                list(plan.cnn_strides),
            )
            return
        self._shape = tower.geometry(plan.embedding_size, self.layers)
        self._inverse: Tensor
        self.register_buffer("_inverse", torch.argsort(self._shape.order), persistent=False)
        self._tower = CompiledTower.of(self._shape, precision)
        if self._tower is None:
            _log.info("fast path: plain torch, because %s", _why_not(self._shape))
        else:
            _log.info("fast path: compiled for this processor, %s", precision)

    @classmethod
    def of(cls, settings: ConvNCFSettings, sizes: Sizes, precision: Precision) -> Self:
        """By settings. Pretrained embeddings are not read here: callers with the raw ids call `start_from`."""
        return cls(settings.model_copy(update={"train_method": "no_pretrain"}), sizes, precision)

    @property
    def computed_in(self) -> Precision:
        """bf16 where the fast path rounds to it; the reference path does not."""
        return self.precision if self.fits else "fp32"

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,); differentiable."""
        if not self.fits:
            return super().forward(user, item)
        pooled = self._pooled(self.user_embedding(user), self.item_embedding(item)[:, None])  # (B, 1, C)
        return self.score_of(pooled[:, 0, :, None, None])

    def triple_scores(self, user: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of a batch's positives and negatives, (B,) each; the user's side of both is computed once."""
        if not self.fits:
            return super().triple_scores(user, positive, negative)
        items = self.item_embedding(torch.stack([positive, negative], dim=1))  # (B, 2, D)
        pooled = self._pooled(self.user_embedding(user), items)[..., None, None]  # (B, 2, C, 1, 1)
        return self.score_of(pooled[:, 0]), self.score_of(pooled[:, 1])

    def scores_of(self, user: Tensor, items: Tensor) -> Tensor:
        """Scores of several items for each user: (B,), (B, n) -> (B, n); each two items share the user's side."""
        if not self.fits:
            return super().scores_of(user, items)
        pairs = items if items.shape[1] % 2 == 0 else torch.cat([items, items[:, -1:]], dim=1)  # (B, 2m)
        half = pairs.shape[1] // 2
        p = self.user_embedding(user).repeat_interleave(half, dim=0)  # (B·m, D)
        pooled = self._pooled(p, self.item_embedding(pairs.view(-1, 2)))  # (B·m, 2, C)
        return self.score_of(pooled.flatten(0, 1)[..., None, None]).view(pairs.shape)[:, : items.shape[1]]

    def score_items(self, user: int) -> Tensor:
        """Scores of every item for one user, (n_items,) float32 on the CPU; no gradient, no dropout."""
        if not self.fits:
            return super().score_items(user)
        if self.device != "cpu":
            return self.score_users(torch.tensor([user], device=self.device))[0].cpu()
        with scoring(self):
            scores = torch.empty(self.n_items)
            p, compiled = self.user_embedding.weight[user][None].detach(), self._compiled
            parameters = self._layer_parameters()
            pooled = compiled.of_user(p, parameters) if compiled else lambda q: self._plain(p, q[None])[0]

            def work(chunk: int) -> None:
                with torch.no_grad():
                    rows = slice(chunk * _ITEMS, (chunk + 1) * _ITEMS)
                    q = self.item_embedding.weight[rows].detach()  # (N, D)
                    scores[rows] = self._scores(pooled(q))  # (N, C) -> (N,)

            threads.share(work, -(-self.n_items // _ITEMS))
        return scores

    def score_users(self, users: Tensor) -> Tensor:
        """Scores of all items for several users, (U,) -> (U, n_items) float32 on the model's device, without a wait."""
        if not self.fits or self.device == "cpu":
            return super().score_users(users)
        return self._score_users(users)

    def _score_users(self, users: Tensor) -> Tensor:
        with scoring(self):
            p = self.user_embedding(users)  # (U, D)
            step = max(1, _GPU_FLOATS // (self._shape.maps * max(len(users), 1)))
            chunks = [
                self._scores(self._plain(p, q[None].expand(len(p), -1, -1)))  # (U, ≤step)
                for q in torch.split(self.item_embedding.weight, step)
            ]
            return torch.cat(chunks, dim=1)

    # ------------------------------------------------------------ inside

    @property
    def _compiled(self) -> CompiledTower | None:
        """The compiled tower, where the present weights allow it: float32, on the CPU."""
        weight = self.item_embedding.weight
        return self._tower if weight.device.type == "cpu" and weight.dtype is torch.float32 else None

    def _scores(self, pooled: Tensor) -> Tensor:
        """(…, C) -> (…), without dropout."""
        return (pooled * self.output.weight[0]).sum(dim=-1) + self.output.bias

    def _layer_parameters(self) -> list[Tensor]:
        return [parameter for layer in self.layers for parameter in (layer.weight, _bias(layer))]

    def _pooled(self, p: Tensor, q: Tensor) -> Tensor:
        """Last feature maps, summed over space: (B, D), (B, M, D) -> (B, M, C) float32; differentiable."""
        if not len(p):
            return p.new_zeros(*q.shape[:2], self.config.cnn_channels[-1])
        if compiled := self._compiled:
            return compiled.pooled(p, q, self._layer_parameters())
        if p.device.type != "cpu":
            return self._plain(p, q)
        step = min(max(_CPU_FLOATS // (self._shape.maps * q.shape[1]), 16), 256)
        chunks = zip(torch.split(p, step), torch.split(q, step), strict=True)
        return torch.cat([self._plain(*chunk) for chunk in chunks])

    def _plain(self, p: Tensor, q: Tensor) -> Tensor:
        """The same in plain torch, all at once: (B, D), (B, M, D) -> (B, M, C)."""
        dtype = torch.bfloat16 if self.precision == "bf16" else p.dtype
        weights = self._layer_parameters()
        shape, items = self._shape, q.shape[1]
        filters, biases = tower.matrices(weights[2::2], dtype), [bias.to(dtype) for bias in weights[3::2]]
        folded = tower.fold(shape, p, weights[0], weights[1]).to(dtype)  # (B, A', k+1, W)
        maps = tower.layer_one(shape, q.to(dtype), folded).flatten(0, 1)  # (B·M, A'·A', r·W)
        if filters:
            maps = tower.layer_two(maps, filters[0], biases[0], self._inverse)  # (B·M, A'·A', C)
        return tower.upper(maps, filters[1:], biases[1:]).view(len(p), items, -1).to(p.dtype)


def _bias(layer: torch.nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _why_not(shape: tower.Geometry) -> str:
    """Why a plan is not compiled."""
    if not available():
        return 'llvmlite is not installed (pip install "convncf[fast]")'
    return "it has one layer" if len(shape.kernels) < 2 else "the processor has no tiles"
