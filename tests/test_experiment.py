"""A run from its data to its report: what it starts from, and that every figure is of the kept epoch."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from convncf import models, runtime
from convncf.config import resolve
from convncf.data import catalogue
from convncf.data.splitting import Split
from convncf.errors import (
    CheckpointError,
    ConvNCFError,
    DataError,
    NonFiniteLossError,
    PretrainingError,
    RunBrokenError,
)
from convncf.evaluation import evaluate
from convncf.experiment import evaluate_run, run_experiment
from convncf.loading import load_run, pretrained_vectors
from convncf.models import ConvNCF, MatrixFactorisation
from convncf.ranking import rank_positives
from convncf.runs import Run, RunStore, load_tensors, save_tensors
from convncf.training import EpochRecord
from tests.worlds import checkerboard, finished_run, make_run, save_dataset, tiny


class Enough(Exception):
    """Raised by a test that has seen what it wanted."""


def until_training(run: Run, home: Path) -> None:
    """Pretrain, and end at the record of the start: epoch 0 of training."""

    def on_record(record: EpochRecord) -> None:
        if record.phase == "training":
            raise Enough

    with pytest.raises(Enough):
        run_experiment(run, home, on_record=on_record)


def training_rows(run: Run) -> list[dict[str, Any]]:
    return [row for row in run.metrics() if row["phase"] == "training"]


# ---------------------------------------------------------------- the trace start


def the_mf_it_began_from(run: Run, home: Path) -> tuple[ConvNCF, MatrixFactorisation, Split]:
    loaded = load_run(run, home, checkpoint=0)
    assert isinstance(loaded.model, ConvNCF)
    config = loaded.config.model.model_copy(update={"name": "mf-bpr"})
    mf = models.build(config, loaded.model.n_users, loaded.model.n_items)
    assert isinstance(mf, MatrixFactorisation)
    mf.load_state_dict(load_tensors(run.pretrained_path)[0])
    return loaded.model, mf, loaded.split


def row(matrix: Any, user: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]], dtype=np.int64)


def assert_ranks_are_those_of_mf(net: ConvNCF, mf: MatrixFactorisation, parts: Split, users: list[int]) -> None:
    """In float64 to the last rank; in float32 wherever rounding cannot decide: apart by over 1e-5 of the top score."""
    exact_net, exact_mf = net.double(), mf.double()
    everything = torch.arange(net.n_items)
    compared = 0
    for user in users:
        positives, left_out = row(parts.test, user), row(parts.left_out("test"), user)
        with torch.no_grad():
            asked = torch.full_like(everything, user)
            of_net, of_mf = exact_net(asked, everything).numpy(), exact_mf(asked, everything).numpy()
        assert of_net == pytest.approx(of_mf, rel=1e-9, abs=1e-12)
        exact = rank_positives(of_mf, positives, left_out)
        assert rank_positives(of_net, positives, left_out).tolist() == exact.tolist()
        compared += len(positives)
    net.float(), mf.float()
    for user in users:
        positives, left_out = row(parts.test, user), row(parts.left_out("test"), user)
        of_net, of_mf = net.score_items(user).numpy(), mf.score_items(user).numpy()
        close = 1e-5 * np.abs(of_mf).max()
        candidates = np.setdiff1d(np.arange(net.n_items), left_out)
        ranks = rank_positives(of_net, positives, left_out)
        for positive, rank in zip(positives, ranks, strict=True):
            surely_before = (of_mf[candidates] > of_mf[positive] + close).sum()
            perhaps_before = (of_mf[candidates] >= of_mf[positive] - close).sum()  # itself among them
            assert surely_before + 1 <= rank <= perhaps_before
    assert compared >= len(users)


def test_the_trace_start_ranks_as_its_mf_does_on_the_toy(home: Path) -> None:
    run = make_run(home)
    until_training(run, home)
    net, mf, parts = the_mf_it_began_from(run, home)
    assert net.config.embedding_size == 8
    assert_ranks_are_those_of_mf(net, mf, parts, list(range(30)))
    first = training_rows(run)[0]["validation"]
    assert first == pytest.approx(dict(evaluate(mf, parts, "validation", run.config().eval).metrics), abs=1e-12)


def test_the_trace_start_ranks_as_its_mf_does_on_movielens(home: Path) -> None:
    settings = {"pretrain.epochs": 1, "train.epochs": 0, "train.device": "cpu", "eval.validation_users": 2}
    resolved = resolve(preset="quick", settings=settings)
    assert resolved.config.model.embedding_size == 32
    assert resolved.config.model.initialisation == "trace"
    run = RunStore(home).create("ml", resolved, fingerprint=catalogue.load("movielens-small", home).fingerprint)
    until_training(run, home)
    net, mf, parts = the_mf_it_began_from(run, home)
    assert_ranks_are_those_of_mf(net, mf, parts, list(range(0, 671, 90)))


def test_a_random_start_does_not_rank_as_its_mf_does(home: Path) -> None:
    run = make_run(home, model__initialisation="random")
    until_training(run, home)
    net, mf, parts = the_mf_it_began_from(run, home)
    with pytest.raises(AssertionError):
        assert_ranks_are_those_of_mf(net, mf, parts, list(range(30)))


# ---------------------------------------------------------------- pretrained embeddings


def from_mf(home: Path, name: str = "net", path: str = "mf", **settings: Any) -> Run:
    chosen = {"model__pre_model_path": path, "model__train_method": "after_pretrain", "pretrain__epochs": 0}
    return make_run(home, name, **(chosen | settings))


def test_embeddings_are_carried_by_raw_id_not_by_position(home: Path) -> None:
    frame = checkerboard()
    mf = make_run(home, "mf", "mf-bpr", train__epochs=2)
    of_mf = run_experiment(mf, home)
    other_order = frame.sample(frac=1, random_state=3, ignore_index=True)
    save_dataset(home, "shuffled", other_order)
    run = from_mf(home, data__dataset="shuffled", train__epochs=1)
    report = run_experiment(run, home)

    source, _ = load_tensors(mf.model_path)
    carried, _ = load_tensors(run.path / "checkpoints" / "epoch-0000.safetensors")
    old, new = catalogue.load("toy", home).interactions, catalogue.load("shuffled", home).interactions
    assert old.users.ids != new.users.ids
    for kind, before, after in (("user", old.users, new.users), ("item", old.items, new.items)):
        table, wanted = carried[f"{kind}_embedding.weight"], source[f"{kind}_embedding.weight"]
        for index, raw in enumerate(after.ids):
            assert torch.equal(table[index], wanted[before.index(raw)])
    # the same pairs are held out, whatever the order of rows, so the same MF has the same figures
    assert report["baselines"]["mf-bpr"] == pytest.approx(of_mf["metrics"], abs=1e-12)


def test_a_run_can_start_from_a_folder_or_a_bare_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mf = make_run(home, "mf", "mf-bpr", train__epochs=1)
    run_experiment(mf, home)
    monkeypatch.chdir(home)
    for name, path in (("by-folder", "runs/mf"), ("by-file", "runs/mf/model.safetensors")):
        run = from_mf(home, name, path, train__epochs=0)
        assert run.config().model.pre_model_path == str(home / path), "found from wherever the worker is started"
        with monkeypatch.context() as elsewhere:
            elsewhere.chdir(run.path)
            run_experiment(run, home)
        carried, _ = load_tensors(run.model_path)
        assert torch.equal(carried["item_embedding.weight"], load_tensors(mf.model_path)[0]["item_embedding.weight"])


def test_what_cannot_be_started_from_is_refused_before_there_is_a_folder(home: Path, tmp_path: Path) -> None:
    mf = make_run(home, "mf", "mf-bpr", train__epochs=0)
    with pytest.raises(Enough):
        run_experiment(mf, home, on_record=lambda _: (_ for _ in ()).throw(Enough()))
    mf.write_status(mf.status().__class__(state="stopped"))
    popular = make_run(home, "popular", "popularity")
    run_experiment(popular, home)
    small = save_dataset(home, "small", checkerboard(20, 40))
    of_small = make_run(home, "of-small", "mf-bpr", data__dataset="small", train__epochs=0)
    run_experiment(of_small, home)
    wrong = tmp_path / "wrong.safetensors"
    save_tensors(wrong, {"user_embedding.weight": torch.zeros(2, 8), "item_embedding.weight": torch.zeros(2, 8)}, {})
    (tmp_path / "x.pth").touch()
    (tmp_path / "half.safetensors").write_bytes(b"half")
    cases: list[tuple[str, type[ConvNCFError], str]] = [
        ("mf", PretrainingError, "'mf' is not finished \\(stopped\\).*convncf resume mf"),
        ("popular", PretrainingError, "holds no user and item embeddings"),
        ("of-small", PretrainingError, "of-small lacks 10 of 30 users of the dataset, such as 'u"),
        ("mff", PretrainingError, "neither a run in .* nor a file. Did you mean mf"),
        (str(wrong), PretrainingError, "holds 2 users and 2 items, the dataset 30 and 40"),
        (str(tmp_path / "x.pth"), CheckpointError, "can run code"),
        (str(tmp_path / "half.safetensors"), CheckpointError, "damaged"),
    ]
    assert small.interactions.n_users == 20
    for path, error, words in cases:
        with pytest.raises(error, match=words):
            from_mf(home, "net", path)
    with pytest.raises(PretrainingError, match=r"of size 8, the model asks for 4\. Set model\.embedding_size=8"):
        from_mf(
            home,
            "net",
            "of-small",
            data__dataset="small",
            model__embedding_size=4,
            model__cnn_kernels=[4],
            model__cnn_strides=[4],
            model__cnn_channels=[1, 4],
        )
    assert "net" not in RunStore(home).names()


def test_a_run_that_waits_for_its_pretraining_in_the_queue_is_accepted(home: Path) -> None:
    make_run(home, "mf", "mf-bpr", train__epochs=0)  # queued: its worker has not come yet
    run = from_mf(home, train__epochs=0)
    with pytest.raises(PretrainingError, match="'mf' is not finished"):
        run_experiment(run, home)
    run_experiment(RunStore(home).open("mf"), home)
    run_experiment(run, home)
    users, items, words = pretrained_vectors("mf", catalogue.load("toy", home), RunStore(home), size=8)
    assert (users.shape, items.shape) == ((30, 8), (40, 8))
    assert words == "embeddings of run mf: 30 users and 40 items by raw id"


# ---------------------------------------------------------------- the report


@pytest.fixture
def run(home: Path) -> Run:
    return finished_run(home)


@pytest.mark.parametrize("model", ["convncf", "mf-bpr", "popularity"])
def test_evaluate_repeats_the_figures_of_training_exactly(home: Path, model: str) -> None:
    run = finished_run(home) if model == "convncf" else make_run(home, model, model)
    report = run.report() or run_experiment(run, home)
    again = evaluate_run(run, home)
    same = set(again) - {"seconds", "baselines", "paired"}
    assert {key: again[key] for key in same} == {key: report[key] for key in same}
    assert {"metrics", "validation", "best_epoch", "n_users_evaluated", "not_evaluated", "notes"} <= same
    assert report == run.report()
    runtime.strict_json(again)


def test_the_report_says_what_it_is_of(run: Run) -> None:
    report = run.report()
    assert report is not None
    assert (report["run"], report["dataset"], report["model"], report["seed"]) == ("tiny", "toy", "convncf", 1)
    assert report["protocol"] == "full ranking"
    assert report["fingerprint"] == run.fingerprint
    assert report["n_users"] == report["n_users_evaluated"] == 30
    assert report["selection"] == "best NDCG@10 on validation, over all users"
    assert set(report["metrics"]) == {
        f"{name}@{k}" for name in ("HR", "NDCG", "MRR", "Recall", "Precision") for k in (3, 10)
    }
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
    mf = run_experiment(make_run(home, "mf", "mf-bpr", train__epochs=1), home)
    assert set(mf["baselines"]) == {"popularity"}
    popularity = run_experiment(make_run(home, "popular", "popularity"), home)
    assert popularity["baselines"] == popularity["paired"] == {}
    assert popularity["metrics"] == mf["baselines"]["popularity"]


def test_every_figure_of_an_overfitted_run_is_of_its_best_epoch(home: Path) -> None:
    settings = {"train__epochs": 12, "train__lr_embedding": 4e-2, "train__lr_network": 1e-3, "train__patience": 0}
    run = make_run(home, **settings)
    report = run_experiment(run, home)
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
    loaded = load_run(run, home)
    assert loaded.epoch == best
    assert dict(evaluate(loaded.model, loaded.split, "test", run.config().eval).metrics) == report["metrics"]
    last = load_run(run, home, checkpoint=12)
    assert dict(evaluate(last.model, last.split, "test", run.config().eval).metrics) != report["metrics"]


def test_checkpoints_are_kept_every_so_many_epochs_the_start_among_them(home: Path) -> None:
    run = make_run(home, train__keep_every=3, train__epochs=4)
    run_experiment(run, home)
    assert [kept.epoch for kept in run.checkpoints()] == [0, 3]
    none = make_run(home, "none", train__keep_every=0, train__epochs=1)
    run_experiment(none, home)
    assert none.checkpoints() == ()
    with pytest.raises(CheckpointError, match=r"kept no checkpoint of epoch 2\. Kept: 0, 3"):
        load_run(run, home, checkpoint=2)


def test_a_validation_on_a_sample_is_said_and_the_report_takes_all(home: Path) -> None:
    run = make_run(home, eval__validation_users=5, train__epochs=1)
    report = run_experiment(run, home)
    assert report["selection"].endswith("over a seeded sample of 5 users")
    assert report["n_users_validated"] == 30
    phases = {row["phase"]: row["validation_users"] for row in run.metrics()}
    assert phases == {"pretraining": 30, "training": 5}


# ---------------------------------------------------------------- parts that are not there


@pytest.mark.parametrize("model", ["convncf", "mf-bpr", "popularity"])
@pytest.mark.parametrize("ratios", [[1, 0, 0], [0.9, 0, 0.1], [0.9, 0.1, 0]])
def test_without_a_part_it_trains_and_says_so(home: Path, ratios: list[float], model: str) -> None:
    run = make_run(home, "run", model, data__ratios=ratios, train__patience=1, train__epochs=3)
    report = run_experiment(run, home)
    assert bool(report["validation"]) == bool(ratios[1])
    assert bool(report["metrics"]) == bool(ratios[2])
    notes = " ".join(report["notes"] + report["evaluation_notes"])
    if not ratios[2]:
        assert "no test part" in notes
        assert report["not_evaluated"] == {"no test item": 30}
    if not ratios[1]:
        assert "there is no validation" in report["selection"]
        if model != "popularity":
            assert report["best_epoch"] == report["epochs"] == 3, "a fixed number of epochs, no early stopping"
    loaded = load_run(run, home)
    assert len(loaded.model.score_items(0)) == 40


def test_the_latest_interactions_can_be_held_out(home: Path) -> None:
    run = make_run(home, data__split="leave-one-out", train__epochs=1)
    report = run_experiment(run, home)
    assert report["split"] == "leave-one-out by time"
    assert report["metrics"]["Recall@10"] == report["metrics"]["HR@10"]
    parts = load_run(run, home).split
    frame = checkerboard()
    latest = frame.sort_values("timestamp").groupby("user_id").tail(1).set_index("user_id")["item_id"]
    for user, raw in enumerate(parts.interactions.users.ids):
        assert [parts.interactions.items.id(item) for item in row(parts.test, user)] == [latest[raw]]


def test_a_cut_off_beyond_the_catalogue_is_flagged(home: Path) -> None:
    save_dataset(home, "few", checkerboard(12, 8, seed=2))
    run = make_run(home, "few", "popularity", data__dataset="few", eval__ks=[5, 20])
    report = run_experiment(run, home)
    assert any(note.startswith("K = 20 is more than the candidates") for note in report["evaluation_notes"])
    assert report["metrics"]["HR@20"] == 1.0


def test_users_who_have_everything_are_counted_and_named(home: Path) -> None:
    rows = [("u1", f"i{item}") for item in range(4)] + [("u2", "i0"), ("u2", "i1"), ("u3", "i2"), ("u3", "i3")]
    save_dataset(home, "four", pd.DataFrame(rows, columns=["user_id", "item_id"]))
    run = make_run(home, "four", "mf-bpr", data__dataset="four", data__ratios=[1, 0, 0], train__epochs=1)
    report = run_experiment(run, home)
    assert "1 user has every item, and so no negative and no triples: u1" in report["notes"]
    assert evaluate_run(run, home)["notes"] == report["notes"]
    popular = make_run(home, "popular", "popularity", data__dataset="four", data__ratios=[1, 0, 0])
    assert not any("triples" in note for note in run_experiment(popular, home)["notes"])


def test_data_from_which_no_triple_can_be_drawn_is_refused_before_there_is_a_folder(home: Path) -> None:
    rows = [(f"u{user}", f"i{item}") for user in range(3) for item in range(3)]
    save_dataset(home, "full", pd.DataFrame(rows, columns=["user_id", "item_id"]))
    with pytest.raises(DataError, match="no triple can be drawn"):
        make_run(home, "full", "mf-bpr", data__dataset="full", data__ratios=[1, 0, 0])
    assert RunStore(home).names() == ()


# ---------------------------------------------------------------- what goes wrong


def test_data_that_changed_under_a_run_is_named_with_both_fingerprints(home: Path) -> None:
    run = finished_run(home)
    before = run.fingerprint
    catalogue.delete("toy", home)
    now = save_dataset(home, "toy", checkerboard(seed=9)).fingerprint
    for use in (load_run, evaluate_run, run_experiment):
        with pytest.raises(DataError, match=f"'toy' has changed since run 'tiny' was made: it was {before}, .*{now}"):
            use(run, home)
    catalogue.delete("toy", home)
    with pytest.raises(DataError, match="no dataset is named 'toy'"):
        load_run(run, home)


def test_a_divergence_is_an_error_and_the_best_epoch_stays(home: Path) -> None:
    run = make_run(home, train__lr_embedding=1e30, train__epochs=3)
    with pytest.raises(NonFiniteLossError, match="training epoch 1 is not finite"):
        run_experiment(run, home)
    assert load_run(run, home).epoch == 0
    assert run.report() is None


def test_a_run_without_model_says_to_wait_and_a_damaged_one_is_named(home: Path) -> None:
    run = make_run(home)
    with pytest.raises(CheckpointError, match=r"'tiny' has no model yet \(queued\)"):
        load_run(run, home)
    run.save_model({"counts": torch.zeros(3)}, {})
    with pytest.raises(RunBrokenError, match=r"model\.safetensors: does not fit the run's settings"):
        load_run(run, home)
    run.model_path.write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="damaged"):
        load_run(run, home)


def test_the_run_records_its_device_its_split_and_its_vocabulary(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run(home, model="popularity")
    with caplog.at_level(logging.INFO, logger="convncf"):
        run_experiment(run, home)
    assert "device: CPU: " in caplog.text
    assert "split: ratio 0.8:0.1:0.1" in caplog.text
    assert run.environment()["device"] == "cpu"
    vocabulary = run.read_frame("vocabulary")
    users = vocabulary[vocabulary["kind"] == "user"].sort_values("index")["id"].tolist()
    assert tuple(users) == catalogue.load("toy", home).interactions.users.ids


def test_settings_reach_the_model_that_is_built(home: Path) -> None:
    run = make_run(home, model__dropout_prob=0.4, train__epochs=0, pretrain__epochs=0)
    run_experiment(run, home)
    model = load_run(run, home).model
    assert isinstance(model, ConvNCF)
    assert model.dropout.p == 0.4
    assert not run.pretrained_path.exists()
    assert tiny(model__dropout_prob=0.4).sources["model.dropout_prob"] == "flag"
