"""Splits: nothing lost, nothing twice, known sizes, and the same parts whatever the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import DataConfig
from convncf.data.interactions import Interactions
from convncf.data.splitting import Split, leave_one_out, ratio_split, split
from convncf.errors import SplitError

PARTS = ("train", "validation", "test")


def histories(lengths: list[int], times: bool = True) -> Interactions:
    """User u0 has the first `lengths[0]` items, and so on; times rise with the items."""
    rows = [(f"u{user}", f"i{item}", 1_700_000_000 + item) for user, n in enumerate(lengths) for item in range(n)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return Interactions.from_frame(frame if times else frame.drop(columns="timestamp"))


def pairs(data: Split, part: str) -> set[tuple[str, str]]:
    """The raw pairs of a part."""
    rows, columns = getattr(data, part).nonzero()
    users, items = data.interactions.users, data.interactions.items
    return {(users.id(int(user)), items.id(int(item))) for user, item in zip(rows, columns, strict=True)}


def items_of(data: Split, part: str, user: str) -> set[str]:
    return {item for owner, item in pairs(data, part) if owner == user}


# ---------------------------------------------------------------- properties


LENGTHS = st.lists(st.integers(1, 25), min_size=1, max_size=6).filter(lambda lengths: max(lengths) >= 3)


@given(lengths=LENGTHS, seed=st.integers(0, 2**31), config=st.sampled_from(["ratio", "leave-one-out"]))
def test_parts_are_disjoint_and_together_all(lengths: list[int], seed: int, config: str) -> None:
    data = histories(lengths)
    made = split(data, DataConfig.model_validate({"split": config}), seed)
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
    assert made.notes == ("2 users have fewer than 3 interactions and stay in training",)
    assert ratio_split(histories([10]), (0.8, 0.1, 0.1), seed=1).notes == ()


def test_a_part_that_is_not_wanted_is_told() -> None:
    assert ratio_split(histories([5]), (0.9, 0.0, 0.1), seed=1).notes == ("there is no validation part",)
    made = ratio_split(histories([5]), (1.0, 0.0, 0.0), seed=1)
    assert made.notes == ("every interaction is for training: there is no validation and no test part",)
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
    assert made.notes == ("1 user has equal times among the latest: there, the order of the file decides",)


def test_users_with_two_stay_in_training() -> None:
    made = leave_one_out(histories([2, 3]))
    assert len(items_of(made, "train", "u0")) == 2
    assert made.n_users_without_test == 1
    assert made.notes == ("1 user has fewer than 3 interactions and stays in training",)


def test_the_seed_does_not_matter_to_leave_one_out() -> None:
    config = DataConfig.model_validate({"split": "leave-one-out"})
    assert split(histories([5, 4]), config, 1).fingerprint == split(histories([5, 4]), config, 2).fingerprint


# ---------------------------------------------------------------- refusals


def test_no_times_no_leave_one_out() -> None:
    with pytest.raises(SplitError, match=r"no times.*ratio split"):
        leave_one_out(histories([5], times=False))


@pytest.mark.parametrize("method", ["ratio", "leave-one-out"])
def test_data_in_which_nothing_can_be_held_out_is_refused(method: str) -> None:
    with pytest.raises(SplitError, match=r"no user has the 3 interactions.*the most is 2"):
        split(histories([2, 1, 2]), DataConfig.model_validate({"split": method}), 1)


@pytest.mark.parametrize("ratios", [(0.0, 0.5, 0.5), (1.2, -0.1, -0.1)])
def test_ratios_that_cannot_be_are_refused(ratios: tuple[float, float, float]) -> None:
    with pytest.raises(SplitError, match="ratios"):
        ratio_split(histories([5]), ratios, 1)


# ---------------------------------------------------------------- what is left out before ranking


def test_what_is_left_out_and_how_it_is_said() -> None:
    made = ratio_split(histories([30, 3, 2]), (0.8, 0.1, 0.1), seed=1)
    assert (made.left_out("validation").toarray() == made.train.toarray()).all()
    both = made.train.toarray() | made.validation.toarray()
    assert (made.left_out("test").toarray() == both).all()
    assert made.left_out("test").has_canonical_format
    assert (made.positives("test").toarray() == made.test.toarray()).all()
    assert (made.positives("validation").toarray() == made.validation.toarray()).all()
    assert made.left_out_words(0, "test") == "left out: 24 training and 3 validation items"
    assert made.left_out_words(1, "test") == "left out: 1 training and 1 validation item"
    assert made.left_out_words(2, "test") == "left out: 2 training and 0 validation items"
    assert made.left_out_words(0, "validation") == "left out: 24 training items"
    assert made.left_out_words(1, "validation") == "left out: 1 training item"
