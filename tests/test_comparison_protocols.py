"""Comparison across protocols: only what was measured alike, within the same candidate sets, is ranked and tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convncf.evaluation.comparison import compare, protocol_kind
from convncf.evaluation.seeds import group
from convncf.runs import Run
from tests.test_comparison import trained
from tests.worlds import finished_run


@pytest.fixture
def two(home: Path) -> tuple[Run, Run]:
    """The finished tiny ConvNCF, and Popularity on the same split."""
    return finished_run(home), trained(home, "popular")


def test_of_two_protocols_the_main_one_is_tested_whatever_the_order_of_the_rows(
    two: tuple[Run, Run], home: Path
) -> None:
    both = trained(home, "both", eval__protocol="both", eval__negatives=5)
    frame = both.read_frame("per_user")
    assert frame["protocol"].nunique() == 2
    both.write_frame("per_user", frame.iloc[::-1].reset_index(drop=True))
    found = compare([two[1], both])
    assert found.unlike == ()
    assert found.paired["both"].p_value == 1.0, "the same Popularity under the same full ranking"
    assert found.paired["both"].n == 30


def test_other_candidate_sets_are_flagged_and_equal_ones_are_not(home: Path) -> None:
    asked: dict[str, Any] = {"eval__protocol": "candidates", "eval__negatives": 5}
    one, same = trained(home, "one", **asked), trained(home, "same", **asked)
    assert compare([one, same]).paired["same"].p_value == 1.0
    more = trained(home, "more", eval__protocol="candidates", eval__negatives=6)
    found = compare([one, more])
    (sentence,) = found.unlike
    assert "(one: sha256:" in sentence
    assert found.paired == {}
    assert found.best("NDCG@10"), "the figures stand beside each other all the same"


def test_sets_drawn_under_two_seeds_are_one_protocol_and_other_sets(home: Path) -> None:
    asked: dict[str, Any] = {"eval__protocol": "candidates", "eval__negatives": 5, "data__split": "leave-one-out"}
    runs = [trained(home, f"seed{seed}", seed=seed, **asked) for seed in (1, 2)]
    reports = [run.report() or {} for run in runs]
    assert reports[0]["protocol"] != reports[1]["protocol"]
    assert {protocol_kind(report["protocol"]) for report in reports} == {"candidates, drawn"}
    found = compare(runs)
    assert ["candidate sets (" in sentence for sentence in found.unlike] == [True]
    together = group(runs)
    assert (together.unlike, together.one_split) == ((), True), "by time, the seed has no part in the split"


def test_a_run_of_an_older_version_is_compared_by_what_it_has(two: tuple[Run, Run]) -> None:
    """Reports without candidate sets, intervals and warnings, per-user rows without a protocol."""
    for run in two:
        report = run.report()
        assert report is not None
        new = ("candidate_fingerprint", "candidates", "cold", "intervals", "warnings", "protocols")
        run.write_report({key: value for key, value in report.items() if key not in new})
        run.write_frame("per_user", run.read_frame("per_user").drop(columns="protocol"))
    found = compare([Run(run.path) for run in two])
    assert found.unlike == ()
    assert set(found.paired) == {"popular"}
    assert [(run.intervals, run.warnings) for run in found.runs] == [({}, ())] * 2


def test_each_column_has_its_intervals(two: tuple[Run, Run]) -> None:
    for run in compare(two).runs:
        assert run.intervals.keys() == run.metrics.keys()
        for name, (low, high) in run.intervals.items():
            assert low <= run.metrics[name] <= high
