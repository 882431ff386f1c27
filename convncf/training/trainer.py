"""Trainer: an iterator of EpochRecord over BPR triples, with early stopping and a state to resume from.

It writes no files: the caller that iterates over it saves `state()` after each record, and the states that it gives to
`save` in the middle of long epochs. All randomness depends on (seed, purpose, epoch, step) alone, so training that is
resumed from any of these states continues bit for bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal

import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from convncf.config import EvalConfig, TrainConfig
from convncf.data.candidates import CandidateSets
from convncf.data.sampling import TripleSampler
from convncf.data.split import Part, Split, union
from convncf.errors import NonFiniteLossError, RefusedTypeError, TrainingStopped
from convncf.evaluation.report import EvaluationReport, evaluate, sample_users
from convncf.runtime import random
from convncf.runtime.progress import Progress
from convncf.training.records import EpochProgress, EpochRecord, Phase, TrainerState
from convncf.training.step import Stepper, Trainable

PROGRESS_SECONDS: Final = 0.2
"""Seconds between two calls of `progress` in an epoch; its first step and its last are always reported."""


class Trainer:
    """Train a model on the training part, choosing the epoch on another one: validation, unless `part` says test.

    Iterating yields one EpochRecord an epoch, epoch 0 first, and ends after the last epoch or when `patience`
    validations in a row brought no improvement. Where that part is empty, it runs all epochs and each is taken as the
    best so far. With `candidates`, the sets of that part, each answer is ranked in its set.

    When it has ended, the model has the tensors of the best epoch again. `model_epoch` says whose tensors it has, also
    where iteration was ended early, or resumed from a state after the best epoch, whose tensors that state lacks.
    `restore=False` keeps no copy of the best epoch, and leaves the model at the last one: for callers that keep it
    elsewhere. `save` is called with the state of an unfinished epoch: each `save_minutes`, and when `stop` returns
    True. Raises NonFiniteLossError, and TrainingStopped when `stop` returns True. `clock` counts seconds.
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
        part: Part = "validation",
        candidates: CandidateSets | None = None,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
        save: Callable[[TrainerState], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
        restore: bool = True,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise RefusedTypeError(f"Trainer needs an nn.Module, got {type(model).__name__}.")
        self.model = model
        self.module: nn.Module = model.to(device)
        self.split, self.config, self.evaluation = split, train, evaluation
        self.seed, self.device, self.phase = seed, device, phase
        self.part, self.candidates = part, candidates
        self.sampler = triple_sampler(split, train, seed, device)
        self.users = sample_users(split, part, evaluation.validation_users, seed=seed)
        self.stepper = Stepper(model, train, device)
        self.epoch = -1
        self.best_epoch = -1
        self.best_value = -math.inf
        self.validations_since_best = 0
        self._begun = EpochProgress()
        self._progress = progress or (lambda _: None)
        self._stop = stop or (lambda: False)
        self._save, self._clock = save, clock
        self.model_epoch = -1
        """The epoch whose tensors the model has; -1 before the first."""
        self._restore = restore
        self._best: dict[str, Tensor] | None = None
        self._last: dict[str, Tensor] | None = None

    # ------------------------------------------------------------ the loop

    def __iter__(self) -> Iterator[EpochRecord]:
        if self.epoch < 0:
            yield self._close_epoch(0, None)
        while not self.finished:
            epoch = self.epoch + 1
            loss = self._train_epoch(epoch)
            yield self._close_epoch(epoch, loss)
        self._return_to_best()

    def _return_to_best(self) -> None:
        """Give the model the best epoch's tensors; the last epoch's are kept, since `state()` is of them."""
        if self._best is None or self.model_epoch == self.best_epoch:
            return
        self._last = self.model_tensors()
        self.module.load_state_dict(self._best)
        self.model_epoch = self.best_epoch

    @property
    def finished(self) -> bool:
        """Whether all epochs have run, or early stopping has ended them."""
        return self.epoch >= self.config.epochs or self.out_of_patience

    @property
    def out_of_patience(self) -> bool:
        """Whether `patience` validations in a row brought no improvement."""
        return 0 < self.config.patience <= self.validations_since_best

    @property
    def steps_begun(self) -> int:
        """Steps that were taken of the unfinished epoch after `epoch`."""
        return self._begun.steps

    def _train_epoch(self, epoch: int) -> float:
        """The rest of one pass over the triples; the mean objective per triple, over all of it.

        Nothing waits for the device before the end, except the states that are saved on the way.
        """
        self.module.train()
        begun, size, steps = self._begun, self.config.batch_size, self.sampler.steps(self.config.batch_size)
        saved = self._clock()
        started, reported = saved - begun.seconds, -math.inf
        # a copy: the loss in a saved state must not change
        total = torch.zeros((), device=self.device) if begun.loss is None else begun.loss.to(self.device, copy=True)
        done = min(begun.steps * size, self.sampler.n_triples)
        with self.stepper.epoch(epoch, begun=begun.steps > 0):
            for step in range(begun.steps, steps):
                if self._stop():
                    place = f"stopped in {self.phase} epoch {epoch} after {step} of {steps} steps"
                    raise TrainingStopped(f"{place}; {self._save_begun()}")
                batch = self.sampler.batch(epoch, step, size)
                random.seed_torch(self.seed, f"dropout {self.phase}", epoch, step)
                total += self.stepper(batch)
                done += len(batch[0])
                now = self._clock()
                self._begun = EpochProgress(step + 1, total, now - started)
                if now - reported >= PROGRESS_SECONDS or step == steps - 1:
                    reported = now
                    self._report_progress(epoch, "triples", done, self.sampler.n_triples)
                if 0 < 60 * self.config.save_minutes <= now - saved and step < steps - 1:
                    self._save_begun()
                    saved = now
        mean = float(total) / max(done, 1)
        if not math.isfinite(mean):
            raise NonFiniteLossError(self._non_finite(epoch))
        return mean

    def _save_begun(self) -> str:
        """Save the state of the unfinished epoch; a clause on how far it is saved."""
        if self._save is None or not self._begun.steps:
            return f"epoch {self.epoch} is saved."
        loss = self._begun.loss
        losses = [loss] if loss is not None else []
        if not all(bool(torch.isfinite(tensor).all()) for tensor in [*losses, *self.module.parameters()]):
            # such a state would fail again and again; that of the epoch before can be resumed with another rate
            raise NonFiniteLossError(self._non_finite(self.epoch + 1))
        self._save(self.state())
        return "that far is saved."

    def _close_epoch(self, epoch: int, loss: float | None) -> EpochRecord:
        seconds, started = self._begun.seconds, self._clock()
        due = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        try:
            report = self._validate(epoch) if due and len(self.users) else None
        except TrainingStopped as error:
            saved = self._save_begun() if epoch else ""
            raise TrainingStopped(f"{error} {saved[:1].upper()}{saved[1:]}".strip()) from None
        self.epoch, self._begun = epoch, EpochProgress()
        metrics = None if report is None else dict(report.metrics)
        improved = not len(self.users) or metrics == {}  # no user could be evaluated: each epoch counts as the best
        if metrics:
            value = metrics[self.evaluation.monitor]
            improved = value > self.best_value
            self.validations_since_best = 0 if improved else self.validations_since_best + 1
            self.best_value = max(value, self.best_value)
        self.model_epoch = epoch
        if improved:
            self.best_epoch = epoch
            self._best = self.model_tensors() if self._restore and epoch < self.config.epochs else None
        return EpochRecord(
            phase=self.phase,
            epoch=epoch,
            loss=loss,
            validation=metrics,
            validation_users=0 if report is None else report.n_users_evaluated,
            validation_left_out=0 if report is None else len(self.users) - report.n_users_evaluated,
            improved=improved,
            seconds=seconds,
            validation_seconds=self._clock() - started,
            triples_per_second=self.sampler.n_triples / seconds if seconds else None,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def _validate(self, epoch: int) -> EvaluationReport:
        self.module.eval()
        return evaluate(
            self.model,
            self.split,
            self.part,
            self.evaluation,
            users=self.users,
            candidates=self.candidates,
            progress=lambda done, total: self._report_progress(epoch, "users", done, total),
            stop=self._stop,
        )

    def _report_progress(self, epoch: int, unit: Literal["triples", "users"], done: int, total: int) -> None:
        self._progress(Progress(self.phase, epoch, self.config.epochs, unit, done, total))

    def _non_finite(self, epoch: int) -> str:
        rate = max(self.stepper.optimizer.rates)
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

    # ------------------------------------------------------------ state

    def model_tensors(self) -> dict[str, Tensor]:
        """A copy of the model's parameters and buffers, on the CPU."""
        return {name: _copied(tensor) for name, tensor in self.module.state_dict().items()}

    def state(self) -> TrainerState:
        """Everything that a new Trainer needs to resume from here; a copy, which later steps do not change."""
        model = self.model_tensors() if self._last is None else self._last
        tensors = {f"model.{name}": tensor for name, tensor in model.items()}
        for index, slots in self.stepper.optimizer.state.items():
            tensors |= {f"optimizer.{index}.{key}": _copied(value) for key, value in slots.items()}
        if self._begun.loss is not None:
            tensors["epoch.loss"] = _copied(self._begun.loss)
        metadata = {
            "phase": self.phase,
            "epoch": self.epoch,
            "steps": self._begun.steps,
            "seconds": self._begun.seconds,
            "best_epoch": self.best_epoch,
            "best_value": None if math.isinf(self.best_value) else self.best_value,
            "validations_since_best": self.validations_since_best,
        }
        return TrainerState(tensors, metadata)

    def load_state(self, state: TrainerState) -> None:
        """Resume from a state that `state()` returned, of the same model and settings."""
        model = {k.removeprefix("model."): v for k, v in state.tensors.items() if k.startswith("model.")}
        self.module.load_state_dict(model)
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "optimizer":
                index, _, key = rest.partition(".")
                slots.setdefault(int(index), {})[key] = tensor
        self.stepper.load_state(slots)
        metadata = state.metadata
        self.epoch, self.best_epoch = metadata["epoch"], metadata["best_epoch"]
        self.model_epoch, self._best, self._last = self.epoch, None, None
        self.best_value = -math.inf if metadata["best_value"] is None else metadata["best_value"]
        self.validations_since_best = metadata["validations_since_best"]
        # states of earlier versions are all of finished epochs
        self._begun = EpochProgress(
            metadata.get("steps", 0), state.tensors.get("epoch.loss"), metadata.get("seconds", 0.0)
        )


def triple_sampler(split: Split, train: TrainConfig, seed: int, device: str = "cpu") -> TripleSampler:
    """The sampler of a training's triples: how positives and negatives are sampled, and how many candidates for each.

    Raises DataError where no user has both a training item and an item that may be a negative.
    """
    excluded_as_negatives = excluded_negatives(split, train)
    n = train.dns_candidates if train.negatives == "dns" else 1
    return TripleSampler(
        split.train,
        seed,
        device,
        excluded_as_negatives=excluded_as_negatives,
        candidates=n,
        by_user=train.positives == "by user",
    )


def excluded_negatives(split: Split, train: TrainConfig) -> csr_array:
    """(U, I) items that are excluded as negatives of a user: the training items, those rated too low where the settings
    hide them, and under train.excluded_negatives "test items" those too."""
    return (
        union(split.excluded_as_negatives, split.test)
        if train.excluded_negatives == "test items"
        else split.excluded_as_negatives
    )


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)
