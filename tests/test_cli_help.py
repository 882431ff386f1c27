"""The help of every command, and the list of settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from convncf.cli import app
from convncf.models.effects import setting_keys, unused_settings
from tests.command_line import CommandLine

PUBLIC = {
    *("train", "resume", "refit", "seeds", "evaluate", "recommend", "inspect", "compare", "export", "score"),
    *("datasets", "runs", "demo", "settings"),
}


def commands() -> list[tuple[str, ...]]:
    """Every command as it is typed, groups and hidden ones too; () is convncf itself."""

    def below(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, (*path, name))

    return list(below(get_command(app), ()))


def test_every_command_is_there() -> None:
    assert {path[0] for path in commands() if path} - {"work"} == PUBLIC
    assert len(commands()) > 18


@pytest.mark.parametrize("path", commands(), ids=lambda path: " ".join(path) or "convncf")
def test_help_says_what_each_command_and_option_is_for(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(line.strip("│ ") for line in lines)
    assert re.search(r"Usage: .*? [A-Z][^.]+\.", text), "a sentence on what it does"
    for option in re.findall(r"(?m)^│ [* ] +(--?[a-z][\w-]*)", shown.output):
        described = re.search(rf"{option}(?:\s+-\w)?\s+(?:<[^>]+>|[A-Z=]+)?\s+(?:\[[^\]]+\]\s+)?(\S.*)", shown.output)
        assert described, f"{option} says nothing"


def test_the_front_page_through_the_real_process(home: Path) -> None:
    convncf = CommandLine(home)
    shown = convncf("--help")
    assert all(re.search(rf"(?m)^│ {name} ", shown.out) for name in PUBLIC)
    assert " work " not in shown.out
    assert "convncf demo" in shown.out
    assert convncf("-h").out == shown.out
    assert convncf("--version").out.count("\n") == 1
    assert not home.exists()


def test_settings_lists_every_setting_that_the_model_has(home: Path) -> None:
    convncf = CommandLine(home)
    for model in ("convncf", "popularity"):
        listed = convncf("settings", "--model", model, "--json").object["settings"]
        assert set(listed) == set(setting_keys()) - unused_settings(model)
        assert all(entry["description"] for entry in listed.values())
