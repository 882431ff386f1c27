"""Groups over seeds: known means and intervals, who is left out, and what is no group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convncf.cli.seeds import parse_seeds
from convncf.errors import ConfigError, RunError
from convncf.grouping import common_name, group, groups, identity, summary
from convncf.runs import Run, RunStore, Status
from tests.worlds import tiny


def made(home: Path, name: str, value: float | None, **settings: Any) -> Run:
    """A run folder as a worker would leave it, with NDCG@10 = value; unfinished where it is None."""
    run = RunStore(home).create(name, tiny(**settings), fingerprint="sha256:0", request_id="")
    if value is not None:
        report = {"metrics": {"NDCG@10": value}, "best_epoch": 1, "n_users_evaluated": 3, "seconds": 1.0}
        run.write_report(report | {"validation": {"NDCG@10": value / 2}, "protocol": "full ranking"})
        run.write_status(Status(state="finished"))
    return run


def test_mean_sd_and_t_interval_of_three_seeds_are_those_of_a_table() -> None:
    found = summary([1.0, 2.0, 3.0])
    # t(0.975, 2) = 4.302653 (any table); sd = 1; half = 4.302653 / sqrt(3)
    assert (found.mean, found.sd, found.n) == (2.0, 1.0, 3)
    assert found.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert found.high == pytest.approx(2 + 2.484138, abs=1e-6)
    assert found.words == "2.0000 ± 1.0000 (n = 3, 95% -0.4841 to 4.4841)"


def test_one_seed_has_a_mean_and_neither_sd_nor_interval() -> None:
    found = summary([0.25])
    assert (found.mean, found.sd, found.n, found.low, found.high) == (0.25, None, 1, None, None)
    assert found.words == "0.2500 (n = 1)"


def test_an_unfinished_and_a_failed_seed_are_left_out_and_named(tmp_path: Path) -> None:
    runs = [
        made(tmp_path, "a-seed1", 0.2, seed=1),
        made(tmp_path, "a-seed2", 0.4, seed=2),
        made(tmp_path, "a-seed3", None, seed=3),
        made(tmp_path, "a-seed4", 0.9, seed=4),
    ]
    runs[2].write_status(Status(state="stopped"))
    runs[3].write_status(Status(state="failed"))  # it had a report before, say of fewer epochs
    found = group(runs[::-1])
    assert (found.name, found.runs, found.seeds) == ("a", ("a-seed1", "a-seed2"), (1, 2))
    assert found.left_out == {"a-seed3": "stopped", "a-seed4": "failed"}
    assert found.metrics["NDCG@10"].mean == pytest.approx(0.3)
    assert found.validation["NDCG@10"].mean == pytest.approx(0.15)
    assert found.unlike == ()


def test_runs_that_differ_in_a_setting_with_effect_are_no_group(tmp_path: Path) -> None:
    one, other = made(tmp_path, "a", 0.2, seed=1), made(tmp_path, "b", 0.2, seed=2, **{"train.epochs": 9})
    with pytest.raises(RunError, match="differ in more than the seed"):
        group([one, other])
    assert groups([one, other]) == []


def test_a_setting_without_effect_does_not_part_a_group(tmp_path: Path) -> None:
    one = made(tmp_path, "a", 0.2, seed=1, **{"pretrain.epochs": 0})
    other = made(tmp_path, "b", 0.2, seed=2, **{"pretrain.epochs": 0, "pretrain.lr": 0.5, "train.device": "auto"})
    assert identity(one) == identity(other)
    assert [found.runs for found in groups([one, other])] == [("a", "b")]


def test_a_seed_that_occurs_twice_is_said(tmp_path: Path) -> None:
    found = group([made(tmp_path, "a", 0.2, seed=7), made(tmp_path, "b", 0.2, seed=7)])
    assert found.unlike == ("seed 7 occurs 2 times, and a seed twice is no new evidence",)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["mf-seed1", "mf-seed2"], "mf"),
        (["mf-seed1", "mf-seed10"], "mf"),
        (["mf", "mf-2"], "mf"),
        (["one"], "one"),
        (["seed1", "seed2"], "seed1"),
        (["ml-1m-a-seed1", "ml-1m-a-seed2"], "ml-1m-a"),
    ],
)
def test_the_name_of_a_group_is_what_its_runs_share(names: list[str], wanted: str) -> None:
    assert common_name(names) == wanted


@pytest.mark.parametrize(("text", "wanted"), [("1,2,3", (1, 2, 3)), ("1-3", (1, 2, 3)), ("5, 7-8", (5, 7, 8))])
def test_seeds_are_read_as_a_list_or_a_range(text: str, wanted: tuple[int, ...]) -> None:
    assert parse_seeds(text) == wanted


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1,1", "3-1", "-1", "1.5", "1-"])
def test_what_are_no_seeds_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="seeds"):
        parse_seeds(text)
