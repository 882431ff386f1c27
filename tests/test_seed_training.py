"""convncf train --seeds: every refusal comes before the first seed is trained, and one that fails is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.errors import ConfigError
from convncf.jobs import parse_seeds
from convncf.runs import Run, RunStore
from tests.command_line import CommandLine
from tests.worlds import checkerboard, make_run, save_dataset

TRAIN = ("train", "--dataset", "toy", "--model", "mf-bpr", "--set", "train.epochs=1", "--set", "model.embedding_size=8")
NET = (
    *("train", "--dataset", "toy", "--set", "model.embedding_size=8", "--set", "model.cnn_channels=[1,4,4,4]"),
    *("--set", "model.cnn_kernels=[2,2,2]", "--set", "model.cnn_strides=[2,2,2]", "--set", "train.epochs=1"),
    *("--set", "pretrain.epochs=0", "--set", "model.train_method=after_pretrain", "--name", "net"),
)


@pytest.mark.parametrize(("text", "wanted"), [("1,2,3", (1, 2, 3)), ("1-3", (1, 2, 3)), ("5, 7 - 8", (5, 7, 8))])
def test_seeds_are_a_list_or_a_range(text: str, wanted: tuple[int, ...]) -> None:
    assert parse_seeds(text) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1-1000000000", "more than 1,000 seeds"),
        ("1-1000,1001", "more than 1,000 seeds"),
        ("1,,2", "an empty place"),
        ("", "an empty place"),
        ("3-1", "3-1 runs backwards"),
        ("7,3-1", "3-1 runs backwards"),
        ("-5", "'-5' is no"),
        ("1.5", "'1.5' is no seed"),
        ("1-", "'1-' is no seed"),
        ("9" * 5_000, "is no seed"),
        ("1,2,1", "seed 1 occurs twice"),
        ("1-5,3", "seed 3 occurs twice"),
    ],
)
def test_what_are_no_seeds_is_said_at_once(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_seeds(text)
    assert "1,2,3 or 1-3" in str(caught.value)


def test_a_thousand_seeds_are_allowed() -> None:
    assert len(parse_seeds("1-1000")) == 1000


@pytest.mark.usefixtures("toy")
def test_data_that_changed_since_the_first_seeds_is_refused_before_the_next_is_trained(
    home: Path, convncf: CommandLine
) -> None:
    done = convncf(*TRAIN, "--name", "mf", "--seeds", "1,2")
    assert done.code == 0
    assert done.err.count("of 2 runs: ") == 1, "measured once, not for each seed"
    shutil.rmtree(home / "datasets" / "toy")
    save_dataset(home, "toy", checkerboard(seed=5))
    said = convncf.refused(*TRAIN, "--name", "mf", "--seeds", "1,2,3")
    assert "different data" in said
    assert RunStore(home).names() == ("mf-seed1", "mf-seed2")


@pytest.mark.usefixtures("toy")
def test_a_seed_that_cannot_go_on_is_refused_before_another_is_trained(home: Path, convncf: CommandLine) -> None:
    assert convncf(*TRAIN, "--name", "mf", "--seeds", "2").code == 0
    run = RunStore(home).open("mf-seed2")
    run.write_status(run.status().__class__(state="stopped"))
    shutil.rmtree(home / "datasets" / "toy")
    save_dataset(home, "toy", checkerboard(seed=5))
    assert "run 'mf-seed2'" in convncf.refused(*TRAIN, "--name", "mf", "--seeds", "1,2")
    assert RunStore(home).names() == ("mf-seed2",)


@pytest.mark.usefixtures("toy")
def test_one_pretraining_for_all_seeds_is_a_leak_for_each_other_seed(home: Path, convncf: CommandLine) -> None:
    jobs.work(make_run(home, "mf", "mf-bpr", train__epochs=1))
    said = convncf.refused(*NET, "--set", "model.pre_model_path=mf", "--seeds", "1,2")
    assert "run 'mf' (model.pre_model_path)" in said
    assert RunStore(home).names() == ("mf",), "seed 1 has the same split, and is not begun either"


@pytest.mark.usefixtures("toy")
def test_a_name_too_long_for_the_last_seed_is_refused_before_the_first(home: Path, convncf: CommandLine) -> None:
    name = "x" * 74  # with -seed1 it is 80 long, with -seed10 one more
    assert "would do" in convncf.refused(*TRAIN, "--name", name, "--seeds", "1,10")
    assert RunStore(home).names() == ()


@pytest.mark.usefixtures("toy")
def test_a_relative_path_is_the_same_run_the_second_time_and_from_anywhere(
    home: Path, convncf: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_run(home, "mf", "mf-bpr", train__epochs=1)
    jobs.work(source)
    monkeypatch.chdir(home / "runs")
    command = (*NET, "--set", "model.pre_model_path=mf/model.safetensors", "--seeds", "1", "--json")
    first = convncf(*command)
    assert first.code == 0, first.err
    again = convncf(*command)
    assert "net-seed1: finished already" in again.err
    assert RunStore(home).open("net-seed1").config().model["pre_model_path"] == str(source.model_path)
    run = RunStore(home).open("net-seed1")
    shutil.rmtree(run.path / "checkpoints")
    run.write_status(run.status().__class__(state="stopped"))
    monkeypatch.chdir("/")
    assert convncf("resume", "net-seed1").code == 0


@pytest.mark.parametrize("error", [ArithmeticError("seed 1 went wrong"), MemoryError(), OSError(5, "I/O error")])
@pytest.mark.usefixtures("toy")
def test_whatever_ends_a_seed_the_others_are_trained_and_it_is_named(
    home: Path, convncf: CommandLine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = jobs.work

    def work(run: Run, home: Path, **more: Any) -> dict[str, Any]:
        if run.name == "mf-seed1":
            raise error
        return real(run, home, **more)

    monkeypatch.setattr(jobs, "work", work)
    said = convncf(*TRAIN, "--name", "mf", "--seeds", "1-3", "--json", code=1)
    assert f"{type(error).__name__}: {error}" in said.err
    assert json.loads(said.out)["seeds"] == [2, 3]
    assert {run.name: run.status().state for run in RunStore(home).all()}["mf-seed3"] == "finished"
