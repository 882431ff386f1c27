"""Who is in the mean, what a report says of itself, and that it agrees with lists and inspection."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from convncf.config import EvalConfig
from convncf.data.interactions import Interactions
from convncf.data.split import Part, Split
from convncf.data.splitting import ratio_split
from convncf.errors import ConfigError, NonFiniteScoreError, TrainingStopped
from convncf.evaluation.metrics import NAMES
from convncf.evaluation.ranking import rank_item, top_k
from convncf.evaluation.report import EvaluationReport, evaluate, sample_users
from tests.wording import values_in


class Parts:
    """As much of a Split as evaluation asks for."""

    not_recommended: Any = None

    def __init__(self, train: Any, validation: Any, test: Any) -> None:
        self.train, self.validation, self.test = (
            csr_array(np.asarray(m, dtype=np.bool_)) for m in (train, validation, test)
        )

    def positives(self, part: Part) -> Any:
        return self.test if part == "test" else self.validation

    def excluded(self, part: Part) -> Any:
        return self.train + self.validation if part == "test" else self.train


class Table:
    def __init__(self, scores: Any) -> None:
        self.scores = torch.as_tensor(np.asarray(scores, dtype=np.float32))
        self.n_users, self.n_items = self.scores.shape
        self.asked = 0

    def score_items(self, user: int) -> torch.Tensor:
        self.asked += 1
        return self.scores[user]


def parts(train: Any, validation: Any, test: Any) -> Split:
    return cast(Split, Parts(train, validation, test))


def only_test(test: Any) -> Split:
    nothing = np.zeros_like(np.asarray(test))
    return parts(nothing, nothing, test)


def random_case(n_users: int = 40, n_items: int = 30, seed: int = 0) -> tuple[Table, Split]:
    """Tied scores, each pair in one part or in none; some users have nothing to validate or test."""
    generator = np.random.default_rng(seed)
    role = generator.choice(4, p=[0.6, 0.3, 0.05, 0.05], size=(n_users, n_items))
    return Table(generator.integers(0, 12, size=(n_users, n_items))), parts(role == 1, role == 2, role == 3)


def test_a_mean_holds_only_users_who_have_something_to_find() -> None:
    scores = [[9, 1, 0], [9, 1, 0], [9, 1, 0]]
    report = evaluate(Table(scores), only_test([[1, 0, 0], [0, 0, 0], [0, 0, 1]]), "test", EvalConfig(ks=(1,)))
    assert report.metrics["Recall@1"] == 0.5
    assert report.per_user["Recall@1"].tolist() == [1.0, 0.0]
    assert report.users.tolist() == [0, 2]
    assert report.n_users_evaluated == 2
    assert report.not_evaluated == {"no test item": 1}


def test_three_hits_of_five_are_a_recall_of_three_fifths() -> None:
    scores = [[9, 8, 7, 1, 0, 6]]
    report = evaluate(Table(scores), only_test([[1, 1, 1, 1, 1, 0]]), "test", EvalConfig(ks=(3,)))
    assert report.metrics["Recall@3"] == 0.6
    assert not any("equals HR" in note for note in report.notes)


def test_four_users_whose_counts_all_tie() -> None:
    """Train `10 0, 11 1, 12 2, 13 3`, test `10 1, 11 0, 12 0, 13 0`, scored by popularity."""
    train = np.eye(4, dtype=np.int64)
    test = np.zeros((4, 4), dtype=np.int64)
    test[[0, 1, 2, 3], [1, 0, 0, 0]] = 1
    popularity = Table(np.tile(train.sum(axis=0), (4, 1)))
    report = evaluate(popularity, parts(train, np.zeros((4, 4)), test), "test", EvalConfig(ks=(1, 2, 3)))
    assert [report.metrics[f"HR@{k}"] for k in (1, 2, 3)] == [0.0, 0.0, 1.0]
    assert report.metrics["MRR@3"] == pytest.approx(1 / 3, rel=1e-15)
    assert report.metrics["NDCG@3"] == 0.5
    assert report.ranks.ranks.tolist() == [3, 3, 3, 3]
    assert "Recall@K equals HR@K" in " ".join(report.notes)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_report_inspection_and_list_agree_on_every_rank(part: Part) -> None:
    scorer, split = random_case()
    report = evaluate(scorer, split, part, EvalConfig())
    excluded, positives = split.excluded(part), split.positives(part)
    pairs = 0
    for user in report.users.tolist():
        hidden = excluded.indices[excluded.indptr[user] : excluded.indptr[user + 1]]
        wanted = positives.indices[positives.indptr[user] : positives.indptr[user + 1]]
        listed = top_k(scorer.scores[user], hidden, scorer.n_items, positives=wanted)
        rank_in_list = dict(zip(listed.items.tolist(), listed.ranks.tolist(), strict=True))
        for item, rank in zip(*map(np.ndarray.tolist, report.ranks.of(user)), strict=True):
            assert rank == rank_item(scorer.scores[user], item, wanted, hidden).rank == rank_in_list[item]
            pairs += 1
    assert pairs == report.ranks.ranks.size > 20


def test_test_leaves_out_validation_and_validation_does_not_leave_out_test() -> None:
    split = parts([[1, 0, 0, 0]], [[0, 1, 0, 0]], [[0, 0, 1, 0]])
    scorer = Table([[9, 8, 7, 6]])
    test, validation = (evaluate(scorer, split, part, EvalConfig()) for part in ("test", "validation"))
    assert (test.ranks.ranks.tolist(), test.ranks.candidates.tolist()) == ([1], [2])
    assert (validation.ranks.ranks.tolist(), validation.ranks.candidates.tolist()) == ([1], [3])
    assert "training and validation" in test.excluded
    assert ("training" in validation.excluded, "validation" in validation.excluded) == (True, False)


def test_every_metric_is_reported_at_every_k_and_the_monitored_one_besides() -> None:
    scorer, split = random_case()
    report = evaluate(scorer, split, "validation", EvalConfig(ks=(5, 10), monitor="MRR@12"))
    with_k = {f"{name}@{k}" for name in NAMES if name != "AUC" for k in (5, 10)}
    assert set(report.metrics) == with_k | {"AUC", "MRR@12"}
    for name, value in report.metrics.items():
        assert value == report.per_user[name].mean()


def test_a_monitor_that_is_no_metric_is_refused_before_anything_is_scored() -> None:
    scorer, split = random_case()
    config = EvalConfig.model_construct(ks=(5,), monitor="NDGC@5", validation_users=None)
    with pytest.raises(ConfigError, match="NDCG@5"):
        evaluate(scorer, split, "test", config)
    assert scorer.asked == 0


def test_k_beyond_the_catalogue_is_computed_and_flagged() -> None:
    one_seen, nothing, one_to_find = [1] + [0] * 7, [0] * 8, [0, 1] + [0] * 6
    report = evaluate(
        Table([nothing]), parts([one_seen], [nothing], [one_to_find]), "test", EvalConfig(ks=(6, 7, 8, 20))
    )
    assert [report.metrics[f"HR@{k}"] for k in (6, 7, 8, 20)] == [0.0, 1.0, 1.0, 1.0]
    flagged = [note for note in report.notes if note.startswith("K = ")]
    assert [note.split()[2] for note in flagged] == ["8", "10", "20"]  # 10 is the monitor's
    assert ("1 of 1 users" in flagged[0], values_in(flagged[0])[-3:]) == (True, ["7", "8", "8"])


def test_a_sample_is_said_and_the_others_are_counted() -> None:
    scorer, split = random_case()
    everyone = evaluate(scorer, split, "test", EvalConfig())
    chosen = sample_users(split, "test", 10, seed=3)
    report = evaluate(scorer, split, "test", EvalConfig(), users=chosen)
    assert report.users.tolist() == chosen.tolist()
    assert report.sample == f"sample of 10 of {everyone.n_users_evaluated} users"
    assert report.not_evaluated["not in the sample"] == everyone.n_users_evaluated - 10
    assert everyone.sample is None
    kept = np.isin(everyone.users, chosen)
    for name, values in report.per_user.items():
        np.testing.assert_array_equal(values, everyone.per_user[name][kept])
    for one in (report, everyone):
        assert one.n_users_evaluated + sum(one.not_evaluated.values()) == one.n_users == 40


def test_a_sample_is_seeded_sorted_and_only_of_users_with_a_positive() -> None:
    _, split = random_case()
    eligible = np.flatnonzero(np.diff(split.positives("test").indptr))
    first = sample_users(split, "test", 12, seed=5)
    assert first.tolist() == sample_users(split, "test", 12, seed=5).tolist() == sorted(set(first.tolist()))
    assert np.isin(first, eligible).all()
    assert first.tolist() != sample_users(split, "test", 12, seed=6).tolist()
    for everyone in (None, 10_000):
        assert sample_users(split, "test", everyone, seed=5).tolist() == eligible.tolist()
    with pytest.raises(ValueError, match="at least one"):
        sample_users(split, "test", 0, seed=5)


def test_without_a_part_the_report_says_so() -> None:
    scorer = Table(np.zeros((3, 4)))
    report = evaluate(scorer, only_test(np.zeros((3, 4))), "test", EvalConfig())
    assert report.metrics == {}
    assert report.not_evaluated == {"no test item": 3}
    assert ["no user has" in note for note in report.notes] == [True]
    assert scorer.asked == report.n_users_evaluated == 0


def test_json_is_strict_and_a_copy() -> None:
    scorer, split = random_case()
    choices: tuple[Any, ...] = (None, [], sample_users(split, "test", 4, seed=1))
    for users in choices:
        report = evaluate(scorer, split, "test", EvalConfig(), users=users)
        written = json.loads(json.dumps(report.to_json(), allow_nan=False))
        assert written == report.to_json()
        assert written["protocol"] == "full ranking"
        assert written["part"] == "test"
        assert written["n_users_evaluated"] == report.users.size
    report.to_json()["metrics"].clear()
    assert report.metrics


def test_a_report_cannot_be_changed() -> None:
    scorer, split = random_case()
    report = evaluate(scorer, split, "test", EvalConfig())
    with pytest.raises(AttributeError):
        report.part = "validation"  # type: ignore[misc]
    with pytest.raises(TypeError):
        report.metrics["HR@5"] = 1.0  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        report.per_user["HR@5"][0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        report.users[0] = 1


def test_the_same_question_has_the_same_answer() -> None:
    scorer, split = random_case()
    users = sample_users(split, "test", 15, seed=2)

    def answer(order: Any) -> EvaluationReport:
        return evaluate(scorer, split, "test", EvalConfig(), users=order)

    assert answer(users).to_json() == answer(users[::-1]).to_json()


def test_errors_progress_and_stop_come_through() -> None:
    scorer, split = random_case()
    told: list[tuple[int, int]] = []
    report = evaluate(scorer, split, "test", EvalConfig(), progress=lambda *both: told.append(both))
    assert told[-1] == (report.n_users_evaluated, report.n_users_evaluated)
    with pytest.raises(TrainingStopped):
        evaluate(scorer, split, "test", EvalConfig(), stop=lambda: True)
    scorer.scores[report.users[0]] = torch.nan
    with pytest.raises(NonFiniteScoreError, match="30 of 30"):
        evaluate(scorer, split, "test", EvalConfig())


def test_a_real_split_is_ranked_as_it_says() -> None:
    """Scores fall with the item index, so a user's ranks follow from who is left out."""
    pairs = [(f"u{user}", f"i{item}") for user in range(6) for item in range(20) if (user + item) % 2 or user == 5]
    interactions = Interactions.from_frame(pd.DataFrame([*pairs, ("short", "i3")], columns=["user_id", "item_id"]))
    real = ratio_split(interactions, (0.8, 0.1, 0.1), seed=1)
    scorer = Table(np.tile(-np.arange(interactions.n_items), (interactions.n_users, 1)))
    for part in ("validation", "test"):
        report = evaluate(scorer, real, part, EvalConfig())
        has_all = {"no candidate but test items": 1} if part == "test" else {}  # u5 has every item
        assert report.n_users_evaluated == 6 - len(has_all)
        assert report.not_evaluated == {f"no {part} item": 1} | has_all
        hidden = real.excluded(part).toarray()
        for user in report.users.tolist():
            items, found = report.ranks.of(user)
            assert items.tolist() == np.flatnonzero(real.positives(part).toarray()[user]).tolist()
            assert found.tolist() == [int((~hidden[user, : item + 1]).sum()) for item in items]
            seen = int(hidden[user].argmax())
            assert rank_item(scorer.scores[user], seen, items, np.flatnonzero(hidden[user])).seen


def test_each_user_is_scored_once_whatever_is_asked_for() -> None:
    """671 users and 9,066 items: ranks, metrics and lists come from the same scores."""
    generator = np.random.default_rng(0)
    known = generator.random((671, 9_066)) < 0.017
    test = known & (generator.random(known.shape) < 0.1)
    split = parts(known & ~test, np.zeros_like(known), test)
    scorer = Table(generator.random((1, 9_066)).repeat(671, axis=0))
    report = evaluate(scorer, split, "test", EvalConfig(), lists=20)
    assert scorer.asked == report.n_users_evaluated == 671
