"""ConvNCF: score a user-item pair by reading the outer product of two embeddings with a CNN.

He et al., "Outer Product-based Neural Collaborative Filtering", IJCAI 2018. Cited below by the paper's own headings.

Shapes: B pairs, D embedding size (the paper's K), C channels, k kernel size, H = W side of a feature map.

    p (B, D) ┐
             ├─ E = p qᵀ (B, 1, D, D) ─ conv, ReLU ─ (B, C, H, W) ─ … ─ Σ over space (B, C) ─ hᵀ · + b ─ score (B,)
    q (B, D) ┘

The network contains matrix factorisation: see `initialise_dot_product`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from convncf.config import refuse_unless_dot_product_fits
from convncf.models.abilities import LayeredModel
from convncf.models.base import Subscriptable, initialise_as_in_2018
from convncf.models.losses import squared_norm
from convncf.models.records.convncf import RECORD, ConvNCFSettings


class ConvNCF(LayeredModel):
    """The reference: every step is a method, and `forward` is their composition.

    Parameters come in RecBole's order: both embeddings, then weight and bias of each layer, then of the output. It is
    written to be read, and slow: `FusedConvNCF`, which `convncf.fit` trains, has the same weights and scores, and
    computes them many times as fast.

    `config` is a ModelConfig or anything subscriptable with RecBole's keys, `dataset` a Dataset, a Split, or anything
    with n_users and n_items or RecBole's num(field); a batch is anything subscriptable with tensors (B,) of indices.
    Raises ConfigError for a setting that cannot be, and PretrainingError for embeddings that do not fit.

    Example:
        >>> import convncf
        >>> data = convncf.datasets.load("movielens-small")
        >>> plan = {"embedding_size": 4, "cnn_channels": [1, 2, 2], "cnn_kernels": [2, 2], "cnn_strides": [2, 2]}
        >>> model = convncf.ConvNCF(plan, data)
        >>> model.score_items(0).shape
        torch.Size([9066])
    """

    name = RECORD.name
    settings = ConvNCFSettings
    config: ConvNCFSettings

    def __init__(self, config: Subscriptable, dataset: Any) -> None:
        super().__init__(config, dataset)
        plan = self.config
        channels = zip(plan.cnn_channels, plan.cnn_channels[1:], strict=False)
        self.cnn = nn.ModuleList(
            nn.Conv2d(c_in, c_out, kernel, stride)
            for (c_in, c_out), kernel, stride in zip(channels, plan.cnn_kernels, plan.cnn_strides, strict=True)
        )
        self.dropout = nn.Dropout(plan.dropout_prob)
        self.output = nn.Linear(plan.cnn_channels[-1], 1)
        if plan.initialisation == "dot product":
            self.initialise_dot_product()
        elif plan.initialisation == "paper":
            initialise_as_in_2018(self.layers, self.output)

    @property
    def layers(self) -> list[nn.Conv2d]:
        """The convolution layers, first to last."""
        return [layer for layer in self.cnn if isinstance(layer, nn.Conv2d)]

    def interaction_map(self, user: Tensor, item: Tensor) -> Tensor:
        """Outer product of the two embeddings, E = p ⊗ q = p qᵀ ("Interaction Map"): (B,), (B,) -> (B, 1, D, D)."""
        p = self.user_embedding(user)  # (B, D)
        q = self.item_embedding(item)  # (B, D)
        return torch.einsum("bi,bj->bij", p, q)[:, None]  # (B, 1, D, D)

    def feature_maps(self, interaction_map: Tensor) -> list[Tensor]:
        """Output of each layer, E' = ReLU(W * E + b) ("Hidden Layers"): (B, 1, D, D) -> one (B, C, H, W) a layer."""
        maps = [interaction_map]
        for layer in self.layers:
            maps.append(torch.relu(layer(maps[-1])))  # (B, C_in, H, W) -> (B, C_out, (H-k)/stride + 1, …)
        return maps[1:]

    def score_of(self, features: Tensor) -> Tensor:
        """Score from the last layer's maps, ŷ = hᵀg + b ("Prediction Layer"): (B, C, H, W) -> (B,).

        g is the sum over space, which changes nothing where the maps are 1×1, as in the paper.
        """
        g = features.sum(dim=(2, 3))  # (B, C)
        score: Tensor = self.output(self.dropout(g)).squeeze(-1)  # (B,)
        return score

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        return self.score_of(self.feature_maps(self.interaction_map(user, item))[-1])

    def weights(self) -> list[Tensor]:
        """The filters of each layer, then the output weights: what the L2 penalty is on."""
        return [*(layer.weight for layer in self.layers), self.output.weight]

    def reg_loss(self) -> Tensor:
        """L2 penalty that does not depend on the batch, shape [].

        Under penalty "squared" the output layer may have a coefficient of its own (`output_reg`), and biases may be
        penalised as well (`penalised`), as in the 2018 code (ConvNCF.py, `_regular`).
        """
        if self.config.penalty == "norms":
            return super().reg_loss()
        _, network_reg = self.config.reg_weights
        output_reg = network_reg if self.config.output_reg is None else self.config.output_reg
        filters = squared_norm(tensor for layer in self.layers for tensor in self._penalised(layer))
        return network_reg * filters + output_reg * squared_norm(self._penalised(self.output))

    def _penalised(self, layer: nn.Conv2d | nn.Linear) -> list[Tensor]:
        if self.config.penalised == "weights" or layer.bias is None:
            return [layer.weight]
        return [layer.weight, layer.bias]

    @torch.no_grad()
    def initialise_dot_product(self) -> None:
        """Make the network return exactly p·q, the trace of p qᵀ, and leave it free to learn more from there.

        The trace is the sum of the traces of the patches on the map's diagonal: each layer sums the diagonals of its
        patches, and the last sum is the whole trace. ReLU would lose a negative sum x, so two channels carry it,
        relu(x) and relu(-x), and the next layer's (+1, -1) puts it together again: x = relu(x) - relu(-x).

        The other channels start as torch initialises them, but with an output weight of exactly 0, so that the model
        begins as matrix factorisation. They still learn: the gradient of the score by an output weight is its channel's
        value, in general not 0; from the second step on, the gradient reaches their filters too.

        Raises LayerPlanError where a plan cannot carry it: it needs kernel = stride, an end at 1×1, and 2 channels.
        """
        plan = self.config
        refuse_unless_dot_product_fits(plan.embedding_size, plan.cnn_channels, plan.cnn_kernels, plan.cnn_strides)
        for depth, layer in enumerate(self.layers):
            diagonal = torch.eye(layer.kernel_size[0])  # (k, k)
            layer.weight[:2] = 0
            if layer.bias is not None:
                layer.bias[:2] = 0
            for channel, sign in ((0, 1.0), (1, -1.0)):
                layer.weight[channel, 0] = sign * diagonal
                if depth > 0:
                    layer.weight[channel, 1] = -sign * diagonal
        self.output.weight.zero_()
        self.output.bias.zero_()
        self.output.weight[0, 0], self.output.weight[0, 1] = 1.0, -1.0
