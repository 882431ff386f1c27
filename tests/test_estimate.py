"""Estimates: counts with answers known beforehand, refusals with their figures, and words that do not promise more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convncf.data import catalogue
from convncf.data.split import Split
from convncf.data.splitting import filter_and_split
from convncf.errors import DataError, DeviceError
from convncf.models.run_config import RunConfig
from convncf.models.settings import resolve
from convncf.runs import RunStore
from convncf.runtime.devices import Gpu
from convncf.runtime.memory import format_bytes
from convncf.workflow.estimate import Estimate, PhaseTime, about, estimate
from convncf.workflow.memory import Memory, memory_of, refuse_unless_memory_fits
from tests.command_line import CommandLine
from tests.wording import values_in
from tests.worlds import save_dataset

MF = {"model.embedding_size": 8, "train.epochs": 3, "train.batch_size": 16, "train.patience": 0}
NET: dict[str, Any] = {
    "model.embedding_size": 8,
    "model.cnn_channels": [1, 4, 4, 4],
    "model.cnn_kernels": [2, 2, 2],
    "model.cnn_strides": [2, 2, 2],
    "pretrain.epochs": 2,
    "train.epochs": 5,
    "train.validate_every": 2,
}


def config(model: str, settings: dict[str, Any]) -> RunConfig:
    return resolve(model=model, preset="quick", dataset="toy", settings=settings | {"train.device": "cpu"}).config


@pytest.fixture
def parts(home: Path) -> Split:
    save_dataset(home)
    asked = config("mf-bpr", MF)
    return filter_and_split(catalogue.load("toy", home), asked.data, asked.seed)[1]


@pytest.mark.parametrize(("optimizer", "slots"), [("adam", 2), ("adagrad", 1), ("sgd", 0)])
def test_parameters_and_the_optimisers_numbers_are_counted(optimizer: str, slots: int, parts: Split) -> None:
    found = memory_of(config("mf-bpr", MF | {"train.optimizer": optimizer}), parts)
    numbers = (parts.interactions.n_users + parts.interactions.n_items) * 8
    assert found.parameters == 2 * 4 * numbers  # with their gradients
    assert found.optimiser == slots * 4 * numbers
    assert found.copies == (1 + slots) * 4 * numbers


def test_the_networks_numbers_are_those_of_the_real_model(parts: Split) -> None:
    from convncf import models

    asked = config("convncf", NET)
    model = models.build(asked.model, parts.interactions.n_users, parts.interactions.n_items)
    assert memory_of(asked, parts).parameters == 2 * 4 * sum(p.numel() for p in model.parameters())


def test_a_batch_grows_with_its_triples_up_to_those_there_are(parts: Split) -> None:
    small = memory_of(config("mf-bpr", MF), parts).batch
    assert memory_of(config("mf-bpr", MF | {"train.batch_size": 32}), parts).batch == 2 * small
    all_of_them = memory_of(config("mf-bpr", MF | {"train.batch_size": 10**9}), parts).batch
    assert all_of_them == small // 16 * parts.train.nnz


def test_ease_needs_twelve_bytes_for_each_pair_of_items(parts: Split) -> None:
    assert memory_of(config("ease", {}), parts).parameters == 12 * parts.interactions.n_items**2


def test_what_cannot_fit_is_refused_with_both_figures_and_what_to_do(parts: Split) -> None:
    asked = config("mf-bpr", MF)
    needed = memory_of(asked, parts).total
    refuse_unless_memory_fits(asked, parts, free=needed)
    with pytest.raises(
        DataError, match=rf"needs about {format_bytes(needed)} of memory, and {format_bytes(needed - 1)} are free"
    ):
        refuse_unless_memory_fits(asked, parts, free=needed - 1)
    wide = config("mf-bpr", MF | {"model.embedding_size": 4096, "train.batch_size": 1})
    with pytest.raises(DataError, match=r"embedding_size 4096"):
        refuse_unless_memory_fits(wide, parts, free=1)


def test_a_gpu_is_asked_for_its_own_memory(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convncf.runtime.devices.planned_device", lambda asked: "cuda-1")
    tiny = tuple(Gpu(index, "G", 1, index - 1, 0) for index in (1, 2))  # GPU 1 has nothing free
    monkeypatch.setattr("convncf.runtime.devices.gpus", lambda: tiny)
    with pytest.raises(DeviceError, match="GPU's memory"):
        refuse_unless_memory_fits(config("mf-bpr", MF), parts)


def test_an_estimate_counts_epochs_and_validations_and_names_who_is_ranked(
    parts: Split, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convncf.workflow.estimate._SECONDS", 0.001)
    found = estimate(config("convncf", NET), home)
    assert found.pretraining is not None
    assert found.training is not None
    assert found.pretraining.epochs == 2
    # epoch 0, epochs 2 and 4, and the last
    assert (found.training.epochs, found.training.validations) == (5, 4)
    assert found.n_items == parts.interactions.n_items
    assert found.evaluation_seconds > 0
    assert found.seconds > found.training.seconds + found.pretraining.seconds
    assert found.to_json()["memory_bytes"] == found.memory_bytes > found.memory.total


def test_what_is_computed_in_one_go_has_no_epochs(parts: Split, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convncf.workflow.estimate._SECONDS", 0.001)
    for model in ("popularity", "itemknn", "ease"):
        found = estimate(config(model, {}), home)
        assert found.training is None
        assert "computing the model" in found.words
        assert "epoch" not in found.words


def test_the_words_add_up_and_say_at_most_only_where_it_may_stop_early() -> None:
    training = PhaseTime(epochs=80, epoch_seconds=2.0, validations=81, validation_seconds=1.0)
    parts: dict[str, Any] = {"pretraining": None, "training": training, "computing_seconds": 0.0}
    parts |= {"evaluation_seconds": 3.0, "n_users": 943, "n_items": 1682, "process_bytes": 300 * 10**6, "device": "cpu"}
    found = Estimate(**parts, memory=Memory(10**7, 0, 0, 0, 0), stops_early=True)
    assert found.seconds == 80 * 2 + 81 + 3
    assert values_in(found.words) == ["4.1", "4", "80", "2", "1", "943", "1,682", "3", "310"]
    assert ("at most" in found.words, "sooner" in found.words) == (True, True)
    never = Estimate(**parts, memory=Memory(10**7, 0, 0, 0, 0), stops_early=False)
    assert "at most" not in never.words
    assert "sooner" not in never.words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "under 1 s"),
        (7.0, "about 7 s"),
        (89, "about 89 s"),
        (250, "about 4.2 min"),
        (5399, "about 90 min"),
        (10 * 3600, "about 10 h"),
        (20 * 86400, "about 20 days"),
    ],
)
def test_two_digits_are_as_much_as_is_known(seconds: float, words: str) -> None:
    assert about(seconds) == words


@pytest.mark.parametrize(("n", "words"), [(310_400_000, "310 MB"), (2_440_000_000, "2.4 GB"), (5_000_000, "5 MB")])
def test_sizes_in_words(n: int, words: str) -> None:
    assert format_bytes(n) == words


# ---------------------------------------------------------------- the command

TRAIN = ("train", "--dataset", "toy", "--model", "mf-bpr", "--set", "train.epochs=1", "--set", "model.embedding_size=8")


@pytest.fixture
def toy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_dataset(home)
    monkeypatch.setattr("convncf.workflow.estimate._SECONDS", 0.001)


@pytest.mark.usefixtures("toy")
def test_estimate_tells_and_trains_nothing(convncf: CommandLine, home: Path) -> None:
    said = convncf(*TRAIN, "--estimate", "--json")
    found = json.loads(said.out)
    assert found["training"]["epochs"] == 1
    assert found["memory_bytes"] > found["memory"]["parameters"] > 0
    assert convncf(*TRAIN, "--estimate").err.startswith("estimate: ")
    assert RunStore(home).names() == ()


@pytest.mark.usefixtures("toy")
def test_train_tells_its_estimate_before_the_work_unless_it_is_to_be_quiet(convncf: CommandLine) -> None:
    told = convncf(*TRAIN, "--name", "told", "--json")
    lines = told.err.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("estimate: ")]
    assert at < next(number for number, line in enumerate(lines) if "training epoch 0" in line)
    assert json.loads(told.out)["estimate"]["n_items"] == 40
    quiet = convncf(*TRAIN, "--name", "quiet", "--quiet", "--json")
    assert "estimate: " not in quiet.err
    assert "estimate" not in json.loads(quiet.out)


@pytest.mark.usefixtures("toy")
def test_a_run_that_cannot_fit_leaves_no_folder(
    convncf: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convncf.workflow.memory.available_memory", lambda: 1000)
    assert "and 1 MB are free" in convncf.refused(*TRAIN, "--name", "big")
    assert RunStore(home).names() == ()
