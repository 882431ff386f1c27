"""Dynamic negative sampling: the hardest of several is taken, and nothing that is barred is ever drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from convncf.config import TrainConfig
from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import ratio_split
from convncf.errors import DataError
from convncf.models import PairwiseModel
from convncf.models.settings import resolve
from convncf.training import triple_sampler
from convncf.workflow.phases import pretraining
from tests.toy_training import Scripted, toy_model, toy_trainer
from tests.waiting import Waits

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "mf-bpr": ("mf-bpr", {}),
    "convncf": ("convncf", {"dropout_prob": 0.5}),
    "convncf in double precision": ("convncf", {"dropout_prob": 0.5}),
    "convncf, kernel ≠ stride": (
        "convncf",
        {"cnn_kernels": (4, 3), "cnn_strides": (2, 1), "cnn_channels": (1, 4, 4)},
    ),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, parts: Split) -> PairwiseModel:
    name, settings = MODELS[request.param]
    made = toy_model(parts, name, **settings)
    assert isinstance(made, PairwiseModel)
    return made.double() if "double" in request.param else made


@pytest.mark.parametrize("n", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("at_once", [1, 17, 4096])
def test_the_hardest_is_the_one_that_scores_highest(
    model: PairwiseModel, n: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PairwiseModel, "pairs_chosen_from", at_once)
    generator = torch.Generator().manual_seed(n)
    user = torch.randint(30, (12,), generator=generator)
    items = torch.stack([torch.randperm(40, generator=generator)[:n] for _ in range(12)])
    model.train()
    before = torch.get_rng_state()
    found = model.hardest(user, items)
    assert model.training
    assert torch.equal(torch.get_rng_state(), before), "no dropout"
    for u, row, best in zip(user.tolist(), items, found.tolist(), strict=True):
        of_row = model.score_items(u)[row]
        assert best in row.tolist()
        assert float(model.score_items(u)[best]) == pytest.approx(float(of_row.max()), rel=1e-5, abs=1e-7)


def test_of_equals_the_first_is_taken(parts: Split) -> None:
    model = toy_model(parts)
    with torch.no_grad():
        model.item_embedding.weight[:] = 1.0
    assert model.hardest(torch.tensor([0, 1]), torch.tensor([[7, 3, 9], [2, 2, 1]])).tolist() == [7, 2]


def test_a_step_is_the_usual_one_with_the_hardest_in_place_of_the_drawn(parts: Split) -> None:
    hard = toy_trainer(parts, toy_model(parts), epochs=1, negatives="dns", dns_candidates=5)
    usual, model = toy_trainer(parts, toy_model(parts), epochs=1), toy_model(parts)
    user, positive, items = hard.sampler.batch(1, 0, 64)
    assert items.shape == (64, 5)
    negative = model.hardest(user, items)
    with hard.stepper.epoch(1), usual.stepper.epoch(1):
        assert torch.equal(hard.stepper((user, positive, items)), usual.stepper((user, positive, negative)))
    assert all(torch.equal(a, b) for a, b in zip(hard.module.parameters(), usual.module.parameters(), strict=True))


def test_the_hardest_of_several_trains_another_model(parts: Split) -> None:
    def trained(**settings: Any) -> list[Tensor]:
        trainer = toy_trainer(parts, toy_model(parts), epochs=2, **settings)
        list(trainer)
        return [*trainer.model_tensors().values()]

    uniform = trained(negatives="uniform")
    assert all(torch.equal(a, b) for a, b in zip(uniform, trained(), strict=True))
    assert not torch.equal(trained(negatives="dns", dns_candidates=4)[0], uniform[0])


def test_harder_negatives_make_a_larger_loss(parts: Split) -> None:
    def loss(**settings: Any) -> float:
        trainer = toy_trainer(parts, toy_model(parts), epochs=3, patience=0, **settings)
        return next(record.loss for record in trainer if record.epoch == 3) or 0.0

    assert loss(negatives="dns", dns_candidates=8) > loss() > 0


def test_choosing_waits_for_nothing(parts: Split) -> None:
    """On a GPU, a look at a score from Python would stop the stream of steps."""
    for name in ("mf-bpr", "convncf"):
        trainer = toy_trainer(parts, toy_model(parts, name).double(), negatives="dns", dns_candidates=3)
        waits = Waits()
        with waits:
            trainer._train_epoch(1)
        assert waits.seen == ["_local_scalar_dense"]


def test_a_user_who_has_everything_is_left_out_and_nothing_hangs() -> None:
    rows = [("u1", f"i{item}") for item in range(4)] + [("u2", "i0"), ("u2", "i1"), ("u3", "i2")]
    everything = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    parts = ratio_split(everything, (1.0, 0.0, 0.0), seed=1)
    trainer = toy_trainer(parts, toy_model(parts), epochs=2, batch_size=2, negatives="dns", dns_candidates=1000)
    assert trainer.sampler.users_without_negatives.tolist() == [parts.interactions.users.index("u1")]
    assert [record.epoch for record in trainer] == [0, 1, 2]
    assert trainer.sampler.n_triples == 3
    for user, _, negatives in trainer.sampler.epoch(1, 2):
        dense = parts.train.toarray()
        assert not dense[user[:, None].numpy(), negatives.numpy()].any()


def test_spared_test_items_are_never_drawn_and_otherwise_they_are(parts: Split) -> None:
    def drawn_from_test(**settings: Any) -> int:
        sampler = triple_sampler(parts, TrainConfig.model_validate(settings), seed=1)
        test = parts.test.toarray()
        found = 0
        for epoch in range(5):
            for user, _, negatives in sampler.epoch(epoch, 64):
                negatives = negatives.view(len(user), -1)
                found += int(test[user[:, None].numpy(), negatives.numpy()].sum())
                assert not parts.train.toarray()[user[:, None].numpy(), negatives.numpy()].any()
        return found

    assert drawn_from_test() > 20
    assert drawn_from_test(excluded_negatives="test items") == 0
    assert drawn_from_test(excluded_negatives="test items", negatives="dns", dns_candidates=3) == 0


def test_positives_are_drawn_as_the_setting_says_in_pretraining_as_well(parts: Split) -> None:
    plain, by_user = TrainConfig(), TrainConfig(positives="by user")
    assert not triple_sampler(parts, plain, seed=1).by_user
    assert triple_sampler(parts, by_user, seed=1).by_user
    config = resolve(model="convncf", preset="quick", settings={"train.positives": "by user"}).config
    assert pretraining(config).positives == "by user"


def test_where_sparing_leaves_nothing_to_draw_it_is_refused() -> None:
    frame = pd.DataFrame({"user_id": ["u"] * 4, "item_id": list("abcd")})
    parts = ratio_split(Interactions.from_frame(frame), (0.5, 0.0, 0.5), seed=1)
    assert np.asarray(parts.test.sum()) == 2
    triple_sampler(parts, TrainConfig(), seed=1)
    with pytest.raises(DataError, match="no triple"):
        triple_sampler(parts, TrainConfig(excluded_negatives="test items"), seed=1)


def test_dns_needs_a_model_that_can_choose(parts: Split) -> None:
    with pytest.raises(TypeError, match="PairwiseModel"):
        toy_trainer(parts, Scripted(parts), negatives="dns")
