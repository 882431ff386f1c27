"""Trainer: an iterator of EpochRecord over BPR triples, with early stopping and a state to resume from.

It knows no files: whoever iterates over it saves `state()` after each record. Everything that it draws depends on
(seed, purpose, epoch, step) alone, so training that is resumed from a saved state goes on bit for bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol, Self

import torch
from torch import Tensor, nn

from convncf import runtime
from convncf.config import EvalConfig, TrainConfig
from convncf.data.sampling import TripleSampler
from convncf.data.splitting import Split
from convncf.errors import NonFiniteLossError, TrainingStopped
from convncf.evaluation import evaluate, sample_users
from convncf.graphed import GraphedStep
from convncf.optimisers import Adagrad, Adam, Group, Optimiser

Phase = Literal["pretraining", "training"]

TOLD_EVERY: Final = 0.2
"""Seconds between two words of `progress` in an epoch; its first step and its last are always told."""

CLOCK_FIELDS: Final = ("seconds", "validation_seconds", "triples_per_second", "time")
"""Fields of a record that differ between two runs of the same seed."""


class Trainable(Protocol):
    """What the Trainer needs of a model, besides being an nn.Module: RecBole's pairwise interface and scores."""

    n_users: int
    n_items: int

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor:
        """Objective of a batch, summed over its triples: shape []."""
        ...

    def score_items(self, user: int) -> Tensor:
        """Scores of all items for one user: (n_items,)."""
        ...


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch did. Epoch 0 is the model before its first step."""

    phase: Phase
    epoch: int
    loss: float | None
    """Objective (BPR and penalty) per triple, averaged over the epoch; none for epoch 0."""
    validation: dict[str, float] | None
    """Metrics on the validation part; none where this epoch was not validated."""
    validation_users: int
    """Users that the metrics are a mean over."""
    improved: bool
    """Whether this epoch is the best so far, and therefore the one that is kept."""
    seconds: float
    """Seconds of training."""
    validation_seconds: float
    triples_per_second: float | None
    time: str
    """When the epoch ended: ISO 8601, UTC."""

    def to_json(self) -> dict[str, Any]:
        """A flat object, as one line of metrics.jsonl holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote."""
        return cls(**row)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work stands, for a progress bar: `done` of `total` `unit`s in this part of the epoch."""

    phase: str
    epoch: int
    epochs: int
    unit: Literal["triples", "users"]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TrainerState:
    """All that resuming needs: tensors by name, and plain JSON beside them."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class Trainer:
    """Train a model on the training part, choosing the epoch on the validation part.

    Iterating yields one EpochRecord an epoch, epoch 0 first, and ends after the last epoch or when `patience`
    validations in a row brought no improvement. Where there is no validation part, it runs all epochs and each is
    taken as the best so far. Raises NonFiniteLossError, and TrainingStopped when `stop` answers True.
    """

    def __init__(
        self,
        model: Trainable,
        split: Split,
        train: TrainConfig,
        evaluation: EvalConfig,
        *,
        seed: int,
        device: str = "cpu",
        phase: Phase = "training",
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"Trainer needs an nn.Module, got {type(model).__name__}")
        self.model = model
        self.module: nn.Module = model.to(device)
        self.split, self.config, self.evaluation = split, train, evaluation
        self.seed, self.device, self.phase = seed, device, phase
        self.sampler = TripleSampler(split.train, seed, device)
        self.users = sample_users(split, "validation", evaluation.validation_users, seed=seed)
        self.optimizer = self._make_optimizer()
        self._step = self._make_step()
        self.epoch = -1
        self.best_epoch = -1
        self.best_value = -math.inf
        self.validations_since_best = 0
        self._progress = progress or (lambda _: None)
        self._stop = stop or (lambda: False)

    # ------------------------------------------------------------ the loop

    def __iter__(self) -> Iterator[EpochRecord]:
        if self.epoch < 0:
            yield self._close_epoch(0, None, 0.0)
        while not self.finished:
            epoch = self.epoch + 1
            started = time.perf_counter()
            loss = self._train_epoch(epoch)
            yield self._close_epoch(epoch, loss, time.perf_counter() - started)

    @property
    def finished(self) -> bool:
        """Whether all epochs have run, or early stopping has ended them."""
        patience = self.config.patience
        return self.epoch >= self.config.epochs or (patience > 0 and self.validations_since_best >= patience)

    def _train_epoch(self, epoch: int) -> float:
        """One pass over the triples; the mean objective per triple. Nothing waits for the device before the end."""
        self.module.train()
        total = torch.zeros((), device=self.device)
        done, size, told = 0, self.config.batch_size, -math.inf
        for step in range(steps := self.sampler.steps(size)):
            if self._stop():
                raise TrainingStopped(f"stopped in {self.phase} epoch {epoch}; epoch {epoch - 1} is saved.")
            batch = self.sampler.batch(epoch, step, size)
            runtime.seed_torch(self.seed, f"dropout {self.phase}", epoch, step)
            total += self._step(batch)
            done += len(batch[0])
            if (now := time.monotonic()) - told >= TOLD_EVERY or step == steps - 1:
                told = now
                self._progress(Progress(self.phase, epoch, self.config.epochs, "triples", done, self.sampler.n_triples))
        mean = float(total) / max(done, 1)
        if not math.isfinite(mean):
            raise NonFiniteLossError(self._non_finite(epoch))
        return mean

    def _train_batch(self, batch: tuple[Tensor, ...]) -> Tensor:
        """One step of the optimiser on (user, positive, negative), (B,) each; the objective, shape []."""
        user, positive, negative = batch
        loss = self.model.calculate_loss({"user_id": user, "item_id": positive, "neg_item_id": negative})
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def _make_step(self) -> Callable[[tuple[Tensor, ...]], Tensor]:
        if self.device.startswith("cuda"):
            return GraphedStep(self._train_batch, self.optimizer.zero_grad, torch.Size([self.config.batch_size]))

        def step(batch: tuple[Tensor, ...]) -> Tensor:
            self.optimizer.zero_grad()
            return self._train_batch(batch)

        return step

    def _close_epoch(self, epoch: int, loss: float | None, seconds: float) -> EpochRecord:
        self.epoch = epoch
        started = time.perf_counter()
        due = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        metrics = self._validate(epoch) if due and len(self.users) else None
        improved = not len(self.users)
        if metrics is not None:
            value = metrics[self.evaluation.monitor]
            improved = value > self.best_value
            self.validations_since_best = 0 if improved else self.validations_since_best + 1
            self.best_value = max(value, self.best_value)
        if improved:
            self.best_epoch = epoch
        return EpochRecord(
            phase=self.phase,
            epoch=epoch,
            loss=loss,
            validation=metrics,
            validation_users=len(self.users),
            improved=improved,
            seconds=seconds,
            validation_seconds=time.perf_counter() - started,
            triples_per_second=self.sampler.n_triples / seconds if seconds else None,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def _validate(self, epoch: int) -> dict[str, float]:
        self.module.eval()

        def report(done: int, total: int) -> None:
            self._progress(Progress(self.phase, epoch, self.config.epochs, "users", done, total))

        result = evaluate(
            self.model, self.split, "validation", self.evaluation, users=self.users, progress=report, stop=self._stop
        )
        return dict(result.metrics)

    def _non_finite(self, epoch: int) -> str:
        rate = max(self.config.lr_embedding, self.config.lr_network)
        cause = (
            f"a learning rate of {rate:g} is high for {self.config.optimizer}"
            if rate > 1e-2
            else "embeddings or weights have grown without bound"
        )
        return (
            f"the loss of {self.phase} epoch {epoch} is not finite; likely cause: {cause}. "
            f"Try a tenth of the learning rate (train.lr_embedding, train.lr_network), or more L2 (model.reg_weights). "
            f"Epoch {epoch - 1} is saved."
        )

    # ------------------------------------------------------------ optimiser and state

    def _make_optimizer(self) -> Optimiser:
        embeddings = [p for name, p in self.module.named_parameters() if "embedding" in name]
        network = [p for name, p in self.module.named_parameters() if "embedding" not in name]
        groups = [Group(embeddings, self.config.lr_embedding), Group(network, self.config.lr_network)]
        if self.config.optimizer == "adagrad":
            return Adagrad(groups, self.config.adagrad_accumulator)
        return Adam(groups)

    def model_tensors(self) -> dict[str, Tensor]:
        """A copy of the model's parameters and buffers, on the CPU."""
        return {name: _copied(tensor) for name, tensor in self.module.state_dict().items()}

    def state(self) -> TrainerState:
        """Everything that a new Trainer needs to go on from here; a copy, which later steps do not change."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model_tensors().items()}
        for index, slots in self.optimizer.state.items():
            tensors |= {f"optimizer.{index}.{key}": _copied(value) for key, value in slots.items()}
        facts = {
            "phase": self.phase,
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_value": None if math.isinf(self.best_value) else self.best_value,
            "validations_since_best": self.validations_since_best,
        }
        return TrainerState(tensors, facts)

    def load_state(self, state: TrainerState) -> None:
        """Go on from a state that `state()` returned, of the same model and settings."""
        model = {k.removeprefix("model."): v for k, v in state.tensors.items() if k.startswith("model.")}
        self.module.load_state_dict(model)
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "optimizer":
                index, _, key = rest.partition(".")
                slots.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state(slots)
        self._step = self._make_step()  # a recorded one writes to the optimiser's former tensors
        facts = state.facts
        self.epoch, self.best_epoch = facts["epoch"], facts["best_epoch"]
        self.best_value = -math.inf if facts["best_value"] is None else facts["best_value"]
        self.validations_since_best = facts["validations_since_best"]


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)
