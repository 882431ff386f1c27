"""Schedules: the learning rates of an epoch, as a function of the epoch alone, so that resuming finds the same."""

from __future__ import annotations

import math

from convncf.config import TrainConfig


def share(config: TrainConfig, epoch: int) -> float:
    """Share of the learning rates in an epoch, counted from 1: 1 in the first, `lr_floor` in the last.

    linear: in equal steps. cosine: half a wave, slow at both ends (Loshchilov and Hutter, "SGDR", ICLR 2017, eq. 5).
    A training of one epoch has the whole rate.
    """
    if config.schedule == "constant" or config.epochs < 2:
        return 1.0
    along = min(1.0, (epoch - 1) / (config.epochs - 1))
    if config.schedule == "cosine":
        along = (1 - math.cos(math.pi * along)) / 2
    return 1.0 - (1.0 - config.lr_floor) * along


def rates(config: TrainConfig, epoch: int) -> tuple[float, float]:
    """Learning rates of the embeddings and of the network in an epoch, counted from 1.

    Gentle epochs have a rate of their own; a rate of 0 stays 0 in them too, since it keeps parameters as they are.
    """
    asked = config.lr_embedding, config.lr_network
    if gentle(config, epoch):
        embedding, network = (config.gentle_lr if rate else 0.0 for rate in asked)
        return embedding, network
    part = share(config, epoch)
    return asked[0] * part, asked[1] * part


def gentle(config: TrainConfig, epoch: int) -> bool:
    """Whether an epoch, counted from 1, is one of those at the start that go without L2 and at `gentle_lr`."""
    return epoch <= config.gentle_epochs
