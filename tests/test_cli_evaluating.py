"""convncf evaluate under another protocol: what it prints, what it refuses, and that the run stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from convncf.cli import app
from convncf.evaluation import metrics
from tests.command_line import CommandLine
from tests.wording import values_in


@pytest.fixture(scope="module", autouse=True)
def popular(shop: CommandLine) -> None:
    """A finished Popularity run on the shop."""
    shop("train", "--dataset", "shop", "--model", "popularity", "--name", "popular")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_both_protocols_are_printed_side_by_side_and_the_run_stays(shop: CommandLine) -> None:
    folder = shop.home / "runs" / "popular"
    before = files(folder)
    answer = shop("evaluate", "popular", "--protocol", "both", "--negatives", "999", "--k", "1,2")
    header = next(line for line in answer.out.splitlines() if line.startswith("metric"))
    assert header.split() == ["metric", "full,", "test", "candidates,", "test", "validation"]
    assert "95% interval" in answer.out
    assert "Coverage@2" in answer.out
    assert "999 were asked" in answer.out + answer.err
    assert "candidate sets sha256:" in answer.err
    assert "24 of 24 users" in answer.err
    assert files(folder) == before


def test_the_json_holds_both_and_is_the_same_every_time(shop: CommandLine) -> None:
    options = ["--protocol", "candidates", "--negatives", "5", "--k", "1,3", "--cold", "misses"]
    asked = ("evaluate", "popular", *options, "--json")
    first, again = shop(*asked).object, shop(*asked).object
    assert first | {"seconds": 0} == again | {"seconds": 0}
    assert values_in(first["protocol"]) == ["5", "1"]
    assert (first["candidates"]["fewest"], first["candidates"]["most"]) == (5, 5)
    assert first["candidates"]["n_sets"] >= first["n_users_evaluated"] == 24
    assert {"HR@1", "HR@3", "MAP@3", "AUC", "NDCG@10"} <= set(first["metrics"])
    assert "HR@5" not in first["metrics"]
    assert first["metrics"].keys() == first["intervals"].keys()
    assert first["warnings"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--protocol", "sampled"], "--protocol 'sampled'"),
        (["--protocol", "sampled", "--negatives", "9"], "--protocol 'sampled'"),
        (["--negatives", "9"], "eval.protocol is full"),
        (["--k", "0"], "each 1 or more"),
        (["--k", "1;2"], "--k 1,5,10"),
        (["--protocol", "candidates", "--sets", "store"], "mean stored?"),
        (["--protocol", "candidates", "--sets", "stored"], "has no candidate sets"),
        (["--cold", "never"], "--cold 'never'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(shop: CommandLine, options: list[str], said: str) -> None:
    assert said in " ".join(shop.refused("evaluate", "popular", *options).split())


def test_how_much_there_is_to_rank_is_said_beforehand(shop: CommandLine) -> None:
    said = shop("evaluate", "popular", "--protocol", "both", "--negatives", "5").err
    sets = shop("evaluate", "popular", "--protocol", "candidates", "--negatives", "5", "--json").object["candidates"]
    assert values_in(said.splitlines()[0]) == [
        *("24", "30", "24", "30"),
        *(str(sets["n_sets"]), str(5 * sets["n_sets"])),
    ]


def test_a_run_without_a_test_part_says_so_where_its_figures_would_be(shop: CommandLine) -> None:
    options = ("--dataset", "shop", "--model", "popularity")
    shop("train", *options, "--name", "all", "--set", "data.ratios=[1,0,0]")
    answer = shop("evaluate", "all")
    assert [line.partition(":")[0] for line in answer.out.splitlines()[1:]] == ["no metrics", "test"]
    assert answer.err.startswith("to rank: nothing\n")
    shop("train", *options, "--name", "validated", "--set", "data.ratios=[0.8,0.2,0]")
    answer = shop("evaluate", "validated")
    assert answer.out.splitlines()[1].split() == ["metric", "validation"]
    assert answer.out.splitlines()[-1].startswith("test: ")
    assert "Nothing" not in answer.err, "it is said once"


def test_help_has_the_formula_of_each_metric() -> None:
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output
    lines = [line.strip() for line in shown.splitlines()]
    for name, formula in metrics.FORMULAS.items():
        assert f"{name if name == 'AUC' else f'{name}@K'}: {formula}" in lines, "a line each"
    assert "convncf evaluate demo-mf --k 1,5,50" in shown
