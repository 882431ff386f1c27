"""Interrupted at any point and resumed, a run is what it would have been without the interruption.

Each test ends training in the middle of its writing, as a kill does, calls the same function again, and holds
metrics.jsonl (without clock fields), the tensors and the report against a run that nobody interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from convncf.errors import RunBrokenError, TrainingStopped
from convncf.evaluation import full_ranking
from convncf.runs import Run, load_tensors, save_tensors
from convncf.runtime import threads
from convncf.training import CLOCK_FIELDS
from convncf.workflow.running import extend, run_experiment
from tests.worlds import finished_run, litter, make_run, without_clock


class Killed(BaseException):
    """What no handler expects: stands for SIGKILL, inside one process."""


def kill_at(monkeypatch: pytest.MonkeyPatch, method: str, call: int, *, done: bool) -> None:
    """End the process at the `call`-th use of a method of Run, before or after it has done its work."""
    original: Callable[..., Any] = getattr(Run, method)
    calls = 0

    def dying(self: Run, *arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not done:
            raise Killed
        result = original(self, *arguments, **more)
        if calls == call:
            raise Killed
        return result

    monkeypatch.setattr(Run, method, dying)


def interrupt(run: Run, home: Path, method: str, call: int, *, done: bool) -> list[dict[str, Any]]:
    """Train until it is killed; what metrics.jsonl held then."""
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, method, call, done=done)
        with pytest.raises(Killed):
            run_experiment(run)
    return Run(run.path).metrics()


def clocks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in CLOCK_FIELDS} for row in rows]


def assert_equal_to_uninterrupted(run: Run, expected: Run, report: dict[str, Any]) -> None:
    rows, wanted = run.metrics(), expected.metrics()
    assert without_clock(rows) == without_clock(wanted)
    assert [(row["phase"], row["epoch"]) for row in rows] == sorted((row["phase"], row["epoch"]) for row in rows)
    known = expected.report()
    assert known is not None
    timeless = known.keys() - {"seconds", "run", "extended_from"}
    assert {key: report[key] for key in timeless} == {key: known[key] for key in timeless}
    for path in sorted(expected.path.rglob("*.safetensors")):
        here, there = load_tensors(run.path / path.relative_to(expected.path))[0], load_tensors(path)[0]
        assert here.keys() == there.keys()
        assert all(torch.equal(here[name], there[name]) for name in there), path.name
    assert run.read_frame("per_user").equals(expected.read_frame("per_user"))


@pytest.fixture
def expected(home: Path) -> Run:
    """The run "tiny" as nobody interrupted it."""
    return finished_run(home)


def interrupted_twin(home: Path) -> Run:
    return make_run(home, "twin")


# pretraining has epochs 0 to 3, training 0 to 4: nine records, four of them of pretraining
POINTS = [
    ("write_environment", 1, True),
    ("save_pretrained", 1, False),
    ("save_pretrained", 2, True),
    ("save_state", 1, False),
    ("save_state", 1, True),
    ("append_metrics", 2, True),
    ("save_state", 4, True),
    ("append_metrics", 4, True),
    ("save_model", 1, False),
    ("save_model", 1, True),
    ("save_checkpoint", 1, True),
    ("save_state", 5, False),
    ("save_state", 5, True),
    ("save_model", 2, True),
    ("save_checkpoint", 4, True),
    ("save_state", 8, False),
    ("save_state", 8, True),
    ("append_metrics", 8, True),
    ("append_metrics", 9, True),
    ("write_frame", 2, False),
    ("write_frame", 2, True),
    ("write_report", 1, False),
]


@pytest.mark.parametrize(
    ("method", "call", "done"),
    [pytest.param(*point, marks=pytest.mark.full if number % 3 else []) for number, point in enumerate(POINTS)],
)
def test_killed_at_any_point_it_goes_on_as_if_nothing_had_been(
    home: Path, expected: Run, method: str, call: int, done: bool
) -> None:
    run = interrupted_twin(home)
    before = interrupt(run, home, method, call, done=done)
    report = run_experiment(Run(run.path))
    assert_equal_to_uninterrupted(run, expected, report)
    # what was finished was not trained again
    assert clocks(run.metrics()[: len(before)]) == clocks(before)
    assert litter(home) == []


def test_killed_a_second_time_and_a_third_it_still_does(home: Path, expected: Run) -> None:
    run = interrupted_twin(home)
    seen: list[dict[str, Any]] = []
    for method, call, done in [("save_state", 2, True), ("save_model", 1, True), ("save_state", 3, True)]:
        rows = interrupt(run, home, method, call, done=done)
        assert clocks(rows[: len(seen)]) == clocks(seen)
        seen = rows
    assert len(seen) > 5, "it came into training"
    report = run_experiment(run)
    assert_equal_to_uninterrupted(run, expected, report)
    assert clocks(run.metrics()[: len(seen)]) == clocks(seen)


@pytest.mark.parametrize(("record", "left"), [(1, 0), (3, 1), (4, -1), (7, 40)])
def test_a_last_line_that_was_cut_short_is_written_again_from_the_state(
    home: Path, expected: Run, record: int, left: int
) -> None:
    run = interrupted_twin(home)
    before = interrupt(run, home, "append_metrics", record, done=True)
    path = run.path / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
    report = run_experiment(run)
    assert_equal_to_uninterrupted(run, expected, report)
    assert clocks(run.metrics()[:record]) == clocks(before), "the state held the line, its clock too"


def test_lines_beyond_the_state_are_trained_again_not_kept_twice(home: Path, expected: Run) -> None:
    run = interrupted_twin(home)
    interrupt(run, home, "save_state", 7, done=False)
    run.append_metrics({"phase": "training", "epoch": 2, "loss": 123.0})
    report = run_experiment(run)
    assert_equal_to_uninterrupted(run, expected, report)


def test_a_run_that_is_finished_is_not_trained_again(home: Path, expected: Run) -> None:
    before = expected.metrics()
    stamps = {path: path.stat().st_mtime_ns for path in expected.path.rglob("*.safetensors")}
    report = run_experiment(expected)
    assert expected.metrics() == before
    assert {path: path.stat().st_mtime_ns for path in expected.path.rglob("*.safetensors")} == stamps
    assert_equal_to_uninterrupted(expected, finished_run(home / "other"), report)


@pytest.mark.parametrize("asked", [60, 420, *(pytest.param(steps, marks=pytest.mark.full) for steps in (3, 200))])
def test_stopped_between_two_steps_or_two_users_it_goes_on_too(
    home: Path, expected: Run, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_ranking, "USERS_TOGETHER", 1)
    monkeypatch.setattr(threads, "width", lambda: 1)
    run = interrupted_twin(home)
    answers = 0

    def stop() -> bool:
        nonlocal answers
        answers += 1
        return answers > asked

    with pytest.raises(TrainingStopped):
        run_experiment(run, stop=stop)
    before = run.metrics()
    assert run.report() is None
    report = run_experiment(run)
    assert_equal_to_uninterrupted(run, expected, report)
    assert clocks(run.metrics()[: len(before)]) == clocks(before)


@pytest.mark.parametrize(
    ("call", "done"),
    [
        (9, True),
        (27, True),
        *(pytest.param(*call, marks=pytest.mark.full) for call in ((2, False), (2, True), (17, False), (33, True))),
    ],
)
def test_killed_in_the_middle_of_an_epoch_that_is_saved_on_the_way_it_goes_on_too(
    home: Path, expected: Run, call: int, done: bool
) -> None:
    run = make_run(home, "twin", train__save_minutes=1e-9)  # a state after each step, of both phases
    before = interrupt(run, home, "save_state", call, done=done)
    report = run_experiment(Run(run.path))
    assert_equal_to_uninterrupted(run, expected, report)
    assert clocks(run.metrics()[: len(before)]) == clocks(before)
    assert litter(home) == []


def test_killed_after_the_metrics_line_then_within_an_epoch_then_extended_each_epoch_stands_once(home: Path) -> None:
    def rows_of(run: Run) -> list[tuple[str, int]]:
        return [(row["phase"], row["epoch"]) for row in run.metrics()]

    whole = make_run(home, "whole", train__epochs=8, train__patience=0)
    run_experiment(whole)
    settings: dict[str, Any] = {"train__epochs": 5, "train__patience": 0, "train__save_minutes": 1e-9}
    run = make_run(home, "twin", **settings)
    interrupt(run, home, "append_metrics", 6, done=True)
    rows = rows_of(run)
    interrupt(
        run, home, "save_state", 8, done=True
    )  # the first is of epoch 1, whose state was saved before: in epoch 2
    assert rows_of(run)[: len(rows)] == rows
    facts = load_tensors(run.path / "checkpoints" / "training-state.safetensors")[1]
    assert facts["steps"] > 0
    run_experiment(run)
    assert rows_of(run) == [("pretraining", n) for n in range(4)] + [("training", n) for n in range(6)]
    extend(run, 8)
    report = run_experiment(run)
    assert_equal_to_uninterrupted(run, whole, report)


def test_seconds_count_what_was_trained_of_an_epoch_before_the_interruption(home: Path) -> None:
    run = make_run(home, "twin", train__save_minutes=1e-9)
    interrupt(run, home, "save_state", 26, done=True)
    path = run.path / "checkpoints" / "training-state.safetensors"
    tensors, facts = load_tensors(path)
    assert facts["steps"] > 0
    save_tensors(path, tensors, facts | {"seconds": 5000.0})
    report = run_experiment(run)
    assert 5000 < report["seconds"] < 5100
    begun = run.metrics()[len([row for row in run.metrics() if row["phase"] == "pretraining"]) + facts["epoch"] + 1]
    assert begun["seconds"] > 5000


@pytest.mark.parametrize(
    "optimizer", ["adam", *(pytest.param(name, marks=pytest.mark.full) for name in ("adamw", "adagrad", "sgd"))]
)
def test_with_dropout_and_each_optimiser_the_tensors_are_equal_bit_for_bit(home: Path, optimizer: str) -> None:
    settings: dict[str, Any] = {"model__dropout_prob": 0.5, "train__optimizer": optimizer, "eval__validation_users": 7}
    settings |= {"model__initialisation": "random", "pretrain__epochs": 0, "train__epochs": 3}
    whole = make_run(home, "whole", **settings)
    run_experiment(whole)
    run = make_run(home, "run", **settings)
    interrupt(run, home, "save_state", 3, done=False)
    report = run_experiment(run)
    assert_equal_to_uninterrupted(run, whole, report)


def test_seconds_count_the_work_before_the_interruption_and_not_the_pause(home: Path, expected: Run) -> None:
    run = interrupted_twin(home)
    interrupt(run, home, "append_metrics", 8, done=True)
    path = run.path / "metrics.jsonl"
    rows = [row | {"seconds": 1000.0, "time": "2020-01-01T00:00:00.000+00:00"} for row in run.metrics()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = run_experiment(run)
    assert 8000 < report["seconds"] < 8100


def test_a_record_that_is_damaged_in_the_middle_is_named_not_repaired_in_silence(home: Path) -> None:
    run = interrupted_twin(home)
    interrupt(run, home, "append_metrics", 3, done=True)
    path = run.path / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:20], lines[2]]) + "\n")
    with pytest.raises(RunBrokenError, match=r"metrics\.jsonl, line 2"):
        run_experiment(run)
