"""Popularity: users per item, for everyone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from convncf.models import Popularity

TRAIN = csr_array(np.array([[1, 0, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0]], dtype=bool))


def test_scores_are_users_per_item_the_same_for_everyone() -> None:
    model = Popularity(3, 4).fit(TRAIN)
    assert model.score_items(0).tolist() == model.score_items(2).tolist() == [3, 1, 1, 0]
    assert model.score_pairs(torch.tensor([0, 1]), torch.tensor([3, 0])).tolist() == [0, 3]


def test_fitting_again_starts_over() -> None:
    model = Popularity(3, 4).fit(TRAIN).fit(TRAIN)
    assert model.score_items(1).tolist() == [3, 1, 1, 0]


def test_a_caller_cannot_change_it_through_its_scores() -> None:
    model = Popularity(3, 4).fit(TRAIN)
    model.score_items(0)[0] = -1
    assert model.score_items(0)[0] == 3


def test_a_matrix_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        Popularity(4, 4).fit(TRAIN)
