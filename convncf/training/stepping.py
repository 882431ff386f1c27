"""Stepper: one step of the optimiser on a batch of triples, at the rates and in the manner of its epoch.

Shapes: B triples, n negatives drawn for each where the hardest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from convncf.config import TrainConfig
from convncf.models import PairwiseModel
from convncf.training import schedules
from convncf.training.graphed import GraphedStep
from convncf.training.optimisers import SGD, Adagrad, Adam, AdamW, Group, Optimiser

Batch = tuple[Tensor, ...]


class Trainable(Protocol):
    """What training needs of a model, besides being an nn.Module: RecBole's pairwise interface and scores."""

    n_users: int
    n_items: int

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor:
        """Objective of a batch, summed over its triples: shape []."""
        ...

    def score_items(self, user: int) -> Tensor:
        """Scores of all items for one user: (n_items,)."""
        ...


class Stepper:
    """Call it with batches (user, positive, negatives), (B,), (B,) and (B,) or (B, n), inside `epoch`.

    Two groups of parameters: those with "embedding" in their name, and the network. A group whose rate is 0 asks for
    no gradient while the epoch lasts, so that frozen tables cost neither one nor a step.
    """

    def __init__(self, model: Trainable, config: TrainConfig, device: str) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"training needs an nn.Module, got {type(model).__name__}")
        if (config.gentle_epochs or config.negatives == "dns") and not isinstance(model, PairwiseModel):
            raise TypeError(f"gentle epochs and dns need a PairwiseModel, got {type(model).__name__}")
        self.model, self.module, self.config, self.device = model, model, config, device
        named = [*self.module.named_parameters()]
        self._groups = [
            [parameter for name, parameter in named if ("embedding" in name) == of_embeddings]
            for of_embeddings in (True, False)
        ]
        self.optimizer = self._make_optimizer()
        self._gentle = False
        self._step: Callable[[Batch], Tensor] | None = None

    @contextmanager
    def epoch(self, epoch: int, *, begun: bool = False) -> Iterator[None]:
        """Steps inside are those of this epoch, counted from 1; `begun` where some of them were taken before."""
        rates, gentle = schedules.rates(self.config, epoch), schedules.gentle(self.config, epoch)
        if self.config.gentle_epochs and epoch == self.config.gentle_epochs + 1 and not begun:
            # in the 2018 code the gentle epoch has an optimiser of its own, and the usual one begins after it
            self.load_state({})
        if (rates, gentle) != (self.optimizer.rates, self._gentle) or self._step is None:
            self.optimizer.rates, self._gentle = rates, gentle
            self._step = self._make_step()
        asked = [(parameter, parameter.requires_grad) for group in self._groups for parameter in group]
        for group, rate in zip(self._groups, rates, strict=True):
            for parameter in group:
                parameter.requires_grad_(parameter.requires_grad and rate != 0)
        try:
            yield
        finally:
            for parameter, before in asked:
                parameter.requires_grad_(before)

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step; the objective of the batch before it, shape [], which the next call may overwrite."""
        assert self._step is not None, "steps are taken inside an epoch"
        return self._step(batch)

    def load_state(self, slots: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from a state of the optimiser."""
        self.optimizer.load_state(slots)
        self._step = None  # a recorded one writes to the optimiser's former tensors

    def _take(self, batch: Batch) -> Tensor:
        user, positive, negative = batch
        if negative.dim() == 2:
            assert isinstance(self.model, PairwiseModel)
            negative = self.model.hardest(user, negative)
        triples = {"user_id": user, "item_id": positive, "neg_item_id": negative}
        if self._gentle:
            assert isinstance(self.model, PairwiseModel)
            loss = self.model.pairwise_loss(triples)
        else:
            loss = self.model.calculate_loss(triples)
        if loss.requires_grad:  # not where both rates are 0
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return loss.detach()

    def _make_step(self) -> Callable[[Batch], Tensor]:
        if self.device.startswith("cuda"):
            return GraphedStep(self._take, self.optimizer.zero_grad, torch.Size([self.config.batch_size]))

        def step(batch: Batch) -> Tensor:
            self.optimizer.zero_grad()
            return self._take(batch)

        return step

    def _make_optimizer(self) -> Optimiser:
        config = self.config
        rates = config.lr_embedding, config.lr_network
        groups = [Group(parameters, rate) for parameters, rate in zip(self._groups, rates, strict=True)]
        match config.optimizer:
            case "adagrad":
                return Adagrad(groups, config.adagrad_accumulator)
            case "adamw":
                return AdamW(groups, config.weight_decay)
            case "sgd":
                return SGD(groups, config.momentum)
            case "adam":
                return Adam(groups)
