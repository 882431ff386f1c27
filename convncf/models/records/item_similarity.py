"""The records of ItemKNN and EASE: their settings, presets, needs and abilities."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import Field

from convncf.config import ModelSettings, TrainConfig
from convncf.errors import DataError
from convncf.models import presets
from convncf.models.record import MemoryNeeds, ModelRecord, Sizes, built_by
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


def _itemknn_memory(settings: ItemKNNSettings, train: TrainConfig, sizes: Sizes) -> MemoryNeeds:
    """The similarities of each item's neighbours."""
    return MemoryNeeds(bytes_to_fit=12 * sizes.n_items * min(sizes.n_items, settings.neighbours))


_EASE_BYTES: Final = 12
"""Bytes for a pair of items: 8 to invert the matrix in place, 4 for the weights."""


def _ease_memory(settings: EASESettings, train: TrainConfig, sizes: Sizes) -> MemoryNeeds:
    """A matrix of items by items, inverted in float64 and kept in float32."""
    return MemoryNeeds(bytes_to_fit=_EASE_BYTES * sizes.n_items**2)


def _itemknn_timing_sample(settings: ItemKNNSettings, train: csr_array) -> tuple[csr_array, float]:
    """A tenth of the users; the time grows with the pairs of items that a user has: interactions²."""
    counts = np.diff(train.indptr).astype(np.float64)
    n = min(max(1, train.shape[0] // 10), train.shape[0])
    return train[:n], float((counts**2).sum() / max((counts[:n] ** 2).sum(), 1.0))


_EASE_SAMPLE: Final = 1_000
"""Items on which EASE is timed."""


def _ease_timing_sample(settings: EASESettings, train: csr_array) -> tuple[csr_array, float]:
    """The first items; the time of inverting grows with items³."""
    n = min(_EASE_SAMPLE, train.shape[1])
    return train[:, :n], float((train.shape[1] / n) ** 3)


def refuse_unless_it_fits(n_items: int, available: int | None = None) -> None:
    """Raises DataError where EASE's matrix of so many items would not fit in memory; `available` in bytes.

    Without `available`, the free memory of this machine counts; where it is unknown, nothing is refused.
    """
    free = available_memory() if available is None else available
    n_bytes = _EASE_BYTES * n_items**2
    if free is not None and n_bytes > free:
        raise DataError(
            f"EASE holds a matrix of items by items: for {n_items:,} items it needs {n_bytes / 1e9:.1f} GB of memory, "
            f"and {free / 1e9:.1f} GB are free. Drop rare items (data.min_item), or choose itemknn."
        )


def _refuse_ease(settings: EASESettings, sizes: Sizes) -> None:
    refuse_unless_it_fits(sizes.n_items)


ITEMKNN = ModelRecord(
    name="itemknn",
    label="ItemKNN",
    sentence="items similar to those that the user has",
    tooltip="no learning of numbers: an item scores high where the people who use it also use the user's own items",
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
    memory=_itemknn_memory,
    timing_sample=_itemknn_timing_sample,
)
EASE = ModelRecord(
    name="ease",
    label="EASE",
    sentence="a linear autoencoder of a user's items",
    tooltip="a simple model: weights between items, chosen so that each user's items predict one another",
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
    memory=_ease_memory,
    timing_sample=_ease_timing_sample,
    refuse=_refuse_ease,
)
RECORDS = (ITEMKNN, EASE)
