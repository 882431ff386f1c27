"""Models: each scores (user, item) by index, and all items for a user without gradients."""

from __future__ import annotations

from scipy.sparse import csr_array

from convncf.config import ModelConfig, Precision
from convncf.models.base import PairwiseModel, Sizes
from convncf.models.convncf import ConvNCF
from convncf.models.factorisation import MatrixFactorisation
from convncf.models.fused import FusedConvNCF
from convncf.models.item_similarity import EASE, ItemKNN, ItemModel
from convncf.models.popularity import Popularity

__all__ = [
    "EASE",
    "ConvNCF",
    "FusedConvNCF",
    "ItemKNN",
    "ItemModel",
    "MatrixFactorisation",
    "PairwiseModel",
    "Popularity",
    "build",
    "fitted",
]


def build(
    config: ModelConfig, n_users: int, n_items: int, precision: Precision = "fp32"
) -> PairwiseModel | ItemModel | Popularity:
    """The model that the configuration names, untrained. `precision` is of ConvNCF's products; others have none.

    Pretrained embeddings are not read here: whoever knows the raw ids hands them to `start_from`.
    """
    match config.name:
        case "popularity":
            return Popularity(n_users, n_items)
        case "itemknn":
            return ItemKNN(n_users, n_items, config.neighbours, config.shrinkage)
        case "ease":
            return EASE(n_users, n_items, config.ease_l2)
    config, sizes = config.model_copy(update={"train_method": "no_pretrain"}), Sizes(n_users, n_items)
    return MatrixFactorisation(config, sizes) if config.name == "mf-bpr" else FusedConvNCF(config, sizes, precision)


def fitted(config: ModelConfig, train: csr_array) -> ItemModel | Popularity:
    """A model that is computed from the training matrix (n_users, n_items) in one go: popularity, itemknn or ease."""
    model = build(config, *train.shape)
    if isinstance(model, PairwiseModel):
        raise TypeError(f"{config.name} is trained, not computed")
    return model.fit(train)
