"""Filters: what stays is what a slow reference keeps, the ledger adds up, and whoever empties the data is named."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import DataConfig
from convncf.data.candidates import CandidateSets
from convncf.data.dataset import Dataset
from convncf.data.filtering import Filtered, apply_filters
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.splitting import filter_and_split, split
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError
from tests.wording import values_in
from tests.worlds import dataset_of

Pair = tuple[str, str]


def rated(*rows: tuple[str, str, float], **columns: list[int]) -> Dataset:
    """Rows of user, item and rating as a dataset; further columns such as timestamp=[…]."""
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"]).assign(**columns)
    return dataset_of(frame, "ratings")


def pairs(dataset: Dataset) -> list[Pair]:
    """Raw pairs in the order of the data."""
    data = dataset.interactions
    return [(data.users.id(int(u)), data.items.id(int(i))) for u, i in zip(data.user, data.item, strict=True)]


def low_pairs(found: Filtered) -> set[Pair]:
    assert found.below is not None
    data = found.dataset.interactions
    rows, columns = found.below.nonzero()
    return {(data.users.id(int(u)), data.items.id(int(i))) for u, i in zip(rows, columns, strict=True)}


def filtered(dataset: Dataset, **settings: Any) -> Filtered:
    return apply_filters(dataset, DataConfig(**settings))


# ---------------------------------------------------------------- properties


PAIRS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40, unique=True)
BOUNDS = st.tuples(st.integers(0, 4), st.none() | st.integers(4, 6))


def reference(kept: set[Pair], user: tuple[int, int | None], item: tuple[int, int | None]) -> set[Pair]:
    """Users, then items, one round after the other, counting anew each time."""
    while True:
        before = kept
        for place, (low, high) in ((0, user), (1, item)):
            counts = Counter(pair[place] for pair in kept)
            kept = {pair for pair in kept if low <= counts[pair[place]] <= (high or 10**9)}
        if kept == before:
            return kept


@given(drawn=PAIRS, user=BOUNDS, item=BOUNDS)
def test_users_and_items_in_turn_are_what_a_slow_reference_keeps(
    drawn: list[tuple[int, int]], user: tuple[int, int | None], item: tuple[int, int | None]
) -> None:
    rows = [(f"u{u}", f"i{i}") for u, i in drawn]
    data = dataset_of(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    settings = {"min_user": user[0], "max_user": user[1], "min_item": item[0], "max_item": item[1]}
    expected = reference(set(rows), user, item)
    if not expected:
        with pytest.raises(DataError, match="leave nothing"):
            filtered(data, **settings)
        return
    found = filtered(data, **settings)
    assert pairs(found.dataset) == [pair for pair in rows if pair in expected], "the order of the file stays"
    assert found.steps[-1].interactions == len(expected)
    assert (found.steps[-1].users, found.steps[-1].items) == tuple(len({p[k] for p in expected}) for k in (0, 1))
    again = filtered(found.dataset, **settings)
    assert pairs(again.dataset) == pairs(found.dataset), "a fixed point"


@given(drawn=PAIRS, low=st.integers(0, 10), data=st.data())
def test_below_and_positives_are_the_data_and_do_not_meet(
    drawn: list[tuple[int, int]], low: int, data: st.DataObject
) -> None:
    ratings = data.draw(st.lists(st.integers(0, 10), min_size=len(drawn), max_size=len(drawn)))
    rows = [(f"u{u}", f"i{i}", float(r)) for (u, i), r in zip(drawn, ratings, strict=True)]
    high = {(u, i) for u, i, r in rows if r >= low}
    if not high:
        return
    found = filtered(rated(*rows), min_rating=low)
    assert set(pairs(found.dataset)) == high
    users, items = ({pair[k] for pair in high} for k in (0, 1))
    assert low_pairs(found) == {(u, i) for u, i, r in rows if r < low and u in users and i in items}


# ---------------------------------------------------------------- known answers


CHAIN = [("u1", "a"), ("u1", "b"), ("u2", "b"), ("u2", "c"), ("u3", "c"), ("u3", "d"), ("u4", "d")]
"""With two of everything wanted, the ends go: u4, a and d in the first round, the rest in the second."""


def test_without_a_filter_the_dataset_is_the_very_one() -> None:
    data = rated(("u", "i", 1.0))
    found = filtered(data, low_rated="hidden")
    assert found.dataset is data
    assert found.below is None
    assert [(step.what, step.users, step.items, step.interactions) for step in found.steps] == [
        ("before filters", 1, 1, 1)
    ]


def test_the_ledger_counts_after_each_step_and_says_which_setting() -> None:
    rows = [("u1", "a", 5.0), ("u1", "b", 4.0), ("u1", "c", 1.0), ("u2", "a", 4.5), ("u2", "b", 3.5), ("u3", "a", 5.0)]
    data = rated(*rows, timestamp=[100, 200, 300, 150, 400, 99])
    found = filtered(data, since="1970-01-01T00:01:40", min_rating=4, min_user=2, max_item=2)
    assert [(s.what, s.users, s.items, s.interactions) for s in found.steps] == [
        ("before filters", 3, 3, 6),
        ("from 1970-01-01T00:01:40", 2, 3, 5),
        ("rated 4 or more", 2, 2, 3),
        ("users with 2 items or more and items with at most 2 users, 1 round", 1, 2, 2),
    ]
    assert pairs(found.dataset) == [("u1", "a"), ("u1", "b")]
    assert values_in(found.sentence())[:3] == ["3", "3", "6"]


def test_rated_lower_is_known_as_such_in_the_indices_of_what_is_left() -> None:
    rows = [("x", "a", 1.0), ("u1", "b", 5.0), ("u1", "a", 2.0), ("u2", "a", 4.0), ("u2", "c", 1.0)]
    found = filtered(rated(*rows), min_rating=4)
    assert pairs(found.dataset) == [("u1", "b"), ("u2", "a")]
    assert low_pairs(found) == {("u1", "a")}, "user x and item c are gone"
    assert found.below is not None
    assert found.below.dtype == np.bool_
    assert found.below.has_canonical_format


def test_what_is_rated_low_outside_the_window_is_not_known() -> None:
    data = rated(("u", "a", 5.0), ("u", "b", 1.0), ("v", "b", 5.0), timestamp=[10, 90, 10])
    assert low_pairs(filtered(data, min_rating=4, until="1970-01-01T00:00:50")) == set()
    assert low_pairs(filtered(data, min_rating=4)) == {("u", "b")}


def test_a_threshold_keeps_what_the_file_calls_so() -> None:
    found = filtered(rated(("u", "a", 4.1), ("u", "b", 4.0)), min_rating=4.1)
    assert pairs(found.dataset) == [("u", "a")], "4.1 as a 32-bit float is a little less"


def test_titles_follow_their_items() -> None:
    data = rated(("u", "a", 1.0), ("u", "b", 5.0), ("v", "c", 5.0))
    named = Dataset(
        "named",
        data.interactions,
        ItemTable(data.interactions.items, ("A", "B", "C"), (1, 2, 3), (("x",), ("y",), ("z",))),
        "by hand",
        stored_fingerprint="sha256:0",
    )
    left = filtered(named, min_rating=4).dataset
    assert (left.items.titles, left.items.years, left.items.genres) == (("B", "C"), (2, 3), (("y",), ("z",)))
    assert left.stored_fingerprint is None
    assert left.fingerprint == left.interactions.fingerprint


def test_rounds_are_counted() -> None:
    data = dataset_of(pd.DataFrame([*CHAIN, ("u4", "a")], columns=["user_id", "item_id"]))
    whole = filtered(data, min_user=2, min_item=2).steps[-1]
    assert values_in(whole.what) == ["2", "2", "0"]
    assert whole.interactions == 8


def test_bounds_on_one_side_alone() -> None:
    data = dataset_of(pd.DataFrame(CHAIN, columns=["user_id", "item_id"]))
    assert filtered(data, min_item=2).steps[-1].what.endswith(", 1 round")
    found = filtered(data, max_user=1).steps[-1]
    assert (values_in(found.what), found.interactions) == (["1", "1"], 1)
    assert filtered(data, min_user=1, max_user=2).steps[-1].what.startswith("users with 1 to 2")


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(("unit", "per"), [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_a_window_is_exact_to_the_count(unit: str, per: int) -> None:
    edge = 1_704_067_200 * per  # 2024-01-01
    frame = pd.DataFrame({"user_id": ["u"] * 3, "item_id": [*"abc"], "timestamp": [edge - 1, edge, edge + 1]})
    data = Dataset("t", made := Interactions.from_frame(frame, time_unit=unit), ItemTable.untitled(made.items), "")  # type: ignore[arg-type]
    assert [item for _, item in pairs(filtered(data, since="2024-01-01").dataset)] == ["b", "c"]
    assert [item for _, item in pairs(filtered(data, until="2024-01-01").dataset)] == ["a"]
    assert len(pairs(filtered(data, since="2024-01-01T01:00:00+01:00", until="9999-01-01").dataset)) == 2


def test_a_window_before_1970_and_within_a_second() -> None:
    data = rated(("u", "a", 1.0), ("u", "b", 1.0), ("u", "c", 1.0), timestamp=[-3, -2, -1])
    kept = filtered(data, since="1969-12-31T23:59:57.5").dataset
    assert [item for _, item in pairs(kept)] == ["b", "c"], "half a second after -3 is not yet -2"


# ---------------------------------------------------------------- a predefined split


def rated_and_divided(candidates: CandidateSets | None = None) -> Dataset:
    rows = [("u1", "a", 5.0), ("u1", "b", 1.0), ("u2", "a", 5.0), ("u2", "c", 4.0), ("u1", "c", 5.0), ("u2", "b", 2.0)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    plain = Interactions.from_frame(frame)
    wider = Interactions(
        plain.users, Vocabulary("item", (*plain.items.ids, "only")), plain.user, plain.item, None, plain.rating
    )
    part = np.array([0, 0, 0, 0, 2, 2], np.int8)
    return Dataset("ready", wider, ItemTable.untitled(wider.items), "", part=part, candidates=candidates)


def sets_of(user: list[int], answer: list[int], offsets: list[int], negatives: list[int]) -> CandidateSets:
    return CandidateSets(
        np.array(user, np.int32), np.array(answer, np.int32), np.array(offsets, np.int64), np.array(negatives, np.int32)
    )


def stored() -> CandidateSets:
    """Sets of (u1, c) with only, b and a, and of (u2, b) with only."""
    return sets_of([0, 1], [2, 1], [0, 3, 4], [3, 1, 0, 3])


def test_a_ready_split_is_filtered_along_with_its_candidates() -> None:
    left = filtered(rated_and_divided(stored()), min_rating=4).dataset
    assert pairs(left) == [("u1", "a"), ("u2", "a"), ("u2", "c"), ("u1", "c")]
    assert left.part is not None
    assert left.part.tolist() == [0, 0, 0, 2]
    assert left.interactions.items.ids == ("a", "c", "only"), "an item known from candidates alone stays"
    sets = left.candidates
    assert sets is not None
    ids = left.interactions.items.ids
    assert [(ids[sets.answer[0]], [ids[i] for i in sets.of(0)])] == [("c", ["only", "a"])]
    assert len(sets) == 1
    assert sets.origin.startswith("stored, 1 set and 1 negative")
    made = split(left, DataConfig(min_rating=4), 1)
    assert (made.kind, made.test.nnz) == ("predefined", 1)


def test_items_of_candidates_alone_go_where_items_must_have_users() -> None:
    left = filtered(rated_and_divided(stored()), min_item=1).dataset
    assert left.interactions.items.ids == ("a", "b", "c")
    assert left.candidates is not None
    assert left.candidates.sizes.tolist() == [2, 0]


def test_where_no_set_stays_there_are_none() -> None:
    alone = sets_of([1], [1], [0, 1], [3])
    sets = filtered(rated_and_divided(alone), min_rating=4).dataset.candidates
    assert sets is not None, "there were some, and that must not be forgotten"
    assert (len(sets), values_in(sets.origin)) == (0, ["1"])


# ---------------------------------------------------------------- refusals


def test_a_filter_that_empties_the_data_is_named_with_the_whole_ledger() -> None:
    frame = pd.DataFrame(CHAIN, columns=["user_id", "item_id"]).assign(rating=4.0)
    with pytest.raises(DataError) as refused:
        filtered(dataset_of(frame, "small"), min_rating=3, min_user=2, min_item=2)
    said = str(refused.value)
    assert "'small'" in said
    assert "'items with 2 users or more, in round 2'" in said
    assert values_in(said)[2:] == ["4", "4", "7", "3", "4", "4", "7", "2", "2", "2", "0", "0", "0"]
    with pytest.raises(DataError, match=r"'rated 5 or more'.*: 0 users"):
        filtered(dataset_of(frame, "small"), min_rating=5, min_user=2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"min_rating": 4}, "data.min_rating=4 .* 'toy'"),
        ({"since": "2010-01-01"}, "data.since=2010-01-01 .* 'toy'"),
        ({"until": "2010-01-01"}, "data.until=2010-01-01 needs times"),
    ],
)
def test_a_filter_without_its_column_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        filtered(dataset_of(pd.DataFrame({"user_id": ["u"], "item_id": ["i"]})), **settings)


def test_a_window_without_data_shows_the_range_of_times() -> None:
    data = rated(("u", "a", 1.0), ("u", "b", 1.0), timestamp=[1_700_000_000, 1_800_000_000])
    with pytest.raises(DataError, match=r"2000-01-01.* 2023-11-14 to 2027-01"):
        filtered(data, until="2000-01-01")
    with pytest.raises(DataError, match=r"2024-01-01, before 2025-01-01"):
        filtered(data, since="2024-01-01", until="2025-01-01")


# ---------------------------------------------------------------- what the split makes of it


def test_a_split_says_what_the_filters_left_and_what_becomes_of_the_low_ones() -> None:
    rows = [(f"u{u}", f"i{i}", 5.0 if (u + i) % 3 else 1.0) for u in range(6) for i in range(9)]
    found, made = filter_and_split(rated(*rows), DataConfig(min_rating=4, low_rated="negatives"), 1)
    assert found.below is not None
    assert made.notes[0] == found.sentence()
    assert "data.min_rating" in made.notes[1]
    assert values_in(made.notes[1]) == ["18"]
    assert made.below is found.below
    assert filter_and_split(rated(*rows), DataConfig(), 1)[1].notes == ()
