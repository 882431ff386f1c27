"""convncf runs label, rename and the filters of the list, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convncf.runs import RunStore
from tests.command_line import CommandLine
from tests.staged_runs import finished


@pytest.fixture(autouse=True)
def three_runs(home: Path) -> None:
    for name, model in (("first", "mf-bpr"), ("second", "popularity"), ("third", "mf-bpr")):
        finished(home, name, model)


def listed(convncf: CommandLine, *options: str) -> list[str]:
    found: dict[str, Any] = json.loads(convncf("runs", "list", *options, "--json").out)
    return sorted(entry["run"] for entry in found["runs"])


def test_a_run_is_labelled_shown_and_found_by_it(convncf: CommandLine) -> None:
    said = json.loads(convncf("runs", "label", "first", "--tag", "a", "--tag", "b", "--note", "keep", "--json").out)
    assert said == {"run": "first", "tags": ["a", "b"], "note": "keep", "archived": False}
    convncf("runs", "label", "first", "--untag", "a")
    shown = convncf("runs", "label", "first").out
    assert "keep" in shown
    assert "b" in convncf("runs", "show", "first").out
    assert listed(convncf, "--tag", "b") == ["first"]
    assert listed(convncf, "--tag", "a") == []
    assert listed(convncf, "--search", "KEEP") == ["first"]
    assert listed(convncf, "--model", "mf-bpr") == ["first", "third"]
    assert listed(convncf, "--model", "popularity", "--state", "finished", "--dataset", "movielens-small") == ["second"]
    table = convncf("runs").out
    assert "tags" in table.splitlines()[0]
    assert "1 to 40 characters" in convncf.refused("runs", "label", "first", "--tag", "a,b")


def test_archived_runs_are_left_out_of_the_list_and_counted(convncf: CommandLine) -> None:
    convncf("runs", "label", "second", "--archive")
    assert listed(convncf) == ["first", "third"]
    assert listed(convncf, "--archived") == ["first", "second", "third"]
    assert listed(convncf, "--archived-only") == ["second"]
    assert json.loads(convncf("runs", "--json").out)["not_listed"] == 1
    assert "1 archived, not listed; --archived lists them too" in convncf("runs").err
    assert "tags" not in convncf("runs").out.splitlines()[0], "no column for what no run has"
    convncf("runs", "label", "second", "--no-archive")
    assert listed(convncf) == ["first", "second", "third"]


def test_damaged_labels_are_said_and_hide_nothing(convncf: CommandLine) -> None:
    (convncf.home / "runs" / "first" / "labels.json").write_text("{ no")
    said = convncf("runs")
    assert "first" in said.out
    assert "labels of first cannot be read" in said.err


def test_a_run_gets_another_name(convncf: CommandLine) -> None:
    assert "first is now mf." in convncf("runs", "rename", "first", "mf").err
    assert RunStore(convncf.home).names() == ("mf", "second", "third")
    assert "'third-2' is free" in convncf.refused("runs", "rename", "mf", "third")
    assert "does not exist" in convncf.refused("runs", "rename", "first", "x")
    assert "'a-b' would do" in convncf.refused("runs", "rename", "mf", "a/b")
