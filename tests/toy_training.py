"""Trainers of the checkerboard, and one whose validation is written down beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convncf import models
from convncf.config import EvalConfig, TrainConfig
from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import ratio_split
from convncf.models import ModelConfig
from convncf.runtime import random
from convncf.training import Trainer
from tests.worlds import checkerboard

EVAL = EvalConfig(ks=(10,), monitor="NDCG@10")


def toy_split(ratios: tuple[float, float, float] = (0.8, 0.1, 0.1)) -> Split:
    return ratio_split(Interactions.from_frame(checkerboard()), ratios, seed=1)


def toy_model(parts: Split, name: str = "mf-bpr", **settings: Any) -> Any:
    """D = 8, no penalty, small embeddings; ConvNCF has three layers of 2×2 with 4 channels."""
    random.seed_torch(1, "initialisation")
    network = {"cnn_channels": (1, 4, 4, 4), "cnn_kernels": (2, 2, 2), "cnn_strides": (2, 2, 2)}
    common = {"embedding_size": 8, "penalty": "squared", "reg_weights": (0.0, 0.0), "embedding_std": 0.1}
    config = ModelConfig(name, **common | (network if name == "convncf" else {}) | settings)
    return models.build(config, parts.interactions.n_users, parts.interactions.n_items)


def toy_trainer(
    parts: Split,
    model: Any,
    *,
    evaluation: EvalConfig = EVAL,
    stop: Any = None,
    progress: Any = None,
    restore: bool = False,
    **settings: Any,
) -> Trainer:
    """Three epochs at a rate of 0.01, unless the settings say otherwise; the model is left at its last step."""
    chosen = {"epochs": 3, "batch_size": 64, "lr_embedding": 1e-2, "lr_network": 1e-2} | settings
    config = TrainConfig.model_validate(chosen)
    return Trainer(model, parts, config, evaluation, seed=1, stop=stop, progress=progress, restore=restore)


class Scripted(nn.Module):
    """A model that only counts: its validation is what `script` says."""

    def __init__(self, parts: Split) -> None:
        super().__init__()
        self.n_users, self.n_items = parts.train.shape
        self.embedding = nn.Embedding(self.n_items, 1)

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor:
        loss: Tensor = self.embedding(interaction["item_id"]).square().sum()
        return loss

    def score_items(self, user: int) -> Tensor:
        return torch.zeros(self.n_items)


def script(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Let the validation of epoch n be values[n]."""

    def validate(self: Trainer, epoch: int) -> SimpleNamespace:
        return SimpleNamespace(metrics={"NDCG@10": values[epoch]}, n_users_evaluated=len(self.users))

    monkeypatch.setattr(Trainer, "_validate", validate)
