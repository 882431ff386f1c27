"""convncf evaluate under another protocol: what it prints, what it refuses, and that the run stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from convncf.cli import app
from convncf.evaluation import metrics
from tests.command_line import CommandLine


@pytest.fixture(scope="module")
def convncf(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A home with the shop and a finished Popularity run on it."""
    found = CommandLine(tmp_path_factory.mktemp("evaluating") / "home")
    found.add_shop()
    found("train", "--dataset", "shop", "--model", "popularity", "--name", "popular")
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_both_protocols_are_printed_side_by_side_and_the_run_stays(convncf: CommandLine) -> None:
    folder = convncf.home / "runs" / "popular"
    before = files(folder)
    answer = convncf("evaluate", "popular", "--protocol", "both", "--negatives", "999", "--k", "1,2")
    header = next(line for line in answer.out.splitlines() if line.startswith("metric"))
    assert header.split() == ["metric", "full,", "test", "candidates,", "test", "validation"]
    assert "95% interval" in answer.out
    assert "Coverage@2" in answer.out
    assert "999 were asked" in answer.out + answer.err
    assert "candidate sets sha256:" in answer.err
    assert "24 of 24 users evaluated on test" in answer.err
    assert files(folder) == before


def test_the_json_holds_both_and_is_the_same_every_time(convncf: CommandLine) -> None:
    options = ["--protocol", "candidates", "--negatives", "5", "--k", "1,3", "--cold", "misses"]
    asked = ("evaluate", "popular", *options, "--json")
    first, again = convncf(*asked).object, convncf(*asked).object
    assert first | {"seconds": 0} == again | {"seconds": 0}
    assert first["protocol"] == "candidates: 5 drawn a test item, seed 1"
    assert (first["candidates"]["fewest"], first["candidates"]["most"]) == (5, 5)
    assert first["candidates"]["n_sets"] >= first["n_users_evaluated"] == 24
    assert {"HR@1", "HR@3", "MAP@3", "AUC", "NDCG@10"} <= set(first["metrics"])
    assert "HR@5" not in first["metrics"]
    assert first["metrics"].keys() == first["intervals"].keys()
    assert first["warnings"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--protocol", "sampled"], "--protocol 'sampled' does not exist. Give full, candidates or both."),
        (["--protocol", "sampled", "--negatives", "9"], "--protocol 'sampled' does not exist."),
        (["--negatives", "9"], "eval.negatives has no effect while eval.protocol is full"),
        (["--k", "0"], "each 1 or more"),
        (["--k", "1;2"], "Write them with commas, such as --k 1,5,10"),
        (["--protocol", "candidates", "--sets", "store"], "Did you mean stored?"),
        (["--protocol", "candidates", "--sets", "stored"], "came without candidate sets"),
        (["--cold", "never"], "--cold 'never' does not exist. Give ranked, misses or left out."),
    ],
)
def test_what_cannot_be_is_refused_in_words(convncf: CommandLine, options: list[str], said: str) -> None:
    assert said in " ".join(convncf.refused("evaluate", "popular", *options).split())


def test_how_much_there_is_to_rank_is_said_beforehand(convncf: CommandLine) -> None:
    said = convncf("evaluate", "popular", "--protocol", "both", "--negatives", "5").err
    sets = convncf("evaluate", "popular", "--protocol", "candidates", "--negatives", "5", "--json").object["candidates"]
    assert said.splitlines()[0] == (
        "to rank: 24 users × 30 items on validation, 24 users × 30 items on test, "
        f"{sets['n_sets']} candidate sets with {5 * sets['n_sets']} negatives on test"
    )


def test_a_run_without_a_test_part_says_so_where_its_figures_would_be(convncf: CommandLine) -> None:
    options = ("--dataset", "shop", "--model", "popularity")
    convncf("train", *options, "--name", "all", "--set", "data.ratios=[1,0,0]")
    answer = convncf("evaluate", "all")
    assert answer.out.splitlines()[1:] == [
        "no metrics: there is nothing to evaluate on",
        "test: Nothing was evaluated: no user has a test item.",
    ]
    assert answer.err.startswith("to rank: nothing\n")
    convncf("train", *options, "--name", "validated", "--set", "data.ratios=[0.8,0.2,0]")
    answer = convncf("evaluate", "validated")
    assert answer.out.splitlines()[1].split() == ["metric", "validation"]
    assert answer.out.splitlines()[-1] == "test: Nothing was evaluated: no user has a test item."
    assert "Nothing" not in answer.err, "it is said once"


def test_help_has_the_formula_of_each_metric() -> None:
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output
    lines = [line.strip() for line in shown.splitlines()]
    for name, formula in metrics.FORMULAS.items():
        assert f"{name if name == 'AUC' else f'{name}@K'}: {formula}" in lines, "a line each"
    assert "Examples: convncf evaluate demo-mf --k 1,5,50" in lines
