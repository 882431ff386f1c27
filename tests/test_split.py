"""What a ranking leaves out and what is never drawn: training, validation, and what was rated too low."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from convncf.config import DataConfig
from convncf.data.interactions import Interactions
from convncf.data.split import LowRated, Part, Split
from convncf.data.splitting import filter_and_split, ratio_split
from tests.test_splitting import dataset, histories
from tests.wording import values_in


def test_what_is_left_out_and_how_it_is_said() -> None:
    made = ratio_split(histories([30, 3, 2]), (0.8, 0.1, 0.1), seed=1)
    assert (made.excluded("validation").toarray() == made.train.toarray()).all()
    both = made.train.toarray() | made.validation.toarray()
    assert (made.excluded("test").toarray() == both).all()
    assert made.excluded("test").has_canonical_format
    assert (made.positives("test").toarray() == made.test.toarray()).all()
    assert (made.positives("validation").toarray() == made.validation.toarray()).all()
    assert values_in(made.excluded_in_words(0, "test")) == ["24", "3"]
    assert values_in(made.excluded_in_words(1, "test")) == ["1", "1"]
    assert values_in(made.excluded_in_words(2, "test")) == ["2", "0"]
    assert made.excluded_in_words(0, "validation").endswith(" 24 training items")
    assert made.excluded_in_words(1, "validation").endswith(" 1 training item")


def low_rated(made: Split, how: LowRated) -> Split:
    """The split with every other item from i4 on rated too low by user u1."""
    below = np.zeros(made.train.shape, bool)
    below[1, 4::2] = True
    return replace(made, below=sparse.csr_array(below), low_rated=how)


@pytest.mark.parametrize(
    ("how", "ranked_without", "excluded_negatives"),
    [("hidden", True, True), ("negatives", True, False), ("unseen", False, False)],
)
def test_what_becomes_of_what_was_rated_lower(how: LowRated, ranked_without: bool, excluded_negatives: bool) -> None:
    plain = ratio_split(histories([30, 3, 2]), (0.8, 0.1, 0.1), seed=1)
    made = low_rated(plain, how)
    assert made.below is not None
    parts: tuple[Part, ...] = ("validation", "test")
    for part in parts:
        expected = plain.excluded(part).toarray() | (made.below.toarray() if ranked_without else False)
        assert (made.excluded(part).toarray() == expected).all()
        assert made.excluded(part).has_canonical_format
        assert made.excluded(part).dtype == np.bool_
    assert (
        made.excluded_as_negatives.toarray()
        == (made.train.toarray() | (made.below.toarray() if excluded_negatives else False))
    ).all()
    assert values_in(made.excluded_in_words(0, "test")) == ["24", "3"]
    lower = ["13"] if ranked_without else []
    assert values_in(made.excluded_in_words(1, "test")) == ["1", "1", *lower]
    assert values_in(made.excluded_in_words(1, "validation")) == ["1", *lower]
    # Figures are comparable only with the same items excluded from rankings; sampling in training does not count.
    assert (made.fingerprint == plain.fingerprint) == (not ranked_without)
    assert low_rated(plain, "hidden").fingerprint == low_rated(plain, "negatives").fingerprint


def test_without_a_threshold_training_alone_is_barred() -> None:
    made = ratio_split(histories([30, 3]), (0.8, 0.1, 0.1), seed=1)
    assert made.not_recommended is None
    assert (made.excluded_as_negatives.toarray() == made.train.toarray()).all()


def test_the_fingerprint_covers_the_parts_and_what_was_rated_lower() -> None:
    made = ratio_split(histories([30, 3, 2]), (0.8, 0.1, 0.1), seed=1)
    moved = made.part.copy()
    moved[np.flatnonzero(moved == 0)[0]] = 1
    assert replace(made, part=moved).fingerprint != made.fingerprint
    low = low_rated(made, "hidden")
    assert low.below is not None
    fewer = low.below.toarray()
    fewer[1, 4] = False
    assert replace(low, below=sparse.csr_array(fewer)).fingerprint != low.fingerprint
    fewer[1, 5] = True  # as many as before, and another
    assert replace(low, below=sparse.csr_array(fewer)).fingerprint != low.fingerprint


def test_the_fingerprint_of_what_was_rated_lower_goes_by_raw_ids() -> None:
    rows = [("u", "a", 5), ("u", "b", 1), ("u", "c", 5), ("v", "b", 5), ("v", "a", 1), ("v", "c", 5)]
    frames = (pd.DataFrame(order, columns=["user_id", "item_id", "rating"]) for order in (rows, rows[::-1]))
    config = DataConfig(min_rating=4, ratios=(0.5, 0.0, 0.5))
    one, other = (filter_and_split(dataset(Interactions.from_frame(frame)), config, 1)[1] for frame in frames)
    assert one.interactions.items.ids != other.interactions.items.ids
    assert one.fingerprint == other.fingerprint
