"""Filters of a list act before it is cut to K, and leave ranks as they are; equally popular items share a fate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from convncf.data.items import ItemTable
from convncf.data.vocabulary import Vocabulary
from convncf.evaluation.ranking import top_k
from convncf.inspection.lists import ListFilter, allowed, filtered, genres
from tests.wording import values_in

# Users that have items 0 to 4 in training: 4, 3, 2, 2, 0.
TRAIN = csr_array(
    np.array([[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 0, 0, 1, 0]], dtype=bool),
)
ITEMS = ItemTable(
    Vocabulary("item", ("a", "b", "c", "d", "e")),
    ("",) * 5,
    (None,) * 5,
    (("War",), ("Drama", "War"), ("Drama",), (), ("Comedy",)),
)
SCORES = np.array([5.0, 4.0, 3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("percent", "hidden"),
    [(0, []), (19, []), (20, [0]), (40, [0, 1]), (60, [0, 1]), (80, [0, 1, 2, 3]), (99, [0, 1, 2, 3])],
    ids=str,
)
def test_the_most_popular_are_hidden_and_of_equals_all_or_none(percent: float, hidden: list[int]) -> None:
    found = allowed(ListFilter(percent), TRAIN, ITEMS)
    assert np.flatnonzero(~found.items).tolist() == hidden
    assert found.popular == len(hidden)


def test_what_is_hidden_is_said_with_its_counts() -> None:
    assert allowed(ListFilter(), TRAIN, ITEMS).words == ""
    assert values_in(allowed(ListFilter(40), TRAIN, ITEMS).words) == ["2", "5", "40", "3"]
    both = allowed(ListFilter(20, ("Drama", "Comedy")), TRAIN, ITEMS)
    assert (both.popular, both.genre) == (1, 1), "a is popular; d alone has neither genre of those left"
    assert ("1 more item" in both.words, both.words.endswith(" Drama or Comedy.")) == (True, True)
    assert "no popular item" in allowed(ListFilter(19), TRAIN, ITEMS).words


def test_a_filter_acts_before_the_cut_and_keeps_the_rank_among_all_candidates() -> None:
    found = filtered(SCORES, [4], 2, allowed(ListFilter(40), TRAIN, ITEMS), user=0)
    assert found.top.items.tolist() == [2, 3]
    assert found.top.ranks.tolist() == [3, 4]
    assert (found.candidates, found.left) == (4, 2)
    assert values_in(found.words)[-2:] == ["2", "4"]
    drama = filtered(SCORES, (), 5, allowed(ListFilter(genres=("Drama",)), TRAIN, ITEMS), user=0)
    assert drama.top.items.tolist() == [1, 2]


def test_without_a_filter_it_is_the_list_of_recommend() -> None:
    scores, positives = np.array([1.0, 2.0, 2.0, 0.0, 2.0]), [2, 4]
    found = filtered(scores, [0], 3, allowed(ListFilter(), TRAIN, ITEMS), positives=positives, user=0)
    plain = top_k(scores, [0], 3, positives=positives)
    for name in ("items", "scores", "ranks", "tied"):
        assert getattr(found.top, name).tolist() == getattr(plain, name).tolist()
    assert found.words == ""


def test_nothing_may_be_left() -> None:
    found = filtered(SCORES, [0, 1, 2, 3, 4], 3, allowed(ListFilter(), TRAIN, ITEMS), user=0)
    assert (found.top.items.size, found.candidates, found.left) == (0, 0, 0)


def test_genres_are_every_one_that_an_item_has() -> None:
    assert genres(ITEMS) == ("Comedy", "Drama", "War")


@pytest.mark.parametrize("percent", [-1, 100, 500])
def test_a_share_that_cannot_be_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match=rf"100 percent, got {percent}"):
        ListFilter(percent)
