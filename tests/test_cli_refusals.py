"""What the command line refuses: before any work, on stderr alone, with what to do instead; no run is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.jobs import prepare
from convncf.models.settings import resolve
from tests.command_line import CommandLine


@pytest.fixture(scope="module")
def convncf(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A command line whose home holds the shop and a run that has not begun, "taken"."""
    line = CommandLine(tmp_path_factory.mktemp("home"))
    line.add_shop()
    prepare(resolve(model="popularity", dataset="shop"), "taken", line.home)
    return line


def train(convncf: CommandLine, *arguments: str) -> str:
    return convncf.refused("train", "--dataset", "shop", "--name", "new", *arguments)


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ("train.learning_rate=0.1", "Did you mean train.lr_embedding"),
        ("train.epochs =3", "Write train.epochs=3"),
        ("train.epochs", "Write KEY=VALUE"),
        ("train.epochs=many", "train.epochs = 'many'"),
        ("epochs=3", "train.epochs"),
        ("eval.monitor=NDGC@10", "Did you mean NDCG"),
        ("model.cnn_kernels=[4,4,4]", "Plans that end at 1×1 for size 32: "),
        ("data.ratios=[0.5,0.1,0.1]", "add up to 1"),
    ],
)
def test_a_setting_that_cannot_be_applied(convncf: CommandLine, setting: str, advice: str) -> None:
    assert advice in train(convncf, "--set", setting)


def test_a_setting_without_effect_on_the_model(convncf: CommandLine) -> None:
    assert "no effect on popularity" in train(convncf, "--model", "popularity", "--set", "train.epochs=3")


def test_an_unknown_key_in_a_file_names_the_file(convncf: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"train": {"epoch": 3}}', encoding="utf-8")
    said = train(convncf, "--config", str(file))
    assert f"{file}: setting 'train.epoch' does not exist. Did you mean train.epochs" in said


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("--model", "convnfc"), "Did you mean convncf?"),
        (("--preset", "quik"), "Did you mean quick?"),
        (("--device", "gpu"), "use auto, cpu, cuda"),
        (("--dataset", "shopp"), "Did you mean shop?"),
        (("--config", "missing.json"), "missing.json: cannot be read"),
    ],
)
def test_a_name_that_does_not_exist(convncf: CommandLine, arguments: tuple[str, ...], advice: str) -> None:
    assert advice in train(convncf, *arguments)


def test_a_device_that_is_absent_is_refused_with_the_reason(convncf: CommandLine) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    said = train(convncf, "--device", "cuda")
    assert "device 'cuda' is absent: " in said
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
def test_a_run_name_that_cannot_be(convncf: CommandLine, name: str, advice: str) -> None:
    assert advice in convncf.refused("train", "--dataset", "shop", "--model", "popularity", "--name", name)


def test_the_same_for_a_detached_run(convncf: CommandLine) -> None:
    said = convncf.refused("train", "--dataset", "shop", "--name", "taken", "--detach", "--json")
    assert "'taken-2' is free" in said


@pytest.mark.parametrize("command", ["evaluate", "resume", "runs show", "runs log", "runs stop", "runs kill"])
def test_a_run_that_does_not_exist(convncf: CommandLine, command: str) -> None:
    assert "Did you mean taken?" in convncf.refused(*command.split(), "takne")


def test_looking_into_a_run_without_a_model(convncf: CommandLine) -> None:
    assert "has no model yet" in convncf.refused("recommend", "taken", "--user", "015")
    assert "a comparison needs two runs" in convncf.refused("compare", "taken")


def test_a_question_that_nobody_answers_with_yes(convncf: CommandLine) -> None:
    assert "Delete run taken" in convncf.refused("runs", "delete", "taken", typed="")
    assert "Delete dataset shop" in convncf.refused("datasets", "delete", "shop", typed="n\n")


@pytest.mark.parametrize("arguments", [("trian",), ("train", "--nosuch"), ("evaluate",), ("recommend", "taken")])
def test_wrong_usage_is_exit_code_2(convncf: CommandLine, arguments: tuple[str, ...]) -> None:
    assert "Usage:" in convncf.refused(*arguments, code=2)


def test_a_home_that_is_a_file_says_how_to_choose_another(tmp_path: Path) -> None:
    home = tmp_path / "a file"
    home.touch()
    said = CommandLine(home).refused("runs")
    assert str(home) in said
    assert "CONVNCF_HOME chooses another" in said
