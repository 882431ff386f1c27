"""The records of ItemKNN and EASE: their settings, presets, needs and abilities."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import Field

from convncf.config import ModelSettings, TrainConfig
from convncf.errors import DataError
from convncf.models import presets
from convncf.models.record import ModelRecord, Needed, Sizes, built_by
from convncf.runtime.memory import available_memory

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class ItemKNNSettings(ModelSettings):
    """Settings of ItemKNN."""

    name: Literal["itemknn"] = "itemknn"
    neighbours: int = Field(
        100, ge=1, title="Neighbours", description="Items that an item's score is summed over (itemknn)."
    )
    shrinkage: float = Field(
        10.0,
        ge=0,
        title="Shrinkage",
        description="Added below the cosine, so that similarities from few users count less (itemknn).",
    )


class EASESettings(ModelSettings):
    """Settings of EASE."""

    name: Literal["ease"] = "ease"
    ease_l2: float = Field(
        300.0, gt=0, title="L2 of EASE", description="Added to the diagonal of the item-item matrix (ease)."
    )


def _needed_by_itemknn(settings: ItemKNNSettings, train: TrainConfig, sizes: Sizes) -> Needed:
    """It keeps some similarities for each item."""
    return Needed(computed=12 * sizes.n_items * min(sizes.n_items, settings.neighbours))


_BYTES_OF_EASE: Final = 12
"""A pair of items: 8 to invert the matrix in its place, 4 for the weights."""


def _needed_by_ease(settings: EASESettings, train: TrainConfig, sizes: Sizes) -> Needed:
    """It inverts a matrix of items by items in float64, and keeps it in float32."""
    return Needed(computed=_BYTES_OF_EASE * sizes.n_items**2)


def _part_of_itemknn(settings: ItemKNNSettings, train: csr_array) -> tuple[csr_array, float]:
    """Its cost grows with the pairs of items that a user has: interactions²."""
    counts = np.diff(train.indptr).astype(np.float64)
    n = min(max(1, train.shape[0] // 10), train.shape[0])
    return train[:n], float((counts**2).sum() / max((counts[:n] ** 2).sum(), 1.0))


_EASE_ITEMS: Final = 1_000


def _part_of_ease(settings: EASESettings, train: csr_array) -> tuple[csr_array, float]:
    """Inverting costs items³."""
    n = min(_EASE_ITEMS, train.shape[1])
    return train[:, :n], float((train.shape[1] / n) ** 3)


def refuse_unless_it_fits(n_items: int, available: int | None = None) -> None:
    """Raises DataError where EASE's matrix of so many items would not fit in memory; `available` in bytes.

    Without `available`, what this machine has left is asked for; where it does not say, nothing is refused.
    """
    free = available_memory() if available is None else available
    needed = _BYTES_OF_EASE * n_items**2
    if free is not None and needed > free:
        raise DataError(
            f"EASE holds a matrix of items by items: for {n_items:,} items it needs {needed / 1e9:.1f} GB of memory, "
            f"and {free / 1e9:.1f} GB are free. Leave rare items out (data.min_item), or take itemknn."
        )


def _refuse_ease(settings: EASESettings, sizes: Sizes) -> None:
    refuse_unless_it_fits(sizes.n_items)


ITEMKNN = ModelRecord(
    name="itemknn",
    label="ItemKNN",
    sentence="items near those that the user has",
    tooltip="no learning of numbers: an item scores by how often the user's own items are had by the same people",
    settings=ItemKNNSettings,
    build=built_by("convncf.models.item_similarity:ItemKNN"),
    trained=False,
    presets=MappingProxyType(
        {
            "quick": presets.QUICK,
            "tuned": presets.QUICK | {"model.neighbours": 200, "model.shrinkage": 0.0},
            "paper": presets.PAPER,
            "recbole": presets.RECBOLE | {"model.shrinkage": 0.0},
        }
    ),
    first=("neighbours", "shrinkage"),
    needed=_needed_by_itemknn,
    part_to_time=_part_of_itemknn,
)
EASE = ModelRecord(
    name="ease",
    label="EASE",
    sentence="a linear autoencoder of a user's items",
    tooltip="a simple model: weights between items, such that each user's items add up to what the user has",
    settings=EASESettings,
    build=built_by("convncf.models.item_similarity:EASE"),
    trained=False,
    presets=MappingProxyType(
        {
            "quick": presets.QUICK,
            "tuned": presets.QUICK | {"model.ease_l2": 400.0},
            "paper": presets.PAPER,
            "recbole": presets.RECBOLE | {"model.ease_l2": 250.0},
        }
    ),
    first=("ease_l2",),
    needed=_needed_by_ease,
    part_to_time=_part_of_ease,
    refuse=_refuse_ease,
)
RECORDS = (ITEMKNN, EASE)
