"""Where a run begins: as exactly the MF it was pretrained with, whose embeddings come by raw id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from convncf import models
from convncf.data import catalogue
from convncf.data.split import Part, Split
from convncf.errors import CheckpointError, ConvNCFError, PretrainingError
from convncf.evaluation.ranking import rank_positives
from convncf.evaluation.report import evaluate
from convncf.models import ConvNCF, MatrixFactorisation
from convncf.models.settings import resolve
from convncf.runs import Run, RunStore, load_tensors, save_tensors
from convncf.training import EpochRecord
from convncf.workflow.loading import load_run, pretrained_vectors
from convncf.workflow.running import run_experiment
from tests.wording import values_in
from tests.worlds import checkerboard, make_run, row, save_dataset


class Enough(Exception):
    """Raised by a test that has seen what it wanted."""


def until_training(run: Run, home: Path) -> None:
    """Pretrain, and end at the record of the start: epoch 0 of training."""

    def on_record(record: EpochRecord) -> None:
        if record.phase == "training":
            raise Enough

    with pytest.raises(Enough):
        run_experiment(run, on_record=on_record)


def training_rows(run: Run) -> list[dict[str, Any]]:
    return [row for row in run.metrics() if row["phase"] == "training"]


# ---------------------------------------------------------------- the trace start


def the_mf_it_began_from(run: Run, home: Path) -> tuple[ConvNCF, MatrixFactorisation, Split]:
    loaded = load_run(run, checkpoint=0)
    assert isinstance(loaded.model, ConvNCF)
    config = loaded.config.model.model_copy(update={"name": "mf-bpr"})
    mf = models.build(config, loaded.model.n_users, loaded.model.n_items)
    assert isinstance(mf, MatrixFactorisation)
    mf.load_state_dict(load_tensors(run.pretrained_path)[0])
    return loaded.model, mf, loaded.split


def assert_ranks_are_those_of_mf(net: ConvNCF, mf: MatrixFactorisation, parts: Split, users: list[int]) -> None:
    """In float64 to the last rank; in float32 wherever rounding cannot decide: apart by over 1e-5 of the top score."""
    exact_net, exact_mf = net.double(), mf.double()
    everything = torch.arange(net.n_items)
    compared = 0
    for user in users:
        positives, excluded = row(parts.test, user), row(parts.excluded("test"), user)
        with torch.no_grad():
            asked = torch.full_like(everything, user)
            of_net, of_mf = exact_net(asked, everything).numpy(), exact_mf(asked, everything).numpy()
        assert of_net == pytest.approx(of_mf, rel=1e-9, abs=1e-12)
        exact = rank_positives(of_mf, positives, excluded)
        assert rank_positives(of_net, positives, excluded).tolist() == exact.tolist()
        compared += len(positives)
    net.float(), mf.float()
    for user in users:
        positives, excluded = row(parts.test, user), row(parts.excluded("test"), user)
        of_net, of_mf = net.score_items(user).numpy(), mf.score_items(user).numpy()
        close = 1e-5 * np.abs(of_mf).max()
        candidates = np.setdiff1d(np.arange(net.n_items), excluded)
        ranks = rank_positives(of_net, positives, excluded)
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


@pytest.mark.full
def test_the_trace_start_ranks_as_its_mf_does_on_movielens(home: Path) -> None:
    settings = {"pretrain.epochs": 1, "train.epochs": 0, "train.device": "cpu", "eval.validation_users": 2}
    resolved = resolve(preset="quick", settings=settings)
    assert resolved.config.model["embedding_size"] == 32
    assert resolved.config.model["initialisation"] == "dot product"
    run = RunStore(home).create("ml", resolved, fingerprint=catalogue.load("movielens-small", home).fingerprint)
    until_training(run, home)
    net, mf, parts = the_mf_it_began_from(run, home)
    assert_ranks_are_those_of_mf(net, mf, parts, list(range(0, 671, 90)))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_before_its_first_step_every_rank_is_exactly_that_of_its_trained_mf(home: Path, part: Part) -> None:
    """In the product's own arithmetic, with nothing allowed for rounding: the embeddings are really carried over."""
    run = make_run(home, pretrain__epochs=8, pretrain__patience=0)
    until_training(run, home)
    net, mf, parts = the_mf_it_began_from(run, home)
    epochs = [row for row in run.metrics() if row["phase"] == "pretraining"]
    assert epochs[-1]["validation"]["NDCG@10"] > 2 * epochs[0]["validation"]["NDCG@10"], "MF has learned something"
    config = run.config().eval
    ours, theirs = evaluate(net, parts, part, config), evaluate(mf, parts, part, config)
    assert ours.ranks.ranks.tolist() == theirs.ranks.ranks.tolist()
    assert len(set(ours.ranks.ranks.tolist())) > 5
    assert dict(ours.metrics) == dict(theirs.metrics)


def test_a_random_start_does_not_rank_as_its_mf_does(home: Path) -> None:
    run = make_run(home, model__initialisation="random")
    until_training(run, home)
    net, mf, parts = the_mf_it_began_from(run, home)
    with pytest.raises(AssertionError):
        assert_ranks_are_those_of_mf(net, mf, parts, list(range(30)))


# ---------------------------------------------------------------- pretrained embeddings


def from_mf(home: Path, name: str = "net", path: str = "mf", **settings: Any) -> Run:
    chosen: dict[str, Any] = {
        "model__pre_model_path": path,
        "model__train_method": "after_pretrain",
        "pretrain__epochs": 0,
    }
    return make_run(home, name, **(chosen | settings))


def test_embeddings_are_carried_by_raw_id_not_by_position(home: Path) -> None:
    frame = checkerboard()
    mf = make_run(home, "mf", "mf-bpr", train__epochs=2)
    of_mf = run_experiment(mf)
    other_order = frame.sample(frac=1, random_state=3, ignore_index=True)
    save_dataset(home, "shuffled", other_order)
    run = from_mf(home, data__dataset="shuffled", train__epochs=1)
    report = run_experiment(run)

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
    run_experiment(mf)
    monkeypatch.chdir(home)
    for name, path in (("by-folder", "runs/mf"), ("by-file", "runs/mf/model.safetensors")):
        run = from_mf(home, name, path, train__epochs=0)
        assert run.config().model["pre_model_path"] == str(home / path), "found from wherever the worker is started"
        with monkeypatch.context() as elsewhere:
            elsewhere.chdir(run.path)
            run_experiment(run)
        carried, _ = load_tensors(run.model_path)
        assert torch.equal(carried["item_embedding.weight"], load_tensors(mf.model_path)[0]["item_embedding.weight"])


def test_what_cannot_be_started_from_is_refused_before_there_is_a_folder(home: Path, tmp_path: Path) -> None:
    mf = make_run(home, "mf", "mf-bpr", train__epochs=0)
    with pytest.raises(Enough):
        run_experiment(mf, on_record=lambda _: (_ for _ in ()).throw(Enough()))
    mf.write_status(mf.status().__class__(state="stopped"))
    popular = make_run(home, "popular", "popularity")
    run_experiment(popular)
    small = save_dataset(home, "small", checkerboard(20, 40))
    of_small = make_run(home, "of-small", "mf-bpr", data__dataset="small", train__epochs=0)
    run_experiment(of_small)
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
    with pytest.raises(PretrainingError, match=r"8, .* 4\. .*model\.embedding_size=8"):
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
    with pytest.raises(PretrainingError, match="'mf'"):
        run_experiment(run)
    run_experiment(RunStore(home).open("mf"))
    run_experiment(run)
    users, items, words = pretrained_vectors("mf", catalogue.load("toy", home), RunStore(home), size=8)
    assert (users.shape, items.shape) == ((30, 8), (40, 8))
    assert values_in(words) == ["30", "40"]
