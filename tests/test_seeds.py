"""Groups over seeds: known means and intervals, who is left out, and what is no group."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convncf.errors import RunBrokenError, RunError, RunNotFoundError
from convncf.evaluation.seeds import common_name, find, group, groups, identity, summary, unreadable
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
    found = summary([0.4, 0.5, 0.6])
    # t(0.975, 2) = 4.302653 (any table); sd = 0.1; half = 0.4302653 / sqrt(3)
    assert (found.mean, found.sd) == pytest.approx((0.5, 0.1))
    assert (found.n, found.cut) == (3, False)
    assert found.low == pytest.approx(0.5 - 0.2484138, abs=1e-7)
    assert found.high == pytest.approx(0.5 + 0.2484138, abs=1e-7)
    assert found.words == "0.5000 ± 0.1000 (n = 3, 95% 0.2516 to 0.7484)"


@pytest.mark.parametrize(
    ("values", "ends"), [([0.1, 0.2], (0, 0.785310)), ([0.9, 0.8], (0.214690, 1)), ([0.2, 0.8], (0, 1))]
)
def test_an_interval_beyond_what_a_metric_can_be_is_cut_and_says_so(
    values: list[float], ends: tuple[float, float]
) -> None:
    found = summary(values)  # t(0.975, 1) = 12.7062; half of the first two = 12.7062 * 0.0707107 / sqrt(2) = 0.63531
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-6)
    assert found.cut
    assert found.words.endswith(f"to {ends[1]:.4f}, cut at 0 and 1)")


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
    assert found.excluded == {"a-seed3": "stopped", "a-seed4": "failed"}
    assert found.metrics["NDCG@10"].mean == pytest.approx(0.3)
    assert found.validation["NDCG@10"].mean == pytest.approx(0.15)
    assert found.unlike == ()


def test_runs_that_differ_in_a_setting_with_effect_are_no_group(tmp_path: Path) -> None:
    one, other = made(tmp_path, "a", 0.2, seed=1), made(tmp_path, "b", 0.2, seed=2, **{"train.epochs": 9})
    with pytest.raises(RunError, match="than the seed"):
        group([one, other])
    assert groups([one, other]) == []


def test_a_setting_without_effect_does_not_part_a_group(tmp_path: Path) -> None:
    one = made(tmp_path, "a", 0.2, seed=1, **{"pretrain.epochs": 0})
    other = made(tmp_path, "b", 0.2, seed=2, **{"pretrain.epochs": 0, "train.device": "auto"})
    change(other, "pretrain.lr", 0.5)
    assert other.config().pretrain.lr == 0.5
    assert identity(one) == identity(other)
    assert [found.runs for found in groups([one, other])] == [("a", "b")]


def test_each_seed_may_begin_from_a_run_of_its_own_seed(tmp_path: Path) -> None:
    def network(name: str, seed: int, source: str) -> Run:
        settings = {"pretrain.epochs": 0, "model.train_method": "after_pretrain", "model.pre_model_path": source}
        return made(tmp_path, name, 0.2 + seed / 10, seed=seed, model="convncf", **settings)

    made(tmp_path, "mf-1", 0.2, seed=1)
    made(tmp_path, "mf-2", 0.2, seed=2)
    made(tmp_path, "other-3", 0.2, seed=3, **{"train.epochs": 9})
    own = [network("net-1", 1, "mf-1"), network("net-2", 2, "mf-2")]
    assert group(own).seeds == (1, 2)
    from_another_seed = network("net-3", 3, "mf-1")  # it shares what seed 1 learned: no sample of its own
    from_other_settings = network("net-4", 3, "other-3")
    assert len({identity(run) for run in (own[0], from_another_seed, from_other_settings)}) == 3


def change(run: Run, key: str, value: Any) -> None:
    """Write a setting into config.json that the door would refuse beside the others."""
    path = run.path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["settings"][key]["value"] = value
    path.write_text(json.dumps(config), encoding="utf-8")
    run.__dict__.pop("_config_json", None)


def test_a_seed_counts_once_by_its_newest_finished_run(tmp_path: Path) -> None:
    runs = [
        made(tmp_path, "first", 0.1, seed=1),
        made(tmp_path, "old", 0.9, seed=2),
        made(tmp_path, "new", 0.3, seed=2),
        made(tmp_path, "newest", None, seed=2),  # not finished: it does not count, however new
    ]
    found = group(runs)
    assert (found.runs, found.seeds) == (("first", "new"), (1, 2))
    assert found.excluded.keys() == {"old", "newest"}
    assert ("seed 2" in found.excluded["old"], found.excluded["newest"]) == (True, "queued")
    counted = found.metrics["NDCG@10"]
    assert counted.mean == pytest.approx(0.2)
    assert counted == summary([0.1, 0.3]), "not of 0.1, 0.3 and 0.9"
    assert found.unlike == ()
    assert groups([runs[1], runs[2]]) == [], "one seed is no group"


def test_the_name_of_train_with_seeds_is_that_of_its_runs_alone(tmp_path: Path) -> None:
    for name, seed in (("x-seed1", 1), ("x-seed2", 2), ("x-seed2b", 3), ("other", 4), ("ax-seed1", 5)):
        made(tmp_path, name, 0.2, seed=seed)
    store = RunStore(tmp_path)
    assert find(store, "x").runs == ("x-seed1", "x-seed2")
    assert find(store, "x-seed1").seeds == (1, 2, 3, 4, 5), "a run stands for all that differ in the seed alone"
    with pytest.raises(RunNotFoundError, match="'y'"):
        find(store, "y")
    made(tmp_path, "x-seed9", 0.2, seed=9, **{"train.epochs": 9})
    with pytest.raises(RunError, match="'x-seed1' and 'x-seed9'"):
        find(store, "x")


@pytest.mark.parametrize("file", ["config.json", "status.json", "report.json"])
def test_a_broken_run_is_left_out_and_takes_no_other_with_it(tmp_path: Path, file: str) -> None:
    runs = [made(tmp_path, f"x-seed{seed}", 0.2, seed=seed) for seed in (1, 2, 3)]
    (runs[1].path / file).write_text("{", encoding="utf-8")
    runs = [*RunStore(tmp_path).all()]
    found = find(RunStore(tmp_path), "x")
    assert (found.seeds, found.excluded) == ((1, 3), {"x-seed2": "broken"})
    assert [one.seeds for one in groups(runs)] == [(1, 3)]
    assert unreadable(runs) == (("x-seed2",) if file == "config.json" else ())
    (runs[0].path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunBrokenError, match=r"config\.json"):
        group([Run(runs[0].path)])


def test_a_metric_that_a_report_lacks_is_not_summed_up(tmp_path: Path) -> None:
    runs = [made(tmp_path, "a", 0.2, seed=1), made(tmp_path, "b", 0.4, seed=2)]
    report = runs[1].report()
    assert report is not None
    runs[1].write_report(report | {"metrics": {"NDCG@10": 0.4, "AUC": 0.5}, "validation": {"NDCG@10": None}})
    found = group(runs)
    assert set(found.metrics) == {"NDCG@10"}
    assert found.validation == {}


@pytest.mark.parametrize(
    ("protocols", "alike"),
    [
        (["full ranking", "full ranking"], True),
        (["candidates: 99 drawn a test item, seed 1", "candidates: 99 drawn a test item, seed 2"], True),
        (
            [
                "candidates: 99 drawn a test item, seed 1",
                "candidates: 28 to 99 drawn a test item, seed 2: 99 were asked and 3 sets have no more",
            ],
            True,
        ),
        (
            [
                "candidates: stored, cleaned: 3 repeats taken out; 99 negatives each",
                "candidates: stored, cleaned: nothing had to be taken out; 99 negatives each",
            ],
            True,
        ),
        (["full ranking", "candidates: 99 drawn a test item, seed 2"], False),
        (
            [
                "candidates: stored, as published; 99 negatives each",
                "candidates: stored, cleaned: nothing had to be taken out; 99 negatives each",
            ],
            False,
        ),
        (["candidates: 99 drawn a test item, seed 1", "candidates: stored, as published; 99 negatives each"], False),
    ],
)
def test_protocols_are_told_apart_by_their_kind_not_by_the_seed(
    tmp_path: Path, protocols: list[str], alike: bool
) -> None:
    runs = [made(tmp_path, f"a-seed{seed}", 0.2, seed=seed) for seed in (1, 2)]
    for run, protocol in zip(runs, protocols, strict=True):
        report = run.report()
        assert report is not None
        run.write_report(report | {"protocol": protocol})
    assert ["protocol" in words for words in group(runs).unlike] == ([] if alike else [True])


def test_it_says_what_its_intervals_are_over(tmp_path: Path) -> None:
    runs = [made(tmp_path, f"a-seed{seed}", 0.2, seed=seed) for seed in (1, 2)]
    assert not group(runs).one_split, "reports of older versions do not say"
    for splits, words in ((("s", "t"), "(split and training)"), (("s", "s"), "(training; the split is the same)")):
        for run, split in zip(runs, splits, strict=True):
            report = run.report()
            assert report is not None
            run.write_report(report | {"split_fingerprint": split})
        assert words in group(runs).interval_words


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
