"""States in the middle of an epoch: each goes on bit for bit, and a stop anywhere loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from convncf.config import TrainConfig
from convncf.data.split import Split
from convncf.errors import NonFiniteLossError, TrainingStopped
from convncf.runtime import files
from convncf.training import Trainer
from convncf.training.records import TrainerState
from tests.toy_training import EVAL, Scripted, toy_model
from tests.worlds import without_clock

STEPS = 5
"""Steps of an epoch in this file: batches of 64."""


def trainer(parts: Split, name: str = "mf-bpr", **more: Any) -> Trainer:
    settings = {"epochs": 3, "batch_size": 64, "lr_embedding": 1e-2, "lr_network": 1e-2, "patience": 0}
    hooks = {key: more.pop(key) for key in ("stop", "save", "clock") if key in more}
    model = more.pop("model", None) or toy_model(parts, name, **({"dropout_prob": 0.4} if name == "convncf" else {}))
    return Trainer(model, parts, TrainConfig.model_validate(settings | more), EVAL, seed=1, restore=False, **hooks)


def rows(of: Iterator[Any] | Trainer) -> list[dict[str, Any]]:
    return without_clock([record.to_json() for record in of])


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mf-bpr", {"optimizer": "adam"}),
        ("mf-bpr", {"optimizer": "sgd", "momentum": 0.9, "schedule": "cosine"}),
        ("convncf", {"optimizer": "adamw", "weight_decay": 0.1}),
        ("convncf", {"optimizer": "adagrad", "warmup_epochs": 1}),
        ("convncf", {"optimizer": "adam", "negatives": "dns", "dns_candidates": 3, "lr_embedding": 0}),
    ],
)
def test_every_state_on_the_way_goes_on_bit_for_bit(parts: Split, name: str, settings: dict[str, Any]) -> None:
    kept: list[TrainerState] = []
    whole = trainer(parts, name, save=kept.append, save_minutes=1e-9, **settings)
    expected = rows(whole)
    assert whole.sampler.steps(64) == STEPS
    assert [(state.metadata["epoch"], state.metadata["steps"]) for state in kept] == [
        (epoch, step) for epoch in range(3) for step in range(1, STEPS)
    ]
    for state in kept:
        files.strict_json(state.metadata)
        second = trainer(parts, name, **settings)
        before = {key: tensor.clone() for key, tensor in state.tensors.items()}
        second.load_state(state)
        assert second.steps_begun == state.metadata["steps"]
        assert rows(second) == expected[state.metadata["epoch"] + 1 :]
        assert equal(state.tensors, before), "whoever goes on from a state leaves it as it is"
        assert equal(second.state().tensors, whole.state().tensors)
        assert second.best_epoch == whole.best_epoch


def test_saving_on_the_way_changes_nothing(parts: Split) -> None:
    saving, alone = trainer(parts, save=lambda _: None, save_minutes=1e-9), trainer(parts)
    assert rows(saving) == rows(alone)
    assert equal(saving.state().tensors, alone.state().tensors)
    assert not any(name.startswith("epoch") for name in alone.state().tensors), "between epochs there is none begun"


@pytest.mark.parametrize("asked", range(1, 40))
def test_a_stop_anywhere_loses_no_step(parts: Split, asked: int) -> None:
    """Stopped between two steps or in a validation, by the count of how often it was asked."""
    whole = trainer(parts)
    expected = rows(whole)
    answers, taken, kept = 0, 0, list[TrainerState]()

    def stop() -> bool:
        nonlocal answers
        answers += 1
        return answers == asked

    def counting(one: Trainer) -> Trainer:
        step = one.stepper._take

        def take(batch: Any) -> Tensor:
            nonlocal taken
            taken += 1
            return step(batch)

        one.stepper._take = take  # type: ignore[method-assign]
        return one

    first, seen = counting(trainer(parts, stop=stop, save=kept.append)), list[dict[str, Any]]()
    with suppress(TrainingStopped):
        for record in first:
            seen += without_clock([record.to_json()])
            kept.append(first.state())
    second = counting(trainer(parts))
    if kept:
        second.load_state(kept[-1])
    assert seen + rows(second) == expected
    assert equal(second.state().tensors, whole.state().tensors)
    assert taken == 3 * STEPS, "no step was taken twice"


def test_a_stop_in_the_validation_keeps_the_trained_epoch(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[TrainerState] = []
    first = trainer(parts, save=kept.append)

    def validate(self: Trainer, epoch: int) -> SimpleNamespace:
        if epoch == 2:
            raise TrainingStopped("stopped after 3 of 30 users.")
        return SimpleNamespace(metrics={"NDCG@10": 0.1 * epoch}, n_users_evaluated=30)

    monkeypatch.setattr(Trainer, "_validate", validate)
    with pytest.raises(TrainingStopped, match=r"3 of 30 users"):
        list(first)
    assert [(state.metadata["epoch"], state.metadata["steps"]) for state in kept] == [(1, STEPS)]
    assert first.epoch == 1


class Clock:
    """Seconds that pass by one minute at each look."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start

    def __call__(self) -> float:
        self.now += 60.0
        return self.now


@pytest.mark.parametrize(("minutes", "at"), [(0, []), (1, [1, 2, 3, 4]), (2, [2, 4]), (3, [3]), (99, [])])
def test_it_saves_as_often_as_asked(parts: Split, minutes: float, at: list[int]) -> None:
    kept: list[TrainerState] = []
    list(trainer(parts, epochs=1, save=kept.append, save_minutes=minutes, clock=Clock()))
    assert [state.metadata["steps"] for state in kept] == at


def test_the_seconds_of_an_epoch_are_those_before_and_after_the_pause(parts: Split) -> None:
    whole = next(record for record in trainer(parts, epochs=1, clock=Clock()) if record.epoch == 1)
    kept: list[TrainerState] = []
    list(trainer(parts, epochs=1, save=kept.append, save_minutes=3, clock=Clock()))
    second = trainer(parts, epochs=1, clock=Clock(start=1e6))
    second.load_state(kept[0])
    record = next(iter(second))
    assert record.seconds == whole.seconds == 60 * STEPS
    assert record.triples_per_second == whole.triples_per_second


class Overflowing(Scripted):
    """Its loss is infinite from one step on; or its weights are, after a step whose loss was not."""

    def __init__(self, parts: Split, *, at: int, weights: bool) -> None:
        super().__init__(parts)
        self.step, self.at, self.weights = 0, at, weights

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor:
        self.step += 1
        loss = super().calculate_loss(interaction)
        if self.step < self.at:
            return loss
        # the root of 0 is 0, and its slope is not finite
        return loss + (self.embedding.weight.sum() * 0).sqrt() if self.weights else loss * float("inf")


@pytest.mark.parametrize("weights", [False, True])
def test_what_has_overflowed_is_never_saved(parts: Split, weights: bool) -> None:
    kept: list[TrainerState] = []
    model = Overflowing(parts, at=STEPS + 3, weights=weights)
    with pytest.raises(NonFiniteLossError, match=r"training epoch 2 .*Epoch 1"):
        list(trainer(parts, model=model, save=kept.append, save_minutes=1e-9))
    assert kept[-1].metadata["steps"] == 2
    assert all(bool(torch.isfinite(t).all()) for state in kept for t in state.tensors.values())


def test_a_state_of_before_there_were_begun_epochs_is_read(parts: Split) -> None:
    first = trainer(parts, epochs=2)
    next(iter(first))
    state = first.state()
    old = TrainerState(state.tensors, {k: v for k, v in state.metadata.items() if k not in ("steps", "seconds")})
    second = trainer(parts, epochs=2)
    second.load_state(old)
    assert rows(second) == rows(trainer(parts, epochs=2))[1:]
