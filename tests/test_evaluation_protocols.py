"""Evaluation within candidate sets, of whole lists, and of what training never saw."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pytest

from convncf.config import EvalConfig
from convncf.data.candidates import CandidateSets
from convncf.errors import DataError
from convncf.evaluation import EvaluationReport, evaluate
from tests.test_evaluation import Table, only_test, parts


def sets_of(*sets: tuple[int, int, list[int]]) -> CandidateSets:
    """(user, answer, negatives) of each set."""
    users, answers, negatives = zip(*sets, strict=True)
    return CandidateSets(
        np.array(users, dtype=np.int32),
        np.array(answers, dtype=np.int32),
        np.cumsum([0, *map(len, negatives)]),
        np.array([item for each in negatives for item in each], dtype=np.int32),
        "made by hand",
    )


def test_lists_are_looked_at_as_a_whole_where_asked_for() -> None:
    """Both users are shown items 1 and 2 first, of which training knows 1 and 0 users."""
    split = parts([[1, 0, 0, 0], [0, 1, 0, 0]], np.zeros((2, 4)), [[0, 1, 0, 0], [0, 0, 1, 0]])
    scorer = Table([[0, 9, 8, 7], [6, 9, 8, 7]])
    report = evaluate(scorer, split, "test", EvalConfig(ks=(1, 2, 5)), lists=2)
    assert report.beyond == {
        "Coverage@1": 2 / 4,
        "Gini@1": pytest.approx(0.5),
        "Popularity@1": 0.5,
        "Coverage@2": 3 / 4,
        "Gini@2": pytest.approx(0.375),
        "Popularity@2": 0.25,
    }
    assert evaluate(scorer, split, "test", EvalConfig()).beyond == {}
    assert evaluate(scorer, split, "test", EvalConfig(ks=(20,)), lists=20).beyond.keys() == {
        "Coverage@20",
        "Gini@20",
        "Popularity@20",
    }


def test_within_sets_a_user_counts_with_the_mean_over_the_users_sets() -> None:
    split = only_test([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    scorer = Table([[5, 1, 4, 3, 2], [1, 2, 3, 4, 5], [0, 0, 0, 0, 0]])
    sets = sets_of((0, 0, [2, 3]), (0, 1, [2, 3]), (1, 2, [0, 3]))
    report = evaluate(scorer, split, "test", EvalConfig(ks=(1, 3)), candidates=sets)
    assert report.protocol == "candidates: made by hand"
    assert report.per_user["HR@1"].tolist() == [0.5, 0.0]
    assert report.per_user["MRR@3"].tolist() == [pytest.approx((1 + 1 / 3) / 2), 0.5]
    assert report.per_user["AUC"].tolist() == [0.5, 0.5]
    assert report.metrics["HR@1"] == 0.25
    assert report.sets is not None
    assert (report.sets.n_sets, report.sets.fewest, report.sets.most) == (3, 2, 2)
    assert report.to_json()["candidates"] == {"origin": "made by hand", "n_sets": 3, "fewest": 2, "most": 2}
    assert report.left_out == "each test item ranked among the negatives of its candidate set"
    assert "1 of 3 not evaluated: no test item" in report.notes
    assert "Each candidate set has one test item, so Recall@K equals HR@K." in report.notes
    assert any(note.startswith("3 candidate sets of 2 negatives (made by hand)") for note in report.notes)
    json.dumps(report.to_json(), allow_nan=False)


def test_items_without_a_set_and_sets_without_an_item_are_counted() -> None:
    split = only_test([[1, 1, 0], [0, 0, 1]])
    scorer = Table(np.zeros((2, 3)))
    sets = sets_of((0, 0, [2]), (0, 2, [1]))
    report = evaluate(scorer, split, "test", EvalConfig(), candidates=sets)
    assert report.ranks.items.tolist() == [0]
    assert report.not_evaluated == {"no candidate set": 1}
    assert "1 of 2 not evaluated: no candidate set" in report.notes
    assert "2 test items have no candidate set: not evaluated." in report.notes
    assert "1 candidate set is of no test item of this split, and passed over." in report.notes
    with pytest.raises(DataError, match=r"none of the 1 candidate sets has a test item .*data\.split=ready"):
        evaluate(scorer, split, "test", EvalConfig(), candidates=sets_of((0, 2, [1])))


def test_a_sample_of_users_is_one_within_sets_too() -> None:
    split = only_test(np.eye(3))
    sets = sets_of(*((user, user, [(user + 1) % 3]) for user in range(3)))
    report = evaluate(Table(np.eye(3)), split, "test", EvalConfig(), candidates=sets, users=[2, 0])
    assert report.users.tolist() == [0, 2]
    assert report.sample == "sample of 2 of 3 users"
    assert report.not_evaluated == {"not in the sample": 1}


def test_what_training_never_saw_is_ranked_missed_or_left_out() -> None:
    """Item 2 is new, and so is user 2: what a model scores them is chance, here in their favour."""
    train = [[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    test = [[0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    split = parts(train, np.zeros((3, 4)), test)
    scorer = Table([[0, 5, 9, 1], [1, 0, 9, 0], [9, 1, 1, 1]])

    def judged(cold: str) -> EvaluationReport:
        return evaluate(scorer, split, "test", EvalConfig(ks=(1,), cold=cast(Any, cold)))

    ranked, missed, left_out = map(judged, ("ranked", "misses", "left out"))
    assert ranked.ranks.ranks.tolist() == [2, 1, 1, 1]
    assert missed.ranks.ranks.tolist() == [1, 3, 2, 4]
    assert (left_out.users.tolist(), left_out.ranks.ranks.tolist(), left_out.ranks.candidates.tolist()) == (
        [0],
        [1],
        [2],
    )
    counted = (
        "2 of 4 test interactions are of items that training never saw and 1 of 4 test interactions is of a user"
        " that training never saw: "
    )
    assert f"{counted}ranked by whatever score the model gives them." in ranked.notes
    assert f"{counted}counted as ranked last." in missed.notes
    assert f"{counted}left out." in left_out.notes
    assert left_out.n_users_evaluated + sum(left_out.not_evaluated.values()) == 3
    assert [report.cold for report in (ranked, missed, left_out)] == ["ranked", "misses", "left out"]
    warm = evaluate(scorer, parts(np.ones((3, 4)) - test, np.zeros((3, 4)), test), "test", EvalConfig(cold="misses"))
    assert warm.cold is None


def test_auc_of_a_user_with_nothing_to_compare_is_said() -> None:
    report = evaluate(Table([[1, 2]]), only_test([[1, 1]]), "test", EvalConfig(ks=(1,)))
    assert report.metrics["AUC"] == 1.0
    assert "1 of 1 users have no candidate but test items: AUC is 1 there." in report.notes
