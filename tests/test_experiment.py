"""A run from its data to its report: every figure is of the kept epoch, and what is missing is said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from convncf import jobs, models
from convncf.data import catalogue
from convncf.data.candidate_sampling import sample_candidates
from convncf.errors import CheckpointError, DataError, NonFiniteLossError, RunBrokenError
from convncf.evaluation.report import evaluate
from convncf.models import ConvNCF
from convncf.models.records import item_similarity as records_of_similarity
from convncf.models.registry import record
from convncf.models.settings import resolve
from convncf.runs import Run, RunStore, load_tensors
from convncf.runtime import files
from convncf.workflow.loading import load_run
from convncf.workflow.phases import pretraining
from convncf.workflow.reporting import evaluate_run
from convncf.workflow.running import run_experiment
from tests.worlds import checkerboard, finished_run, make_run, row, save_dataset, tiny, without_clock


class Enough(Exception):
    """Raised by a test that has seen what it wanted."""


def training_rows(run: Run) -> list[dict[str, Any]]:
    return [row for row in run.metrics() if row["phase"] == "training"]


# ---------------------------------------------------------------- the report


@pytest.fixture
def run(home: Path) -> Run:
    return finished_run(home)


@pytest.mark.parametrize("model", ["convncf", "mf-bpr", "itemknn", "ease", "popularity"])
def test_evaluate_repeats_the_figures_of_training_exactly(home: Path, model: str) -> None:
    run = finished_run(home) if model == "convncf" else make_run(home, model, model)
    report = run.report() or run_experiment(run)
    again = evaluate_run(run)
    # baselines are judged once, in training; the rest of `protocols` is what stands beside it
    same = {key for key in again if not key.startswith("baseline")} - {"seconds", "paired", "protocols"}
    assert {key: again[key] for key in same} == {key: report[key] for key in same}
    assert {"metrics", "validation", "best_epoch", "n_users_evaluated", "not_evaluated", "notes"} <= same
    assert report == run.report()
    files.strict_json(again)


def test_the_report_says_what_it_is_of(run: Run) -> None:
    report = run.report()
    assert report is not None
    assert (report["run"], report["dataset"], report["model"], report["seed"]) == ("tiny", "toy", "convncf", 1)
    assert report["protocol"] == "full ranking"
    assert report["fingerprint"] == run.fingerprint
    assert report["n_users"] == report["n_users_evaluated"] == 30
    assert "NDCG@10 on validation" in report["selection"]
    assert set(report["metrics"]) == {
        f"{name}@{k}" for name in ("HR", "NDCG", "MRR", "Recall", "Precision", "MAP") for k in (3, 10)
    } | {"AUC"}
    rows = run.metrics()
    spent = sum(row["seconds"] + row["validation_seconds"] for row in rows)
    assert report["seconds"] >= spent


def test_baselines_stand_beside_it_with_a_paired_test(run: Run) -> None:
    report = run.report()
    assert report is not None
    assert set(report["baselines"]) == set(report["paired"]) == {"popularity", "mf-bpr"}
    for name, paired in report["paired"].items():
        assert paired["metric"] == "NDCG@10"
        assert paired["n"] == report["n_users_evaluated"]
        assert paired["mean_a"] == pytest.approx(report["metrics"]["NDCG@10"])
        assert paired["mean_b"] == pytest.approx(report["baselines"][name]["NDCG@10"])
    assert report["metrics"]["NDCG@10"] > 2 * report["baselines"]["popularity"]["NDCG@10"]
    frame = run.read_frame("per_user")
    mine = frame[(frame["part"] == "test") & (frame["model"] == "this")]
    assert mine["NDCG@10"].mean() == pytest.approx(report["metrics"]["NDCG@10"])
    assert set(mine["user_id"]) == {f"u{n}" for n in range(30)}


def test_a_model_is_no_baseline_of_itself(home: Path) -> None:
    mf = run_experiment(make_run(home, "mf", "mf-bpr", train__epochs=1))
    assert set(mf["baselines"]) == {"popularity"}
    popularity = run_experiment(make_run(home, "popular", "popularity"))
    assert popularity["baselines"] == popularity["paired"] == {}
    assert popularity["metrics"] == mf["baselines"]["popularity"]


def test_every_figure_of_an_overfitted_run_is_of_its_best_epoch(home: Path) -> None:
    settings: dict[str, Any] = {
        "train__epochs": 12,
        "train__lr_embedding": 4e-2,
        "train__lr_network": 1e-3,
        "train__patience": 0,
    }
    run = make_run(home, **settings)
    report = run_experiment(run)
    rows = training_rows(run)
    values = [row["validation"]["NDCG@10"] for row in rows]
    best = int(np.argmax(values))
    assert 0 < best < 12, "it overfits, or the test says nothing"
    assert report["best_epoch"] == best
    assert report["epochs"] == 12
    assert report["validation"] == rows[best]["validation"]
    assert [row["epoch"] for row in rows if row["improved"]][-1] == best
    model, facts = load_tensors(run.model_path)
    kept, _ = load_tensors(run.path / "checkpoints" / f"epoch-{best:04d}.safetensors")
    assert facts["epoch"] == best
    assert all(torch.equal(model[name], kept[name]) for name in kept)
    loaded = load_run(run)
    assert loaded.epoch == best
    assert dict(evaluate(loaded.model, loaded.split, "test", run.config().eval).metrics) == report["metrics"]
    last = load_run(run, checkpoint=12)
    assert dict(evaluate(last.model, last.split, "test", run.config().eval).metrics) != report["metrics"]


def test_checkpoints_are_kept_every_so_many_epochs_the_start_among_them(home: Path) -> None:
    run = make_run(home, train__keep_every=3, train__epochs=4)
    run_experiment(run)
    assert [kept.epoch for kept in run.checkpoints()] == [0, 3]
    none = make_run(home, "none", train__keep_every=0, train__epochs=1)
    run_experiment(none)
    assert none.checkpoints() == ()
    with pytest.raises(CheckpointError, match=r"epoch 2\. Kept: 0, 3"):
        load_run(run, checkpoint=2)


def test_a_validation_on_a_sample_is_said_and_the_report_takes_all(home: Path) -> None:
    run = make_run(home, eval__validation_users=5, train__epochs=1)
    report = run_experiment(run)
    assert report["selection"].endswith("5 of 30 users")
    assert report["n_users_validated"] == 30
    phases = {row["phase"]: row["validation_users"] for row in run.metrics()}
    assert phases == {"pretraining": 30, "training": 5}


# ---------------------------------------------------------------- models that are computed


@pytest.mark.parametrize("model", ["popularity", "itemknn", "ease"])
def test_a_computed_model_is_a_run_of_epoch_nought_that_is_computed_once(
    home: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home, model, model)
    report = run_experiment(run)
    assert (report["best_epoch"], report["epochs"], run.metrics(), run.checkpoints()) == (0, 0, [], ())
    assert set(report["baselines"]) == {"popularity"} - {model}
    parts = load_run(run).split
    fresh = models.fitted(run.config().model, parts.train)
    loaded = load_run(run)
    assert loaded.epoch == 0
    for user in range(30):
        assert torch.equal(loaded.model.score_items(user), fresh.score_items(user))
    assert dict(evaluate(fresh, parts, "test", run.config().eval).metrics) == report["metrics"]
    if model != "popularity":
        assert report["metrics"]["NDCG@10"] > 2 * report["baselines"]["popularity"]["NDCG@10"], "it knows the rule"

        def again(self: object, train: object) -> None:
            raise AssertionError("the model was there already")

        monkeypatch.setattr(type(fresh), "fit", again)
        (run.path / "report.json").unlink()
        second = run_experiment(run)
        assert {k: v for k, v in second.items() if k != "seconds"} == {
            k: v for k, v in report.items() if k != "seconds"
        }


def test_settings_reach_the_models_that_are_computed(home: Path) -> None:
    near = make_run(home, "near", "itemknn", model__neighbours=2, model__shrinkage=3.5)
    run_experiment(near)
    tensors, _ = load_tensors(near.model_path)
    expected = models.ItemKNN(30, 40, 2, 3.5).fit(load_run(near).split.train).state_dict()
    assert all(torch.equal(tensors[name], value) for name, value in expected.items())
    linear = make_run(home, "linear", "ease", model__ease_l2=7.0)
    run_experiment(linear)
    between = models.EASE(30, 40, 7.0).fit(load_run(linear).split.train).between
    assert torch.equal(load_tensors(linear.model_path)[0]["between"], between)


def test_ease_on_too_many_items_is_refused_with_both_sizes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(home, "linear", "ease")
    monkeypatch.setattr(records_of_similarity, "available_memory", lambda: 10_000)
    with pytest.raises(DataError, match="40 items"):
        run_experiment(run)
    assert run.report() is None


# ---------------------------------------------------------------- what the epoch is chosen on


def test_the_epoch_may_be_chosen_on_test_which_every_row_and_the_report_then_say(home: Path) -> None:
    run = make_run(home, "run", eval__select_on="test", train__patience=0)
    report = run_experiment(run)
    config = run.config().eval
    for phase, rows in (("training", training_rows(run)), ("pretraining", run.metrics()[:4])):
        values = [row["validation"]["NDCG@10"] for row in rows]
        assert [row["epoch"] for row in rows if row["improved"]][-1] == int(np.argmax(values)), phase
    for epoch in (0, 2):
        kept = load_run(run, checkpoint=epoch)
        assert training_rows(run)[epoch]["validation"] == dict(evaluate(kept.model, kept.split, "test", config).metrics)
    assert report["metrics"] == training_rows(run)[report["best_epoch"]]["validation"]
    assert "the test part" in " ".join(report["warnings"])


def test_candidate_sets_choose_the_epoch_in_both_phases_and_are_kept_with_the_run(home: Path) -> None:
    run = make_run(home, "run", eval__protocol="candidates", eval__negatives=7, train__patience=0)
    report = run_experiment(run)
    config = run.config().eval
    kept = load_run(run, checkpoint=2)
    sets = sample_candidates(kept.split, "validation", 7, seed=1)
    found = evaluate(kept.model, kept.split, "validation", config, candidates=sets)
    assert training_rows(run)[2]["validation"] == dict(found.metrics)
    assert dict(found.metrics) != dict(evaluate(kept.model, kept.split, "validation", config).metrics)
    net, mf = training_rows(run)[0]["validation"], [r for r in run.metrics() if r["improved"]]
    best_mf = [row for row in mf if row["phase"] == "pretraining"][-1]["validation"]
    assert net == pytest.approx(best_mf), "pretraining was judged within the same sets"
    stored = run.read_frame("candidates")
    assert set(stored["part"]) == {"validation", "test"}
    assert [list(row) for row in stored[stored["part"] == "validation"]["negatives"]] == [
        sets.of(number).tolist() for number in range(len(sets))
    ]
    assert report["protocols"][0]["protocol"].startswith("candidates")


def test_with_both_protocols_full_ranking_decides(home: Path) -> None:
    full, both = make_run(home, "full"), make_run(home, "both", eval__protocol="both", eval__negatives=7)
    one, other = run_experiment(full), run_experiment(both)
    assert without_clock(full.metrics()) == without_clock(both.metrics())
    assert one["metrics"] == other["metrics"]
    assert len(other["protocols"]) == 2


# ---------------------------------------------------------------- how it is trained


def test_pretraining_draws_and_spares_as_training_does(home: Path) -> None:
    asked: dict[str, Any] = {
        "train__negatives": "dns",
        "train__dns_candidates": 3,
        "train__excluded_negatives": "test items",
    }
    config = tiny(**asked, train__save_minutes=2.0).config
    found = pretraining(config)
    assert (found.negatives, found.dns_candidates, found.excluded_negatives, found.save_minutes) == (
        "dns",
        3,
        "test items",
        2.0,
    )
    assert (found.optimizer, found.lr_embedding, found.epochs) == ("adam", 2e-2, 3)
    old = pretraining(tiny(train__optimizer="adagrad", train__adagrad_accumulator=0.3).config)
    assert (old.optimizer, old.adagrad_accumulator) == ("adagrad", 0.3)
    plain = make_run(home, "plain", train__epochs=1, train__negatives="uniform")
    hard = make_run(home, "hard", train__epochs=1, **asked)
    run_experiment(plain)
    report = run_experiment(hard)
    assert hard.metrics()[1]["loss"] > plain.metrics()[1]["loss"], "harder negatives, in pretraining too"
    assert "drawn as negatives" in " ".join(report["warnings"])


def test_frozen_embeddings_end_as_they_were_pretrained(home: Path) -> None:
    run = make_run(home, "run", train__lr_embedding=0.0, train__patience=0)
    run_experiment(run)
    mf, _ = load_tensors(run.pretrained_path)
    last, _ = load_tensors(run.path / "checkpoints" / "epoch-0004.safetensors")
    first, _ = load_tensors(run.path / "checkpoints" / "epoch-0000.safetensors")
    for table in ("user_embedding.weight", "item_embedding.weight"):
        assert torch.equal(last[table], mf[table])
    assert not torch.equal(last["cnn.0.weight"], first["cnn.0.weight"])


def test_the_paper_preset_trains_on_the_toy_as_the_2018_code_begins(home: Path) -> None:
    """Its own settings but for sizes and epochs: the warm-up epoch, its start, Adagrad in both phases."""
    save_dataset(home)
    small = {"model.embedding_size": 8, "model.cnn_channels": [1, 4, 4, 4], "model.cnn_kernels": [2, 2, 2]}
    small |= {"model.cnn_strides": [2, 2, 2], "pretrain.epochs": 2, "train.epochs": 2, "train.batch_size": 64}
    small |= {"train.device": "cpu", "eval.negatives": 9, "train.keep_every": 1, "pretrain.batch_size": 64}
    resolved = resolve(model="convncf", preset="paper", dataset="toy", settings=small)
    run = jobs.prepare(resolved, "paper", home)
    report = run_experiment(run)
    start, _ = load_tensors(run.path / "checkpoints" / "epoch-0000.safetensors")
    assert torch.equal(start["cnn.0.bias"], torch.full((4,), 0.1))
    assert float(start["output.weight"].abs().max()) <= 0.2
    tensors, _ = load_tensors(run.path / "checkpoints" / "training-state.safetensors")
    assert float(tensors["optimizer.2.sum"].min()) >= 0.1
    pretrained, _ = load_tensors(run.path / "checkpoints" / "pretraining-state.safetensors")
    assert "optimizer.0.sum" in pretrained
    assert report["split"].startswith("leave-one-out")
    assert report["warnings"] == [], "its two habits are off"


# ---------------------------------------------------------------- parts that are not there


@pytest.mark.parametrize("model", ["convncf", "mf-bpr", "itemknn", "ease", "popularity"])
@pytest.mark.parametrize("ratios", [[1, 0, 0], [0.9, 0, 0.1], [0.9, 0.1, 0]])
def test_without_a_part_it_trains_and_says_so(home: Path, ratios: list[float], model: str) -> None:
    run = make_run(home, "run", model, data__ratios=ratios, train__patience=1, train__epochs=3)
    report = run_experiment(run)
    assert bool(report["validation"]) == bool(ratios[1])
    assert bool(report["metrics"]) == bool(ratios[2])
    notes = " ".join(report["notes"] + report["evaluation_notes"])
    if not ratios[2]:
        assert "no test part" in notes
        assert report["not_evaluated"] == {"no test item": 30}
    if not record(model).trained:
        assert f"{model} is computed" in report["selection"]
    elif not ratios[1]:
        assert "no validation" in report["selection"]
        assert report["best_epoch"] == report["epochs"] == 3, "a fixed number of epochs, no early stopping"
        assert [row["validation"] for row in training_rows(run)] == [None] * 4
    loaded = load_run(run)
    assert len(loaded.model.score_items(0)) == 40


def test_the_latest_interactions_can_be_held_out(home: Path) -> None:
    run = make_run(home, data__split="leave-one-out", train__epochs=1)
    report = run_experiment(run)
    assert report["split"] == "leave-one-out by time"
    assert report["metrics"]["Recall@10"] == report["metrics"]["HR@10"]
    parts = load_run(run).split
    frame = checkerboard()
    latest = frame.sort_values("timestamp").groupby("user_id").tail(1).set_index("user_id")["item_id"]
    for user, raw in enumerate(parts.interactions.users.ids):
        assert [parts.interactions.items.id(item) for item in row(parts.test, user)] == [latest[raw]]


def test_a_cut_off_beyond_the_catalogue_is_flagged(home: Path) -> None:
    save_dataset(home, "few", checkerboard(12, 8, seed=2))
    run = make_run(home, "few", "popularity", data__dataset="few", eval__ks=[5, 20])
    report = run_experiment(run)
    assert any("K = 20" in note for note in report["evaluation_notes"])
    assert report["metrics"]["HR@20"] == 1.0


def test_a_batch_that_is_large_for_the_data_is_said(home: Path) -> None:
    report = run_experiment(make_run(home, train__epochs=1, train__batch_size=4096))
    assert any("1 step of 4,096" in note for note in report["notes"])
    steps = run_experiment(make_run(home, "many-steps", train__epochs=1, train__batch_size=8))
    assert not any("step of" in note for note in steps["notes"])


def test_users_who_have_everything_are_counted_and_named(home: Path) -> None:
    rows = [("u1", f"i{item}") for item in range(4)] + [("u2", "i0"), ("u2", "i1"), ("u3", "i2"), ("u3", "i3")]
    save_dataset(home, "four", pd.DataFrame(rows, columns=["user_id", "item_id"]))
    run = make_run(home, "four", "mf-bpr", data__dataset="four", data__ratios=[1, 0, 0], train__epochs=1)
    report = run_experiment(run)
    assert any(note.startswith("1 user without negatives: u1") for note in report["notes"])
    assert evaluate_run(run)["notes"] == report["notes"]
    hard = make_run(home, "hard", "mf-bpr", data__dataset="four", data__ratios=[1, 0, 0], train__negatives="dns")
    assert run_experiment(hard)["notes"] == report["notes"]
    popular = make_run(home, "popular", "popularity", data__dataset="four", data__ratios=[1, 0, 0])
    assert not any("triples" in note for note in run_experiment(popular)["notes"])


def test_data_from_which_no_triple_can_be_drawn_is_refused_before_there_is_a_folder(home: Path) -> None:
    rows = [(f"u{user}", f"i{item}") for user in range(3) for item in range(3)]
    save_dataset(home, "full", pd.DataFrame(rows, columns=["user_id", "item_id"]))
    with pytest.raises(DataError, match="no triple"):
        make_run(home, "full", "mf-bpr", data__dataset="full", data__ratios=[1, 0, 0])
    assert RunStore(home).names() == ()


# ---------------------------------------------------------------- what goes wrong


def test_data_that_changed_under_a_run_is_named_with_both_fingerprints(home: Path) -> None:
    run = finished_run(home)
    before = run.fingerprint
    catalogue.delete("toy", home)
    now = save_dataset(home, "toy", checkerboard(seed=9)).fingerprint
    for use in (load_run, evaluate_run, run_experiment):
        with pytest.raises(DataError, match=f"'toy' has changed .*'tiny' .*{before}, .*{now}"):
            use(run, home)
    catalogue.delete("toy", home)
    with pytest.raises(DataError, match="'toy'"):
        load_run(run)


def test_a_divergence_is_an_error_and_the_best_epoch_stays(home: Path) -> None:
    run = make_run(home, train__lr_embedding=1e30, train__epochs=3)
    with pytest.raises(NonFiniteLossError, match="training epoch 1"):
        run_experiment(run)
    assert load_run(run).epoch == 0
    assert run.report() is None


def test_a_run_without_model_says_to_wait_and_a_damaged_one_is_named(home: Path) -> None:
    run = make_run(home)
    with pytest.raises(CheckpointError, match=r"'tiny' .*\(queued\)"):
        load_run(run)
    run.save_model({"counts": torch.zeros(3)}, {})
    with pytest.raises(RunBrokenError, match=r"model\.safetensors"):
        load_run(run)
    run.model_path.write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="damaged"):
        load_run(run)


def test_the_run_records_its_device_its_split_and_its_vocabulary(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run(home, model="popularity")
    with caplog.at_level(logging.INFO, logger="convncf"):
        run_experiment(run)
    assert "device: CPU: " in caplog.text
    assert "split: ratio 0.8:0.1:0.1" in caplog.text
    assert run.environment()["device"] == "cpu"
    vocabulary = run.read_frame("vocabulary")
    users = vocabulary[vocabulary["kind"] == "user"].sort_values("index")["id"].tolist()
    assert tuple(users) == catalogue.load("toy", home).interactions.users.ids


def test_settings_reach_the_model_that_is_built(home: Path) -> None:
    run = make_run(home, model__dropout_prob=0.4, train__epochs=0, pretrain__epochs=0)
    run_experiment(run)
    model = load_run(run).model
    assert isinstance(model, ConvNCF)
    assert model.dropout.p == 0.4
    assert not run.pretrained_path.exists()
    assert tiny(model__dropout_prob=0.4).sources["model.dropout_prob"] == "flag"
