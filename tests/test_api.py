"""The public Python API: README's script, word for word, on a DataFrame of one's own; and what each line gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import convncf
from convncf.evaluation.report import evaluate as core_evaluate
from convncf.runs import default_store
from tests.shop import articles, orders

README = Path(__file__).resolve().parents[1] / "README.md"
FEW: dict[str, Any] = {"pretrain": {"epochs": 4}, "train": {"epochs": 1}}


@pytest.fixture(scope="module")
def data() -> convncf.Dataset:
    return convncf.Dataset.from_frame(orders(), user="customer", item="article", time="day", titles=articles())


@pytest.fixture(scope="module")
def split(data: convncf.Dataset) -> convncf.Split:
    return data.split(seed=1)


@pytest.fixture(scope="module")
def model(split: convncf.Split) -> convncf.FittedModel:
    return convncf.fit(split, "convncf", preset="quick", seed=1, **FEW)


@pytest.fixture(scope="module")
def ease(split: convncf.Split) -> convncf.FittedModel:
    return convncf.fit(split, "ease")


def script() -> str:
    """README's example."""
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.slow
def test_the_readme_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ease: Any) -> None:
    monkeypatch.chdir(tmp_path)
    convncf.fit(ease.split, "popularity", name="demo-4x4")  # the script opens a run of that name
    names: dict[str, Any] = {"frame": orders(), "titles_frame": articles()}
    exec(compile(script(), "README.md", "exec"), names)
    assert names["model"].history["phase"].unique().tolist() == ["pretraining", "training"]
    assert 0 < names["report"].metrics["NDCG@10"] < 1
    assert names["comparison"].table.index.tolist() == ["ConvNCF", "EASE", "mine"]
    assert [run.name for run in default_store().all()] == ["demo-4x4"], "fit makes no run unless asked"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["folder"]


# ---------------------------------------------------------------- data


def test_a_frame_keeps_each_pair_once_and_says_so(data: convncf.Dataset) -> None:
    frame = orders()
    pairs = frame[["customer", "article"]].drop_duplicates()
    report = data.report
    assert report is not None
    assert (report["rows"], report["kept"]) == (1200, len(pairs))
    assert report["merged"] == 1200 - len(pairs)
    assert report["files"][0]["unused"] == ("shelf",)
    latest = frame.groupby(["customer", "article"])["day"].max()
    kept = data.interactions.to_frame().set_index(["user_id", "item_id"])["timestamp"]
    unit = data.interactions.time_unit
    assert (pd.to_datetime(kept, unit=unit) == latest.reindex(kept.index)).all()
    assert data.items.label(data.interactions.items.index("a7")) == "Thing 7"


@pytest.mark.parametrize("kind", ["dates", "text", "counts", "whole floats"])
def test_times_are_read_however_they_are_written(kind: str) -> None:
    frame = orders()
    days = frame["day"]
    seconds = (days - pd.Timestamp("1970-01-01")) // pd.Timedelta(seconds=1)
    frame["day"] = {
        "dates": days.dt.date.astype(object),
        "text": days.dt.strftime("%Y-%m-%d"),
        "counts": seconds,
        "whole floats": seconds.astype(float),
    }[kind]
    made = convncf.Dataset.from_frame(frame, user="customer", item="article", time="day").interactions
    wanted = convncf.Dataset.from_frame(orders(), user="customer", item="article", time="day").interactions
    assert made.seconds is not None
    assert wanted.seconds is not None
    assert made.seconds.tolist() == wanted.seconds.tolist()


def test_a_split_takes_the_settings_of_data(data: convncf.Dataset) -> None:
    made = data.split(seed=3, split="leave-one-out", min_user=5)
    assert made.kind == "leave-one-out"
    assert made.test.nnz == made.n_users
    parts = made.to_frame()
    held = parts[parts["part"] == "test"].set_index("user_id")["timestamp"]
    assert (held == parts.groupby("user_id")["timestamp"].max().reindex(held.index)).all()
    assert data.split(seed=2, ratios=(0.5, 0.25, 0.25)).fingerprint != data.split(seed=2).fingerprint


def test_a_file_is_a_dataset_too(tmp_path: Path, data: convncf.Dataset) -> None:
    file = tmp_path / "orders.csv"
    orders().to_csv(file, index=False)
    read = convncf.read(file, user="customer", item="article", time="day")
    assert read.name == "orders"
    assert (read.n_users, read.n_items, len(read.interactions)) == (data.n_users, data.n_items, len(data.interactions))
    assert read.report is not None
    assert read.report["rows"] == 1200
    assert read.split(seed=1).train.nnz == data.split(seed=1).train.nnz


def test_the_seeds_model_takes_dataset_and_split(data: convncf.Dataset, split: convncf.Split) -> None:
    config = {"embedding_size": 4, "cnn_channels": [1, 2, 2], "cnn_kernels": [2, 2], "cnn_strides": [2, 2]}
    for dataset in (data, split):
        network = convncf.ConvNCF(config, dataset)
        assert (network.n_users, network.n_items, network.input_type) == (data.n_users, data.n_items, 2)


# ---------------------------------------------------------------- fit, evaluate, recommend, inspect


def test_history_has_a_row_an_epoch_and_the_best_is_what_is_left(model: convncf.FittedModel) -> None:
    history = model.history
    assert list(history.columns[:3]) == ["phase", "epoch", "loss"]
    assert history[history["phase"] == "training"]["epoch"].tolist() == [0, 1]
    assert history["loss"].isna().tolist() == (history["epoch"] == 0).tolist()
    training = history[history["phase"] == "training"].set_index("epoch")["NDCG@10"]
    assert training.idxmax() == model.best_epoch
    report = convncf.evaluate(model, model.split, part="validation")
    assert report.metrics["NDCG@10"] == pytest.approx(training[model.best_epoch], abs=1e-12)


def test_fit_with_a_name_is_the_same_model_and_the_same_run(model: convncf.FittedModel) -> None:
    run = convncf.fit(model.split, "convncf", preset="quick", seed=1, name="kept", **FEW)
    found = default_store().open("kept")
    assert found.status().state == "finished"
    report = found.report()
    assert report is not None
    ours = convncf.evaluate(model, model.split)
    assert {name: report["metrics"][name] for name in ours.metrics} == ours.metrics
    assert run.score("c3").tolist() == model.score("c3").tolist()
    again = convncf.load("kept")
    assert again.history.equals(model.history)
    assert again.score("c3").tolist() == model.score("c3").tolist()
    assert again.split.fingerprint == model.split.fingerprint


def test_a_saved_model_comes_back_with_its_split(model: convncf.FittedModel, tmp_path: Path) -> None:
    model.save(tmp_path / "folder")
    again = convncf.load(tmp_path / "folder")
    assert again.score("c3").tolist() == model.score("c3").tolist()
    assert again.split.fingerprint == model.split.fingerprint
    assert again.split.dataset.items.titles == model.split.dataset.items.titles
    assert again.history.equals(model.history)
    assert again.best_epoch == model.best_epoch


def test_a_split_and_a_training_of_two_seeds_come_back(data: convncf.Dataset, tmp_path: Path) -> None:
    fitted = convncf.fit(data.split(seed=5, min_user=3), "itemknn", seed=2)
    fitted.save(tmp_path / "two")
    again = convncf.load(tmp_path / "two")
    assert (again.split.seed, again.config.seed) == (5, 2)
    assert again.split.fingerprint == fitted.split.fingerprint
    assert again.score("c3").tolist() == fitted.score("c3").tolist()


def test_settings_go_by_group(split: convncf.Split) -> None:
    few = convncf.fit(split, "mf-bpr", model={"embedding_size": 8}, train={"epochs": np.int64(2)}, device="cpu")
    assert (few.config.model["embedding_size"], few.config.train.epochs, few.config.train.device) == (8, 2, "cpu")
    assert few.inspect("c3", "a5").interaction_map.shape == (8, 8)


def test_a_list_is_what_the_scores_say(model: convncf.FittedModel) -> None:
    split = model.split
    best = model.recommend("c3", k=7)
    assert list(best.columns) == ["rank", "item_id", "title", "score"]
    had = split.to_frame().query("user_id == 'c3' and part != 'test'")["item_id"]
    scores = pd.Series(model.score("c3"), index=split.interactions.items.ids).drop(had)
    order = scores.sort_values(ascending=False, kind="stable")
    assert best["item_id"].tolist() == order.index[:7].tolist()
    assert best["title"].tolist() == [f"Thing {item[1:]}" for item in best["item_id"]]
    pair = model.inspect("c3", best["item_id"][0])
    assert pair.rank == best["rank"][0]
    assert pair.score == pytest.approx(best["score"][0], abs=1e-5)


def test_a_pair_has_every_array(model: convncf.FittedModel) -> None:
    pair = model.inspect("c3", "a5")
    assert (pair.user_id, pair.item_id, pair.title) == ("c3", "a5", "Thing 5")
    np.testing.assert_allclose(pair.interaction_map, np.outer(pair.p, pair.q), rtol=1e-6)
    assert [pair.feature_maps(layer).shape for layer in (1, 2, 3)] == [(16, 8, 8), (16, 2, 2), (16, 1, 1)]
    assert float(pair.contributions.sum()) + pair.bias == pytest.approx(pair.score, abs=1e-4)
    assert pair.plot().data[0]["type"] == "heatmap"
    assert pair.feature_maps(1).plot().data[0]["type"] == "heatmap"


def test_a_report_is_by_raw_id_and_equals_the_core(ease: convncf.FittedModel) -> None:
    split = ease.split
    report = convncf.evaluate(ease, split)
    core = core_evaluate(ease.model, split, "test", convncf.EvalConfig())
    assert report.metrics == dict(core.metrics)
    assert report.per_user["NDCG@10"].mean() == pytest.approx(report.metrics["NDCG@10"])
    one = report.ranks.query("user_id == 'c3'")
    ranked = ease.recommend("c3", k=split.n_items)["item_id"].tolist()
    assert one["rank"].tolist() == [ranked.index(item) + 1 for item in one["item_id"]]
    assert report.per_user.loc["c3", "NDCG@10"] == pytest.approx(
        convncf.metrics.ndcg(ranked, one["item_id"].tolist(), k=10)
    )


# ---------------------------------------------------------------- lists, functions, comparison


def lists(model: convncf.FittedModel, k: int) -> pd.DataFrame:
    users = model.split.interactions.users.ids
    return pd.concat([model.recommend(user, k=k).assign(user_id=user) for user in users], ignore_index=True)


@pytest.mark.parametrize("by", ["rank", "score"])
def test_ranked_lists_are_judged_as_the_model_that_made_them(ease: convncf.FittedModel, by: str) -> None:
    wanted = convncf.evaluate(ease, ease.split)
    frame = lists(ease, 20)[["user_id", "item_id", by]].sample(frac=1, random_state=0)
    found = convncf.evaluate(frame, ease.split)
    assert set(wanted.metrics) - set(found.metrics) == {"AUC"}
    assert found.metrics == pytest.approx({name: wanted.metrics[name] for name in found.metrics})


def test_what_a_list_lacks_is_a_miss_and_what_is_left_out_does_not_count(ease: convncf.FittedModel) -> None:
    split = ease.split
    parts = split.to_frame()
    one = parts[parts["user_id"] == "c3"]
    test, had = one[one["part"] == "test"]["item_id"].tolist(), one[one["part"] == "training"]["item_id"].tolist()
    frame = pd.DataFrame({"user_id": "c3", "item_id": [*had, test[0]], "rank": range(1, len(had) + 2)})
    report = convncf.evaluate(frame, split)
    ranks = report.ranks.set_index(["user_id", "item_id"])["rank"]
    assert ranks["c3", test[0]] == 1, "training items are taken out before ranking"
    assert ranks.isna().sum() == len(ranks) - 1
    assert sum(f"{report.n_users - 1:,} of {report.n_users:,}" in note for note in report.notes) == 1
    assert sum(f"{len(had)} rows" in note for note in report.notes) == 1


def test_a_function_is_a_scorer(ease: convncf.FittedModel) -> None:
    def same(user_id: str, item_ids: Any) -> Any:
        return ease.score(user_id, item_ids)

    mine = convncf.Scorer.from_function(same, ease.split)
    assert convncf.evaluate(mine, ease.split).metrics == convncf.evaluate(ease, ease.split).metrics
    assert mine.recommend("c3", k=5).equals(ease.recommend("c3", k=5))


def test_a_comparison_tests_each_against_the_first(ease: convncf.FittedModel) -> None:
    split = ease.split
    flat = convncf.Scorer.from_function(lambda user_id, item_ids: [0.0] * len(item_ids), split)
    reports: dict[str, Any] = {"EASE": convncf.evaluate(ease, split), "lists": lists(ease, 20), "flat": flat}
    found = convncf.compare(reports, split)
    assert found.baseline == "EASE"
    assert found.paired["lists"].difference == 0
    assert found.table.loc["flat", "NDCG@10"] == 0, "one score for everything ranks every positive last"
    assert found.table.loc["flat", "difference"] == pytest.approx(-found.reports["EASE"].metrics["NDCG@10"])
    assert found.adjusted["flat"] == pytest.approx(2 * found.paired["flat"].p_value)
    assert len(found.plot().data) >= 3


# ---------------------------------------------------------------- metrics of one list


def test_metrics_of_one_list_are_the_formulas() -> None:
    ranked, relevant = ["a", "b", "c", "d"], ["d", "b", "z"]
    metrics = convncf.metrics
    assert metrics.hit_rate(ranked, relevant, k=1) == 0
    assert metrics.recall(ranked, relevant, k=4) == pytest.approx(2 / 3)
    assert metrics.precision(ranked, relevant, k=10) == pytest.approx(0.2)
    assert metrics.mrr(ranked, relevant) == pytest.approx(1 / 2)
    assert metrics.average_precision(ranked, relevant) == pytest.approx((1 / 2 + 2 / 4) / 3)
    best = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert metrics.ndcg(ranked, relevant) == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / best)
    assert metrics.ndcg([1, 2], ["2"]) == metrics.ndcg(["1", "2"], [2])


# ---------------------------------------------------------------- how they show


def test_everything_public_fits_on_a_screen(model: convncf.FittedModel, data: convncf.Dataset) -> None:
    split = model.split
    flat = convncf.Scorer.from_function(lambda user_id, item_ids: [0.0] * len(item_ids), split)
    report = convncf.evaluate(model, split)
    pair = model.inspect("c3", "a5")
    many = {f"model {number}": report for number in range(30)}
    shown = [
        *(data, data.report, split, data.interactions, data.items, data.interactions.users, model, flat, report, pair),
        *(pair.feature_maps(1), convncf.compare(many, split), model.config, report.report),
        data.split(seed=1, split="leave-one-out", min_user=5, min_item=2),
    ]
    for thing in shown:
        lines = repr(thing).splitlines()
        assert len(lines) <= 20, type(thing)
        assert max(map(len, lines)) <= 320, type(thing)
        assert re.search(r"\d", repr(thing)), type(thing)
