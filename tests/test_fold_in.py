"""Fold-in: who is folded in from an existing user's items is shown much the same, and the model stays as it was."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from convncf import models
from convncf.data.split import Split
from convncf.evaluation.ranking import top_k
from convncf.inspection import PairTrace, trace_pair
from convncf.inspection.fold_in import fold_in
from convncf.models import ModelConfig
from convncf.runtime import random
from tests.toy_training import toy_model, toy_split, toy_trainer
from tests.worlds import row

K = 10
TRAINED = pytest.mark.parametrize("name", ["mf-bpr", "convncf"])


@cache
def world(name: str) -> tuple[Split, Any]:
    """The checkerboard, and a model that has learnt it: MF-BPR, or a ConvNCF that went on from it."""
    parts = toy_split()
    if name == "mf-bpr":
        model = toy_model(parts)
        list(toy_trainer(parts, model, epochs=20))
        return parts, model.eval()
    model = toy_model(parts, name, initialisation="dot product")
    pretrained = world("mf-bpr")[1]
    model.start_from(pretrained.user_embedding.weight, pretrained.item_embedding.weight)
    list(toy_trainer(parts, model, epochs=3, lr_embedding=1e-3, lr_network=1e-3))
    return parts, model.eval()


def own_list(parts: Split, model: Any, user: int) -> npt.NDArray[np.int64]:
    return top_k(model.score_items(user).numpy(), row(parts.train, user), K).items


@TRAINED
def test_who_has_an_existing_users_items_is_shown_much_the_same(name: str) -> None:
    parts, model = world(name)
    shared, colour = [], []
    for user in range(0, parts.interactions.n_users, 3):
        found = fold_in(model, row(parts.train, user)).recommend(K).items
        shared.append(len(np.intersect1d(found, own_list(parts, model, user))) / K)
        ids = [int(parts.interactions.items.id(int(item))[1:]) for item in found[:5]]
        mine = int(parts.interactions.users.id(user)[1:])
        colour.append(np.mean([(item - mine) % 2 == 0 for item in ids]))
    assert np.mean(shared) > 0.85, "10 random of some 28 items would share 0.36"
    assert np.mean(colour) > 0.95, "the items of one's own colour come first"


@TRAINED
def test_the_fit_lowers_the_loss_within_the_bound_and_touches_nothing_else(name: str) -> None:
    parts, model = world(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = fold_in(model, row(parts.train, 3)[:4])
    assert folded.p is not None
    assert folded.start is not None
    assert folded.loss is not None
    assert folded.loss_start is not None
    assert folded.loss < folded.loss_start
    usual = float(torch.linalg.vector_norm(model.user_embedding.weight.detach(), dim=1).median())
    assert np.linalg.norm(folded.start) == pytest.approx(usual, rel=1e-5)
    assert np.linalg.norm(folded.p) <= usual * (1 + 1e-5)
    q = model.item_embedding.weight.detach().numpy()[folded.items].mean(axis=0)
    np.testing.assert_allclose(folded.start, q * usual / np.linalg.norm(q), rtol=1e-4)
    assert model.n_users == parts.interactions.n_users
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert folded.model.user_embedding.weight.grad is None  # type: ignore[attr-defined]


@TRAINED
def test_the_new_user_can_be_inspected_and_never_gets_what_was_picked(name: str) -> None:
    parts, model = world(name)
    picked = row(parts.train, 5)[:3]
    folded = fold_in(model, picked)
    trace = trace_pair(folded.model, 0, 7)
    assert isinstance(trace, PairTrace)
    np.testing.assert_array_equal(trace.p, folded.p)
    assert trace.score == pytest.approx(float(folded.model.score_items(0)[7]), rel=1e-5)
    everything = folded.recommend(model.n_items)
    assert sorted([*everything.items, *picked]) == list(range(model.n_items))


@TRAINED
def test_five_times_the_steps_bring_nothing_more(name: str) -> None:
    parts, model = world(name)
    few, many = (fold_in(model, row(parts.train, 3)[:4], steps=steps).loss for steps in (40, 200))
    assert few == pytest.approx(many, rel=0.02)


@TRAINED
def test_one_seed_one_user(name: str) -> None:
    _, model = world(name)
    first, again, other = (fold_in(model, [1, 4, 9], seed=seed).p for seed in (1, 1, 2))
    assert first is not None
    assert other is not None
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["itemknn", "ease", "popularity"])
def test_without_embeddings_the_formula_is_exact(name: str) -> None:
    parts = toy_split()
    model = models.fitted(ModelConfig(name=name), parts.train)
    for user in range(parts.interactions.n_users):
        folded = fold_in(model, row(parts.train, user)[::-1])
        assert folded.p is None
        assert torch.equal(folded.model.score_items(0), model.score_items(user))
    assert model.n_users == parts.interactions.n_users
    assert torch.equal(model.score_items(2), models.fitted(ModelConfig(name=name), parts.train).score_items(2))


def test_ease_and_itemknn_add_up_rows() -> None:
    model = models.EASE(3, 3)
    model.between = torch.tensor([[0.0, 2.0, 3.0], [5.0, 0.0, 7.0], [1.0, 4.0, 0.0]])
    assert fold_in(model, [0, 1]).model.score_items(0).tolist() == [5.0, 2.0, 10.0]


def test_draws_are_picked_items_against_all_others_alike() -> None:
    from convncf.inspection.fold_in import _TripleSampler

    draws = _TripleSampler(np.array([0, 2, 3, 9]), 10, 0, "cpu")
    user, positive, negative = (
        torch.cat(parts) for parts in zip(*(draws.triples(step) for step in range(50)), strict=True)
    )
    assert set(user.tolist()) == {0}
    assert set(positive.tolist()) == {0, 2, 3, 9}
    counts = np.bincount(negative.numpy(), minlength=10)
    assert np.flatnonzero(counts).tolist() == [1, 4, 5, 6, 7, 8]
    assert counts[counts > 0].min() > 0.8 * counts.sum() / 6


def test_a_trained_model_in_training_mode_stays_there() -> None:
    parts = toy_split()
    random.seed_torch(0, "test")
    model = toy_model(parts, "convncf", dropout_prob=0.5).train()
    first, again = fold_in(model, [1, 2]).p, fold_in(model, [1, 2]).p
    np.testing.assert_array_equal(first, again)
    assert model.training
    assert model.dropout.training


@pytest.mark.parametrize(
    ("items", "error", "words"),
    [
        ([], ValueError, "no item"),
        ([3, 3, 4], ValueError, "given twice"),
        ([40], IndexError, "item 40"),
        ([-1], IndexError, "item -1"),
        (range(40), ValueError, "none is left"),
    ],
)
def test_picks_that_cannot_be_are_refused(items: Any, error: type[Exception], words: str) -> None:
    parts = toy_split()
    with pytest.raises(error, match=words):
        fold_in(toy_model(parts), list(items))


def test_a_stranger_is_refused() -> None:
    class Stranger:
        n_users, n_items = 2, 5

        def score_items(self, user: int) -> torch.Tensor:
            return torch.zeros(5)

    with pytest.raises(TypeError, match="Stranger"):
        fold_in(Stranger(), [1])
