"""What befell a run is kept in its folder and shown: stopped, lost, resumed from where, extended, finished."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convncf import jobs
from convncf.errors import TrainingStopped
from convncf.runs import Run
from convncf.workflow import running
from tests.command_line import CommandLine
from tests.wording import values_in
from tests.worlds import finished_run, make_run

FOREVER: dict[str, Any] = {"train__patience": 0, "train__validate_every": 1}


def events(run: Run) -> list[tuple[str, str]]:
    return [(row["event"], row["words"]) for row in run.history()]


def end_at(run: Run, home: Path, epoch: int) -> None:
    """Let the worker fail after that epoch of training."""

    def end(record: Any) -> None:
        if (record.phase, record.epoch) == ("training", epoch):
            raise ArithmeticError(f"epoch {epoch} went wrong")

    with pytest.raises(ArithmeticError):
        jobs.work(run, on_record=end)


def stop_in_evaluation(run: Run, home: Path) -> None:
    """Stop it before the first user of its evaluation is ranked."""

    def evaluate_with_baselines(*_: object, **__: object) -> None:
        raise TrainingStopped("Stopped as asked, with 0 of 30 users ranked.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "judge", evaluate_with_baselines)
        with pytest.raises(TrainingStopped, match="Training is done"):
            jobs.work(run)


def test_a_run_that_nothing_befell_has_no_history(home: Path) -> None:
    run = finished_run(home)
    assert run.history() == []
    assert not (run.path / "history.jsonl").exists()


def test_each_end_and_what_it_was_resumed_from_stand_there_in_order(home: Path, convncf: CommandLine) -> None:
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=4)
    end_at(run, home, 1)
    # killed without a word
    run.write_status(replace(run.status(), state="running", phase="training"))
    run.hold().release()
    end_at(run, home, 2)
    jobs.work(run)
    told = events(run)
    assert [event for event, _ in told] == ["failed", "lost", "resumed", "failed", "resumed", "finished"]
    assert told[0][1] == "ArithmeticError: epoch 1 went wrong"
    assert "worker is gone" in told[1][1]
    assert (values_in(told[2][1]), values_in(told[4][1])) == (["1"], ["2"])
    shown = convncf("runs", "show", "run").out
    assert shown.index("went wrong") < shown.index("worker is gone") < shown.index("resumed after epoch 2")
    asked = json.loads(convncf("runs", "show", "run", "--json").out)
    assert [(row["event"], row["words"]) for row in asked["history"]] == told


def test_a_reader_of_the_output_that_goes_away_stops_a_run_and_fails_none(home: Path) -> None:
    """`convncf train 2>&1 | head`: the console ends the command."""
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)

    def closed(record: Any) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        jobs.work(run, on_record=closed)
    assert run.status().state == "stopped"
    assert "read its output" in run.status().message


def test_stopped_in_its_evaluation_a_run_says_that_its_training_is_done(home: Path, convncf: CommandLine) -> None:
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)
    stop_in_evaluation(run, home)
    assert "Training is done" in run.status().message
    rows = run.metrics()
    said = convncf("resume", "run")
    assert "training: done, 2 epochs" in said.err
    assert run.metrics() == rows
    assert [event for event, _ in events(run)] == ["stopped", "resumed", "finished"]


def test_a_computed_model_says_so_too(home: Path, convncf: CommandLine) -> None:
    run = make_run(home, "run", "itemknn")
    stop_in_evaluation(run, home)
    assert "itemknn: computed already" in convncf("resume", "run").err


@pytest.mark.parametrize(("phase", "words"), [("evaluation", "training is done"), ("training", "last saved epoch")])
def test_killed_in_its_evaluation_the_status_says_it(home: Path, phase: str, words: str) -> None:
    run = finished_run(home)
    run.hold().release()
    run.write_status(replace(run.status(), state="running", phase=phase, pid=1))
    assert run.status().state == "lost"
    assert words in run.status().message


def test_an_extension_that_was_ended_on_the_way_is_told_wherever_its_old_figures_are(
    home: Path, convncf: CommandLine
) -> None:
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)
    report = jobs.work(run)
    running.extend(run, 4)
    end_at(run, home, 3)
    (entry,) = json.loads(convncf("runs", "--json").out)["runs"]
    assert (entry["state"], values_in(entry["extension"])) == ("failed", ["2", "4"])
    assert entry["value"] == report["metrics"][entry["monitor"]]
    assert "from 2 to 4" in convncf("runs").err
    shown = " ".join(convncf("runs", "show", "run").out.split())
    assert ("from before" in shown, "from 2 to 4" in shown) == (True, True)
    assert convncf("resume", "run").code == 0
    shown = " ".join(convncf("runs", "show", "run").out.split())
    assert "from before" not in shown
    assert "4 (extended from 2)" in shown


def test_the_time_that_is_left_is_shown_while_a_run_is_at_work(home: Path, convncf: CommandLine) -> None:
    run = finished_run(home)
    at = replace(run.status(), state="running", phase="training", epoch=2, epochs=4, eta_seconds=75.0)
    lock = run.hold()
    try:
        run.write_status(at)
        assert "1 min 15 s" in convncf("runs", "show", "tiny").out
    finally:
        lock.release()


def test_a_history_that_cannot_be_written_or_read_ends_no_training(home: Path) -> None:
    run = make_run(home, "run", "mf-bpr", **FOREVER, train__epochs=2)
    end_at(run, home, 1)
    (run.path / "history.jsonl").write_text("<<<<\n{}\n")
    jobs.work(run)
    assert run.status().state == "finished"
    assert (run.path / "history.jsonl").read_text() == "<<<<\n{}\n", "it is left as it is"
