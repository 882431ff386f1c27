"""Settings that the presets of several models share; each model's presets are in its record, by name.

`recbole` repeats what RecBole 1.2.1 does for the model. `quick` trains to a useful model in two minutes on a laptop
without a GPU; its matrix factorisation is what did best on the validation part of movielens-small (`python -m
benchmarks.quality run tune-quick`). `tuned` is what did best on that of ml-100k (the studies tune-mf-bpr, tune-convncf
and tune-neighbours; docs/results.md has the tables). `paper` repeats the 2018 code, but for two habits of it that are
settings, off by default: it chose the epoch on the test part (eval.select_on=test) and excluded the test items as
negatives (train.excluded_negatives).
"""

from __future__ import annotations

from typing import Any, Final

Preset = dict[str, Any]
"""Dotted key -> value."""

RECBOLE: Final[Preset] = {"eval.monitor": "MRR@10"}
RECBOLE_TRAINING: Final[Preset] = {
    "train.epochs": 300,
    "train.patience": 10,
    "train.batch_size": 2048,
    "train.keep_every": 10,
}
QUICK: Final[Preset] = {"eval.monitor": "NDCG@10"}
PAPER: Final[Preset] = {
    "data.split": "leave-one-out",
    "eval.protocol": "candidates",
    "eval.negatives": 999,
    "eval.monitor": "NDCG@10",
}
PAPER_TRAINING: Final[Preset] = {
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
TUNED_TRAINING: Final[Preset] = {
    "model.embedding_size": 64,
    "model.penalty": "squared",
    "train.negatives": "dns",
    "train.dns_candidates": 4,
    "train.keep_every": 10,
}
