"""Neighbours and mean maps with answers known beforehand, from embeddings and interactions made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from convncf import models
from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import ratio_split
from convncf.errors import DataError
from convncf.inspection import trace_pair
from convncf.inspection.neighbours import mean_maps, nearest_by_cooccurrence, nearest_by_embedding
from convncf.models import ModelConfig
from tests.toy_training import toy_model, toy_split


def model_with(items: list[list[float]], users: list[list[float]] | None = None) -> Any:
    users = users or [[1.0] * len(items[0])]
    config = ModelConfig("mf-bpr", embedding_size=len(items[0]))
    model = models.build(config, len(users), len(items))
    assert isinstance(model, models.MatrixFactorisation)
    model.start_from(torch.tensor(users), torch.tensor(items))
    return model


def train_of(rows: list[list[int]]) -> csr_array:
    return csr_array(np.array(rows, dtype=bool))


def test_the_nearest_point_the_same_way_however_long_they_are() -> None:
    model = model_with([[1, 0], [10, 1], [-3, 0], [0, 2], [0, 0], [0.5, 0]])
    found = nearest_by_embedding(model, 0, k=4)
    assert found.items.tolist() == [5, 1, 3, 4]  # 3 and 4 are equally far: in index order
    np.testing.assert_allclose(found.similarity, [1, 10 / np.sqrt(101), 0, 0], rtol=1e-6)
    last = nearest_by_embedding(model, 0, k=9)
    assert (last.items.tolist()[-1], last.similarity[-1]) == (2, -1)
    assert found.together is None
    assert nearest_by_embedding(model, 4, k=9).similarity.tolist() == [0] * 5  # an embedding of length 0


def test_a_rotation_of_the_space_changes_no_cosine() -> None:
    parts = toy_split()
    model = toy_model(parts)
    before = nearest_by_embedding(model, 3)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    vectors = [
        table.weight.detach() @ torch.from_numpy(rotation).float()
        for table in (model.user_embedding, model.item_embedding)
    ]
    model.start_from(*vectors)
    after = nearest_by_embedding(model, 3)
    assert before.items.tolist() == after.items.tolist()
    np.testing.assert_allclose(before.similarity, after.similarity, atol=1e-5)


def test_co_occurrence_counts_users_of_both() -> None:
    train = train_of([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]])
    found = nearest_by_cooccurrence(train, 0)
    assert found.items.tolist() == [1, 2]  # item 3 shares no user with item 0
    assert found.together is not None
    assert found.together.tolist() == [2, 2]
    np.testing.assert_allclose(found.similarity, [2 / (np.sqrt(6) + 10), 2 / (3 + 10)], rtol=1e-6)


def test_co_occurrence_is_the_likeness_of_itemknn() -> None:
    parts = toy_split()
    knn = models.ItemKNN(*parts.train.shape, neighbours=1000).fit(parts.train)
    for item in range(5):
        found = nearest_by_cooccurrence(parts.train, item, k=1000)
        start, end = knn.similarity_start[item : item + 2].tolist()
        known = dict(zip(knn.similarity_items[start:end].tolist(), knn.similarity[start:end].tolist(), strict=True))
        assert dict(zip(found.items.tolist(), found.similarity.tolist(), strict=True)) == pytest.approx(known, rel=1e-6)


def test_an_item_that_nobody_has_has_no_company() -> None:
    assert nearest_by_cooccurrence(train_of([[1, 0, 1], [1, 0, 0]]), 1).items.tolist() == []


def test_mean_maps_are_the_means_of_the_maps() -> None:
    parts = toy_split()
    model = toy_model(parts, embedding_std=1.0)
    found = mean_maps(model, parts, 2, seed=4)
    assert len(found.items) == len(found.others)
    everything = parts.interactions.item[parts.interactions.user == 2]
    assert not np.isin(found.others, everything).any()
    for items, mean in ((found.items, found.history), (found.others, found.random)):
        maps = [getattr(trace_pair(model, 2, int(item)), "map") for item in items]  # noqa: B009
        np.testing.assert_allclose(mean, np.mean(maps, axis=0), atol=1e-5)
    np.testing.assert_allclose(found.difference, found.history - found.random, atol=1e-6)
    again, other = mean_maps(model, parts, 2, seed=4), mean_maps(model, parts, 2, seed=5)
    assert again.others.tolist() == found.others.tolist() != other.others.tolist()


def split_of(users: list[str], items: list[str], part: list[int]) -> Split:
    data = Interactions.from_frame(pd.DataFrame({"user_id": users, "item_id": items}))
    return Split(data, np.array(part, np.int8), "by hand", 0, 0)


def test_fewer_others_are_taken_where_there_are_fewer_and_none_is_refused() -> None:
    # a has x and y in training and z in test: only w is another's
    parts = split_of(["a", "a", "a", "b", "b"], ["x", "y", "z", "w", "x"], [0, 0, 2, 2, 0])
    model = model_with([[1, 2], [3, 4], [5, 6], [7, 8]], [[1, 0], [0, 1]])
    found = mean_maps(model, parts, 0)
    assert (found.items.tolist(), found.others.tolist()) == ([0, 1], [3])
    assert found.difference.tolist() == [[2 - 7, 3 - 8], [0, 0]]
    full = split_of(["a", "a", "b"], ["x", "y", "x"], [0, 0, 2])
    small = model_with([[1, 2], [3, 4]], [[1, 0], [0, 1]])
    with pytest.raises(DataError, match="'a'"):
        mean_maps(small, full, 0)
    with pytest.raises(DataError, match="'b'"):
        mean_maps(small, full, 1)


def test_what_cannot_be_asked_is_refused() -> None:
    parts = toy_split()
    model = toy_model(parts)
    popularity = models.Popularity(30, 40)
    with pytest.raises(TypeError, match="Popularity"):
        nearest_by_embedding(popularity, 0)
    with pytest.raises(TypeError, match="Popularity"):
        mean_maps(popularity, parts, 0)
    with pytest.raises(IndexError, match="the 40 items"):
        nearest_by_embedding(model, 40)
    with pytest.raises(IndexError, match="the 40 items"):
        nearest_by_cooccurrence(parts.train, -1)
    with pytest.raises(IndexError, match="user 30"):
        mean_maps(model, parts, 30)
    with pytest.raises(ValueError, match="got 0"):
        nearest_by_embedding(model, 0, k=0)


def test_the_split_of_a_ratio_has_what_the_maps_need() -> None:
    parts = ratio_split(toy_split().interactions, (0.5, 0.2, 0.3), seed=3)
    found = mean_maps(toy_model(parts), parts, 0)
    assert found.items.tolist() == parts.train.indices[: parts.train.indptr[1]].tolist()
