"""Presets: named departures from the defaults, per model, split, stopping and evaluation included.

`recbole` repeats what RecBole 1.2.1 does for the model. `quick` trains to a useful model in two minutes on a
laptop without a GPU.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

_Values = dict[str, Any]

_RECBOLE_EVAL: Final[_Values] = {"data.split": "ratio", "eval.monitor": "MRR@10"}
_RECBOLE_TRAIN: Final[_Values] = {
    "train.epochs": 300,
    "train.patience": 10,
    "train.batch_size": 2048,
    "train.keep_every": 10,
}
_QUICK_EVAL: Final[_Values] = {"data.split": "ratio", "eval.monitor": "NDCG@10"}
_QUICK_MF: Final[_Values] = {
    "model.embedding_size": 32,
    "model.penalty": "squared",
    "model.reg_weights": (7e-3, 0.0),
    "model.embedding_std": 0.1,
    "train.epochs": 80,
    "train.lr_embedding": 5e-3,
    "train.patience": 6,
    "train.validate_every": 4,
    "train.keep_every": 20,
}

PRESETS: Final = MappingProxyType(
    {
        ("recbole", "convncf"): _RECBOLE_EVAL | _RECBOLE_TRAIN,
        ("recbole", "mf-bpr"): _RECBOLE_EVAL
        | _RECBOLE_TRAIN
        | {"model.penalty": "squared", "model.reg_weights": (0.0, 0.0), "model.embedding_std": 0.02},
        ("recbole", "popularity"): _RECBOLE_EVAL,
        ("quick", "convncf"): _QUICK_EVAL
        | {
            "model.embedding_size": 32,
            "model.cnn_channels": (1, 16, 16, 16),
            "model.cnn_kernels": (4, 4, 2),
            "model.cnn_strides": (4, 4, 2),
            "model.dropout_prob": 0.0,
            "model.penalty": "squared",
            "model.reg_weights": (7e-3, 1e-2),
            "model.initialisation": "trace",
            "model.embedding_std": 0.1,
            "pretrain.epochs": 80,
            "pretrain.lr": 5e-3,
            "pretrain.l2": 7e-3,
            "pretrain.patience": 6,
            "pretrain.validate_every": 4,
            "train.epochs": 8,
            "train.lr_embedding": 1e-3,
            "train.lr_network": 3e-5,
            "train.patience": 4,
            "train.keep_every": 1,
            "eval.validation_users": 300,
        },
        ("quick", "mf-bpr"): _QUICK_EVAL | _QUICK_MF,
        ("quick", "popularity"): _QUICK_EVAL,
    }
)
"""(preset, model) -> the settings that depart from the defaults, by dotted key."""


def preset_names(model: str) -> tuple[str, ...]:
    """Presets of a model, the one that new users should take first."""
    return tuple(sorted((preset for preset, of in PRESETS if of == model), key=lambda name: (name != "quick", name)))
