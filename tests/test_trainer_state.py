"""The Trainer is stopped, fails, and goes on from a saved state bit for bit."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from convncf.config import EvalConfig
from convncf.data.split import Split
from convncf.errors import NonFiniteLossError, TrainingStopped
from convncf.runtime import files
from convncf.training import Progress, Trainer
from convncf.training import trainer as training
from tests.toy_training import Scripted, script, toy_model, toy_split, toy_trainer
from tests.worlds import without_clock


def tensors_of(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.state().tensors.items()}


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---------------------------------------------------------------- stopping and failing


class Exploding(Scripted):
    def __init__(self, parts: Split, at: int) -> None:
        super().__init__(parts)
        self.step, self.at = 0, at

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor:
        self.step += 1
        loss = super().calculate_loss(interaction)
        return loss * float("inf") if self.step == self.at else loss


def test_a_loss_that_is_not_finite_names_the_epoch_and_the_likely_cause(parts: Split) -> None:
    steps = toy_trainer(parts, Scripted(parts)).sampler.steps(64)
    trainer = toy_trainer(parts, Exploding(parts, at=steps + 2), epochs=3, lr_embedding=5.0)
    seen: list[int] = []
    with pytest.raises(NonFiniteLossError) as caught:
        seen.extend(record.epoch for record in trainer)
    assert "training epoch 2 is not finite" in str(caught.value)
    assert "a learning rate of 5 is high for adam" in str(caught.value)
    assert "Epoch 1 is saved" in str(caught.value)
    assert trainer.epoch == 1


def test_a_real_divergence_is_noticed(parts: Split) -> None:
    model = toy_model(parts, embedding_std=1e18)
    with pytest.raises(NonFiniteLossError, match="epoch 1"):
        list(
            toy_trainer(parts, model, evaluation=EvalConfig(ks=(10,), validation_users=1), epochs=1, lr_embedding=1e30)
        )


def test_a_stop_comes_between_two_steps_and_the_epoch_before_is_kept(parts: Split) -> None:
    steps = toy_trainer(parts, toy_model(parts)).sampler.steps(64)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > steps + 2

    model = toy_model(parts)
    evaluation = EvalConfig(ks=(10,))
    # training alone asks here: without a validation part there is nothing else to stop in
    without = toy_split((0.9, 0.0, 0.1))
    steps = toy_trainer(without, model).sampler.steps(64)
    trainer = toy_trainer(without, model, evaluation=evaluation, stop=stop)
    with pytest.raises(TrainingStopped, match=r"stopped in training epoch 2 after 2 of 5 steps; epoch 1 is saved\."):
        list(trainer)
    assert trainer.epoch == 1
    assert asked == steps + 3


def test_validation_can_be_stopped_too(parts: Split) -> None:
    trainer = toy_trainer(parts, toy_model(parts), stop=lambda: True)
    with pytest.raises(TrainingStopped, match="0 of 30 users"):
        next(iter(trainer))


def test_progress_counts_triples_and_users_to_their_end(parts: Split) -> None:
    seen: list[Progress] = []
    list(toy_trainer(parts, toy_model(parts), epochs=2, progress=seen.append))
    for unit, total in (("triples", parts.train.nnz), ("users", 30)):
        for epoch in (1, 2):
            done = [at.done for at in seen if at.unit == unit and at.epoch == epoch]
            assert done == sorted(done)
            assert done[-1] == total
    assert {at.total for at in seen if at.unit == "triples"} == {parts.train.nnz}
    assert {(at.phase, at.epochs) for at in seen} == {("training", 2)}


@pytest.mark.parametrize(("seconds", "every"), [(0.0, True), (float("inf"), False)])
def test_progress_is_told_no_more_often_than_asked(
    parts: Split, monkeypatch: pytest.MonkeyPatch, seconds: float, every: bool
) -> None:
    monkeypatch.setattr(training, "PROGRESS_SECONDS", seconds)
    seen: list[Progress] = []
    trainer = toy_trainer(parts, toy_model(parts), epochs=1, progress=seen.append)
    list(trainer)
    total, done = trainer.sampler.n_triples, [at.done for at in seen if at.unit == "triples"]
    assert done == ([*range(64, total, 64), total] if every else [64, total])


def test_what_is_no_module_is_refused(parts: Split) -> None:
    with pytest.raises(TypeError, match=r"nn\.Module"):
        toy_trainer(parts, object())


# ---------------------------------------------------------------- resuming


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adagrad", "sgd"])
@pytest.mark.parametrize("name", ["mf-bpr", "convncf"])
def test_a_saved_state_goes_on_bit_for_bit(parts: Split, name: str, optimizer: str) -> None:
    def trainer(seed_of_start: int = 1) -> Trainer:
        settings = {"dropout_prob": 0.4} if name == "convncf" else {}
        model = toy_model(parts, name, **settings)
        if seed_of_start != 1:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(1.0)
        return toy_trainer(parts, model, optimizer=optimizer, epochs=4)

    whole = trainer()
    expected = without_clock([record.to_json() for record in whole])

    first = trainer()
    records = iter(first)
    rows = [next(records).to_json() for _ in range(3)]
    state = first.state()
    torch.rand(1000)

    second = trainer(seed_of_start=2)  # whatever it began as is replaced
    second.load_state(state)
    rows += [record.to_json() for record in second]
    assert without_clock(rows) == expected
    assert equal(tensors_of(second), tensors_of(whole))
    assert (second.best_epoch, second.best_value) == (whole.best_epoch, whole.best_value)


def test_a_state_is_a_picture_not_a_window(parts: Split) -> None:
    trainer = toy_trainer(parts, toy_model(parts, "convncf"), epochs=2, patience=0)
    records = iter(trainer)
    next(records), next(records)
    state, model = trainer.state(), trainer.model_tensors()
    before = {name: tensor.clone() for name, tensor in (state.tensors | model).items()}
    list(records)
    assert equal(state.tensors | model, before), "what was kept must not move while training goes on"

    first = toy_trainer(parts, toy_model(parts, "convncf"), epochs=2, patience=0)
    first.load_state(state)
    list(first)
    assert equal(state.tensors | model, before), "nor by whoever went on from it"
    assert equal(tensors_of(first), tensors_of(trainer))


def test_a_step_made_before_a_state_came_is_not_taken_after(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA graph would go on changing the tensors of the optimiser that the state replaced."""
    trainer = toy_trainer(parts, toy_model(parts), epochs=1, patience=0)
    records = iter(trainer)
    next(records)
    next(records)
    state, old = trainer.state(), trainer.stepper._step
    assert old is not None
    trainer.load_state(state)
    with trainer.stepper.epoch(2):
        assert trainer.stepper._step is not old


def test_patience_goes_on_where_it_stood(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, [1, 5, 4, 3, 2, 9])
    first = toy_trainer(parts, Scripted(parts), epochs=5, patience=3)
    records = iter(first)
    for _ in range(3):
        next(records)
    second = toy_trainer(parts, Scripted(parts), epochs=5, patience=3)
    second.load_state(first.state())
    assert [record.epoch for record in second] == [3, 4]
    assert second.best_epoch == 1


def test_a_state_is_tensors_and_strict_json(parts: Split) -> None:
    trainer = toy_trainer(parts, toy_model(parts))
    next(iter(trainer))
    state = trainer.state()
    files.strict_json(state.metadata)
    assert all(isinstance(tensor, Tensor) for tensor in state.tensors.values())
    without = toy_split((1.0, 0.0, 0.0))
    never_judged = toy_trainer(without, toy_model(without))
    next(iter(never_judged))
    assert never_judged.state().metadata["best_value"] is None
