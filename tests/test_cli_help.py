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


def lacking(shown: str) -> Iterator[str]:
    """What a page of help lacks."""
    lines = shown.splitlines()
    if max(map(len, lines)) > 80:
        yield "a line is longer than 80"
    if not re.search(r"Usage: .*? [A-Z][^.]+\.", " ".join(line.strip("│ ") for line in lines)):
        yield "no sentence on what it does"
    for option in re.findall(r"(?m)^│ [* ] +(--?[a-z][\w-]*)", shown):
        if not re.search(rf"{option}(?:\s+-\w)?+\s+(?:(?:<[^>]+>|[A-Z=]+)\s+)?+(?:\[[^\]]+\]\s+)?+[^\s│]", shown):
            yield f"{option} says nothing"


@pytest.mark.slow
def test_help_says_what_each_command_and_option_is_for() -> None:
    pages = {
        path: CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80", "TERM": "dumb"}) for path in commands()
    }
    assert {page.exit_code for page in pages.values()} == {0}
    assert {path: lacks for path, page in pages.items() if (lacks := list(lacking(page.output)))} == {}


def test_a_page_of_help_that_says_nothing_is_found() -> None:
    page = "Usage: convncf x\n│   --run   <text>         │\n│   --name  <text>  a name │\n"
    assert list(lacking(page + "x" * 81)) == [
        "a line is longer than 80",
        "no sentence on what it does",
        "--run says nothing",
    ]


def test_the_front_page(convncf: CommandLine, home: Path) -> None:
    shown = convncf("--help")
    assert convncf.process("--help").out.splitlines()[2:] == shown.out.splitlines()[2:], "but for the program's name"
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
