"""Vocabulary, Interactions and ItemTable: what they refuse, what they keep, and that order does not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.timestamps import detect_unit
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError, UnknownIdError

PAIRS = st.lists(st.tuples(st.sampled_from("abcdé"), st.sampled_from("uvwxyz")), min_size=1, unique=True)


def tiny() -> Interactions:
    """ann saw heat and up; bob saw heat."""
    frame = pd.DataFrame(
        {
            "user_id": ["ann", "ann", "bob"],
            "item_id": ["heat", "up", "heat"],
            "rating": [4.0, 3.5, 1.0],
            "timestamp": [1_700_000_000, 1_700_000_064, 1_700_000_001],
        }
    )
    return Interactions.from_frame(frame)


# ---------------------------------------------------------------- vocabulary


def test_ids_and_indices_are_each_others_inverse() -> None:
    vocabulary = Vocabulary.of("user", ["7", "07", "7", "7.0"])
    assert vocabulary.ids == ("7", "07", "7.0")
    assert [vocabulary.index(vocabulary.id(index)) for index in range(3)] == [0, 1, 2]
    assert vocabulary.get("8") is None
    assert "07" in vocabulary
    assert "70" not in vocabulary


@pytest.mark.parametrize(
    ("asked", "proposed"),
    [("15", "'015'"), ("15.0", "'015'"), (" 015 ", "'015'"), ("ANN", "'ann'"), ("anm", "'ann'")],
)
def test_an_unknown_id_is_answered_with_the_nearest(asked: str, proposed: str) -> None:
    vocabulary = Vocabulary("user", ("015", "ann", "zoe"))
    with pytest.raises(UnknownIdError) as error:
        vocabulary.index(asked)
    assert proposed in str(error.value)
    assert "no user" in str(error.value)
    assert repr(asked) in str(error.value)


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_the_vocabulary_is_refused(index: int) -> None:
    # Python would read -1 as the last one.
    with pytest.raises(UnknownIdError, match="0 to 1"):
        Vocabulary("item", ("a", "b")).id(index)


@pytest.mark.parametrize("ids", [("a", "b", "a"), ("a", "")])
def test_a_vocabulary_refuses_repeated_and_empty_ids(ids: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="item id"):
        Vocabulary("item", ids)


# ---------------------------------------------------------------- interactions


def test_known_interactions() -> None:
    data = tiny()
    assert (len(data), data.n_users, data.n_items) == (3, 2, 2)
    assert data.matrix().toarray().tolist() == [[True, True], [True, False]]
    assert data.timestamp is not None
    assert data.timestamp.dtype == np.int64
    assert data.time_unit == "s"


def test_the_frame_comes_back_as_it_was() -> None:
    data = tiny()
    again = Interactions.from_frame(data.to_frame())
    assert again.fingerprint == data.fingerprint
    assert again.to_frame().equals(data.to_frame())


def test_the_matrix_is_canonical_bool_csr() -> None:
    users, items = Vocabulary("user", ("a", "b")), Vocabulary("item", ("x", "y", "z"))
    data = Interactions(users, items, np.array([1, 0, 1]), np.array([2, 1, 0]))
    matrix = data.matrix()
    assert matrix.dtype == np.bool_
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format
    assert matrix.indices.tolist() == [1, 0, 2]
    assert data.matrix(np.array([True, False, False])).toarray().tolist() == [[False] * 3, [False, False, True]]


def test_what_is_validated_cannot_be_changed() -> None:
    user = np.array([0, 1])
    data = Interactions(Vocabulary("user", ("a", "b")), Vocabulary("item", ("x",)), user, np.array([0, 0]))
    user[0] = 1  # the caller's array
    assert data.user.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        data.user[0] = 1


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"user": np.array([0, 2])}, "index 2, outside"),
        ({"item": np.array([-1, 0])}, "item holds index -1"),
        ({"user": np.array([0.0, 1.0])}, "user holds float64"),
        ({"user": np.array([], np.int32), "item": np.array([], np.int32)}, "no interaction"),
        ({"timestamp": np.array([1.0, 2.0])}, "timestamp holds float64"),
        ({"timestamp": np.array([1])}, "differ in length"),
        ({"rating": np.array([1.0, np.nan])}, "rating of row 1"),
        ({"rating": np.array([1.0, 1e39])}, "rating of row 1"),
        (
            {"user": np.array([0, 0]), "item": np.array([1, 1])},
            "'y', 2 times",
        ),
        ({"time_unit": "h"}, "'h' is unknown"),
    ],
)
def test_wrong_columns_are_named(columns: dict[str, object], complaint: str) -> None:
    good: dict[str, object] = {"user": np.array([0, 1]), "item": np.array([0, 1])}
    with pytest.raises(DataError, match=complaint):
        Interactions(Vocabulary("user", ("a", "b")), Vocabulary("item", ("x", "y")), **(good | columns))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ({"user": ["a"], "item_id": ["x"]}, "'user_id' among user"),
        ({"user_id": ["a", None], "item_id": ["x", "y"]}, "empty in row 1"),
        ({"user_id": [7.0, 8.0], "item_id": ["x", "y"]}, "decimals such as 7.0"),
        ({"user_id": ["a"], "item_id": ["x"], "timestamp": [1.5]}, "'timestamp' holds float64"),
        ({"user_id": ["a"], "item_id": ["x"], "rating": ["good"]}, "'rating' holds"),
        ({"user_id": ["a", "a"], "item_id": ["x", "y"], "timestamp": [1_400_000_000, 1_400_000_000_000]}, "mix"),
    ],
)
def test_wrong_frames_are_named(frame: dict[str, list[object]], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        Interactions.from_frame(pd.DataFrame(frame))


def test_integer_ids_become_text() -> None:
    data = Interactions.from_frame(pd.DataFrame({"user_id": [7, 15], "item_id": ["007", "x"]}))
    assert data.users.ids == ("7", "15")
    assert data.items.ids == ("007", "x")


def test_dates_in_a_frame_become_exact_counts() -> None:
    dates = pd.to_datetime(pd.Series(["2014-05-01 12:00", "2014-05-01 14:00+02:00"]), utc=True, format="ISO8601")
    data = Interactions.from_frame(pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": dates}))
    assert data.seconds is not None
    assert data.seconds.tolist() == [1398945600, 1398945600]


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (9, "s"),
        (1_700_000_000, "s"),
        (1_700_000_004_000, "ms"),
        (1_700_000_004_000_001, "us"),
        (1_700_000_004_000_000_001, "ns"),
    ],
)
def test_the_unit_of_times_is_told_by_their_size(value: int, unit: str) -> None:
    assert detect_unit(np.array([value])) == unit
    data = Interactions.from_frame(pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "timestamp": [value]}))
    assert data.timestamp is not None
    assert data.timestamp.tolist() == [value]  # exact, whatever the unit
    assert data.seconds is not None
    assert data.seconds.tolist() == [value if value == 9 else int(str(value)[:10])]


# ---------------------------------------------------------------- fingerprint


@given(pairs=PAIRS, seed=st.integers(0, 100))
def test_the_fingerprint_knows_content_not_order(pairs: list[tuple[str, str]], seed: int) -> None:
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id"]).assign(timestamp=range(len(pairs)))
    shuffled = frame.sample(frac=1, random_state=seed)
    fingerprint = Interactions.from_frame(frame).fingerprint
    assert Interactions.from_frame(shuffled).fingerprint == fingerprint
    assert fingerprint.startswith("sha256:")
    assert len(fingerprint) == len("sha256:") + 16


def test_the_fingerprint_changes_with_every_part_of_the_content() -> None:
    frame = tiny().to_frame()
    seen = {tiny().fingerprint}
    for column, value in [("user_id", "bo"), ("item_id", "up"), ("rating", 2.0), ("timestamp", 1_700_000_002)]:
        changed = frame.astype(object)
        changed[column] = [*frame[column].tolist()[:2], value]
        seen.add(Interactions.from_frame(changed.infer_objects()).fingerprint)
    for column in ("rating", "timestamp"):
        seen.add(Interactions.from_frame(frame.drop(columns=column)).fingerprint)
    assert len(seen) == 7


def test_the_fingerprint_cannot_confuse_where_one_id_ends() -> None:
    one = Interactions.from_frame(pd.DataFrame({"user_id": ["a", "b"], "item_id": ["1 2", "3"]}))
    other = Interactions.from_frame(pd.DataFrame({"user_id": ["a", "b"], "item_id": ["1", "2 3"]}))
    assert one.fingerprint != other.fingerprint


# ---------------------------------------------------------------- items


def test_labels() -> None:
    items = Vocabulary("item", ("10", "11", "12", "13", "14", "15"))
    titles = ("Heat", "Heat (1995)", "", "Up", "<b>*Café*</b> ", "Hamlet")
    table = ItemTable(items, titles, (1995, 1995, 2000, None, 2001, 2000), ((),) * 6)
    assert table.label(0) == "Heat (1995)"
    assert table.label(1) == "Heat (1995)"  # the year once
    assert table.label(2) == "12"  # no title: the id, without a year that would look like part of it
    assert table.label(3) == "Up"
    assert table.label(4) == "<b>*Café*</b>  (2001)"  # to the character
    assert table.n_titled == 5


def test_equal_labels_are_told_apart_by_id() -> None:
    items = Vocabulary("item", ("3598", "65665", "1"))
    table = ItemTable(items, ("Hamlet", "Hamlet", "Hamlet"), (2000, 2000, 1996), ((),) * 3)
    labels = [table.distinct_label(index) for index in range(3)]
    assert labels == ["Hamlet (2000) · 3598", "Hamlet (2000) · 65665", "Hamlet (1996)"]


def test_a_table_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match=r"titles .* 1 .* 2"):
        ItemTable(Vocabulary("item", ("a", "b")), ("A",), (None, None), ((), ()))
