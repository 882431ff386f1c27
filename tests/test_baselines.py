"""A report's figures: the model on validation and test, and baselines on the same users, with a paired test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from convncf.config import EvalConfig
from convncf.data.interactions import Interactions
from convncf.data.split import Split
from convncf.data.splitting import ratio_split
from convncf.errors import TrainingStopped
from convncf.evaluation import full_ranking
from convncf.evaluation.baselines import THIS, RunEvaluation, evaluate_with_baselines, sets_for, sets_frame
from convncf.evaluation.report import evaluate
from convncf.evaluation.significance import bootstrap_interval, paired_test
from convncf.models import Popularity
from convncf.runtime import files, threads
from convncf.training import Progress
from tests.wording import values_in
from tests.worlds import checkerboard, dataset_of

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
    return ratio_split(Interactions.from_frame(checkerboard()), ratios, seed=1)


@pytest.fixture(scope="module")
def popularity(parts: Split) -> Popularity:
    return Popularity(30, 40).fit(parts.train)


@pytest.fixture(scope="module")
def evaluation(parts: Split, popularity: Popularity) -> RunEvaluation:
    return evaluate_with_baselines(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=5)


def test_each_part_and_each_baseline_is_what_evaluate_says(
    parts: Split, popularity: Popularity, evaluation: RunEvaluation
) -> None:
    said = evaluation.to_json()
    assert said["metrics"] == dict(evaluate(Oracle(parts), parts, "test", EVAL).metrics)
    assert said["validation"] == dict(evaluate(Oracle(parts), parts, "validation", EVAL).metrics)
    assert said["baselines"] == {"popularity": dict(evaluate(popularity, parts, "test", EVAL).metrics)}
    assert said["metrics"]["MRR@7"] > said["baselines"]["popularity"]["MRR@7"]
    assert said["metrics"].keys() == said["validation"].keys() == said["baselines"]["popularity"].keys()


def test_the_paired_test_is_over_the_users_of_the_test_part_in_the_monitored_metric(
    parts: Split, popularity: Popularity, evaluation: RunEvaluation
) -> None:
    mine, other = (evaluate(model, parts, "test", EVAL).per_user["MRR@7"] for model in (Oracle(parts), popularity))
    assert evaluation.paired["popularity"] == paired_test(mine, other, 5)
    said = evaluation.to_json()["paired"]["popularity"]
    assert said["metric"] == "MRR@7"
    assert said["words"].startswith("this model is ")
    assert "higher than popularity" in said["words"]
    assert said["difference"] == pytest.approx(said["mean_a"] - said["mean_b"])


def test_a_model_against_itself_is_equal(parts: Split) -> None:
    same = evaluate_with_baselines(Oracle(parts), {"twin": Oracle(parts)}, parts, EVAL, seed=1)
    assert same.paired["twin"].p_value == 1.0
    assert "equal on average" in same.to_json()["paired"]["twin"]["words"]


def test_the_counts_add_up_and_the_report_is_strict_json(evaluation: RunEvaluation) -> None:
    said = evaluation.to_json()
    files.strict_json(said)
    assert said["protocol"] == "full ranking"
    assert said["n_users_evaluated"] + sum(said["not_evaluated"].values()) == said["n_users"] == 30
    assert said["n_users_validated"] == 30
    assert said["left_out"].startswith("excluded: ")


def test_each_users_values_are_kept_by_raw_id_and_average_to_the_metrics(
    parts: Split, evaluation: RunEvaluation
) -> None:
    frame = evaluation.per_user(parts.interactions.users)
    assert set(frame["model"]) == {THIS, "popularity"}
    for (part, model), rows in frame.groupby(["part", "model"]):
        assert rows["user_id"].is_unique
        metrics = {
            ("test", THIS): evaluation.test.metrics,
            ("validation", THIS): evaluation.validation.metrics,
            ("test", "popularity"): evaluation.baselines["popularity"].metrics,
        }[str(part), str(model)]
        for name, value in metrics.items():
            assert rows[name].mean() == pytest.approx(value, rel=1e-12)
    one = frame[(frame["part"] == "test") & (frame["model"] == THIS) & (frame["user_id"] == "u7")]
    user = parts.interactions.users.index("u7")
    at = evaluation.test.users.tolist().index(user)
    assert one["n_positives"].item() == parts.test.indptr[user + 1] - parts.test.indptr[user]
    assert one["MRR@7"].item() == evaluation.test.per_user["MRR@7"][at]


@pytest.mark.parametrize("protocol", ["full", "candidates"])
def test_the_rank_of_each_test_item_is_kept_and_gives_the_metrics_again(parts: Split, protocol: str) -> None:
    config = under(protocol, negatives=7)
    sets = sets_for(dataset_of(), parts, config, 5)
    evaluation = evaluate_with_baselines(Oracle(parts), {}, parts, config, seed=5, sets=sets)
    data = parts.interactions
    frame = evaluation.ranks(data.users, data.items)
    assert list(frame.columns) == ["user_id", "item_id", "part", "protocol", "rank", "candidates"]
    pairs = np.argwhere(parts.test.toarray()).tolist()
    wanted = {(data.users.id(user), data.items.id(item)) for user, item in pairs}
    assert set(zip(frame["user_id"], frame["item_id"], strict=True)) == wanted
    assert len(frame) == len(wanted)
    assert set(frame["protocol"]) == {evaluation.test.protocol}
    values = evaluation.per_user(data.users)
    values = values[values["part"] == "test"].set_index("user_id")
    ranks = frame["rank"].to_numpy(np.float64)
    each = frame.assign(best=np.where(ranks <= 7, 1 / ranks, 0)).groupby("user_id")["best"]
    reciprocal = each.max() if protocol == "full" else each.mean()  # within sets: the mean over a user's sets
    assert reciprocal.to_dict() == pytest.approx(values["MRR@7"].to_dict(), rel=1e-12)
    if protocol == "candidates":
        assert set(frame["candidates"]) == {8}
    else:
        hidden = parts.excluded("test")
        of_user = frame.groupby("user_id")["candidates"].first()
        assert of_user.to_dict() == {data.users.id(u): 40 - hidden.indptr[u + 1] + hidden.indptr[u] for u in range(30)}


def test_a_miss_has_no_rank() -> None:
    """Item "new" is in test alone; z is as popular as more, and ties count against it."""
    rows = [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z"), ("b", "more"), ("a", "new"), ("a", "z")]
    data = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    parts = Split(data, np.array([0, 0, 0, 0, 0, 2, 2], np.int8), "by hand", 2, 1)
    popularity = Popularity(2, 5).fit(parts.train)
    frame = evaluate_with_baselines(popularity, {}, parts, EvalConfig(cold="misses"), seed=1).ranks(
        data.users, data.items
    )
    ranks = dict(zip(frame["item_id"], frame["rank"], strict=True))
    assert ranks["new"] is pd.NA
    assert ranks["z"] == 2
    assert frame["candidates"].tolist() == [3, 3]


@pytest.mark.parametrize("ratios", [(1.0, 0.0, 0.0), (0.9, 0.0, 0.1), (0.9, 0.1, 0.0)])
def test_a_part_that_is_not_there_is_said_and_breaks_nothing(ratios: tuple[float, float, float]) -> None:
    parts = parts_of(ratios)
    popularity = Popularity(30, 40).fit(parts.train)
    evaluation = evaluate_with_baselines(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=1)
    said = evaluation.to_json()
    files.strict_json(said)
    assert bool(said["validation"]) == (ratios[1] > 0)
    assert bool(said["metrics"]) == bool(said["paired"]) == (ratios[2] > 0)
    assert said["not_evaluated"] == ({} if ratios[2] else {"no test item": 30})
    frame = evaluation.per_user(parts.interactions.users)
    assert set(frame["part"]) == {part for part, share in zip(("validation", "test"), ratios[1:], strict=True) if share}
    assert "user_id" in frame.columns


def test_progress_runs_once_from_nothing_to_its_end(parts: Split, popularity: Popularity) -> None:
    seen: list[Progress] = []
    evaluate_with_baselines(Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=1, progress=seen.append)
    done = [at.done for at in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].total
    assert {(at.phase, at.unit, at.total) for at in seen} == {("evaluation", "users", 90)}


def test_it_stops_when_asked(parts: Split, popularity: Popularity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_ranking, "USERS_TOGETHER", 1)
    monkeypatch.setattr(threads, "width", lambda: 1)
    asked = iter([False] * 70 + [True] * 9)
    with pytest.raises(TrainingStopped, match="10 of 30"):
        evaluate_with_baselines(
            Oracle(parts), {"popularity": popularity}, parts, EVAL, seed=1, stop=lambda: next(asked)
        )


# ---------------------------------------------------------------- intervals, and more than one protocol


def under(protocol: str, **settings: object) -> EvalConfig:
    return EvalConfig.model_validate({"ks": (3, 10), "monitor": "MRR@7", "protocol": protocol} | settings)


@pytest.fixture(scope="module")
def both(parts: Split, popularity: Popularity) -> RunEvaluation:
    config = under("both", negatives=7)
    sets = sets_for(dataset_of(), parts, config, 5)
    assert set(sets) == {"test"}, "full ranking decides while training"
    return evaluate_with_baselines(Oracle(parts), {"popularity": popularity}, parts, config, seed=5, sets=sets)


def test_both_protocols_stand_side_by_side_and_the_main_figures_are_those_of_full_ranking(
    parts: Split, evaluation: RunEvaluation, both: RunEvaluation
) -> None:
    alone, said = evaluation.to_json(), both.to_json()
    assert [values_in(report_of_protocol["protocol"]) for report_of_protocol in said["protocols"]] == [[], ["7", "5"]]
    for key in alone.keys() - {"protocols"}:
        assert said[key] == alone[key], key
    assert alone["protocols"] == said["protocols"][:1]
    within = said["protocols"][1]
    assert within["metrics"]["HR@3"] > said["metrics"]["HR@3"], "among 7 it is easier than among all"
    assert values_in(within["candidates"].pop("origin")) == ["7", "5"]
    assert within["candidates"] == {"n_sets": parts.test.nnz, "fewest": 7, "most": 7}
    assert within["n_users_evaluated"] == 30
    assert within["baselines"].keys() == within["paired"].keys() == {"popularity"}
    assert within["beyond"] == {}, "a set of negatives is no list"
    files.strict_json(said)


def test_every_model_is_judged_within_the_very_same_sets(
    parts: Split, popularity: Popularity, both: RunEvaluation
) -> None:
    config = under("candidates", negatives=7)
    sets = sets_for(dataset_of(), parts, config, 5)
    assert set(sets) == {"validation", "test"}
    other = evaluate_with_baselines(popularity, {}, parts, config, seed=5, sets=sets)
    within = both.protocols[1]
    assert other.protocols[0].fingerprint == within.fingerprint == sets["test"].fingerprint(parts.interactions)
    assert other.test.metrics == within.baselines["popularity"].metrics
    assert other.validation.protocol.startswith("candidates: 7 drawn")
    redrawn = sets_for(dataset_of(), parts, under("candidates", negatives=7), 6)
    assert redrawn["test"].fingerprint(parts.interactions) != within.fingerprint
    with pytest.raises(ValueError, match="the test part"):
        evaluate_with_baselines(popularity, {}, parts, config, seed=5)


def test_users_are_kept_for_each_protocol(parts: Split, both: RunEvaluation) -> None:
    frame = both.per_user(parts.interactions.users)
    for report_of_protocol in both.protocols:
        rows = frame[
            (frame["protocol"] == report_of_protocol.test.protocol)
            & (frame["part"] == "test")
            & (frame["model"] == THIS)
        ]
        assert rows["user_id"].is_unique
        assert rows["HR@3"].mean() == pytest.approx(report_of_protocol.test.metrics["HR@3"], rel=1e-12)
    assert set(frame[frame["part"] == "validation"]["protocol"]) == {"full ranking"}


def test_each_mean_has_the_interval_of_its_own_users(evaluation: RunEvaluation) -> None:
    said = evaluation.to_json()
    assert said["intervals"].keys() == said["metrics"].keys()
    assert said["validation_intervals"].keys() == said["validation"].keys()
    assert said["baseline_intervals"]["popularity"].keys() == said["metrics"].keys()
    assert values_in(said["interval_method"]) == ["95", "4,000"]
    for name, (low, high) in said["intervals"].items():
        assert low <= said["metrics"][name] <= high, name
        found = bootstrap_interval(evaluation.test.per_user[name], 5)
        assert (low, high) == pytest.approx((found.low, found.high), rel=1e-12), name
    low, high = said["intervals"]["MRR@7"]
    assert 0 < high - low < 0.5


def test_lists_of_the_model_and_the_baselines_are_looked_at_as_a_whole(evaluation: RunEvaluation) -> None:
    said = evaluation.to_json()
    assert said["beyond"].keys() == {f"{name}@{k}" for name in ("Coverage", "Gini", "Popularity") for k in (3, 10)}
    assert said["baseline_beyond"]["popularity"]["Popularity@3"] > said["beyond"]["Popularity@3"]
    assert said["baseline_beyond"]["popularity"]["Coverage@3"] <= 1.0


@pytest.mark.parametrize("protocol", ["candidates", "both"])
def test_without_a_test_part_every_protocol_says_so(protocol: str) -> None:
    parts, config = parts_of((0.9, 0.1, 0.0)), under(protocol)
    sets = sets_for(dataset_of(), parts, config, 1)
    said = evaluate_with_baselines(Oracle(parts), {"twin": Oracle(parts)}, parts, config, seed=1, sets=sets).to_json()
    assert said["metrics"] == said["intervals"] == said["paired"] == {}
    for report_of_protocol in said["protocols"]:
        assert ["no user has" in note for note in report_of_protocol["notes"]] == [True]
    files.strict_json(said)


def test_the_sets_are_kept_as_a_frame(parts: Split) -> None:
    config = under("candidates", negatives=3)
    sets = sets_for(dataset_of(), parts, config, 5)
    frame = sets_frame(sets)
    assert len(frame) == parts.test.nnz + parts.validation.nnz
    rows = frame[frame["part"] == "test"]
    assert [list(row) for row in rows["negatives"]] == [sets["test"].of(s).tolist() for s in range(len(rows))]
    assert rows["item"].tolist() == sets["test"].answer.tolist()
    assert len(sets_frame({})) == 0
