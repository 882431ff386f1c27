"""The Trainer learns, and chooses the epoch on validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convncf.config import EvalConfig
from convncf.data.candidate_sampling import sample_candidates
from convncf.data.split import Split
from convncf.evaluation.report import evaluate, sample_users
from convncf.runtime import files
from convncf.training import CLOCK_FIELDS, EpochRecord, Trainer, optimisers
from tests.toy_training import EVAL, Scripted, script, toy_model, toy_split, toy_trainer
from tests.waiting import Waits
from tests.worlds import without_clock


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize("name", ["mf-bpr", "convncf"])
def test_the_rule_of_the_toy_is_learned(parts: Split, name: str) -> None:
    model = toy_model(parts, name, **({"initialisation": "dot product"} if name == "convncf" else {}))
    trainer = toy_trainer(parts, model, epochs=15, lr_embedding=3e-2, lr_network=1e-3, patience=0)
    records = list(trainer)
    losses = [record.loss for record in records[1:] if record.loss is not None]
    assert losses[0] == pytest.approx(np.log(2), abs=0.05), "before learning, a positive wins as often as it loses"
    assert losses[-1] < 0.6 * losses[0]
    assert records[0].validation is not None
    # of 40 items some 26 are candidates, 9 of them of the user's colour: a perfect learner is around 0.5
    assert records[0].validation["NDCG@10"] < 0.3
    assert max(r.validation["NDCG@10"] for r in records if r.validation) > 0.4


def test_the_loss_is_the_mean_over_triples_of_the_model_as_it_was_at_each_step(parts: Split) -> None:
    model = toy_model(parts)
    trainer = toy_trainer(parts, model, epochs=1, lr_embedding=0.0)
    expected, n = 0.0, 0
    for user, positive, negative in trainer.sampler.epoch(1, 64):
        gap = model.score_pairs(user, positive) - model.score_pairs(user, negative)
        expected += float(nn.functional.softplus(-gap).sum())
        n += len(user)
    loss = list(trainer)[1].loss
    assert n == trainer.sampler.n_triples
    assert loss == pytest.approx(expected / n, rel=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adagrad", "sgd"])
@pytest.mark.parametrize("name", ["mf-bpr", "convncf"])
def test_an_epoch_asks_the_device_for_one_number_at_its_end(parts: Split, name: str, optimizer: str) -> None:
    waits, steps = Waits(), list[int]()
    trainer = toy_trainer(parts, toy_model(parts, name), optimizer=optimizer, progress=lambda at: steps.append(at.done))
    for p in trainer.module.parameters():
        p.data = p.data.double()  # not the processor's compiled loops, but what a GPU runs
    with waits:
        trainer._train_epoch(1)
    assert steps[-1] == trainer.sampler.n_triples > 64
    assert waits.seen == ["_local_scalar_dense"]


def test_the_first_record_is_the_model_before_its_first_step(parts: Split) -> None:
    model = toy_model(parts)
    before = evaluate(model, parts, "validation", EVAL).metrics
    first = next(iter(toy_trainer(parts, model)))
    assert (first.epoch, first.loss, first.triples_per_second) == (0, None, None)
    assert first.validation == dict(before)
    assert first.improved


def test_a_record_is_one_flat_line_and_back(parts: Split) -> None:
    for record in toy_trainer(parts, toy_model(parts), epochs=1):
        row = record.to_json()
        files.strict_json(row)
        assert EpochRecord.from_json(row) == record
        assert set(CLOCK_FIELDS) < row.keys()


def test_the_same_seed_gives_the_same_records_and_another_does_not(parts: Split) -> None:
    def rows(seed: int) -> list[dict[str, Any]]:
        trainer = toy_trainer(parts, toy_model(parts, "convncf", dropout_prob=0.3))
        trainer = Trainer(trainer.model, parts, trainer.config, EVAL, seed=seed)
        torch.rand(17)  # what ran before must not matter
        return without_clock([record.to_json() for record in trainer])

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


# ---------------------------------------------------------------- choosing the epoch


@pytest.mark.parametrize(
    ("values", "settings", "epochs", "best"),
    [
        ([1, 2, 3, 2, 1, 9], {"patience": 2, "epochs": 5}, [0, 1, 2, 3, 4], 2),
        ([1, 2, 3, 2, 1, 9], {"patience": 3, "epochs": 5}, [0, 1, 2, 3, 4, 5], 5),
        ([3, 2, 1, 0, 0, 0], {"patience": 1, "epochs": 5}, [0, 1], 0),
        ([1, 1, 1, 1, 1, 1], {"patience": 2, "epochs": 5}, [0, 1, 2], 0),
        ([1, 0, 0, 0, 0, 2], {"patience": 0, "epochs": 5}, [0, 1, 2, 3, 4, 5], 5),
        ([0, 9, 1, 9, 0, 5], {"patience": 2, "epochs": 5, "validate_every": 2}, [0, 1, 2, 3, 4, 5], 5),
        ([5, 9, 1, 9, 0, 9], {"patience": 2, "epochs": 5, "validate_every": 2}, [0, 1, 2, 3, 4], 0),
        ([1, 2, 3], {"patience": 2, "epochs": 0}, [0], 0),
    ],
)
def test_patience_counts_validations_without_improvement(
    parts: Split,
    monkeypatch: pytest.MonkeyPatch,
    values: list[float],
    settings: dict[str, Any],
    epochs: list[int],
    best: int,
) -> None:
    script(monkeypatch, values)
    trainer = toy_trainer(parts, Scripted(parts), **settings)
    records = list(trainer)
    assert [record.epoch for record in records] == epochs
    assert trainer.best_epoch == best
    assert [record.epoch for record in records if record.improved][-1] == best
    assert trainer.finished
    assert list(trainer) == [], "a finished training has nothing more to do"


@pytest.mark.parametrize("restore", [True, False])
def test_at_the_end_the_model_is_the_best_epoch_and_the_state_the_last(
    parts: Split, monkeypatch: pytest.MonkeyPatch, restore: bool
) -> None:
    script(monkeypatch, [1, 3, 2, 1])
    trainer = toy_trainer(parts, toy_model(parts), epochs=3, patience=0, restore=restore)
    seen = {record.epoch: trainer.model_tensors() for record in trainer}
    left = 1 if restore else 3
    assert (trainer.best_epoch, trainer.epoch, trainer.model_epoch) == (1, 3, left)
    for name, tensor in trainer.model_tensors().items():
        assert torch.equal(tensor, seen[left][name])
        assert torch.equal(trainer.state().tensors[f"model.{name}"], seen[3][name])
    assert not torch.equal(seen[1]["user_embedding.weight"], seen[3]["user_embedding.weight"])


def test_between_validations_nothing_is_judged_and_the_last_epoch_always_is(
    parts: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, [1, 2, 3, 4, 5, 6])
    records = list(toy_trainer(parts, Scripted(parts), epochs=5, validate_every=3))
    assert [record.epoch for record in records if record.validation is not None] == [0, 3, 5]
    assert not any(record.improved for record in records if record.validation is None)


def test_without_a_validation_part_all_epochs_run_and_the_last_is_kept() -> None:
    parts = toy_split((0.9, 0.0, 0.1))
    trainer = toy_trainer(parts, toy_model(parts), epochs=4, patience=1)
    records = list(trainer)
    assert [record.epoch for record in records] == [0, 1, 2, 3, 4]
    assert all(record.improved and record.validation is None for record in records)
    assert {record.validation_users for record in records} == {0}
    assert trainer.best_epoch == 4


def test_validation_may_take_a_seeded_sample_of_users(parts: Split) -> None:
    evaluation = EvalConfig(ks=(10,), validation_users=7)
    model = toy_model(parts)
    first = next(iter(toy_trainer(parts, model, evaluation=evaluation)))
    users = sample_users(parts, "validation", 7, seed=1)
    assert first.validation_users == len(users) == 7
    assert first.validation == dict(evaluate(model, parts, "validation", evaluation, users=users).metrics)


# ---------------------------------------------------------------- optimisers


def test_a_rate_of_nought_keeps_the_embeddings_bit_for_bit(parts: Split) -> None:
    for optimizer in ("adam", "adamw", "adagrad", "sgd"):
        trainer = toy_trainer(parts, toy_model(parts, "convncf"), optimizer=optimizer, lr_embedding=0.0)
        before = {name: tensor.clone() for name, tensor in trainer.model_tensors().items()}
        list(trainer)
        after = trainer.model_tensors()
        for name, tensor in before.items():
            # the bias of the output cancels out between a positive and its negative: BPR never moves it
            assert torch.equal(tensor, after[name]) == ("embedding" in name or name == "output.bias"), name


@pytest.mark.parametrize(("embedding", "network"), [(0.0, 1e-2), (1e-2, 0.0), (0.0, 0.0)])
def test_no_gradient_is_asked_for_where_the_rate_is_nought(parts: Split, embedding: float, network: float) -> None:
    model = toy_model(parts, "convncf")
    trainer = toy_trainer(parts, model, epochs=1, lr_embedding=embedding, lr_network=network)
    asked: list[dict[str, bool]] = []

    def progress(at: object) -> None:
        asked.append({name: parameter.grad is not None for name, parameter in model.named_parameters()})

    trainer._progress = progress
    trainer._train_epoch(1)
    for name, has in asked[-1].items():
        assert has == bool(embedding if "embedding" in name else network), name
    assert all(parameter.requires_grad for parameter in model.parameters()), "afterwards all is as it was"
    assert (trainer.stepper.optimizer.state == {}) == (embedding == network == 0)


def test_a_parameter_that_its_owner_froze_stays_frozen(parts: Split) -> None:
    model = toy_model(parts)
    model.item_embedding.weight.requires_grad_(False)
    before = model.item_embedding.weight.detach().clone()
    list(toy_trainer(parts, model, epochs=1))
    assert torch.equal(model.item_embedding.weight, before)
    assert not model.item_embedding.weight.requires_grad


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_schedule_gives_each_epoch_its_rate(parts: Split, schedule: str) -> None:
    trainer = toy_trainer(parts, toy_model(parts), epochs=4, patience=0, schedule=schedule, lr_floor=0.5)
    seen = [trainer.stepper.optimizer.rates for _ in trainer][1:]
    assert seen == [optimisers.rates(trainer.config, epoch) for epoch in (1, 2, 3, 4)]
    assert [seen[0], seen[-1]] == [(1e-2, 1e-2), (5e-3, 5e-3)]
    constant = toy_trainer(parts, toy_model(parts), epochs=1, patience=0)
    first = toy_trainer(parts, toy_model(parts), epochs=1, patience=0, schedule=schedule)
    assert without_clock([r.to_json() for r in first]) == without_clock([r.to_json() for r in constant])


@pytest.mark.parametrize(
    ("settings", "kept"),
    [({}, True), ({"schedule": "linear", "lr_floor": 0.5}, False), ({"warmup_epochs": 1, "warmup_lr": 1e-2}, False)],
)
def test_a_step_is_made_anew_where_the_next_epoch_is_another_one(
    parts: Split, settings: dict[str, Any], kept: bool
) -> None:
    """A CUDA graph keeps the rates and the loss that it was recorded with."""
    trainer = toy_trainer(parts, toy_model(parts), epochs=3, patience=0, **settings)
    made = [trainer.stepper._step for _ in trainer][1:]
    assert (made[0] is made[1]) == kept
    assert (made[1] is made[2]) == (kept or "warmup_epochs" in settings)


def test_a_last_epoch_at_nought_changes_nothing(parts: Split) -> None:
    trainer = toy_trainer(parts, toy_model(parts), epochs=3, patience=0, schedule="linear", lr_floor=0.0)
    tensors = [trainer.model_tensors() for _ in trainer]
    assert equal(tensors[2], tensors[3])
    assert not equal(tensors[1], tensors[2])


# ---------------------------------------------------------------- other parts, other candidates


def test_the_epoch_can_be_chosen_on_another_part(parts: Split) -> None:
    model = toy_model(parts)
    config = toy_trainer(parts, model).config
    on_test = next(iter(Trainer(model, parts, config, EVAL, seed=1, part="test")))
    assert on_test.validation == dict(evaluate(model, parts, "test", EVAL).metrics)
    assert on_test.validation != dict(evaluate(model, parts, "validation", EVAL).metrics)


def test_validation_can_rank_within_candidate_sets_of_a_sample_of_users(parts: Split) -> None:
    evaluation = EvalConfig(ks=(10,), validation_users=7)
    model = toy_model(parts)
    sets = sample_candidates(parts, "validation", 5, seed=1)
    config = toy_trainer(parts, model).config
    first = next(iter(Trainer(model, parts, config, evaluation, seed=1, candidates=sets)))
    users = sample_users(parts, "validation", 7, seed=1)
    expected = evaluate(model, parts, "validation", evaluation, users=users, candidates=sets)
    assert first.validation == dict(expected.metrics)
    assert first.validation_users == 7


def test_the_network_has_a_rate_of_its_own(parts: Split) -> None:
    trainer = toy_trainer(parts, toy_model(parts, "convncf"), lr_network=0.0)
    before = {name: tensor.clone() for name, tensor in trainer.model_tensors().items()}
    list(trainer)
    after = trainer.model_tensors()
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) == ("embedding" not in name), name


@pytest.mark.parametrize("start", [0.1, 2.0])
def test_adagrad_begins_with_its_accumulator(parts: Split, start: float) -> None:
    model = toy_model(parts)
    trainer = toy_trainer(
        parts, model, optimizer="adagrad", adagrad_accumulator=start, epochs=1, batch_size=10**6, lr_embedding=0.05
    )
    weight = model.user_embedding.weight
    before = weight.detach().clone()
    user, positive, negative = trainer.sampler.batch(1, 0, 10**6)
    loss = model.calculate_loss({"user_id": user, "item_id": positive, "neg_item_id": negative})
    (gradient,) = torch.autograd.grad(loss, weight)
    list(trainer)
    # Duchi et al.: one step from an accumulator G0 is lr · g / sqrt(G0 + g²)
    assert torch.allclose(weight.detach(), before - 0.05 * gradient / (start + gradient.square()).sqrt(), atol=1e-6)


def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(parts: Split) -> None:
    model = toy_model(parts)
    before = model.user_embedding.weight.detach().clone()
    list(toy_trainer(parts, model, epochs=1, batch_size=10**6, lr_embedding=0.05))
    moved = (model.user_embedding.weight.detach() - before).abs()
    assert torch.allclose(moved, torch.full_like(moved, 0.05), atol=1e-4)
