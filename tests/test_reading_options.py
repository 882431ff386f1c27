"""Reading options stand once: Python, the command line and the Data page have each of them, by the same words."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import typer

from app.views.data import reading_options
from convncf.cli import app
from convncf.data.reading.options import ROLES, ReadOptions, option_words


def options_of(*names: str) -> dict[str, Any]:
    """Flag -> option of a command."""
    command: Any = typer.main.get_command(app)
    for name in names:
        command = command.commands[name]
    return {flag: each for each in command.params for flag in (*each.opts, *each.secondary_opts)}


def test_every_option_has_words_but_what_is_no_question() -> None:
    assert {each.name for each in fields(ReadOptions)} - option_words().keys() == {"columns", "companions"}


@pytest.mark.parametrize("name", option_words())
def test_datasets_add_has_each_by_its_help_and_default(name: str) -> None:
    option = options_of("datasets", "add")[f"--{name.replace('_', '-')}"]
    assert option.help.startswith(option_words()[name].help)
    assert option.default == getattr(ReadOptions(), name)


@pytest.mark.parametrize("role", ROLES)
def test_datasets_add_has_each_column(role: str) -> None:
    assert ROLES[role].holds in options_of("datasets", "add")[f"--{ROLES[role].option}"].help


def test_score_has_those_that_a_file_of_pairs_needs() -> None:
    asked = {"--user-column", "--item-column", "--delimiter", "--header", "--no-header"}
    every = {f"--{words.option}" for words in ROLES.values()} | {
        f"--{name.replace('_', '-')}" for name in option_words()
    }
    assert options_of("score").keys() & (every | {"--no-header", "--alone"}) == asked


def test_the_page_names_each_field_where_the_reader_names_an_option() -> None:
    said = "Say it with --date-order day-first or month-first, or --user-column NAME, or --no-header."
    words = reading_options.reword(said)
    assert "--" not in words
    for label in (option_words()["date_order"].label, ROLES["user_id"].label, option_words()["header"].label):
        assert f"the field {label}" in words
