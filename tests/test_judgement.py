"""A report's figures: the model on validation and test, and baselines on the same users, with a paired test."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convncf import ranking, runtime, streams
from convncf.config import DataConfig, EvalConfig
from convncf.data.interactions import Interactions
from convncf.data.splitting import Split, split
from convncf.errors import TrainingStopped
from convncf.evaluation import evaluate
from convncf.judgement import THIS, Judgement, judge
from convncf.models import Popularity
from convncf.significance import paired_test
from convncf.training import Progress
from tests.worlds import checkerboard

EVAL = EvalConfig(ks=(3, 10), monitor="MRR@7")


class Oracle:
    """Knows the rule of the checkerboard: items of the user's colour first, in the order of their number."""

    def __init__(self, parts: Split) -> None:
        interactions = parts.interactions
        self.n_users, self.n_items = interactions.n_users, interactions.n_items
        self.user = np.array([int(raw[1:]) for raw in interactions.users.ids])
        self.item = np.array([int(raw[1:]) for raw in interactions.items.ids])

    def score_items(self, user: int) -> torch.Tensor:
        same = (self.user[user] - self.item) % 2 == 0
        return torch.from_numpy(same * 100.0 - self.item).float()


def parts_of(ratios: tuple[float, float, float]) -> Split:
    return split(Interactions.from_frame(checkerboard()), DataConfig(ratios=ratios), seed=1)


@pytest.fixture(scope="module")
def parts() -> Split:
    return parts_of((0.8, 0.1, 0.1))


@pytest.fixture(scope="module")
def popularity(parts: Split) -> Popularity:
    return Popularity(30, 40).fit(parts.train)


@pytest.fixture(scope="module")
def judgement(parts: Split, popularity: Popularity) -> Judgement:
    return judge(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=5)


def test_each_part_and_each_baseline_is_what_evaluate_says(
    parts: Split, popularity: Popularity, judgement: Judgement
) -> None:
    said = judgement.to_json()
    assert said["metrics"] == dict(evaluate(Oracle(parts), parts, "test", EVAL).metrics)
    assert said["validation"] == dict(evaluate(Oracle(parts), parts, "validation", EVAL).metrics)
    assert said["baselines"] == {"popularity": dict(evaluate(popularity, parts, "test", EVAL).metrics)}
    assert said["metrics"]["MRR@7"] > said["baselines"]["popularity"]["MRR@7"]
    assert said["metrics"].keys() == said["validation"].keys() == said["baselines"]["popularity"].keys()


def test_the_paired_test_is_over_the_users_of_the_test_part_in_the_monitored_metric(
    parts: Split, popularity: Popularity, judgement: Judgement
) -> None:
    mine, other = (evaluate(model, parts, "test", EVAL).per_user["MRR@7"] for model in (Oracle(parts), popularity))
    assert judgement.paired["popularity"] == paired_test(mine, other, 5)
    said = judgement.to_json()["paired"]["popularity"]
    assert said["metric"] == "MRR@7"
    assert said["words"].startswith("this model is ")
    assert "higher than popularity" in said["words"]
    assert said["difference"] == pytest.approx(said["mean_a"] - said["mean_b"])


def test_a_model_against_itself_is_equal(parts: Split) -> None:
    same = judge(Oracle(parts), {"twin": Oracle(parts)}, parts, EVAL, seed=1)
    assert same.paired["twin"].p_value == 1.0
    assert "equal on average" in same.to_json()["paired"]["twin"]["words"]


def test_the_counts_add_up_and_the_report_is_strict_json(judgement: Judgement) -> None:
    said = judgement.to_json()
    runtime.strict_json(said)
    assert said["protocol"] == "full ranking"
    assert said["n_users_evaluated"] + sum(said["not_evaluated"].values()) == said["n_users"] == 30
    assert said["n_users_validated"] == 30
    assert said["left_out"].startswith("left out: ")


def test_each_users_values_are_kept_by_raw_id_and_average_to_the_metrics(parts: Split, judgement: Judgement) -> None:
    frame = judgement.per_user(parts.interactions.users)
    assert set(frame["model"]) == {THIS, "popularity"}
    for (part, model), rows in frame.groupby(["part", "model"]):
        assert rows["user_id"].is_unique
        metrics = {
            ("test", THIS): judgement.test.metrics,
            ("validation", THIS): judgement.validation.metrics,
            ("test", "popularity"): judgement.baselines["popularity"].metrics,
        }[str(part), str(model)]
        for name, value in metrics.items():
            assert rows[name].mean() == pytest.approx(value, rel=1e-12)
    one = frame[(frame["part"] == "test") & (frame["model"] == THIS) & (frame["user_id"] == "u7")]
    user = parts.interactions.users.index("u7")
    at = judgement.test.users.tolist().index(user)
    assert one["n_positives"].item() == parts.test.indptr[user + 1] - parts.test.indptr[user]
    assert one["MRR@7"].item() == judgement.test.per_user["MRR@7"][at]


@pytest.mark.parametrize("ratios", [(1.0, 0.0, 0.0), (0.9, 0.0, 0.1), (0.9, 0.1, 0.0)])
def test_a_part_that_is_not_there_is_said_and_breaks_nothing(ratios: tuple[float, float, float]) -> None:
    parts = parts_of(ratios)
    popularity = Popularity(30, 40).fit(parts.train)
    judgement = judge(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=1)
    said = judgement.to_json()
    runtime.strict_json(said)
    assert bool(said["validation"]) == (ratios[1] > 0)
    assert bool(said["metrics"]) == bool(said["paired"]) == (ratios[2] > 0)
    assert said["not_evaluated"] == ({} if ratios[2] else {"no test item": 30})
    frame = judgement.per_user(parts.interactions.users)
    assert set(frame["part"]) == {part for part, share in zip(("validation", "test"), ratios[1:], strict=True) if share}
    assert "user_id" in frame.columns


def test_progress_runs_once_from_nothing_to_its_end(parts: Split, popularity: Popularity) -> None:
    seen: list[Progress] = []
    judge(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=1, progress=seen.append)
    done = [at.done for at in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].total
    assert {(at.phase, at.unit, at.total) for at in seen} == {("evaluation", "users", 90)}


def test_it_stops_when_asked(parts: Split, popularity: Popularity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "USERS_TOGETHER", 1)
    monkeypatch.setattr(streams, "width", lambda: 1)
    asked = iter([False] * 70 + [True] * 9)
    with pytest.raises(TrainingStopped, match="10 of 30 users"):
        judge(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=1, stop=lambda: next(asked))
