"""MF-BPR's record: its settings, presets, needs and abilities; and how it is trained before another model."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

from convncf.config import EmbeddingSettings, PretrainConfig
from convncf.errors import ConfigError
from convncf.models import presets
from convncf.models.record import ModelRecord, built_by, memory_of_embeddings


class FactorisationSettings(EmbeddingSettings):
    """Settings of MF-BPR."""

    name: Literal["mf-bpr"] = "mf-bpr"

    @classmethod
    def refuse_value(cls, field: str, value: Any, place: str) -> None:
        """There is no network, so a second weight would be ignored; a value that is no pair is left to the schema."""
        if field == "reg_weights" and isinstance(value, list | tuple) and len(value) == 2 and value[1] != 0:
            raise ConfigError(
                f"{place}setting model.reg_weights {list(value)}: the second weight is the network's, and mf-bpr has "
                f"none. Write {[value[0], 0]}."
            )


def pretraining_settings(settings: EmbeddingSettings, pretrain: PretrainConfig) -> FactorisationSettings:
    """Settings of the MF-BPR whose embeddings a model with these settings starts from."""
    return FactorisationSettings(
        embedding_size=settings.embedding_size,
        reg_weights=(pretrain.l2, 0.0),
        penalty="squared",
        embedding_std=pretrain.embedding_std,
        embedding_start=settings.embedding_start,
    )


PRESETS = MappingProxyType(
    {
        "quick": presets.QUICK
        | {
            "model.embedding_size": 32,
            "model.penalty": "squared",
            "model.reg_weights": (1.5e-2, 0.0),
            "model.embedding_std": 0.1,
            "train.epochs": 80,
            "train.negatives": "dns",
            "train.dns_candidates": 4,
            "train.lr_embedding": 5e-3,
            "train.patience": 6,
            "train.validate_every": 4,
            "train.keep_every": 20,
        },
        "tuned": presets.QUICK
        | presets.TUNED_TRAINING
        | {
            "model.reg_weights": (1e-2, 0.0),
            "model.embedding_std": 0.1,
            "train.lr_embedding": 2e-3,
            "train.patience": 15,
        },
        "paper": presets.PAPER | presets.PAPER_TRAINING | {"model.reg_weights": (0.01, 0.0)},
        "recbole": presets.RECBOLE
        | presets.RECBOLE_TRAINING
        | {"model.penalty": "squared", "model.reg_weights": (0.0, 0.0), "model.embedding_std": 0.02},
    }
)

RECORD = ModelRecord(
    name="mf-bpr",
    label="MF-BPR",
    sentence="the dot product of two embeddings",
    tooltip="a simpler model: a user's numbers times an item's, added up; trained so that used items come first",
    settings=FactorisationSettings,
    build=built_by("convncf.models.factorisation:MatrixFactorisation"),
    trained=True,
    presets=PRESETS,
    first=("embedding_size",),
    embeddings=True,
    interaction_map=True,
    memory=memory_of_embeddings,
)
RECORDS = (RECORD,)
