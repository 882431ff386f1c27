"""Ready splits: as the data came, with a validation part drawn by raw ids where there is none; cold ids are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import DataConfig
from convncf.data.dataset import Dataset
from convncf.data.split import Split
from convncf.data.splitting import split
from convncf.errors import SplitError
from tests.wording import values_in
from tests.worlds import dataset_of, divided

Row = tuple[str, str, int]


def parts_of(made: Split) -> dict[tuple[str, str], int]:
    data = made.interactions
    return {
        (data.users.id(int(u)), data.items.id(int(i))): int(p)
        for u, i, p in zip(data.user, data.item, made.part, strict=True)
    }


def ready(dataset: Dataset, seed: int = 1, **settings: Any) -> Split:
    return split(dataset, DataConfig(**settings), seed)


WITHOUT_VALIDATION: tuple[Row, ...] = (
    *(("u1", f"i{n}", 0) for n in range(6)),
    ("u2", "i0", 0),
    ("u1", "i7", 2),
    ("u2", "i1", 2),
    ("u3", "i2", 0),
    ("u3", "i3", 0),
)


def test_all_three_parts_come_as_they_are() -> None:
    made = ready(divided(("u", "a", 0), ("u", "b", 1), ("u", "c", 2), ("v", "c", 0)))
    assert parts_of(made) == {("u", "a"): 0, ("u", "b"): 1, ("u", "c"): 2, ("v", "c"): 0}
    assert made.kind == "predefined"
    assert (made.n_users_without_validation, made.n_users_without_test) == (1, 1)
    assert made.notes == ()


def test_without_a_validation_part_one_training_item_of_each_who_has_more_is_taken() -> None:
    data = divided(*WITHOUT_VALIDATION)
    made = ready(data, split="predefined")
    assert np.diff(made.validation.indptr).tolist() == [1, 0, 1]
    assert np.diff(made.train.indptr).tolist() == [5, 1, 1]
    assert np.diff(made.test.indptr).tolist() == [1, 1, 0]
    assert ("validation" in made.method, made.method.endswith("seed 1")) == (True, True)
    assert values_in(made.notes[0]) == ["2"]
    assert data.part is not None
    assert data.part.tolist() == [row[2] for row in WITHOUT_VALIDATION], "the dataset's own parts stay"


@given(order=st.permutations(range(len(WITHOUT_VALIDATION))), seed=st.integers(0, 2**31 - 1))
def test_the_draw_goes_by_raw_ids(order: list[int], seed: int) -> None:
    one, other = (
        ready(divided(*WITHOUT_VALIDATION), seed),
        ready(divided(*(WITHOUT_VALIDATION[k] for k in order)), seed),
    )
    assert parts_of(one) == parts_of(other)
    assert one.fingerprint == other.fingerprint


def test_every_training_item_may_be_drawn() -> None:
    data = divided(*WITHOUT_VALIDATION)
    taken = [int(ready(data, seed).validation[[0]].indices[0]) for seed in range(300)]
    counts = np.bincount(taken, minlength=6)
    assert counts[:6].min() > 25, counts  # 50 expected, standard deviation 6.5


def test_nobody_to_spare_one_is_said() -> None:
    made = ready(divided(("u", "a", 0), ("u", "b", 2), ("v", "b", 0)))
    assert made.validation.nnz == 0
    assert ["no validation" in note for note in made.notes] == [True]


def test_without_a_test_part_it_is_said() -> None:
    assert ["no test" in note for note in ready(divided(("u", "a", 0), ("u", "b", 1), ("v", "b", 0))).notes] == [True]


def test_who_is_in_test_and_unknown_to_training_is_counted_and_named() -> None:
    rows: list[Row] = [("1", "a", 0), ("1", "b", 1), ("99", "a", 2), ("1", "77", 2)]
    made = ready(divided(*rows, *((f"new{n}", "a", 2) for n in range(6))))
    assert made.cold_users.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert [made.interactions.items.id(int(i)) for i in made.cold_items] == ["77"]
    assert [values_in(note) for note in made.notes] == [
        ["7", "'99'", "'new0'", "'new1'", "'new2'", "'new3'"],
        ["1", "'77'"],
    ]


# ---------------------------------------------------------------- which split is meant


def test_auto_takes_a_ready_split_and_another_method_divides_anew() -> None:
    rows = [(f"u{u}", f"i{i}", 0 if i < 3 else 2) for u in range(3) for i in range(5)]
    data = divided(*rows)
    assert ready(data).kind == "predefined"
    anew = ready(data, split="ratio")
    assert (anew.kind, values_in(anew.method)) == ("ratio", ["0.8:0.1:0.1", "1"])
    assert ready(data, split="leave-one-out", order="random").kind == "leave-one-out"


@pytest.mark.parametrize("settings", [{"ratios": (0.6, 0.2, 0.2)}, {"order": "time"}, {"across": "all"}])
def test_a_setting_that_a_ready_split_would_ignore_is_refused(settings: dict[str, Any]) -> None:
    data = divided(("u", "a", 0), ("u", "b", 1), ("u", "c", 2))
    with pytest.raises(SplitError, match=rf"data.{next(iter(settings))} would be ignored.*data.split=ratio"):
        ready(data, **settings)
    undivided = dataset_of(pd.DataFrame({"user_id": ["u"] * 9, "item_id": [*"abcdefghi"], "timestamp": range(9)}))
    ready(undivided, **settings)


def test_ready_on_undivided_data_is_refused() -> None:
    with pytest.raises(SplitError, match=r"'toy' .*data.split=ratio or leave-one-out"):
        ready(dataset_of(), split="predefined")


def test_without_training_it_is_refused() -> None:
    with pytest.raises(SplitError, match=r"\(1 validation, 1 test\)"):
        ready(divided(("u", "a", 1), ("u", "b", 2)))
