"""Presets: named departures from the defaults, per model, split, stopping and evaluation included.

`recbole` repeats what RecBole 1.2.1 does for the model. `quick` trains to a useful model in two minutes on a laptop
without a GPU; its matrix factorisation is what did best on the validation part of movielens-small (`python -m
benchmarks.quality run tune-quick`). `tuned` is what did best on that of ml-100k (the studies tune-mf-bpr, tune-convncf
and tune-neighbours; docs/results.md has the tables). `paper` repeats the 2018 code, but for two habits of it that are
settings, off: it chose the epoch on the test part (eval.select_on=test) and spared the test items as negatives
(train.spared).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

_Values = dict[str, Any]

_RECBOLE_EVAL: Final[_Values] = {"eval.monitor": "MRR@10"}
_RECBOLE_TRAIN: Final[_Values] = {
    "train.epochs": 300,
    "train.patience": 10,
    "train.batch_size": 2048,
    "train.keep_every": 10,
}
_QUICK_EVAL: Final[_Values] = {"eval.monitor": "NDCG@10"}
_PAPER_EVAL: Final[_Values] = {
    "data.split": "leave-one-out",
    "eval.protocol": "candidates",
    "eval.negatives": 999,
    "eval.monitor": "NDCG@10",
}
_PAPER_TRAIN: Final[_Values] = {
    "model.penalty": "squared",
    "model.embedding_std": 0.01,
    "model.embedding_start": "truncated",
    "train.epochs": 1500,
    "train.batch_size": 512,
    "train.optimizer": "adagrad",
    "train.lr_embedding": 0.05,
    "train.adagrad_accumulator": 0.1,
    "train.keep_every": 10,
}
_QUICK_MF: Final[_Values] = {
    "model.embedding_size": 32,
    "model.penalty": "squared",
    "model.reg_weights": (1.5e-2, 0.0),
    "model.embedding_std": 0.1,
    "train.epochs": 80,
    "train.negatives": "dns",
    "train.dns_of": 4,
    "train.lr_embedding": 5e-3,
    "train.patience": 6,
    "train.validate_every": 4,
    "train.keep_every": 20,
}
_TUNED_TRAIN: Final[_Values] = {
    "model.embedding_size": 64,
    "model.penalty": "squared",
    "train.negatives": "dns",
    "train.dns_of": 4,
    "train.keep_every": 10,
}

PRESETS: Final = MappingProxyType(
    {
        ("recbole", "convncf"): _RECBOLE_EVAL | _RECBOLE_TRAIN,
        ("recbole", "mf-bpr"): _RECBOLE_EVAL
        | _RECBOLE_TRAIN
        | {"model.penalty": "squared", "model.reg_weights": (0.0, 0.0), "model.embedding_std": 0.02},
        ("recbole", "popularity"): _RECBOLE_EVAL,
        ("recbole", "itemknn"): _RECBOLE_EVAL | {"model.shrinkage": 0.0},
        ("recbole", "ease"): _RECBOLE_EVAL | {"model.ease_l2": 250.0},
        ("quick", "convncf"): _QUICK_EVAL
        | {
            "model.embedding_size": 32,
            "model.cnn_channels": (1, 16, 16, 16),
            "model.cnn_kernels": (4, 4, 2),
            "model.cnn_strides": (4, 4, 2),
            "model.dropout_prob": 0.0,
            "model.penalty": "squared",
            "model.reg_weights": (1.5e-2, 1e-2),
            "model.initialisation": "trace",
            "model.embedding_std": 0.1,
            "pretrain.epochs": 80,
            "pretrain.lr": 5e-3,
            "pretrain.l2": 1.5e-2,
            "pretrain.patience": 6,
            "pretrain.validate_every": 4,
            "train.epochs": 8,
            "train.negatives": "dns",
            "train.dns_of": 4,
            "train.lr_embedding": 1e-3,
            "train.lr_network": 3e-5,
            "train.patience": 4,
            "train.keep_every": 1,
            "eval.validation_users": 300,
        },
        ("quick", "mf-bpr"): _QUICK_EVAL | _QUICK_MF,
        ("quick", "popularity"): _QUICK_EVAL,
        ("quick", "itemknn"): _QUICK_EVAL,
        ("quick", "ease"): _QUICK_EVAL,
        ("tuned", "convncf"): _QUICK_EVAL
        | _TUNED_TRAIN
        | {
            "model.dropout_prob": 0.0,
            "model.reg_weights": (1e-2, 1e-2),
            "model.initialisation": "trace",
            "pretrain.epochs": 300,
            "pretrain.embedding_std": 0.1,
            "pretrain.lr": 2e-3,
            "pretrain.l2": 1e-2,
            "pretrain.patience": 15,
            "pretrain.validate_every": 1,
            "train.epochs": 30,
            "train.lr_embedding": 0.0,
            "train.lr_network": 1e-4,
            "train.patience": 6,
            "train.keep_every": 1,
        },
        ("tuned", "mf-bpr"): _QUICK_EVAL
        | _TUNED_TRAIN
        | {
            "model.reg_weights": (1e-2, 0.0),
            "model.embedding_std": 0.1,
            "train.lr_embedding": 2e-3,
            "train.patience": 15,
        },
        ("tuned", "popularity"): _QUICK_EVAL,
        ("tuned", "itemknn"): _QUICK_EVAL | {"model.neighbours": 200, "model.shrinkage": 0.0},
        ("tuned", "ease"): _QUICK_EVAL | {"model.ease_l2": 400.0},
        ("paper", "convncf"): _PAPER_EVAL
        | _PAPER_TRAIN
        | {
            "model.cnn_channels": (1, 32, 32, 32, 32, 32, 32),
            "model.cnn_kernels": (2, 2, 2, 2, 2, 2),
            "model.cnn_strides": (2, 2, 2, 2, 2, 2),
            "model.dropout_prob": 0.0,
            "model.reg_weights": (0.01, 1.0),
            "model.output_reg": 11.0,
            "model.penalised": "weights and biases",
            "model.initialisation": "paper",
            "pretrain.epochs": 500,
            "pretrain.batch_size": 512,
            "pretrain.lr": 0.05,
            "pretrain.l2": 0.01,
            "pretrain.embedding_std": 0.01,
            "train.gentle_epochs": 1,
            "train.lr_network": 0.05,
        },
        ("paper", "mf-bpr"): _PAPER_EVAL | _PAPER_TRAIN | {"model.reg_weights": (0.01, 0.0)},
        ("paper", "itemknn"): _PAPER_EVAL,
        ("paper", "ease"): _PAPER_EVAL,
        ("paper", "popularity"): _PAPER_EVAL,
    }
)
"""(preset, model) -> the settings that depart from the defaults, by dotted key."""


def preset_names(model: str) -> tuple[str, ...]:
    """Presets of a model, the one that new users should take first."""
    ours = ("quick", "tuned")
    return tuple(sorted((preset for preset, of in PRESETS if of == model), key=lambda name: (name not in ours, name)))
