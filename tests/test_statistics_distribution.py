"""The shape of a dataset, counted by hand for small ones; the whole is never more or less than its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import DataConfig
from convncf.data import catalogue
from convncf.data.filtering import apply_filters
from convncf.data.interactions import Interactions
from convncf.data.statistics import activity, density_grid, filter_steps, long_tail
from tests.worlds import dataset_of

HOUR, DAY = 3600, 86400


def of_pairs(pairs: list[tuple[int, int]], times: list[int] | None = None) -> Interactions:
    columns: dict[str, Any] = {"user_id": [f"u{u}" for u, _ in pairs], "item_id": [f"i{i}" for _, i in pairs]}
    return Interactions.from_frame(
        pd.DataFrame(columns | ({} if times is None else {"timestamp": times})), time_unit="s"
    )


def at(times: list[int]) -> Interactions:
    return of_pairs([(0, place) for place in range(len(times))], times)


@st.composite
def pairs(draw: st.DrawFn) -> Interactions:
    drawn = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), min_size=1, max_size=60, unique=True)
    return of_pairs(draw(drawn))


def test_a_long_tail_and_what_its_top_has() -> None:
    # item 0 has 20 users, items 1 to 19 one each: the top 5 % of 20 items are one item, with 20 of 39 interactions
    data = of_pairs([(u, 0) for u in range(20)] + [(0, i) for i in range(1, 20)])
    items = long_tail(data, "item")
    assert items.counts.tolist() == [20] + [1] * 19
    assert [(top.share, top.count) for top in items.tops] == [(0.01, 1), (0.05, 1), (0.20, 4)]
    assert [top.interactions for top in items.tops] == pytest.approx([20 / 39, 20 / 39, 23 / 39])
    users = long_tail(data, "user")
    assert users.counts.tolist() == [20] + [1] * 19
    assert (items.without, users.without) == (0, 0)


def test_a_top_is_rounded_up() -> None:
    items = long_tail(of_pairs([(0, i) for i in range(21)]), "item")
    assert [top.count for top in items.tops] == [1, 2, 5]


def test_items_that_nobody_has_are_counted_apart() -> None:
    data = of_pairs([(0, 0), (1, 0), (1, 1)])
    some = Interactions(data.users, data.items, data.user[:2], data.item[:2])
    tail = long_tail(some, "item")
    assert (tail.counts.tolist(), tail.without) == ([2], 1)


@given(pairs(), st.integers(1, 8))
def test_every_interaction_is_in_the_picture_once(data: Interactions, most: int) -> None:
    found = density_grid(data, most)
    assert found.counts.sum() == len(data) == long_tail(data, "user").counts.sum()
    assert max(found.counts.shape) <= most
    assert found.counts.shape == (-(-found.users // found.users_each), -(-found.items // found.items_each))
    if found.users_each == 1:
        assert found.counts.sum(axis=1).tolist() == long_tail(data, "user").counts.tolist()
    if found.items_each == 1:
        assert found.counts.sum(axis=0).tolist() == long_tail(data, "item").counts.tolist()


def test_the_picture_of_a_known_matrix() -> None:
    # users 0, 1, 2 with 1, 3, 2 items; items 0, 1, 2 with 3, 2, 1 users
    data = of_pairs([(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)])
    assert density_grid(data).counts.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
    halved = density_grid(data, 2)
    assert (halved.users_each, halved.items_each) == (2, 2)
    assert halved.counts.tolist() == [[4, 1], [1, 0]]


@pytest.mark.parametrize(
    ("times", "period", "starts", "counts"),
    [
        ([0, HOUR, HOUR + 1, 3 * HOUR], "hour", ("1970-01-01T00", "1970-01-01T01"), [1, 2, 0, 1]),
        ([0, 3 * DAY, 3 * DAY + 5], "day", ("1970-01-01", "1970-01-02"), [1, 0, 0, 2]),
        ([0, 366 * DAY], "month", ("1970-01", "1970-02"), [1] + [0] * 11 + [1]),
        ([-1, 0, 40 * 365 * DAY], "year", ("1969", "1970"), [1, 1] + [0] * 38 + [1]),
    ],
)
def test_time_is_counted_by_what_suits_its_span(
    times: list[int], period: str, starts: tuple[str, ...], counts: list[int]
) -> None:
    found = activity(at(times))
    assert found is not None
    assert (found.period, found.each, found.starts[:2], found.counts.tolist()) == (period, 1, starts, counts)
    assert len(found.starts) == len(found.counts)


def test_times_at_the_ends_of_the_world_are_few_bins_all_the_same() -> None:
    found = activity(at([-(2**62), 0, 2**62]))
    assert found is not None
    assert found.period == "year"
    assert found.each > 10**8
    assert len(found.counts) <= 401
    assert found.counts.sum() == 3


def test_without_times_there_is_no_activity() -> None:
    assert activity(of_pairs([(0, 0)])) is None


def test_the_ledger_has_the_density_of_what_is_left() -> None:
    frame = pd.DataFrame({"user_id": list("aabbc"), "item_id": list("xyxyz"), "rating": [5.0, 4.0, 4.0, 1.0, 2.0]})
    steps = apply_filters(dataset_of(frame), DataConfig(dataset="toy", min_rating=3)).steps
    first, last = filter_steps(steps)
    assert (first.users, first.items, first.interactions, first.density, first.left) == (3, 3, 5, 5 / 9, 1.0)
    assert (last.users, last.items, last.interactions, last.density, last.left) == (2, 2, 3, 3 / 4, 3 / 5)


def test_the_embedded_data_has_a_long_tail_and_months() -> None:
    data = catalogue.load("movielens-small").interactions
    found = activity(data)
    assert found is not None
    assert found.period == "month"
    assert found.counts.sum() == len(data)
    assert density_grid(data).counts.shape[0] <= 200
    tail = long_tail(data, "item")
    assert [top.interactions for top in tail.tops] == sorted(top.interactions for top in tail.tops)
    np.testing.assert_array_equal(tail.counts, np.sort(tail.counts)[::-1])
