"""convncf evaluate under another protocol: what it prints, what it refuses, and that the run stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

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
        (["--protocol", "sampled"], "'full', 'candidates' or 'both'"),
        (["--negatives", "9"], "eval.negatives has no effect while eval.protocol is full"),
        (["--k", "0"], "each 1 or more"),
        (["--k", "1;2"], "Write them with commas, such as --k 1,5,10"),
        (["--protocol", "candidates", "--sets", "store"], "Did you mean stored?"),
        (["--protocol", "candidates", "--sets", "stored"], "came without candidate sets"),
        (["--cold", "never"], "'ranked', 'misses' or 'left out'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(convncf: CommandLine, options: list[str], said: str) -> None:
    assert said in " ".join(convncf.refused("evaluate", "popular", *options).split())
