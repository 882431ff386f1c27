"""Splits: nothing lost, nothing twice, known sizes, and the same parts whatever the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import DataConfig
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.split import Split
from convncf.data.splitting import leave_one_out, ratio_split, split
from convncf.errors import SplitError
from tests.wording import values_in

PARTS = ("train", "validation", "test")


def histories(lengths: list[int], times: bool = True) -> Interactions:
    """User u0 has the first `lengths[0]` items, and so on; times rise with the items."""
    rows = [(f"u{user}", f"i{item}", 1_700_000_000 + item) for user, n in enumerate(lengths) for item in range(n)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return Interactions.from_frame(frame if times else frame.drop(columns="timestamp"))


def dataset(interactions: Interactions) -> Dataset:
    return Dataset("made", interactions, ItemTable.untitled(interactions.items), "generated for a test")


def pairs(data: Split, part: str) -> set[tuple[str, str]]:
    """The raw pairs of a part."""
    rows, columns = getattr(data, part).nonzero()
    users, items = data.interactions.users, data.interactions.items
    return {(users.id(int(user)), items.id(int(item))) for user, item in zip(rows, columns, strict=True)}


def items_of(data: Split, part: str, user: str) -> set[str]:
    return {item for owner, item in pairs(data, part) if owner == user}


# ---------------------------------------------------------------- properties


LENGTHS = st.lists(st.integers(1, 25), min_size=1, max_size=6).filter(lambda lengths: max(lengths) >= 3)


METHODS: dict[str, dict[str, str]] = {
    f"{kind} {order} {across}": {"split": kind, "order": order} | ({"across": across} if across else {})
    for kind, across_which in (("ratio", ("user", "all")), ("leave-one-out", ("",)))
    for order in ("time", "random")
    for across in across_which
}


@given(lengths=LENGTHS, seed=st.integers(0, 2**31), method=st.sampled_from(sorted(METHODS)))
def test_parts_are_disjoint_and_together_all(lengths: list[int], seed: int, method: str) -> None:
    data = histories(lengths)
    made = split(dataset(data), DataConfig.model_validate(METHODS[method]), seed)
    assert made.kind == METHODS[method]["split"]
    sizes = [getattr(made, part).nnz for part in PARTS]
    assert sum(sizes) == len(data)
    everything = sum(getattr(made, part).astype(int) for part in PARTS)
    assert (everything.toarray() == data.matrix().toarray().astype(int)).all()
    for part in PARTS:
        assert getattr(made, part).has_canonical_format
        assert getattr(made, part).dtype == np.bool_


@given(lengths=LENGTHS, seed=st.integers(0, 2**31))
def test_every_user_keeps_training_and_the_rest_is_counted(lengths: list[int], seed: int) -> None:
    made = ratio_split(histories(lengths), (0.8, 0.1, 0.1), seed)
    for part, without in [
        ("train", 0),
        ("validation", made.n_users_without_validation),
        ("test", made.n_users_without_test),
    ]:
        assert (np.diff(getattr(made, part).indptr) == 0).sum() == without
    assert made.n_users_without_test == sum(length < 3 for length in lengths)


@given(lengths=LENGTHS, seed=st.integers(0, 2**31), shuffle=st.integers(0, 100))
def test_the_ratio_split_does_not_depend_on_the_order_of_rows_or_indices(
    lengths: list[int], seed: int, shuffle: int
) -> None:
    data = histories(lengths)
    made = ratio_split(data, (0.8, 0.1, 0.1), seed)
    shuffled = ratio_split(
        Interactions.from_frame(data.to_frame().sample(frac=1, random_state=shuffle)), (0.8, 0.1, 0.1), seed
    )
    assert all(pairs(made, part) == pairs(shuffled, part) for part in PARTS)
    assert made.fingerprint == shuffled.fingerprint


@given(
    lengths=LENGTHS, seed=st.integers(0, 2**31), shuffle=st.integers(0, 100), method=st.sampled_from(sorted(METHODS))
)
def test_no_split_depends_on_the_order_of_rows_where_times_differ(
    lengths: list[int], seed: int, shuffle: int, method: str
) -> None:
    frame = histories(lengths).to_frame()
    frame["timestamp"] = frame["timestamp"] * 100 + np.arange(len(frame))  # no two are equal
    config = DataConfig.model_validate(METHODS[method])
    one, other = (
        split(dataset(Interactions.from_frame(rows)), config, seed)
        for rows in (frame, frame.sample(frac=1, random_state=shuffle))
    )
    assert all(pairs(one, part) == pairs(other, part) for part in PARTS)
    assert one.fingerprint == other.fingerprint


@given(
    times=st.lists(st.integers(-5, 5), min_size=3, max_size=40),
    ratios=st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.2, 0.3), (0.9, 0.0, 0.1)]),
)
def test_across_all_by_time_nothing_in_test_is_earlier_than_training(
    times: list[int], ratios: tuple[float, float, float]
) -> None:
    rows = [(f"u{n % 4}", f"i{n // 4}", time) for n, time in enumerate(times)]
    data = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]))
    made = ratio_split(data, ratios, 1, order="time", across="all")
    assert data.timestamp is not None
    latest = {part: data.timestamp[made.part < part].max() for part in (1, 2)}
    for part in {1, 2} & set(made.part.tolist()):
        assert (data.timestamp[made.part == part] >= latest[part]).all()
    assert (made.part == 2).sum() == max(1, int(len(times) * round(10 * ratios[2])) // 10)


@given(lengths=LENGTHS)
def test_per_user_by_time_nothing_held_out_is_earlier_than_what_the_user_trained_on(lengths: list[int]) -> None:
    made = ratio_split(histories(lengths), (0.6, 0.2, 0.2), 1, order="time")
    for user in range(len(lengths)):
        train, validation, test = (sorted(int(item[1:]) for item in items_of(made, part, f"u{user}")) for part in PARTS)
        assert train + validation + test == sorted(train + validation + test)


# ---------------------------------------------------------------- ratio: known answers


@pytest.mark.parametrize(
    ("n", "ratios", "sizes"),
    [
        (2, (0.8, 0.1, 0.1), (2, 0, 0)),
        (3, (0.8, 0.1, 0.1), (1, 1, 1)),
        (9, (0.8, 0.1, 0.1), (7, 1, 1)),
        (20, (0.8, 0.1, 0.1), (16, 2, 2)),
        (29, (0.8, 0.1, 0.1), (25, 2, 2)),
        (30, (0.8, 0.1, 0.1), (24, 3, 3)),
        (100, (0.42, 0.29, 0.29), (42, 29, 29)),  # 0.29 · 100 is 28.999999999999996 in floats
        (3, (1 / 3, 1 / 3, 1 / 3), (1, 1, 1)),
        (6, (1 / 3, 1 / 3, 1 / 3), (2, 2, 2)),
        (4, (0.01, 0.2, 0.79), (1, 1, 2)),  # 0.2 · 4 is rounded up to 1, so test gives one back to training
        (4, (0.01, 0.79, 0.2), (1, 2, 1)),
        (2, (0.9, 0.0, 0.1), (1, 0, 1)),
        (2, (0.9, 0.1, 0.0), (1, 1, 0)),
        (5, (1.0, 0.0, 0.0), (5, 0, 0)),
    ],
)
def test_how_many_go_where(n: int, ratios: tuple[float, float, float], sizes: tuple[int, int, int]) -> None:
    made = ratio_split(histories([n, 100]), ratios, seed=1)
    assert tuple(len(items_of(made, part, "u0")) for part in PARTS) == sizes


def test_the_seed_decides() -> None:
    data = histories([100])
    one, again, other = (ratio_split(data, (0.8, 0.1, 0.1), seed) for seed in (1, 1, 2))
    assert one.fingerprint == again.fingerprint
    assert one.fingerprint != other.fingerprint


def test_the_draw_is_uniform_over_a_users_interactions() -> None:
    # One user, three interactions: over many seeds each is the test item a third of the time.
    data = histories([3])
    held = [items_of(ratio_split(data, (0.8, 0.1, 0.1), seed), "test", "u0").pop() for seed in range(600)]
    counts = [held.count(item) for item in ("i0", "i1", "i2")]
    assert all(150 < count < 250 for count in counts)  # 200 expected, standard deviation 11.5


def test_short_histories_are_told() -> None:
    made = ratio_split(histories([2, 1, 10]), (0.8, 0.1, 0.1), seed=1)
    assert (made.n_users_without_validation, made.n_users_without_test) == (2, 2)
    assert values_in(*made.notes) == ["2", "3"]
    assert ratio_split(histories([10]), (0.8, 0.1, 0.1), seed=1).notes == ()


def test_a_part_that_is_not_wanted_is_told() -> None:
    (note,) = ratio_split(histories([5]), (0.9, 0.0, 0.1), seed=1).notes
    assert "no validation" in note
    made = ratio_split(histories([5]), (1.0, 0.0, 0.0), seed=1)
    assert len(made.notes) == 1
    assert (made.n_users_without_validation, made.n_users_without_test) == (1, 1)


# ---------------------------------------------------------------- leave-one-out: known answers


def test_the_latest_is_test_and_the_one_before_validation() -> None:
    rows = [("u1", f"i{n}", 1_700_000_000_000 + 1000 * n) for n in (3, 1, 4, 0, 2)]  # milliseconds, shuffled
    data = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]))
    made = leave_one_out(data)
    assert pairs(made, "test") == {("u1", "i4")}
    assert pairs(made, "validation") == {("u1", "i3")}
    assert made.notes == ()


def test_neighbours_that_32_bit_floats_hold_for_equal_keep_their_order() -> None:
    rows = [("u", f"i{n}", 1_700_000_000_000_000_000 + n) for n in (2, 1, 0)]  # one nanosecond apart
    made = leave_one_out(Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])))
    assert pairs(made, "test") == {("u", "i2")}
    assert pairs(made, "train") == {("u", "i0")}


def test_equal_times_follow_the_file_and_are_told() -> None:
    rows = [("u", "b", 5), ("u", "a", 5), ("u", "c", 5), ("v", "a", 1), ("v", "b", 2), ("v", "c", 3)]
    made = leave_one_out(Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])))
    assert pairs(made, "test") == {("u", "c"), ("v", "c")}
    assert pairs(made, "validation") == {("u", "a"), ("v", "b")}
    assert [(values_in(note), "equal times" in note) for note in made.notes] == [(["1"], True)]


def test_users_with_two_stay_in_training() -> None:
    made = leave_one_out(histories([2, 3]))
    assert len(items_of(made, "train", "u0")) == 2
    assert made.n_users_without_test == 1
    assert values_in(*made.notes) == ["1", "3"]


def test_the_seed_matters_to_a_random_leave_one_out_alone() -> None:
    for order, alike in (("auto", True), ("time", True), ("random", False)):
        config = DataConfig.model_validate({"split": "leave-one-out", "order": order})
        one, other = (split(dataset(histories([50, 40])), config, seed).fingerprint for seed in (1, 2))
        assert (one == other) == alike, order


def test_a_random_leave_one_out_needs_no_times_and_holds_out_any_item() -> None:
    data = histories([3], times=False)
    held = [items_of(leave_one_out(data, "random", seed), "test", "u0").pop() for seed in range(600)]
    assert all(150 < held.count(item) < 250 for item in ("i0", "i1", "i2"))
    assert leave_one_out(data, "random", 7).method.endswith("random, seed 7")


# ---------------------------------------------------------------- by time and across all: known answers


def test_per_user_by_time_the_latest_are_held_out() -> None:
    made = ratio_split(histories([10, 2]), (0.6, 0.2, 0.2), seed=1, order="time")
    assert items_of(made, "test", "u0") == {"i8", "i9"}
    assert items_of(made, "validation", "u0") == {"i6", "i7"}
    assert items_of(made, "train", "u1") == {"i0", "i1"}
    assert ("0.6:0.2:0.2 per user" in made.method, "by time" in made.method) == (True, True)
    assert values_in(*made.notes) == ["1", "3"]


def test_across_all_users_and_items_may_be_in_test_alone_and_are_named() -> None:
    rows = [(f"u{n}", f"i{n}", n) for n in range(20)]
    data = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]))
    config = DataConfig(split="ratio", order="time", across="all", ratios=(0.4, 0.1, 0.5))
    made = split(dataset(data), config, seed=1)
    assert ("0.4:0.1:0.5 of all" in made.method, "by time" in made.method) == (True, True)
    assert made.train.indices.tolist() == [*range(8)]
    assert made.test.indices.tolist() == [*range(10, 20)]
    assert made.cold_users.tolist() == made.cold_items.tolist() == [*range(10, 20)]
    assert [values_in(note) for note in made.notes] == [
        ["10", *(f"'{kind}{n}'" for n in range(10, 15))] for kind in ("u", "i")
    ]
    assert (made.n_users_without_validation, made.n_users_without_test) == (18, 10)


def test_across_all_at_random_takes_the_share_of_all() -> None:
    made = ratio_split(histories([7, 2, 1]), (0.8, 0.1, 0.1), seed=1, across="all")
    assert [getattr(made, part).nnz for part in PARTS] == [8, 1, 1]
    assert ("0.8:0.1:0.1 of all" in made.method, "seed 1" in made.method) == (True, True)
    assert made.notes == ()
    held = {
        pair
        for seed in range(100)
        for pair in pairs(ratio_split(histories([7, 2, 1]), (0.8, 0.1, 0.1), seed, across="all"), "test")
    }
    assert len(held) == 10, "each of the ten is held out by some seed"


def test_equal_times_at_a_border_across_all_are_told() -> None:
    for times, told in (([1, 2, 3, 3, 3], True), ([1, 2, 3, 4, 5], False), ([1, 1, 1, 2, 3], False)):
        rows = [("u", f"i{n}", time) for n, time in enumerate(times)]
        data = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]))
        notes = ratio_split(data, (0.6, 0.2, 0.2), 1, order="time", across="all").notes
        assert any("equal times" in note for note in notes) == told, times


def test_equal_times_follow_the_file_in_a_ratio_split_too() -> None:
    rows = [("u", item, 5) for item in "dbca"] + [("v", item, n) for n, item in enumerate("abcd")]
    made = ratio_split(
        Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])),
        (0.5, 0.25, 0.25),
        1,
        order="time",
    )
    assert (items_of(made, "validation", "u"), items_of(made, "test", "u")) == ({"c"}, {"a"})
    assert [(values_in(note), "equal times" in note) for note in made.notes] == [(["1"], True)]


def test_one_part_for_training_alone_across_all() -> None:
    made = ratio_split(histories([1]), (1.0, 0.0, 0.0), 1, across="all")
    assert len(made.notes) == 1
    made = ratio_split(histories([5, 5]), (0.9, 0.0, 0.1), 1, across="all")
    assert [getattr(made, part).nnz for part in PARTS] == [9, 0, 1]


# ---------------------------------------------------------------- refusals


def test_no_times_no_leave_one_out() -> None:
    with pytest.raises(SplitError, match=r"no times.*ratio split.*data.order=random.*time column"):
        leave_one_out(histories([5], times=False))
    with pytest.raises(SplitError, match="no times"):
        ratio_split(histories([5], times=False), (0.8, 0.1, 0.1), 1, order="time")


@pytest.mark.parametrize("method", ["ratio", "leave-one-out"])
def test_data_in_which_nothing_can_be_held_out_is_refused(method: str) -> None:
    with pytest.raises(SplitError, match=r"3 interactions.*most is 2"):
        split(dataset(histories([2, 1, 2])), DataConfig.model_validate({"split": method}), 1)


def test_too_little_for_three_parts_of_all_is_refused() -> None:
    with pytest.raises(SplitError, match=r"3 interactions.*most is 2"):
        ratio_split(histories([1, 1]), (0.8, 0.1, 0.1), 1, across="all")


@pytest.mark.parametrize("ratios", [(0.0, 0.5, 0.5), (1.2, -0.1, -0.1)])
def test_ratios_that_cannot_be_are_refused(ratios: tuple[float, float, float]) -> None:
    with pytest.raises(SplitError, match="ratios"):
        ratio_split(histories([5]), ratios, 1)
