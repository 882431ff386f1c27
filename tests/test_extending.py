"""A run that is given more epochs is what it would have been with them from the start, or is left alone."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from convncf import jobs
from convncf.errors import (
    CheckpointError,
    ConfigError,
    ConvNCFError,
    DataError,
    DeviceError,
    PretrainingError,
    RunBusyError,
    RunError,
)
from convncf.runs import Run, load_tensors
from convncf.runtime import files as runtime_files
from convncf.workflow.running import extend, run_experiment
from tests.wording import values_in
from tests.worlds import checkerboard, finished_run, make_run, save_dataset, without_clock

FOREVER: dict[str, Any] = {"train__patience": 0, "train__validate_every": 1, "pretrain__epochs": 1}
STILL: dict[str, Any] = {"train__validate_every": 1, "train__lr_embedding": 0.0}


def everything(run: Run) -> dict[str, bytes]:
    """What the folder holds, but for its lock."""
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in run.path.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def assert_the_same(run: Run, whole: Run) -> None:
    assert without_clock(run.metrics()) == without_clock(whole.metrics())
    one, other = run.report(), whole.report()
    assert one is not None
    assert other is not None
    same = other.keys() - {"run", "seconds", "extended_from"}
    assert {key: one[key] for key in same} == {key: other[key] for key in same}
    files = [path.relative_to(whole.path) for path in sorted(whole.path.rglob("*.safetensors"))]
    assert files == [path.relative_to(run.path) for path in sorted(run.path.rglob("*.safetensors"))]
    for file in files:
        here, there = load_tensors(run.path / file)[0], load_tensors(whole.path / file)[0]
        assert here.keys() == there.keys()
        assert all(torch.equal(here[name], there[name]) for name in there), file
    assert run.read_frame("per_user").equals(whole.read_frame("per_user"))


@pytest.mark.parametrize(("model", "steps"), [("mf-bpr", [5]), ("mf-bpr", [3, 4, 5]), ("convncf", [5])])
def test_it_is_the_run_of_so_many_epochs_bit_for_bit(home: Path, model: str, steps: list[int]) -> None:
    settings = FOREVER | ({"model__dropout_prob": 0.3} if model == "convncf" else {})
    whole = make_run(home, "whole", model, **settings, train__epochs=5)
    run_experiment(whole)
    run = make_run(home, "extended", model, **settings, train__epochs=2)
    jobs.work(run)
    reports = [run.report()]
    for epochs in steps:
        extend(run, epochs)
        status = run.status()
        assert (status.state, status.resumable) == ("stopped", True)
        assert f"to {epochs} epochs" in status.message
        assert run.report() == reports[-1], "the old one stays"
        assert len(run.metrics()) > 2, "nothing that was trained is lost"
        jobs.work(run)
        assert (run.status().state, run.extension()) == ("finished", "")
        reports.append(run.report())
    assert_the_same(run, whole)
    assert run.settings() == whole.settings()
    assert run.config().train.epochs == 5
    before = [2, *steps[:-1]]
    assert [made["extended_from"] for made in reports if made] == [before[:n] for n in range(len(before) + 1)]
    assert [row["event"] for row in run.history()] == ["extended", "resumed", "finished"] * len(steps)
    assert run.sources()["train.epochs"] == "extended from " + ", ".join(map(str, before))
    assert Run(run.path).sources() == run.sources()
    assert {key: source for key, source in run.sources().items() if key != "train.epochs"} == {
        key: source for key, source in whole.sources().items() if key != "train.epochs"
    }


def test_one_that_was_stopped_may_be_given_more_too(home: Path) -> None:
    whole = make_run(home, "whole", "mf-bpr", **FOREVER, train__epochs=4)
    run_experiment(whole)
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=3)
    extend(run, 4)
    jobs.work(run)
    assert_the_same(run, whole)


CASES: list[tuple[str, dict[str, Any], int, type[ConvNCFError], str]] = [
    ("mf-bpr", {}, 2, ConfigError, "has train.epochs 2, and 2 is not more"),
    ("mf-bpr", {}, -1, ConfigError, "-1 is not more"),
    ("mf-bpr", {"train__schedule": "cosine"}, 4, ConfigError, "train.schedule cosine.*Train a new run of 4 epochs"),
    ("mf-bpr", {"train__schedule": "linear"}, 4, ConfigError, "train.schedule linear"),
    ("mf-bpr", {"train__validate_every": 4}, 4, ConfigError, "validated after epoch 2 only because that was its last"),
    ("popularity", {}, 4, RunError, "is popularity, which is computed"),
    ("itemknn", {}, 4, RunError, "is itemknn, which is computed"),
]


@pytest.mark.parametrize(("model", "settings", "epochs", "error", "words"), CASES)
def test_what_would_be_another_run_is_refused_with_nothing_changed(
    home: Path, model: str, settings: dict[str, Any], epochs: int, error: type[ConvNCFError], words: str
) -> None:
    run = make_run(home, "run", model, **(FOREVER | {"train__epochs": 2} | settings))
    jobs.work(run)
    before = everything(run)
    with pytest.raises(error, match=words):
        extend(run, epochs)
    assert everything(run) == before


def test_one_that_ended_early_would_not_go_on(home: Path) -> None:
    run = make_run(home, "run", "mf-bpr", train__epochs=6, train__patience=1, **STILL)
    jobs.work(run)
    assert run.metrics()[-1]["epoch"] == 1
    before = everything(run)
    with pytest.raises(RunError, match=r"epoch 1, by train\.patience 1"):
        extend(run, 9)
    assert everything(run) == before


def test_while_a_worker_has_it_it_is_left_alone(home: Path) -> None:
    run = finished_run(home)
    lock = run.hold()
    try:
        with pytest.raises(RunBusyError):
            extend(Run(run.path), 9)
    finally:
        lock.release()


class Killed(BaseException):
    """Stands for a kill inside one process."""


@pytest.mark.parametrize("written", [False, True])
def test_killed_while_it_is_extended_it_is_as_before_or_is_extended(
    home: Path, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one write, of config.json."""
    whole = make_run(home, "whole", "mf-bpr", **FOREVER, train__epochs=4)
    run_experiment(whole)
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)
    jobs.work(run)
    before, report = everything(run), run.report()
    real = runtime_files.write_json

    def write(path: Path, value: Any) -> None:
        if written:
            real(path, value)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(runtime_files, "write_json", write)
        with pytest.raises(Killed):
            extend(run, 4)
    run = Run(run.path)
    after = everything(run)
    assert {name for name in before if before[name] != after[name]} == ({"config.json"} if written else set())
    assert run.report() == report
    assert run.status().state == ("stopped" if written else "finished")
    if not written:
        extend(run, 4)
    jobs.work(run)
    assert_the_same(run, whole)


# ---------------------------------------------------------------- refused, and ended on the way: the old report stays


def two_epochs(home: Path) -> Run:
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)
    jobs.work(run)
    return run


def gone(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(home / "datasets" / "toy")


def changed(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    gone(home, run, patch)
    save_dataset(home, "toy", checkerboard(seed=5))


def without_gpu(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    path = run.path / "config.json"
    value = json.loads(path.read_text())
    value["settings"]["train.device"]["value"] = "cuda"
    path.write_text(json.dumps(value))
    run.__dict__.pop("_config_json", None)
    patch.setattr("convncf.runtime.devices.gpus", lambda: ())


def without_state(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    (run.path / "checkpoints" / "training-state.safetensors").unlink()


def half_a_state(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    path = run.path / "checkpoints" / "training-state.safetensors"
    path.write_bytes(path.read_bytes()[:99])


def without_model(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    run.model_path.unlink()


def full_disk(home: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(tempfile, "mkstemp", full)


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        (gone, DataError, "named 'toy'"),
        (changed, DataError, "since run 'run'"),
        (without_gpu, DeviceError, "'cuda' is absent"),
        (without_state, CheckpointError, "no saved state"),
        (half_a_state, CheckpointError, "damaged"),
        (without_model, CheckpointError, "model.safetensors: is missing"),
        (full_disk, OSError, "No space left"),
    ],
)
def test_what_could_not_train_on_is_refused_with_nothing_changed(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: Callable[[Path, Run, pytest.MonkeyPatch], None],
    error: type[Exception],
    words: str,
) -> None:
    run = two_epochs(home)
    what(home, run, monkeypatch)
    before = everything(run)
    with pytest.raises(error, match=words):
        extend(run, 4)
    assert everything(run) == before
    assert run.status().state == "finished"
    assert run.report() is not None


def end_it(record: Any) -> None:
    if record.epoch == 3:
        raise ArithmeticError("epoch 3 went wrong")


def test_the_old_report_is_there_until_the_new_one_is_and_says_of_what_it_is(home: Path) -> None:
    run = two_epochs(home)
    known = run.report()
    extend(run, 4)
    with pytest.raises(ArithmeticError):
        jobs.work(run, on_record=end_it)
    run = Run(run.path)
    assert (run.status().state, run.report()) == ("failed", known)
    assert values_in(run.extension()) == ["2", "4"]
    extend(run, 6)
    assert values_in(run.extension()) == ["2", "6"], "that is what its report was of"
    jobs.work(run)
    made = run.report()
    assert made is not None
    assert (made["epochs"], made["extended_from"], run.extension()) == (6, [2, 4], "")
    assert [row["event"] for row in run.history()] == [
        *("extended", "resumed", "failed"),
        *("extended", "resumed", "finished"),
    ]


def test_embeddings_of_a_run_that_is_extended_are_not_taken_until_it_has_ended(home: Path) -> None:
    run = two_epochs(home)
    extend(run, 4)
    settings: dict[str, Any] = {"model__train_method": "after_pretrain", "pretrain__epochs": 0}
    with pytest.raises(PretrainingError, match=r"'run' .*\(stopped\)"):
        make_run(home, "net", model__pre_model_path="run", **settings)
    jobs.work(run)
    assert make_run(home, "net", model__pre_model_path="run", **settings).name == "net"
