"""convncf recommend: many lists in a file, whole or absent; the most popular for whom the data lacks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from convncf import jobs
from convncf.cli.console import TrainingDisplay
from convncf.data import catalogue
from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.runs import RunStore
from convncf.workflow.loading import load_run
from tests.command_line import CommandLine
from tests.worlds import checkerboard, litter, make_run

ODD = ("a, b", 'say "hi"', "two\nlines", "a\rreturn", "Ümläut 東京", "=1+1", " blanks ", "")


@pytest.fixture(autouse=True)
def odd_titles(home: Path) -> None:
    """A Popularity run on the checkerboard, whose titles are odd, and a user "glutton" with every item."""
    frame = checkerboard()
    full = pd.DataFrame({"user_id": "glut,ton", "item_id": frame["item_id"].unique(), "timestamp": 1_800_000_000})
    interactions = Interactions.from_frame(pd.concat([frame, full]))
    n = interactions.n_items
    titles = tuple(f"{ODD[index % len(ODD)]}{index}" if index % 8 < 7 else "" for index in range(n))
    table = ItemTable(interactions.items, titles, (None,) * n, ((),) * n)
    catalogue.save(Dataset("odd", interactions, table, "generated for a test"), home)
    jobs.work(make_run(home, "all", "popularity", data__dataset="odd", data__ratios=[0.6, 0.1, 0.3]))


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_file_holds_what_recommend_says_of_each_user_to_the_character(
    convncf: CommandLine, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "lists.csv"
    said = convncf("recommend", "all", "--all", "--top", "40", "--csv", str(file))
    rows = read(file)
    loaded = load_run(RunStore(home).open("all"))
    users, names = loaded.dataset.interactions.users, loaded.dataset.items
    assert list(dict.fromkeys(row["user_id"] for row in rows)) == list(users.ids), "every user, in the data's order"
    assert "glut,ton" in {row["user_id"] for row in rows}
    title_of = dict(zip(names.items.ids, names.titles, strict=True))
    assert all(row["title"] == title_of[row["item_id"]] for row in rows)
    assert {"\n", "\r", '"', "東"} <= set("".join(row["title"] for row in rows)), "or the titles prove little"
    for user in ("u3", "glut,ton"):
        alone = json.loads(convncf("recommend", "all", "--user", user, "-k", "40", "--json").out)["items"]
        mine = [row for row in rows if row["user_id"] == user]
        assert [row["rank"] for row in mine] == [str(place) for place in range(1, len(alone) + 1)]
        assert [(row["item_id"], float(row["score"])) for row in mine] == [(i["item_id"], i["score"]) for i in alone]
    assert f"wrote {file}: 31 users, {len(rows):,} rows" in said.err
    assert "asked for: 31 (" in said.err
    assert "rows tie with" in said.err
    assert "held-out test items" in said.err
    assert said.out == ""


def test_the_json_counts_what_was_written(convncf: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "lists.csv"
    told = json.loads(convncf("recommend", "all", "--user", "glut,ton", "-k", "99", "--csv", str(file), "--json").out)
    rows = read(file)
    assert (told["users"], told["rows"], told["held_out"], told["users_with_fewer"]) == (1, 12, 12, 1), "30% of 40"
    assert len(rows) == 12


def test_some_users_are_read_from_a_file_and_repeats_are_counted(convncf: CommandLine, tmp_path: Path) -> None:
    some, file = tmp_path / "some.txt", tmp_path / "lists.csv"
    some.write_bytes("\ufeffu5\r\n\r\nglut,ton\r\nu5\r\n".encode())
    said = convncf("recommend", "all", "--users", str(some), "--csv", str(file), "-k", "2")
    assert [row["user_id"] for row in read(file)] == ["u5", "u5", "glut,ton", "glut,ton"]
    assert "1 blank and 1" in said.err

    some.write_text("u5\nu0\nnew1\nnew2\n", encoding="utf-8")
    refused = convncf.refused("recommend", "all", "--users", str(some), "--csv", str(tmp_path / "other.csv"))
    assert f"--users {some} line 3" in refused
    assert ("31 " in refused, "'new1'" in refused, " 2 " in refused) == (True, True, True)
    assert not (tmp_path / "other.csv").exists()


def test_a_file_is_written_over_only_by_force(convncf: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "lists.csv"
    file.write_text("mine", encoding="utf-8")
    said = convncf.refused("recommend", "all", "--all", "--csv", str(file))
    assert "with --force" in said
    assert file.read_text(encoding="utf-8") == "mine"
    assert convncf("recommend", "all", "--all", "--csv", str(file), "--force").code == 0
    assert len(read(file)) == 310
    for bad, words in ((tmp_path, "is a folder"), (tmp_path / "no" / "l.csv", "does not exist")):
        assert words in convncf.refused("recommend", "all", "--all", "--force", "--csv", str(bad))


@pytest.mark.parametrize("before", [None, "mine"])
def test_ctrl_c_leaves_nothing_half_written(
    convncf: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    def interrupted(self: object, at: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingDisplay, "progress", interrupted)
    file = tmp_path / "lists.csv"
    if before is not None:
        file.write_text(before, encoding="utf-8")
    said = convncf("recommend", "all", "--all", "--csv", str(file), "--force", code=130)
    assert str(file) in said.err
    assert litter(tmp_path) == []
    assert (file.read_text(encoding="utf-8") if file.exists() else None) == before


def test_for_an_unknown_user_the_most_popular_are_offered_and_listed(convncf: CommandLine, home: Path) -> None:
    said = convncf.refused("recommend", "all", "--user", "U3")
    assert "Nearest: 'u3'" in said
    assert "--popular instead" in said

    split = load_run(RunStore(home).open("all")).split
    counts = split.train.sum(axis=0)
    for options in (["--popular"], ["--popular", "--user", "nobody"]):
        told = json.loads(convncf("recommend", "all", *options, "-k", "40", "--json").out)
        ids = split.interactions.items
        assert [item["score"] for item in told["items"]] == sorted(counts.tolist(), reverse=True)
        assert all(item["score"] == counts[ids.index(item["item_id"])] for item in told["items"])
    assert "'nobody'" in told["left_out"]
    assert "popular in training" in convncf("recommend", "all", "--popular").out


def test_popular_for_a_known_user_leaves_out_what_that_user_has(convncf: CommandLine, home: Path) -> None:
    split = load_run(RunStore(home).open("all")).split
    told = json.loads(convncf("recommend", "all", "--popular", "--user", "u3", "-k", "40", "--json").out)
    user = split.interactions.users.index("u3")
    had = {split.interactions.items.id(int(item)) for item in split.excluded("test")[[user]].indices}
    assert had
    assert had.isdisjoint(item["item_id"] for item in told["items"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give --user ID"),
        (["--popular", "--csv", "x.csv"], "Whose list?"),
        (["--all"], "--csv FILE."),
        (["--all", "--user", "u1"], "--user and --all"),
    ],
)
def test_what_does_not_say_whose_lists_are_wanted_is_wrong_usage(
    convncf: CommandLine, options: list[str], said: str
) -> None:
    assert said in " ".join(convncf.refused("recommend", "all", *options, code=2).replace("│", " ").split())
