"""Evaluation within candidate sets, of whole lists, and of what training never saw."""

from __future__ import annotations

import json
import math
from typing import Any, cast

import numpy as np
import pytest

from convncf.config import EvalConfig
from convncf.data.candidates import CandidateSets
from convncf.errors import DataError
from convncf.evaluation.metrics import MISS
from convncf.evaluation.report import EvaluationReport, evaluate
from tests.test_evaluation import Table, only_test, parts
from tests.wording import values_in


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
    assert report.beyond_accuracy == {
        "Coverage@1": 2 / 4,
        "Gini@1": pytest.approx(0.5),
        "Popularity@1": 0.5,
        "Coverage@2": 3 / 4,
        "Gini@2": pytest.approx(0.375),
        "Popularity@2": 0.25,
    }
    assert evaluate(scorer, split, "test", EvalConfig()).beyond_accuracy == {}
    assert evaluate(scorer, split, "test", EvalConfig(ks=(20,)), lists=20).beyond_accuracy.keys() == {
        "Coverage@20",
        "Gini@20",
        "Popularity@20",
    }


def test_within_sets_a_user_counts_with_the_mean_over_the_users_sets() -> None:
    split = only_test([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    scorer = Table([[5, 1, 4, 3, 2], [1, 2, 3, 4, 5], [0, 0, 0, 0, 0]])
    sets = sets_of((0, 0, [2, 3]), (0, 1, [2, 3]), (1, 2, [0, 3]))
    report = evaluate(scorer, split, "test", EvalConfig(ks=(1, 3)), candidates=sets)
    assert report.protocol.startswith("candidates: ")
    assert report.per_user["HR@1"].tolist() == [0.5, 0.0]
    assert report.per_user["MRR@3"].tolist() == [pytest.approx((1 + 1 / 3) / 2), 0.5]
    assert report.per_user["AUC"].tolist() == [0.5, 0.5]
    assert report.metrics["HR@1"] == 0.25
    assert report.sets is not None
    assert (report.sets.n_sets, report.sets.fewest, report.sets.most) == (3, 2, 2)
    assert report.to_json()["candidates"] == {"origin": "made by hand", "n_sets": 3, "fewest": 2, "most": 2}
    assert "candidate set" in report.excluded
    assert "1 of 3" in " ".join(report.notes)
    assert "Recall@K equals HR@K" in " ".join(report.notes)
    assert any(values_in(note)[:2] == ["3", "2"] for note in report.notes)
    json.dumps(report.to_json(), allow_nan=False)


def test_items_without_a_set_and_sets_without_an_item_are_counted() -> None:
    split = only_test([[1, 1, 0], [0, 0, 1]])
    scorer = Table(np.zeros((2, 3)))
    sets = sets_of((0, 0, [2]), (0, 2, [1]))
    report = evaluate(scorer, split, "test", EvalConfig(), candidates=sets)
    assert report.ranks.items.tolist() == [0]
    assert report.not_evaluated == {"no candidate set": 1}
    told = [values_in(note) for note in report.notes]
    assert (["1", "2"] in told, ["2"] in told, ["1"] in told) == (True, True, True)

    with pytest.raises(DataError, match=r"1 candidate sets .*data\.split=predefined"):
        evaluate(scorer, split, "test", EvalConfig(), candidates=sets_of((0, 2, [1])))


def test_a_sample_of_users_is_one_within_sets_too() -> None:
    split = only_test(np.eye(3))
    sets = sets_of(*((user, user, [(user + 1) % 3]) for user in range(3)))
    report = evaluate(Table(np.eye(3)), split, "test", EvalConfig(), candidates=sets, users=[2, 0])
    assert report.users.tolist() == [0, 2]
    assert values_in(report.sample or "") == ["2", "3"]
    assert report.not_evaluated == {"not in the sample": 1}


def test_what_training_never_saw_is_ranked_missed_or_left_out() -> None:
    """Item 2 is new, and so is user 2: what a model scores them is chance, here in their favour."""
    train = [[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    test = [[0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    split = parts(train, np.zeros((3, 4)), test)
    scorer = Table([[0, 5, 9, 1], [1, 0, 9, 0], [9, 1, 1, 1]])

    def judged(cold: str) -> EvaluationReport:
        return evaluate(scorer, split, "test", EvalConfig(ks=(1,), cold=cast(Any, cold)))

    ranked, missed, excluded = map(judged, ("ranked", "misses", "excluded"))
    assert ranked.ranks.ranks.tolist() == [2, 1, 1, 1]
    assert missed.ranks.ranks.tolist() == [1, MISS, MISS, MISS]
    assert (excluded.users.tolist(), excluded.ranks.ranks.tolist(), excluded.ranks.candidates.tolist()) == (
        [0],
        [1],
        [2],
    )
    for report, done in ((ranked, "ranked"), (missed, "misses"), (excluded, "excluded")):
        assert any(values_in(note)[:4] == ["2", "4", "1", "4"] and done in note for note in report.notes), done
    assert excluded.n_users_evaluated + sum(excluded.not_evaluated.values()) == 3
    assert [report.cold for report in (ranked, missed, excluded)] == ["ranked", "misses", "excluded"]
    warm = evaluate(scorer, parts(np.ones((3, 4)) - test, np.zeros((3, 4)), test), "test", EvalConfig(cold="misses"))
    assert warm.cold is None


COLD = parts([[1, 0, 0, 0, 0], [0, 1, 0, 1, 1]], np.zeros((2, 5)), [[0, 1, 1, 0, 0], [0, 0, 1, 0, 0]])
"""Nobody has item 2 in training. User 0 is to be shown items 1 and 2, user 1 item 2 alone."""
SCORES = Table([[0, 4, 9, 5, 1], [1, 0, 9, 0, 0]])
"""Item 2 is first for both; without it item 1 is second of three for user 0, behind item 3."""


@pytest.mark.parametrize("k", [4, 100])
def test_a_miss_is_a_miss_however_few_the_candidates(k: int) -> None:
    """Among all: user 0 has items 1 to 4 as candidates and user 1 items 0 and 2, so K covers both whole."""
    report = evaluate(SCORES, COLD, "test", EvalConfig(ks=(k,), monitor="AUC", cold="misses"))
    assert {name: values.tolist() for name, values in report.per_user.items()} == {
        f"HR@{k}": [1, 0],
        f"NDCG@{k}": [pytest.approx(1 / math.log2(3) / (1 + 1 / math.log2(3))), 0],
        f"MRR@{k}": [1 / 2, 0],
        f"Recall@{k}": [1 / 2, 0],
        f"Precision@{k}": [1 / k, 0],
        f"MAP@{k}": [1 / 2 / 2, 0],
        "AUC": [1 / 4, 0],
    }


@pytest.mark.parametrize("k", [4, 100])
def test_a_miss_is_a_miss_within_candidate_sets_too(k: int) -> None:
    """User 0 has item 1 second of three in one set, and a miss in the other; the mean of both counts."""
    sets = sets_of((0, 1, [3, 4]), (0, 2, [3, 4]), (1, 2, [0]))
    report = evaluate(SCORES, COLD, "test", EvalConfig(ks=(k,), monitor="AUC", cold="misses"), candidates=sets)
    assert {name: values.tolist() for name, values in report.per_user.items()} == {
        f"HR@{k}": [1 / 2, 0],
        f"NDCG@{k}": [pytest.approx(1 / math.log2(3) / 2), 0],
        f"MRR@{k}": [1 / 4, 0],
        f"Recall@{k}": [1 / 2, 0],
        f"Precision@{k}": [pytest.approx(1 / k / 2), 0],
        f"MAP@{k}": [1 / 4, 0],
        "AUC": [1 / 4, 0],
    }


def test_who_has_nothing_else_to_rank_is_not_evaluated() -> None:
    """Of user 0 all items are to be found; user 1 finds item 0 second of two; user 2 has nothing to find."""
    split, scorer = only_test([[1, 1], [1, 0], [0, 0]]), Table([[1, 2], [1, 2], [1, 2]])
    report = evaluate(scorer, split, "test", EvalConfig(ks=(1,), monitor="AUC"), lists=1)
    assert report.users.tolist() == [1]
    assert dict(report.metrics) == dict.fromkeys(
        ("HR@1", "NDCG@1", "MRR@1", "Recall@1", "Precision@1", "MAP@1", "AUC"), 0.0
    )
    assert report.not_evaluated == {"no test item": 1, "no candidate but test items": 1}
    assert "1 of 3" in " ".join(report.notes)
    assert scorer.asked == 1, "nor scored"
    alone = evaluate(scorer, only_test([[1, 1], [0, 0], [0, 0]]), "test", EvalConfig())
    assert alone.metrics == {}
    assert values_in(*alone.notes) == ["2", "1"]


def test_what_is_left_out_can_leave_nothing_else_to_rank() -> None:
    split = parts([[1, 0, 0], [0, 1, 0]], np.zeros((2, 3)), [[0, 1, 1], [0, 0, 1]])
    report = evaluate(Table(np.zeros((2, 3))), split, "test", EvalConfig())
    assert (report.users.tolist(), dict(report.not_evaluated)) == ([1], {"no candidate but test items": 1})


def test_empty_candidate_sets_are_not_evaluated() -> None:
    """User 0 loses one of two sets, user 1 the only one; user 2 has none."""
    split, scorer = only_test([[1, 1, 0], [1, 0, 0], [1, 0, 0]]), Table([[1, 2, 3], [3, 2, 1], [3, 2, 1]])
    sets = sets_of((0, 0, []), (0, 1, [2]), (1, 0, []))
    report = evaluate(scorer, split, "test", EvalConfig(ks=(1,)), candidates=sets)
    assert report.per_user["HR@1"].tolist() == report.per_user["AUC"].tolist() == [0.0]
    assert (report.users.tolist(), report.ranks.items.tolist()) == ([0], [1])
    assert report.not_evaluated == {"no candidate set": 1, "only candidate sets without negatives": 1}
    assert any("no negatives" in note and values_in(note) == ["2"] for note in report.notes)
    assert any("no candidate set" in note and values_in(note) == ["1"] for note in report.notes)
    assert report.sets is not None
    assert (report.sets.n_sets, report.sets.fewest) == (1, 1)
    alone = evaluate(
        scorer, only_test([[1, 0, 0]] + [[0, 0, 0]] * 2), "test", EvalConfig(), candidates=sets_of((0, 0, []))
    )
    assert alone.metrics == {}
    assert values_in(alone.notes[0]) == ["2", "1"]
