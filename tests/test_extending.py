"""A run that is given more epochs is what it would have been with them from the start, or is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from convncf import jobs, runtime
from convncf.errors import ConfigError, ConvNCFError, RunBusyError, RunError
from convncf.experiment import extend, run_experiment
from convncf.runs import Run, load_tensors
from tests.worlds import finished_run, make_run, without_clock

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
    same = other.keys() - {"run", "seconds"}
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
    run_experiment(whole, home)
    run = make_run(home, "extended", model, **settings, train__epochs=2)
    jobs.work(run, home)
    for epochs in steps:
        extend(run, epochs)
        status = run.status()
        assert (status.state, status.resumable) == ("stopped", True)
        assert f"to {epochs} epochs" in status.message
        assert run.report() is None, "it was of fewer epochs"
        assert len(run.metrics()) > 2, "nothing that was trained is lost"
        jobs.work(run, home)
        assert run.status().state == "finished"
    assert_the_same(run, whole)
    assert run.settings() == whole.settings()
    assert run.config().train.epochs == 5
    before = [2, *steps[:-1]]
    assert run.sources()["train.epochs"] == "extended from " + ", ".join(map(str, before))
    assert Run(run.path).sources() == run.sources()
    assert {key: source for key, source in run.sources().items() if key != "train.epochs"} == {
        key: source for key, source in whole.sources().items() if key != "train.epochs"
    }


def test_one_that_was_stopped_may_be_given_more_too(home: Path) -> None:
    whole = make_run(home, "whole", "mf-bpr", **FOREVER, train__epochs=4)
    run_experiment(whole, home)
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=3)
    extend(run, 4)
    jobs.work(run, home)
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
    jobs.work(run, home)
    before = everything(run)
    with pytest.raises(error, match=words):
        extend(run, epochs)
    assert everything(run) == before


def test_one_that_ended_early_would_not_go_on(home: Path) -> None:
    run = make_run(home, "run", "mf-bpr", train__epochs=6, train__patience=1, **STILL)
    jobs.work(run, home)
    assert run.metrics()[-1]["epoch"] == 1
    before = everything(run)
    with pytest.raises(
        RunError, match=r"ended early, after epoch 1, by train\.patience 1: more epochs would change nothing"
    ):
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


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_killed_while_it_is_extended_it_can_be_resumed_or_extended_again(
    home: Path, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of its writes was done: status, report, config."""

    class Killed(BaseException):
        pass

    whole = make_run(home, "whole", "mf-bpr", **FOREVER, train__epochs=4)
    run_experiment(whole, home)
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)
    jobs.work(run, home)
    writes = 0
    status = Run.write_status
    with monkeypatch.context() as patch:

        def first(self: Run, value: Any) -> None:
            nonlocal writes
            if writes == kept:
                raise Killed
            status(self, value)
            writes += 1

        def unlink(self: Path, missing_ok: bool = False) -> None:
            nonlocal writes
            if self.name == "report.json":
                if writes == kept:
                    raise Killed
                writes += 1
            original(self, missing_ok)

        def write(path: Path, value: Any) -> None:
            nonlocal writes
            if path.name == "config.json":
                if writes == kept:
                    raise Killed
                writes += 1
            written(path, value)

        original, written = Path.unlink, runtime.write_json
        patch.setattr(Run, "write_status", first)
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(runtime, "write_json", write)
        if kept < 3:
            with pytest.raises(Killed):
                extend(run, 4)
        else:
            extend(run, 4)
    run = Run(run.path)
    json.loads((run.path / "config.json").read_text())
    if kept < 3:
        jobs.work(run, home)  # of 2 epochs still
        assert run.status().state == "finished"
        assert [row["epoch"] for row in run.metrics()] == [0, 1, 2]
        extend(run, 4)
    jobs.work(run, home)
    assert_the_same(run, whole)
