"""Starts of the 2018 code (github.com/duxy-me/ConvNCF, ConvNCF.py): truncated normals, and biases of 0.1.

There, `weight_variable` draws tf.truncated_normal(stddev=0.1), for filters, output weights and the output's bias, and
`bias_variable` is 0.1, for the biases of the layers; embeddings are tf.truncated_normal(stddev=0.01). TensorFlow draws
again what lies beyond two standard deviations, so all values are the normal's within those: its standard deviation is
0.880 of the one given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor, nn

_SPREAD: Final = 0.1
_BIAS: Final = 0.1


@torch.no_grad()
def truncated_normal(tensor: Tensor, spread: float) -> Tensor:
    """Fill a tensor with N(0, spread²), nothing beyond two standard deviations, from torch's generator."""
    return nn.init.trunc_normal_(tensor, 0.0, spread, -2 * spread, 2 * spread)


@torch.no_grad()
def as_in_2018(layers: Iterable[nn.Conv2d], output: nn.Linear) -> None:
    """Give the network the start of the 2018 code; embeddings are not touched."""
    for layer in layers:
        truncated_normal(layer.weight, _SPREAD)
        if layer.bias is not None:
            layer.bias.fill_(_BIAS)
    truncated_normal(output.weight, _SPREAD)
    truncated_normal(output.bias, _SPREAD)
