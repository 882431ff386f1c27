"""What every model owes whoever ranks with it: one suite, each model passes all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.sparse import csr_array

from convncf.config import ModelSettings
from convncf.models import ConvNCF, ItemModel, ModelConfig, PairwiseModel, Popularity, build, fitted
from convncf.models.base import Sizes

N_USERS, N_ITEMS = 4, 300
COMPUTED = ("popularity", "itemknn", "ease")
Model = PairwiseModel | ItemModel | Popularity


def convncf(size: int, kernels: list[int], strides: list[int] | None = None, **more: Any) -> Any:
    values: dict[str, Any] = {
        "name": "convncf",
        "embedding_size": size,
        "cnn_channels": [1] + [16] * len(kernels),
        "cnn_kernels": kernels,
        "cnn_strides": strides or kernels,
        "dropout_prob": 0.5,
    }
    return ModelConfig(**values | more)


def built(config: ModelSettings) -> Callable[[], Model]:
    return lambda: build(config, N_USERS, N_ITEMS)


def computed(name: str) -> Callable[[], Model]:
    def make() -> Model:
        matrix = np.random.default_rng(0).random((N_USERS, N_ITEMS)) < 0.3
        model: Model = fitted(ModelConfig(name=name), csr_array(matrix))
        return model

    return make


MODELS: dict[str, Callable[[], Model]] = {
    "popularity": computed("popularity"),
    "itemknn": computed("itemknn"),
    "ease": computed("ease"),
    "mf-bpr": built(ModelConfig(name="mf-bpr", embedding_size=32)),
    "convncf": built(convncf(32, [4, 4, 2])),
    "convncf, trace start": built(convncf(32, [4, 4, 2], initialisation="dot product")),
    "convncf, six layers": built(convncf(64, [2] * 6)),
    "convncf, ends at 2×2": built(convncf(64, [8, 4])),
    "convncf, kernel ≠ stride": built(convncf(8, [4, 3], [2, 1])),
    "convncf, reference": lambda: ConvNCF(convncf(32, [4, 4, 2]), Sizes(N_USERS, N_ITEMS)),
}


def make(name: str, seed: int = 1) -> Model:
    torch.manual_seed(seed)
    return MODELS[name]()


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(name: str) -> Model:
    return make(name)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def every_score(model: Model) -> torch.Tensor:
    return torch.stack([model.score_items(user) for user in range(model.n_users)])  # (n_users, n_items)


def test_scores_are_one_finite_number_an_item(model: Model) -> None:
    assert (model.n_users, model.n_items) == (N_USERS, N_ITEMS)
    scores = model.score_items(2)
    assert (scores.shape, scores.dtype, scores.device.type) == ((N_ITEMS,), torch.float32, "cpu")
    assert not scores.requires_grad
    assert scores.isfinite().all()
    assert len(set(scores.tolist())) > 1


def test_pairs_and_items_agree(model: Model) -> None:
    items = torch.arange(N_ITEMS)
    for user in range(N_USERS):
        pairs = model.score_pairs(torch.full((N_ITEMS,), user), items)
        assert (pairs.shape, pairs.dtype, pairs.requires_grad) == ((N_ITEMS,), torch.float32, False)
        torch.testing.assert_close(pairs, model.score_items(user), rtol=1e-5, atol=1e-5)


def test_pairs_score_the_same_in_whatever_chunks(model: Model) -> None:
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(N_USERS, (600,), generator=generator)
    items = torch.randint(N_ITEMS, (600,), generator=generator)
    whole = model.score_pairs(users, items)
    for size in (1, 7, 599):
        parts = zip(torch.split(users[:100], size), torch.split(items[:100], size), strict=True)
        chunks = torch.cat([model.score_pairs(*part) for part in parts])
        torch.testing.assert_close(chunks, whole[:100], rtol=1e-5, atol=1e-5)
        if isinstance(model, ItemModel | Popularity):
            assert torch.equal(chunks, whole[:100])


def test_a_batch_equals_its_pairs_one_by_one(model: Model) -> None:
    users, items = torch.tensor([3, 0, 0, 2]), torch.tensor([7, 299, 0, 7])
    single = [model.score_pairs(users[at : at + 1], items[at : at + 1]) for at in range(4)]
    torch.testing.assert_close(model.score_pairs(users, items), torch.cat(single), rtol=1e-5, atol=1e-5)


def test_what_was_asked_before_does_not_matter(model: Model, name: str) -> None:
    first = model.score_items(1)
    every_score(model)
    model.score_pairs(torch.tensor([2, 3]), torch.tensor([5, 6]))
    assert torch.equal(model.score_items(1), first)
    assert torch.equal(make(name).score_items(1), first)


def test_threads_do_not_matter(model: Model, threads: Callable[[int], None]) -> None:
    threads(1)
    alone = every_score(model)
    for count in (2, 3):
        threads(count)
        assert torch.equal(every_score(model), alone)


def test_a_reloaded_model_is_the_same(model: Model, name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file(model.state_dict(), file)
    other = make(name, seed=2) if name not in COMPUTED else build(ModelConfig(name=name), N_USERS, N_ITEMS)
    other.load_state_dict(load_file(file))
    assert torch.equal(every_score(other), every_score(model))


def test_a_seed_fixes_the_model(name: str) -> None:
    assert torch.equal(every_score(make(name)), every_score(make(name)))
    if name not in COMPUTED:
        assert not torch.equal(every_score(make(name)), every_score(make(name, seed=2)))


def test_scoring_in_the_middle_of_training_leaves_no_trace(model: Model) -> None:
    expected = model.eval().score_items(1)
    model.train()
    before = torch.get_rng_state()
    assert torch.equal(model.score_items(1), expected)  # no dropout
    model.score_pairs(torch.tensor([1]), torch.tensor([1]))
    assert model.training
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), before)


def test_no_gradient_is_kept(model: Model) -> None:
    model.score_items(0)
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_build_leaves_pretrained_files_to_whoever_knows_the_ids() -> None:
    config = convncf(8, [4, 2], train_method="after_pretrain", pre_model_path="nowhere")
    assert build(config, 2, 3).score_items(0).shape == (3,)
