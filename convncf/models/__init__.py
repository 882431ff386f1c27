"""Models: each scores (user, item) by index, and all items for a user without gradients."""

from __future__ import annotations

from convncf.config import ModelConfig, Precision
from convncf.models.convncf import ConvNCF
from convncf.models.factorisation import MatrixFactorisation
from convncf.models.fused import FusedConvNCF
from convncf.models.interface import Sizes
from convncf.models.pairwise import PairwiseModel
from convncf.models.popularity import Popularity

__all__ = ["ConvNCF", "FusedConvNCF", "MatrixFactorisation", "PairwiseModel", "Popularity", "build"]


def build(config: ModelConfig, n_users: int, n_items: int, precision: Precision = "fp32") -> PairwiseModel | Popularity:
    """The model that the configuration names, untrained. `precision` is of ConvNCF's products; others have none.

    Pretrained embeddings are not read here: whoever knows the raw ids hands them to `start_from`.
    """
    if config.name == "popularity":
        return Popularity(n_users, n_items)
    config, sizes = config.model_copy(update={"train_method": "no_pretrain"}), Sizes(n_users, n_items)
    return MatrixFactorisation(config, sizes) if config.name == "mf-bpr" else FusedConvNCF(config, sizes, precision)
