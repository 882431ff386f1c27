"""BPR steps on copies: what they come to is known for matrix factorisation, and a trace start is the same model."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import ratio_split
from convncf.errors import DataError
from convncf.inspection import history
from convncf.inspection.bpr_step import Triple, bpr_steps, sample_triple
from convncf.models.popularity import Popularity
from tests.toy_training import toy_model, toy_split
from tests.worlds import row

USER, POSITIVE, NEGATIVE = 2, 3, 5
TRIPLE = Triple(USER, POSITIVE, NEGATIVE)


@cache
def parts() -> Split:
    return toy_split()


def factorisation() -> Any:
    return toy_model(parts(), embedding_std=0.7).eval()


def network(initialisation: str = "dot product") -> Any:
    """A ConvNCF with the embeddings of the factorisation."""
    model = toy_model(parts(), "convncf", initialisation=initialisation).eval()
    start = factorisation()
    model.start_from(start.user_embedding.weight, start.item_embedding.weight)
    return model


def by_hand(model: Any, rate: float, steps: int) -> npt.NDArray[np.float64]:
    """(steps + 1, 2) scores of matrix factorisation, by its own gradients: Rendle et al. 2009, section 4.3.1."""
    p = model.user_embedding.weight[USER].detach().double().numpy()
    q_i, q_j = (model.item_embedding.weight[item].detach().double().numpy() for item in (POSITIVE, NEGATIVE))
    scores = []
    for _ in range(steps + 1):
        scores.append((p @ q_i, p @ q_j))
        pull = 1 / (1 + math.exp(p @ q_i - p @ q_j))
        p, q_i, q_j = p + rate * pull * (q_i - q_j), q_i + rate * pull * p, q_j - rate * pull * p
    return np.array(scores)


@pytest.mark.parametrize("make", [factorisation, network], ids=["mf-bpr", "a trace start"])
def test_the_steps_are_those_of_the_paper(make: Any) -> None:
    model = make()
    found = bpr_steps(model, TRIPLE, 0.3, steps=5)
    expected = by_hand(model, 0.3, 5)
    assert found.positive == pytest.approx(expected[:, 0], rel=1e-4, abs=1e-5)
    assert found.negative == pytest.approx(expected[:, 1], rel=1e-4, abs=1e-5)
    margin = expected[:, 0] - expected[:, 1]
    assert found.margin == pytest.approx(margin, rel=1e-4, abs=1e-5)
    assert found.loss == pytest.approx(np.log1p(np.exp(-margin)), rel=1e-4)
    assert found.pull == pytest.approx(1 / (1 + np.exp(margin)), rel=1e-4)
    assert (np.diff(found.margin) > 0).all()
    p = model.user_embedding.weight[USER].detach().numpy()
    assert found.gradient[0, 1] == found.gradient[0, 2]
    assert found.gradient[0, 1] == pytest.approx(float(found.pull[0]) * float(np.linalg.norm(p)), rel=1e-4)
    assert (found.n_steps, found.diverged) == (5, False)


def test_the_first_scores_are_the_models_own_and_a_short_step_widens_the_margin() -> None:
    model = network("random")
    found = bpr_steps(model, TRIPLE, 0.01, steps=1)
    scores = model.score_items(USER)
    assert found.positive[0] == pytest.approx(float(scores[POSITIVE]), abs=1e-6)
    assert found.negative[0] == pytest.approx(float(scores[NEGATIVE]), abs=1e-6)
    assert found.margin[1] > found.margin[0]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training: bool) -> None:
    model = network("random").train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = bpr_steps(model, TRIPLE, 3.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training == training
    assert bpr_steps(model, TRIPLE, 3.0).margin.tolist() == first.margin.tolist()
    assert not first.margin.flags.writeable


def test_steps_that_run_away_end_there_and_it_is_said() -> None:
    found = bpr_steps(factorisation(), TRIPLE, 1e30)
    assert found.diverged
    assert found.n_steps < 20
    assert np.isfinite(found.margin).all()
    assert len(found.positive) == len(found.loss) == len(found.gradient) == found.n_steps + 1


@pytest.mark.parametrize(("rate", "steps"), [(0.0, 5), (-1.0, 5), (math.nan, 5), (1.0, 0)])
def test_a_rate_or_a_number_of_steps_that_cannot_be_is_refused(rate: float, steps: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        bpr_steps(factorisation(), TRIPLE, rate, steps)


def test_an_unknown_item_and_a_model_without_embeddings_are_refused() -> None:
    with pytest.raises(IndexError, match="item 999"):
        bpr_steps(factorisation(), Triple(USER, POSITIVE, 999), 1.0)
    with pytest.raises(TypeError, match="no embedding"):
        bpr_steps(Popularity(30, 40), TRIPLE, 1.0)


# ---------------------------------------------------------------- the triple


def test_the_positive_is_the_item_where_the_user_has_it_in_training_else_their_latest_there() -> None:
    own = row(parts().train, USER)
    assert [sample_triple(parts(), USER, int(item)).positive for item in own] == own.tolist()
    found = history(parts(), USER)
    latest = next(item for item, part in zip(found.items.tolist(), found.parts, strict=True) if part == "training")
    for other in set(range(parts().interactions.n_items)) - set(own.tolist()):
        assert sample_triple(parts(), USER, other).positive == latest


def test_negatives_are_what_the_user_has_not_in_training_each_of_them_and_the_same_at_each_call() -> None:
    own = set(row(parts().train, USER).tolist())
    drawn = [sample_triple(parts(), USER, POSITIVE, draw).negative for draw in range(600)]
    assert set(drawn) == set(range(parts().interactions.n_items)) - own
    assert [sample_triple(parts(), USER, POSITIVE, draw).negative for draw in range(20)] == drawn[:20]


def test_who_has_everything_or_nothing_in_training_is_said() -> None:
    rows = [("a", "x"), ("a", "y"), ("b", "x")]
    every = ratio_split(Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"])), (1, 0, 0), seed=1)
    with pytest.raises(DataError, match="all 2 items"):
        sample_triple(every, 0, 0)
    none = replace(every, part=np.full_like(every.part, 2))
    with pytest.raises(DataError, match="no item"):
        sample_triple(none, 0, 0)
