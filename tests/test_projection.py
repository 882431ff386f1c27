"""Projection: known planes are found again, a picture never flips, and the shares add up."""

from __future__ import annotations

import numpy as np
import pytest

from convncf import models
from convncf.data.items import ItemTable
from convncf.data.vocabulary import Vocabulary
from convncf.inspection.projection import NO_GENRE, OTHER, main_genres, principal_components, project
from tests.toy_training import toy_model, toy_split


def test_points_of_a_known_plane_are_found_again() -> None:
    plane = np.random.default_rng(1).normal(size=(50, 2)) * [3, 1]
    plane -= plane.mean(axis=0)
    directions = np.linalg.qr(np.random.default_rng(2).normal(size=(7, 2)))[0].T  # (2, 7), at right angles
    xy, shares = principal_components(plane @ directions + 5)
    assert sum(shares) == pytest.approx(1)
    before, after = (np.linalg.norm(points[:, None] - points[None], axis=-1) for points in (plane, xy))
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert shares[0] > shares[1] > 0
    np.testing.assert_allclose(xy.var(axis=0) / plane.var(axis=0).sum(), shares, rtol=1e-4)


def test_the_picture_never_flips() -> None:
    points = np.random.default_rng(3).normal(size=(40, 5)) * [5, 3, 1, 1, 1]
    xy, _ = principal_components(points)
    order = np.random.default_rng(4).permutation(40)
    again, _ = principal_components(points[order])
    np.testing.assert_allclose(xy[order], again, atol=1e-4)
    mirrored, _ = principal_components(-points)
    np.testing.assert_allclose(mirrored, -xy, atol=1e-4)


@pytest.mark.parametrize(
    ("points", "xy", "shares"),
    [
        ([[1.0], [3.0]], [[-1, 0], [1, 0]], (1, 0)),  # D = 1
        ([[2.0, 2.0], [2.0, 2.0]], [[0, 0], [0, 0]], (0, 0)),  # no spread at all
        ([[0.0, 0.0], [3.0, 4.0]], [[-2.5, 0], [2.5, 0]], (1, 0)),  # on a line
    ],
)
def test_where_there_is_no_plane(points: list[list[float]], xy: list[list[float]], shares: tuple[float, float]) -> None:
    found, explained = principal_components(np.array(points))
    np.testing.assert_allclose(found, xy, atol=1e-6)
    assert explained == pytest.approx(shares)


def test_the_most_active_are_shown_and_the_others_counted() -> None:
    parts = toy_split()
    model = toy_model(parts)
    popularity = np.bincount(parts.train.indices, minlength=40)
    items = project(model, parts, "item", most=10)
    assert items.counts.tolist() == sorted(popularity, reverse=True)[:10]
    assert popularity[items.index].tolist() == items.counts.tolist()
    assert items.excluded == 30
    assert items.words.startswith("the 10 most popular of 40 items; ")
    users = project(model, parts, "user")
    assert len(users.index) == 30
    assert users.words.startswith("all 30 users")
    np.testing.assert_array_equal(users.counts, np.diff(parts.train.indptr)[users.index])
    expected, _ = principal_components(model.user_embedding.weight.detach().numpy()[users.index])
    np.testing.assert_array_equal(users.xy, expected)


def test_one_more_is_shown_and_does_not_turn_the_plane() -> None:
    parts = toy_split()
    model = toy_model(parts)
    alone = project(model, parts, "item", most=10)
    outside = next(item for item in range(40) if item not in alone.index)
    both = project(model, parts, "item", most=10, also=outside)
    assert both.index.tolist() == [*alone.index.tolist(), outside]
    np.testing.assert_allclose(both.xy[:10], alone.xy, atol=1e-12)
    assert both.explained == alone.explained
    # where it lies is where it would lie if the ten alone had made the plane, read off a pair of known ones
    table = model.item_embedding.weight.detach().numpy().astype(np.float64)
    ten = table[alone.index]
    onto, *_ = np.linalg.lstsq(ten - ten.mean(axis=0), alone.xy, rcond=None)  # (D, 2), exact: D is below 10
    np.testing.assert_allclose(both.xy[10], (table[outside] - ten.mean(axis=0)) @ onto, atol=1e-6)
    assert both.counts[10] == np.bincount(parts.train.indices, minlength=40)[outside]
    assert both.excluded == 29
    assert both.words.startswith("the 10 most popular of 40 items and ")
    within = project(model, parts, "item", most=10, also=int(alone.index[3]))
    assert within.index.tolist() == alone.index.tolist()
    assert within.words == alone.words


def test_one_genre_an_item() -> None:
    genres = (("Drama", "War"), ("War",), ("Drama",), ("Noir", "Comedy"), (), ("Comedy",), ("Noir",), ("Western",))
    table = ItemTable(Vocabulary("item", tuple("abcdefgh")), ("",) * 8, (None,) * 8, genres)
    index = np.arange(8)
    # Comedy, Drama, Noir and War twice each: the first two of these by alphabet
    assert main_genres(table, index, most=2) == ("Drama", OTHER, "Drama", "Comedy", NO_GENRE, "Comedy", OTHER, OTHER)
    assert main_genres(table, index[::-1], most=9)[0] == "Western"


def test_what_cannot_be_projected_is_refused() -> None:
    parts = toy_split()
    with pytest.raises(TypeError, match="Popularity"):
        project(models.Popularity(30, 40), parts, "item")
    with pytest.raises(ValueError, match="got 0"):
        project(toy_model(parts), parts, "item", most=0)
