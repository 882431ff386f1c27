"""Runs beside each other: only what differs, no ranking of what is unlike, and tests over the same raw users."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from convncf import jobs
from convncf.errors import RunBrokenError, RunError
from convncf.evaluation.comparison import ComparedRun, Comparison, Gain, compare, differences, gain, measured
from convncf.evaluation.significance import paired_test
from convncf.models.run_config import RunConfig
from convncf.runs import Run, RunStore, Status
from convncf.runtime import files
from tests.worlds import checkerboard, finished_run, make_run, save_dataset

# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1e-3, 0.001),
        (1, 1.0),
        ([4, 4, 2], [4.0, 4.0, 2.0]),
        ((4, 4), [4, 4]),
        (None, None),
        ("adam", "adam"),
        ([[1, 2], [3]], [[1, 2.0], [3]]),
    ],
)
def test_equal_values_are_no_difference_however_they_were_written(a: Any, b: Any) -> None:
    assert differences([{"x": a}, {"x": b}]) == ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1e-3, 0.0011),
        (True, 1),
        (False, 0),
        (None, 0),
        (None, ""),
        ("1", 1),
        ([4, 4, 2], [4, 2, 4]),
        ([4], 4),
        (10, 9),
    ],
)
def test_unlike_values_are_a_difference(a: Any, b: Any) -> None:
    (found,) = differences([{"x": a, "same": 1}, {"x": b, "same": 1}])
    assert (found.key, found.values) == ("x", (a, b))


def test_a_setting_that_one_run_does_not_have_is_none_there() -> None:
    found = differences([{"b": 1, "a": 2}, {"a": 2, "c": 3}, {"b": 1, "a": 2}])
    assert [(one.key, one.values) for one in found] == [("b", (1, None, 1)), ("c", (None, 3, None))]


# ---------------------------------------------------------------- runs


def trained(home: Path, name: str, model: str = "popularity", **settings: Any) -> Run:
    run = make_run(home, name, model, **settings)
    jobs.work(run)
    return run


@pytest.fixture
def two(home: Path) -> tuple[Run, Run]:
    """The finished tiny ConvNCF, and Popularity on the same split."""
    return finished_run(home), trained(home, "popular")


def test_each_column_is_the_runs_own_report(two: tuple[Run, Run]) -> None:
    found = compare(two)
    for run, column in zip(two, found.runs, strict=True):
        report = run.report()
        assert report is not None
        assert (column.name, column.model) == (run.name, report["model"])
        assert (column.best_epoch, column.seconds) == (report["best_epoch"], report["seconds"])
        assert column.metrics == report["metrics"]
        assert column.validation == report["validation"]
        assert column.n_users_evaluated == 30
    assert found.monitor == "NDCG@10"
    assert found.unlike == ()
    settings = [run.settings() for run in two]
    shown = {one.key: one.values for one in found.differences}
    without_effect = {"model.embedding_std"}  # one starts from pretraining, the other has no embeddings
    assert (
        set(shown)
        == {key for key in (*settings[0], *settings[1]) if settings[0].get(key) != settings[1].get(key)}
        - without_effect
    )
    assert "model.name" in shown
    assert "seed" not in shown
    kernels = settings[0]["model.cnn_kernels"]
    assert shown["model.cnn_kernels"] == (kernels, None), "popularity has no use for kernels"


def test_pretraining_settings_without_pretraining_are_no_difference(home: Path) -> None:
    runs = [
        trained(home, "one", "mf-bpr", train__epochs=1),
        trained(home, "two", "convncf", pretrain__epochs=0, train__epochs=1),
    ]
    lr = [run.settings()["pretrain.lr"] for run in runs]
    assert lr[0] != lr[1], "they differ, without effect"
    shown = {one.key for one in compare(runs).differences}
    assert "model.cnn_kernels" in shown
    assert not {key for key in shown if key.startswith("pretrain.")}


def test_the_first_is_the_baseline_of_the_paired_test(two: tuple[Run, Run]) -> None:
    there, back = compare(two), compare(two[::-1])
    assert set(there.paired) == {"popular"}
    test = there.paired["popular"]
    assert (test.n, test.difference < 0) == (30, True)
    assert test.difference == pytest.approx(
        there.runs[1].metrics["NDCG@10"] - there.runs[0].metrics["NDCG@10"], abs=1e-12
    )
    assert back.paired["tiny"].difference == pytest.approx(-test.difference, abs=1e-12)
    assert back.paired["tiny"].p_value == pytest.approx(test.p_value)


def test_users_are_paired_by_raw_id_not_by_row(two: tuple[Run, Run]) -> None:
    before = compare(two)
    frame = two[1].read_frame("per_user")
    two[1].write_frame("per_user", frame.sample(frac=1, random_state=1, ignore_index=True))
    assert compare(two).paired == before.paired

    kept = frame[frame["user_id"] != "u4"]
    two[1].write_frame("per_user", kept)
    fewer = compare(two).paired["popular"]
    mine = two[0].read_frame("per_user")
    mine = mine[(mine["part"] == "test") & (mine["model"] == "this") & (mine["user_id"] != "u4")]
    theirs = kept[(kept["part"] == "test") & (kept["model"] == "this")].set_index("user_id")
    assert fewer == paired_test(theirs.loc[mine["user_id"], "NDCG@10"].to_numpy(), mine["NDCG@10"].to_numpy(), 0)
    assert fewer.n == 29


def test_the_same_run_twice_under_two_names_is_equal(home: Path, two: tuple[Run, Run]) -> None:
    shutil.copytree(two[0].path, two[0].path.parent / "twin")
    found = compare([two[0], RunStore(home).open("twin")])
    assert found.differences == ()
    assert found.paired["twin"].p_value == 1.0
    assert "twin and tiny are" in found.to_json()["paired"]["twin"]["words"]


def test_the_comparison_is_strict_json_and_names_its_baseline(two: tuple[Run, Run]) -> None:
    said = json.loads(files.strict_json(compare(two).to_json()))
    assert said["baseline"] == "tiny"
    assert said["differences"]["model.name"] == {"tiny": "convncf", "popular": "popularity"}
    assert [run["name"] for run in said["runs"]] == ["tiny", "popular"]
    assert said["paired"]["popular"]["words"].startswith("popular is ")


# ---------------------------------------------------------------- what is unlike


def assert_refused(found: Comparison, words: str) -> None:
    assert found.paired == {}
    assert any(words in sentence for sentence in found.unlike), found.unlike
    assert all("tiny" in sentence for sentence in found.unlike), "each says which run is which"
    assert len(found.runs) == 2, "the figures are still shown"


REPORT = {
    "metrics": {"NDCG@10": 0.5},
    "dataset": "films",
    "fingerprint": "f1",
    "split_fingerprint": "s1",
    "protocol": "candidates: 1 positive and 99 negatives, drawn by seed 1",
    "candidate_fingerprint": "c1",
    "cold": "include",
}


@pytest.mark.parametrize("key", sorted(set(REPORT) - {"metrics"}))
def test_reports_that_differ_in_how_they_were_measured_are_told_apart(key: str) -> None:
    assert measured(REPORT | {key: "full ranking"}) != measured(REPORT)
    assert measured(REPORT | {"metrics": {"HR@5": 0.1}, "seconds": 3}) == measured(REPORT)
    by_another_seed = REPORT | {"protocol": "candidates: 1 positive and 99 negatives, drawn by seed 2"}
    assert measured(by_another_seed) == measured(REPORT), "which sets they are is told by their fingerprint"
    assert measured({**REPORT, "metrics": {}}) is None


def test_another_split_is_flagged_and_not_tested(home: Path) -> None:
    other = trained(home, "seed-2", seed=2)
    assert_refused(compare([finished_run(home), other]), "different splits")


def test_another_dataset_is_flagged_once_and_not_tested(home: Path) -> None:
    tiny = finished_run(home)
    save_dataset(home, "other", checkerboard(seed=3))
    found = compare([tiny, trained(home, "elsewhere", data__dataset="other")])
    assert_refused(found, "different datasets (tiny: toy; elsewhere: other)")
    assert len(found.unlike) == 1


def test_the_same_name_with_other_data_is_flagged_and_not_tested(home: Path) -> None:
    tiny = finished_run(home)
    from convncf.data import catalogue

    catalogue.delete("toy", home)
    save_dataset(home, "toy", checkerboard(seed=3))
    assert_refused(compare([tiny, trained(home, "later")]), "different data (the fingerprint)")


def test_a_run_that_was_not_evaluated_in_the_metric_is_flagged_and_not_tested(two: tuple[Run, Run], home: Path) -> None:
    other = trained(home, "by-mrr", eval__ks=[5], eval__monitor="MRR@5")
    found = compare([two[0], other, two[1]])
    assert [name in found.paired for name in ("by-mrr", "popular")] == [False, True]
    assert found.unlike == ()
    assert "NDCG@10" in found.untested["by-mrr"]
    assert found.to_json()["untested"] == found.untested


def test_runs_without_a_test_part_are_compared_without_a_test(home: Path) -> None:
    runs = [trained(home, name, data__ratios=[0.9, 0.1, 0], eval__ks=ks) for name, ks in (("a", [5]), ("b", [10]))]
    found = compare(runs)
    assert found.paired == {}
    assert found.untested.keys() == {"b"}
    assert [dict(run.metrics) for run in found.runs] == [{}, {}]
    assert "NDCG@10" in found.runs[0].validation


# ---------------------------------------------------------------- what cannot be compared


def test_fewer_than_two_or_one_twice_is_refused(two: tuple[Run, Run]) -> None:
    for runs in ([], [two[0]]):
        with pytest.raises(RunError, match=f"got {len(runs)}"):
            compare(runs)
    with pytest.raises(RunError, match="named twice"):
        compare([two[0], two[1], Run(two[0].path)])


def test_a_run_without_a_report_says_its_state(two: tuple[Run, Run], home: Path) -> None:
    waiting = make_run(home, "waiting", "popularity")
    with pytest.raises(RunError, match=r"'waiting' .* queued"):
        compare([two[0], waiting])


def test_a_run_that_goes_on_is_not_compared_by_the_report_of_before(two: tuple[Run, Run]) -> None:
    for state in ("stopped", "failed"):
        two[1].write_status(Status(state=state))
        words = f"'popular' is not finished: it is {state}. Go on with it: convncf resume popular"
        with pytest.raises(RunError, match=words):
            compare(two)
    two[1].write_status(Status(state="finished"))
    compare(two)


def test_one_user_has_a_difference_and_no_interval(two: tuple[Run, Run]) -> None:
    for run in two:
        frame = run.read_frame("per_user")
        run.write_frame("per_user", frame[frame["user_id"] == "u4"])
        run.write_report((run.report() or {}) | {"n_users_evaluated": 1})
    found = compare(two)
    test = found.paired["popular"]
    assert (test.n, test.low, test.high) == (1, None, None)
    said = json.loads(files.strict_json(found.to_json()))
    assert "from 1 user" in said["paired"]["popular"]["words"]
    assert [run["intervals"] for run in said["runs"]] == [{}, {}]


def test_a_metric_without_a_value_is_left_out(two: tuple[Run, Run]) -> None:
    report = two[1].report()
    assert report is not None
    two[1].write_report(report | {"metrics": report["metrics"] | {"AUC": None}})
    found = compare(two)
    assert "AUC" not in found.runs[1].metrics
    assert found.difference(found.runs[1], "AUC") is None
    assert found.best("AUC") == {"tiny"}


@pytest.mark.parametrize("name", ["report.json", "per_user.parquet", "config.json"])
def test_a_damaged_file_is_named(two: tuple[Run, Run], name: str) -> None:
    (two[1].path / name).write_text("{}")
    with pytest.raises(RunBrokenError, match=name.replace(".", r"\.")):
        compare([two[0], Run(two[1].path)])


def test_a_frame_without_its_columns_is_named(two: tuple[Run, Run]) -> None:
    two[1].write_frame("per_user", pd.DataFrame({"user_id": ["u1"], "NDCG@10": np.zeros(1)}))
    with pytest.raises(RunBrokenError, match=r"per_user\.parquet"):
        compare(two)


# ---------------------------------------------------------------- who is best, by how much, and what is simple


def compared(**metrics: dict[str, float]) -> Comparison:
    runs = tuple(ComparedRun(name, "convncf", 1, values, {}, 3, 1.0) for name, values in metrics.items())
    return Comparison(runs, "NDCG@10", (), (), {})


def test_differences_are_against_the_first_run() -> None:
    found = compared(a={"HR@5": 0.5}, b={"HR@5": 0.75}, c={})
    assert found.difference(found.runs[0], "HR@5") is None
    assert found.difference(found.runs[1], "HR@5") == 0.25
    assert found.difference(found.runs[2], "HR@5") is None


def test_equal_runs_are_best_together() -> None:
    found = compared(a={"HR@5": 0.5, "MRR@5": 0.3}, b={"HR@5": 0.5}, c={"HR@5": 0.4})
    assert found.best("HR@5") == {"a", "b"}
    assert found.best("MRR@5") == {"a"}


def test_the_simple_baselines_are_those_of_the_first_report_but_for_a_run_that_is_one(two: tuple[Run, Run]) -> None:
    network, popular = two
    report = network.report()
    assert report is not None
    assert set(report["baselines"]) == {"popularity", "mf-bpr"}
    found = compare((network, popular))
    assert found.references == {"mf-bpr": report["baselines"]["mf-bpr"]}, "Popularity stands there as a run"
    assert compare((popular, network)).references == {}
    assert json.loads(files.strict_json(found.to_json()))["references"] == found.references


# ---------------------------------------------------------------- what training brought


@dataclass
class Told:
    """A run that has settings and curves, and no folder."""

    rows: list[dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict)

    def config(self) -> RunConfig:
        return RunConfig.model_validate(self.settings)

    def metrics(self) -> list[dict[str, Any]]:
        return self.rows


def row(phase: str, epoch: int, value: float | None, *, improved: bool) -> dict[str, Any]:
    validation = None if value is None else {"NDCG@10": value}
    return {"phase": phase, "epoch": epoch, "validation": validation, "improved": improved}


def gained(rows: list[dict[str, Any]], settings: dict[str, Any] | None = None) -> Gain | None:
    return gain(cast(Run, Told(rows, settings or {})))


def test_what_training_brought_is_from_its_own_start_to_the_kept_epoch() -> None:
    rows = [
        row("pretraining", 0, 0.01, improved=True),
        row("pretraining", 9, 0.2, improved=True),
        row("training", 0, 0.25, improved=True),
        row("training", 1, 0.5, improved=True),
        row("training", 2, 0.4, improved=False),
    ]
    assert gained(rows, {"pretrain": {"epochs": 9}}) == Gain(0.25, 0.5, 1, pretrained=True)
    assert gained(rows[2:]) == Gain(0.25, 0.5, 1, pretrained=False)
    assert gained([rows[2], row("training", 1, 0.2, improved=False)]) == Gain(0.25, 0.25, 0, pretrained=False)
    assert gained(rows[3:]) is None, "the start was not validated"
    assert gained([]) is None
