"""What the command line refuses: before any work, on stderr alone, with what to do instead; no run is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.jobs import prepare
from convncf.models.settings import resolve
from tests.command_line import CommandLine


@pytest.fixture(scope="module", autouse=True)
def taken(shop: CommandLine) -> None:
    """A run "taken" that has not begun."""
    prepare(resolve(model="popularity", dataset="shop"), "taken", shop.home)


def train(shop: CommandLine, *arguments: str) -> str:
    return shop.refused("train", "--dataset", "shop", "--name", "new", *arguments)


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ("train.learning_rate=0.1", "mean train.lr_embedding"),
        ("train.epochs =3", "Write train.epochs=3"),
        ("train.epochs", "Write KEY=VALUE"),
        ("train.epochs=many", "train.epochs = 'many'"),
        ("epochs=3", "train.epochs"),
        ("eval.monitor=NDGC@10", "Did you mean NDCG"),
        ("model.cnn_kernels=[4,4,4]", "1×1 for size 32"),
        ("data.ratios=[0.5,0.1,0.1]", "add up to 1"),
    ],
)
def test_a_setting_that_cannot_be_applied(shop: CommandLine, setting: str, advice: str) -> None:
    assert advice in train(shop, "--set", setting)


def test_a_setting_without_effect_on_the_model(shop: CommandLine) -> None:
    assert "effect on popularity" in train(shop, "--model", "popularity", "--set", "train.epochs=3")


def test_an_unknown_key_in_a_file_names_the_file(shop: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"train": {"epoch": 3}}', encoding="utf-8")
    said = train(shop, "--config", str(file))
    assert f"{file}: setting 'train.epoch'" in said


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("--model", "convnfc"), "mean convncf?"),
        (("--preset", "quik"), "mean quick?"),
        (("--device", "gpu"), "auto, cpu, cuda"),
        (("--dataset", "shopp"), "mean shop?"),
        (("--config", "missing.json"), "missing.json: cannot"),
    ],
)
def test_a_name_that_does_not_exist(shop: CommandLine, arguments: tuple[str, ...], advice: str) -> None:
    assert advice in train(shop, *arguments)


def test_a_device_that_is_absent_is_refused_with_the_reason(shop: CommandLine) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    said = train(shop, "--device", "cuda")
    assert "'cuda' is absent" in said
    assert "--device cpu" in said


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("taken", "'taken-2' is free"),
        ("TAKEN", "'TAKEN-2' is free"),
        ("a/b", "'a-b' would do"),
        ("..", "would do"),
        ("CON", "CON' would do"),
        ("🎬", "would do"),
        ("", "would do"),
        ("x" * 300, "at most 80"),
    ],
)
def test_a_run_name_that_cannot_be(shop: CommandLine, name: str, advice: str) -> None:
    assert advice in shop.refused("train", "--dataset", "shop", "--model", "popularity", "--name", name)


def test_the_same_for_a_detached_run(shop: CommandLine) -> None:
    said = shop.refused("train", "--dataset", "shop", "--name", "taken", "--detach", "--json")
    assert "'taken-2' is free" in said


@pytest.mark.parametrize("command", ["evaluate", "resume", "runs show", "runs log", "runs stop", "runs kill"])
def test_a_run_that_does_not_exist(shop: CommandLine, command: str) -> None:
    assert "mean taken?" in shop.refused(*command.split(), "takne")


def test_looking_into_a_run_without_a_model(shop: CommandLine) -> None:
    assert "no model yet" in shop.refused("recommend", "taken", "--user", "015")
    assert "needs two runs" in shop.refused("compare", "taken")


def test_a_question_that_nobody_answers_with_yes(shop: CommandLine) -> None:
    assert "Delete run taken" in shop.refused("runs", "delete", "taken", typed="")
    assert "Delete dataset shop" in shop.refused("datasets", "delete", "shop", typed="n\n")


@pytest.mark.parametrize("arguments", [("trian",), ("train", "--nosuch"), ("evaluate",), ("recommend", "taken")])
def test_wrong_usage_is_exit_code_2(shop: CommandLine, arguments: tuple[str, ...]) -> None:
    assert "Usage:" in shop.refused(*arguments, code=2)


def test_a_home_that_is_a_file_says_how_to_choose_another(tmp_path: Path) -> None:
    home = tmp_path / "a file"
    home.touch()
    said = CommandLine(home).refused("runs")
    assert str(home) in said
    assert "CONVNCF_HOME chooses another" in said
