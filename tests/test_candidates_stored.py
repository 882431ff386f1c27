"""Candidate sets that came with the data: what is taken out of them, counted, and when others take their place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from convncf.config import DataConfig, EvalConfig
from convncf.data.candidate_sampling import candidate_sets
from convncf.data.candidates import CandidateSets
from convncf.data.dataset import Dataset
from convncf.data.split import Part
from convncf.data.splitting import filter_and_split, split
from convncf.errors import DataError
from tests.test_candidates import by_name, toy
from tests.wording import values_in
from tests.worlds import dataset_of


def published() -> Dataset:
    """User 0 has 5 in test, and as negatives 5 twice, 7 twice (also in training) and 8; user 1 has 7 in test."""
    rows = [("0", "7", 0), ("0", "9", 0), ("1", "5", 0), ("1", "9", 0), ("0", "5", 2), ("1", "7", 2), ("2", "8", 0)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "part"])
    data = dataset_of(frame.drop(columns="part"), "published", part=frame["part"].to_numpy(np.int8))
    item = data.interactions.items.index
    negatives = [*map(item, ("5", "5", "7", "7", "8")), *map(item, ("8",))]
    sets = CandidateSets(
        np.array([0, 1], np.int32),
        np.array([item("5"), item("7")], np.int32),
        np.array([0, 5, 6], np.int64),
        np.array(negatives, np.int32),
    )
    return Dataset(data.name, data.interactions, data.items, data.source, part=data.part, candidates=sets)


def asked(dataset: Dataset, part: Part = "test", **settings: Any) -> CandidateSets:
    return candidate_sets(dataset, split(dataset, DataConfig(), 1), part, EvalConfig(**settings), 1)


def test_stored_sets_are_cleaned_and_each_reason_is_counted() -> None:
    data = published()
    sets = asked(data)
    assert by_name(sets, data.interactions) == {("0", "5"): ["8"], ("1", "7"): ["8"]}
    assert sets.origin.startswith("stored, cleaned: ")
    assert values_in(sets.origin) == ["2", "1", "1", "1"]


def test_each_of_the_users_other_items_is_taken_out_under_its_right_name() -> None:
    """User 0 has a in training, b in validation, c and d in test; each set of theirs also holds the free item e."""
    parts = {"a": 0, "b": 1, "c": 2, "d": 2}
    frame = pd.DataFrame([("0", item) for item in parts] + [("1", "e")], columns=["user_id", "item_id"])
    part = np.array([*parts.values(), 0], np.int8)
    data = dataset_of(frame, part=part)
    a, b, c, d, e = map(data.interactions.items.index, "abcde")
    sets = CandidateSets(
        np.zeros(2, np.int32),
        np.array([c, d], np.int32),
        np.array([0, 5, 9]),
        np.array([a, b, c, d, e, a, c, c, e], np.int32),
    )
    data = replace(data, candidates=sets)
    cleaned = asked(data)
    assert by_name(cleaned, data.interactions) == {("0", "c"): ["e"], ("0", "d"): ["e"]}
    assert values_in(cleaned.origin) == ["1", "1", "2", "1", "2", "1"]
    drawn = asked(data, candidate_sets="drawn")
    assert by_name(drawn, data.interactions) == by_name(cleaned, data.interactions), "as they would be sampled"


def test_stored_sets_as_published_stay_as_they_are() -> None:
    data = published()
    sets = asked(data, stored_sets="as published")
    assert by_name(sets, data.interactions)["0", "5"] == ["5", "5", "7", "7", "8"]
    assert sets.origin.startswith("stored, as published; 1 to 5")
    assert sets.fingerprint(data.interactions) != asked(data).fingerprint(data.interactions)


def test_nothing_to_clean_is_said() -> None:
    sets = asked(published()).cleaned(sparse.csr_array(np.zeros((3, 5), bool)))
    assert sets.origin.endswith("nothing to remove")


def test_what_was_rated_lower_is_cleaned_away_where_it_is_left_out() -> None:
    data = published()
    below = np.zeros((data.interactions.n_users, data.interactions.n_items), bool)
    below[0, data.interactions.items.index("8")] = True
    for how, words in (("hidden", ", 1 rated lower removed"), ("unseen", "1 seen in training removed")):
        config = DataConfig.model_validate({"low_rated": how})
        made = split(data, config, 1, sparse.csr_array(below))
        assert words in candidate_sets(data, made, "test", EvalConfig(), 1).origin


def test_test_items_without_a_stored_set_are_counted() -> None:
    data = published()
    assert data.candidates is not None
    sets = data.candidates
    one = CandidateSets(sets.user[:1], sets.answer[:1], sets.offsets[:2], sets.negatives[:5])
    fewer = Dataset(data.name, data.interactions, data.items, data.source, part=data.part, candidates=one)
    assert asked(fewer).origin.endswith("1 of 2 test items have no set")


def test_validation_and_drawn_do_not_take_the_stored() -> None:
    data = published()
    assert asked(data, "validation", negatives=2).origin.startswith("1 drawn a validation")
    assert "drawn a test" in asked(data, candidate_sets="drawn", negatives=1).origin
    assert "drawn a test" in candidate_sets(dataset_of(), toy(), "test", EvalConfig(negatives=3), 1).origin


def test_stored_sets_that_are_not_there_are_refused() -> None:
    config = EvalConfig(candidate_sets="stored")
    with pytest.raises(DataError, match=r"'toy' .*eval.candidate_sets=drawn"):
        candidate_sets(dataset_of(), toy(), "test", config, 1)
    data = published()
    anew = split(data, DataConfig(split="ratio", ratios=(0.5, 0.0, 0.5)), 1)
    with pytest.raises(DataError, match=r"\(ratio 0.5:0:0.5 .*data.split=predefined"):
        candidate_sets(data, anew, "test", config, 1)
    origin = candidate_sets(data, anew, "test", EvalConfig(negatives=1), 1).origin
    assert origin.startswith("1 drawn a test")
    assert anew.method in origin


def test_stored_sets_that_filters_emptied_are_replaced_with_a_word() -> None:
    """Of items that two users have, only 5, 7 and 9 stay; the one set is of an answer that does not."""
    data = published()
    assert data.candidates is not None
    ids = data.interactions.items.index
    gone = CandidateSets(
        np.array([2], np.int32), np.array([ids("8")], np.int32), np.array([0, 1]), np.array([ids("7")], np.int32)
    )
    filtered, made = filter_and_split(replace(data, candidates=gone), DataConfig(min_item=2), 1)
    origin = candidate_sets(filtered.dataset, made, "test", EvalConfig(negatives=1), 1).origin
    assert values_in(origin) == ["0", "1", "1", "2", "2", "1"]
    with pytest.raises(DataError, match=r"all of 1 set .* or relax the filters"):
        candidate_sets(filtered.dataset, made, "test", EvalConfig(candidate_sets="stored"), 1)
