"""Models: each scores (user, item) by index, and all items for a user without gradients.

A model's name, settings and abilities are in its record (`registry.records()`), which loads no torch; a class is loaded
when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convncf.models.base import PairwiseModel
    from convncf.models.convncf import ConvNCF
    from convncf.models.factorisation import MatrixFactorisation
    from convncf.models.fused import FusedConvNCF
    from convncf.models.item_similarity import EASE, ItemKNN, ItemModel
    from convncf.models.popularity import Popularity
    from convncf.models.records.convncf import ConvNCFSettings
    from convncf.models.records.factorisation import FactorisationSettings
    from convncf.models.records.item_similarity import EASESettings, ItemKNNSettings
    from convncf.models.records.popularity import PopularitySettings
    from convncf.models.registry import ModelConfig, build, fitted, model_names

_MODULES = {
    "base": ("PairwiseModel",),
    "convncf": ("ConvNCF",),
    "factorisation": ("MatrixFactorisation",),
    "fused": ("FusedConvNCF",),
    "item_similarity": ("EASE", "ItemKNN", "ItemModel"),
    "popularity": ("Popularity",),
    "records.convncf": ("ConvNCFSettings",),
    "records.factorisation": ("FactorisationSettings",),
    "records.item_similarity": ("EASESettings", "ItemKNNSettings"),
    "records.popularity": ("PopularitySettings",),
    "registry": ("ModelConfig", "build", "fitted", "model_names"),
}

__all__ = [
    "EASE",
    "ConvNCF",
    "ConvNCFSettings",
    "EASESettings",
    "FactorisationSettings",
    "FusedConvNCF",
    "ItemKNN",
    "ItemKNNSettings",
    "ItemModel",
    "MatrixFactorisation",
    "ModelConfig",
    "PairwiseModel",
    "Popularity",
    "PopularitySettings",
    "build",
    "fitted",
    "model_names",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"convncf.models.{module}"), name)
    raise AttributeError(f"module 'convncf.models' has no attribute {name!r}")
