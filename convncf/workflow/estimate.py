"""Estimate: how long a run will take and how much memory, evaluation included, before it starts.

A few real steps of the real model at the real batch size are timed on this machine, and a few users are ranked; the
rest is counting. What is timed is bounded by about a second, and nothing of it is kept.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch

from convncf import models
from convncf.config import ModelSettings, Precision, TrainConfig
from convncf.data.candidates import CandidateSets
from convncf.data.split import Part, Split
from convncf.evaluation.baselines import sets_for
from convncf.evaluation.full_ranking import users_with_positives
from convncf.evaluation.ranking import Scorer
from convncf.evaluation.report import evaluate, sample_users
from convncf.evaluation.significance import bootstrap_ends, resamples
from convncf.models.registry import BASELINE, record
from convncf.models.run_config import RunConfig
from convncf.runtime import devices, random, threads
from convncf.runtime.memory import format_bytes, resident
from convncf.training import triple_sampler
from convncf.training.step import Stepper, Trainable
from convncf.workflow.loading import data_of_config
from convncf.workflow.memory import Memory, memory_of
from convncf.workflow.phases import pretraining, pretraining_model

_SECONDS: Final = 0.25
"""For each thing that is timed."""
_WARM: Final = 2
"""Steps before the clock runs: the first compile, or record a CUDA graph."""
_MOST_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """One phase of training."""

    epochs: int
    """At most so many."""
    epoch_seconds: float
    """Of one epoch's steps."""
    validations: int
    validation_seconds: float
    """Of one validation."""

    @property
    def seconds(self) -> float:
        """Of the whole phase at most."""
        return self.epochs * self.epoch_seconds + self.validations * self.validation_seconds


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take on this machine, as far as a second of measuring shows."""

    pretraining: PhaseTime | None
    training: PhaseTime | None
    """None for a model that is computed in one go."""
    computing_seconds: float
    """Of computing such a model; 0 for one that is trained."""
    evaluation_seconds: float
    """Of the ranking at the end: validation and test, the baselines too, and the intervals of their means."""
    n_users: int
    """Users who are ranked on test."""
    n_items: int
    memory: Memory
    process_bytes: int
    """Memory of the program and the data, beside that."""
    stops_early: bool
    """Whether early stopping may end a phase before its last epoch."""
    device: str

    @property
    def seconds(self) -> float:
        """Of everything, at most."""
        phases = sum(phase.seconds for phase in (self.pretraining, self.training) if phase is not None)
        return phases + self.computing_seconds + self.evaluation_seconds

    @property
    def memory_bytes(self) -> int:
        """Of the process, at most; on a GPU the most of it is there."""
        return self.memory.total + self.process_bytes

    @property
    def words(self) -> str:
        """All of it in one line, without a full stop."""
        sentences = [f"{about(self.seconds)} in all{' at most' if self.stops_early else ''}"]
        for name, phase in (("pretraining", self.pretraining), ("training", self.training)):
            if phase is not None:
                most = "at most " if self.stops_early else ""
                costs = f"{_short(phase.epoch_seconds)} an epoch"
                if phase.validations:
                    costs += f" and {_short(phase.validation_seconds)} a validation"
                sentences.append(f"{name} {about(phase.seconds)} for {most}{phase.epochs:,} epochs ({costs})")
        if self.training is None:
            sentences.append(f"computing the model {about(self.computing_seconds)}")
        ranking = f"ranking {self.n_users:,} users × {self.n_items:,} items at the end"
        sentences.append(f"{ranking} {about(self.evaluation_seconds)}")
        if self.stops_early:
            sentences.append("early stopping may end it sooner")
        return "; ".join([*sentences, f"memory about {format_bytes(self.memory_bytes)}"])

    def to_json(self) -> dict[str, Any]:
        """Every figure as a plain value, in seconds and bytes."""
        figures: dict[str, Any] = asdict(self) | {"seconds": self.seconds, "memory_bytes": self.memory_bytes}
        return figures | {"words": self.words}


def estimate(config: RunConfig, home: Path) -> Estimate:
    """Measure what a run of these settings would take here; nothing is written.

    Raises what would refuse the run itself: DataError, DeviceError.
    """
    dataset, parts = data_of_config(config, home)
    device = devices.resolve_device(config.train.device)
    precision, _ = devices.resolve_precision(config.train.precision, device.spec)
    sets = sets_for(dataset, parts, config.eval, config.seed)
    return measure(config, parts, device.spec, precision, sets)


def measure(
    config: RunConfig, parts: Split, device: str, precision: Precision, sets: Mapping[Part, CandidateSets]
) -> Estimate:
    """The estimate of a run whose data is at hand: split, device, and the candidate sets of `baselines.sets_for`."""
    resident_before = resident()
    popularity = cast(Scorer, models.fitted(BASELINE.settings(), parts.train))
    of_popularity = _RankingTime(popularity, config, parts, sets)
    simple_seconds, of_pretraining, of_training, computing = of_popularity.final("test"), None, None, 0.0
    model, path = record(config.model.name), config.model.pretrained_from
    baselines = simple_seconds if model is not BASELINE else 0.0
    if model.trained:
        if model.pretraining and config.pretrain.epochs and not path:
            mf, settings = pretraining_model(config), pretraining(config)
            of_pretraining, ranking = _phase(mf, settings, config, parts, device, precision, sets, sampled=False)
            baselines += ranking.final("test")
        elif path:
            baselines += simple_seconds
        of_training, ranking = _phase(config.model, config.train, config, parts, device, precision, sets, sampled=True)
        ranked = ranking.final("validation") + ranking.final("test")
    else:
        computing = _fit_seconds(config.model, parts)
        ranked = of_popularity.final("validation") + simple_seconds  # its scores take about as long
    n_users = users_with_positives(parts.test).size
    memory = memory_of(config, parts)
    # what was loaded on the way counts as well; the measured model's memory is in `memory`
    process = max(resident_before, resident() - (memory.on_device if device == "cpu" else 0))
    n_models = 2 + (of_pretraining is not None or bool(path))
    return Estimate(
        pretraining=of_pretraining,
        training=of_training,
        computing_seconds=computing,
        evaluation_seconds=ranked + baselines + _interval_seconds(n_users, n_models, config.seed),
        n_users=n_users,
        n_items=parts.interactions.n_items,
        memory=memory,
        process_bytes=process,
        stops_early=model.trained and config.train.patience > 0 and bool(parts.validation.nnz),
        device=device,
    )


def _phase(
    settings: ModelSettings,
    train: TrainConfig,
    config: RunConfig,
    parts: Split,
    device: str,
    precision: Precision,
    sets: Mapping[Part, CandidateSets],
    *,
    sampled: bool,
) -> tuple[PhaseTime, _RankingTime]:
    """Time some steps and some users of a model that is built for this, and dropped."""
    random.seed_torch(config.seed, "estimate")
    model = models.build(settings, parts.interactions.n_users, parts.interactions.n_items, precision)
    assert isinstance(model, torch.nn.Module)
    model.to(device)
    step_seconds = _step_seconds(cast(Trainable, model), train, parts, config.seed, device)
    n_steps = triple_sampler(parts, train, config.seed, device).steps(train.batch_size)
    model.eval()
    ranking = _RankingTime(cast(Scorer, model), config, parts, sets)
    part = config.eval.select_on
    validated = sample_users(parts, part, config.eval.validation_users if sampled else None, config.seed).size
    # epoch 0, each that is due, and the last
    due = 1 + train.epochs // train.validate_every + bool(train.epochs % train.validate_every)
    within = sets.get(part) if config.eval.protocol == "candidates" else None
    validation_seconds = ranking.per_user(part, within) * validated if validated else 0.0
    return PhaseTime(train.epochs, step_seconds * n_steps, due if validated else 0, validation_seconds), ranking


def _step_seconds(model: Trainable, train: TrainConfig, parts: Split, seed: int, device: str) -> float:
    """Seconds of one step at the real batch size."""
    sampler, stepper = triple_sampler(parts, train, seed, device), Stepper(model, train, device)
    cast(torch.nn.Module, model).train()
    steps = sampler.steps(train.batch_size)
    with stepper.epoch(1):
        for step in range(min(_WARM, steps)):
            float(stepper(sampler.batch(1, step, train.batch_size)))
        taken: list[float] = []
        while len(taken) < _MOST_STEPS and sum(taken) < _SECONDS:
            started = time.perf_counter()
            float(stepper(sampler.batch(1, len(taken) % steps, train.batch_size)))  # waits for the device
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)  # where another program takes the processor briefly, one step alone is slow


@dataclass(slots=True)
class _RankingTime:
    """How long a scorer takes to rank."""

    scorer: Scorer
    config: RunConfig
    parts: Split
    sets: Mapping[Part, CandidateSets]

    def final(self, part: Part) -> float:
        """Seconds of ranking all users of a part at the end of a run, by the settings' protocol, or by both on test."""
        n_users = users_with_positives(self.parts.positives(part)).size
        within = self.sets.get(part)
        protocol = self.config.eval.protocol
        protocols = [within] if protocol == "candidates" else [None, within] if within is not None else [None]
        return sum(self.per_user(part, candidates) for candidates in protocols) * n_users if n_users else 0.0

    def per_user(self, part: Part, within: CandidateSets | None) -> float:
        """Seconds a user, from as many users as `_SECONDS` are enough for."""
        lists = max(self.config.eval.ks) if within is None and part == "test" else 0
        n_all = users_with_positives(self.parts.positives(part)).size

        def rank(n: int) -> float:
            users, started = sample_users(self.parts, part, n, seed=0), time.perf_counter()
            evaluate(self.scorer, self.parts, part, self.config.eval, users=users, candidates=within, lists=lists)
            return time.perf_counter() - started

        rank(1)  # the first compiles
        n = min(threads.width(), n_all)
        while (seconds := rank(n)) < _SECONDS and n < n_all:
            # more users, so that the fixed cost of a call does not count for each
            n = min(n_all, n * max(2, min(16, round(_SECONDS / max(seconds, 1e-6)))))
        return seconds / n


def _fit_seconds(settings: ModelSettings, parts: Split) -> float:
    """Seconds of computing a model in one go, from a sample of the matrix and how the time grows."""
    sample, factor = record(settings.name).timing_sample(settings, parts.train)
    return _timed(lambda: models.fitted(settings, sample)) * factor


def _interval_seconds(n_users: int, n_models: int, seed: int) -> float:
    """Seconds of the bootstrap intervals of every metric, of the model and the baselines, on test and validation."""
    if n_users < 2:
        return 0.0
    few = min(n_users, 200)
    table = np.zeros((few, 20))
    seconds = _timed(lambda: bootstrap_ends(table, seed)) / (few * resamples(few))
    return 2 * seconds * n_users * resamples(n_users) * max(1.0, n_models / 2)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def about(seconds: float) -> str:
    """ "about 4 min": one or two digits, since more would claim a precision that it lacks."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"about {_two_digits(seconds)} s"
    if seconds < 90 * 60:
        return f"about {_two_digits(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"about {_two_digits(seconds / 3600)} h"
    return f"about {_two_digits(seconds / 86400)} days"


def _two_digits(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{float(f'{value:.2g}'):,.0f}"


def _short(seconds: float) -> str:
    return f"{_two_digits(seconds)} s" if seconds >= 0.01 else "under 0.01 s"
