"""A stop that is asked for while data and model are loading ends the work there, with nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.errors import TrainingStopped
from convncf.workflow.running import run_experiment
from tests.worlds import make_run, save_dataset


@pytest.mark.parametrize("asked", [1, 2])
def test_a_stop_is_heard_before_and_after_the_data_is_loaded(home: Path, asked: int) -> None:
    save_dataset(home)
    run = make_run(home)
    times = 0

    def stop() -> bool:
        nonlocal times
        times += 1
        return times >= asked

    with pytest.raises(TrainingStopped, match="were loading"):
        run_experiment(run, stop=stop)
    assert times == asked
    assert not (run.path / "environment.json").exists()
