"""What the console shows: a line an epoch and one every ten seconds where there is no bar; names in one piece."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convncf.cli.console import TrainingDisplay, table
from convncf.runs import Status
from convncf.training import EpochRecord, Progress
from tests.wording import values_in


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


RECORD = EpochRecord("training", 1, 0.5, {"NDCG@10": 0.25}, 30, True, 3.0, 1.0, None, "2026-01-01T00:00:00")
AT = Status(state="running", phase="training", epoch=2, epochs=9, unit="triples", done=1_500, total=20_000)


def test_long_epochs_are_told_of_every_ten_seconds_and_short_ones_once(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    display = TrainingDisplay("NDCG@10", clock=clock)
    with display.shown():
        for second in range(9):
            clock.now = second
            display.status(AT)
        display.record(RECORD)
        for second in range(9, 35):
            clock.now = second
            display.status(replace(AT, eta_seconds=75.0, triples_per_second=1_234.0))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "training epoch 1 · loss 0.5000 · validation NDCG@10 0.2500 · 4.0 s · best so far",
        *["training epoch 2/9: 1,500 of 20,000 triples · at most 1 min 15 s left · 1,234 triples/s"] * 2,
    ]


def test_where_there_is_a_bar_there_are_no_such_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    clock = Clock()
    display = TrainingDisplay("NDCG@10", clock=clock)
    with display.shown():
        clock.now = 100.0
        display.status(AT)
    assert "1,500 of 20,000" not in capsys.readouterr().err


def test_an_evaluation_is_told_of_too_with_the_time_that_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    display = TrainingDisplay("NDCG@10", clock=clock)
    with display.shown():
        for second in range(0, 31, 5):
            clock.now = second
            display.progress(Progress("evaluation", 0, 0, "users", 10 * second, 1_000))
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"evaluation: {10 * second} of 1,000 users · {duration} left"
        for second, duration in ((10, "1 min 30 s"), (20, "1 min 20 s"), (30, "1 min 10 s"))
    ]


def test_a_word_on_what_it_goes_on_from_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    display = TrainingDisplay("NDCG@10", clock=Clock())
    with display.shown():
        for _ in range(2):
            display.status(Status(state="starting", message="training: resumed after epoch 3"))
    assert values_in(capsys.readouterr().err) == ["3"]


@pytest.mark.parametrize("columns", ["20", "200"])
def test_without_folding_a_name_stays_on_one_line_however_narrow_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    name = "a-name-that-is-wider-than-twenty-東京"
    table(["run", "state", "n"], [(name, "finished", 1_000), ("b", "queued", None)], left=2, fold=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["run", "state", "n"],
        [name, "finished", "1,000"],
        ["b", "queued", "–"],
    ]
    table(["run", "state", "n"], [(name, "finished", 1_000)], left=2)
    assert (name in capsys.readouterr().out) == (columns == "200")
