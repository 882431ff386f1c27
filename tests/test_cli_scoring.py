"""convncf score: the pairs of a file with their ranks, and what cannot be scored said; case 6 over all its places."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from convncf.runs import RunStore
from tests.app_runs import AWKWARD, TWIN
from tests.command_line import CommandLine

pytest_plugins = ["tests.app_home"]


@pytest.fixture
def convncf(runs_home: Path) -> CommandLine:
    """The command line on the made home."""
    return CommandLine(runs_home)


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("user", "item"), *rows])
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def answer(convncf: CommandLine, *arguments: str) -> Any:
    said = convncf(*arguments, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_every_row_comes_back_and_what_is_unknown_is_said_with_its_lines(convncf: CommandLine, tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.csv", [("u1", "i3"), ("nobody", "i3"), ("u1", TWIN), ("u2", AWKWARD), ("u1", "?")])
    out = tmp_path / "scored.csv"
    told = answer(convncf, "score", "tiny-mf", str(pairs), "--out", str(out))
    rows = read(out)
    assert [(row["line"], row["user_id"], row["item_id"], row["note"]) for row in rows] == [
        ("2", "u1", "i3", ""),
        ("3", "nobody", "i3", "no user 'nobody' in the data"),
        ("4", "u1", TWIN, "2 items have the title 'Hamlet': ids 'i5', 'i6'"),
        ("5", "u2", "i3", ""),
        ("6", "u1", "?", "no item '?' in the data"),
    ]
    assert [bool(row["score"]) for row in rows] == [True, False, False, True, False]
    assert rows[0]["title"] == AWKWARD
    assert (told["rows"], told["scored"]) == (5, 2)
    assert {reason["first_lines"][0] for reason in told["without_score"]} == {3, 4, 6}
    said = convncf("score", "tiny-mf", str(pairs), "--out", str(out), "--force")
    assert said.out == ""
    assert "2 of 5 rows scored." in said.err
    assert "(line 3)" in said.err


def test_a_file_that_is_there_is_not_written_over_and_a_file_that_cannot_be_read_writes_none(
    convncf: CommandLine, tmp_path: Path
) -> None:
    pairs = write(tmp_path / "pairs.csv", [("u1", "i3")])
    assert "exists already" in convncf.refused("score", "tiny-mf", str(pairs), "--out", str(pairs))
    out = tmp_path / "out.csv"
    assert "does not exist" in convncf.refused("score", "tiny-mf", str(tmp_path / "none.csv"), "--out", str(out))
    assert "'nope'" in convncf.refused("score", "nope", str(pairs), "--out", str(out))
    bad = tmp_path / "bad.csv"
    bad.write_text("user,colour\nu1,red\n", encoding="utf-8")
    assert "no item column" in convncf.refused("score", "tiny-mf", str(bad), "--out", str(out))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "pairs.csv"]


@pytest.mark.slow
def test_case_6_evaluate_recommend_inspect_and_score_agree_on_20_test_pairs(
    convncf: CommandLine, runs_home: Path, tmp_path: Path
) -> None:
    run = "tiny-222"
    ranks = RunStore(runs_home).open(run).read_frame("ranks").head(20)
    wanted = {(user, item): rank for user, item, rank in zip(ranks.user_id, ranks.item_id, ranks["rank"], strict=True)}
    assert len(wanted) == 20
    out = tmp_path / "scored.csv"
    answer(convncf, "score", run, str(write(tmp_path / "pairs.csv", list(wanted))), "--out", str(out))
    scored = {(row["user_id"], row["item_id"]): int(row["rank"]) for row in read(out)}
    listed: dict[tuple[str, str], int] = {}
    inspected: dict[tuple[str, str], int] = {}
    for user in dict.fromkeys(user for user, _ in wanted):
        items = answer(convncf, "recommend", run, "--user", user, "-k", "30")["items"]
        listed |= {(user, item["item_id"]): item["rank"] for item in items if (user, item["item_id"]) in wanted}
    for user, item in wanted:
        inspected[user, item] = answer(convncf, "inspect", run, "--user", user, "--item", item)["rank"]
    assert scored == listed == inspected == wanted
