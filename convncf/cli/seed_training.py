"""convncf train --seeds: one configuration under several seeds, one after the other, summed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from convncf.cli.console import TrainingDisplay, say
from convncf.cli.seeds import show_group
from convncf.config import Resolved
from convncf.errors import ConvNCFError, TrainingStopped
from convncf.runs import Run

if TYPE_CHECKING:
    from convncf.experiment.estimate import Estimate


def train_seeds(
    resolved: Callable[..., Resolved],
    asked: Sequence[int],
    name: str,
    home: Path,
    *,
    detach: bool,
    as_json: bool,
    estimated: bool,
) -> None:
    """Train NAME-seedN for each seed, one after the other, and sum them up; `estimated` says first what one takes.

    What is finished already is taken as it is, what was interrupted is resumed. All of them are checked before the
    first is trained. One that fails does not end the others: it is named, and the exit code is 1 in the end.
    """
    from convncf import jobs
    from convncf.grouping import group

    runs = jobs.runs_of_seeds({f"{name}-seed{seed}": resolved(seed=seed) for seed in asked}, home)
    failed, told = False, not estimated
    for run in runs:
        if run.status().state == "finished" or run.locked():
            say(f"{run.name}: {run.status().state} already")
            continue
        try:
            if detach:
                jobs.start_worker(run, home)
            else:
                _work(run, home, None if told else _tell(len(runs)))
                told = True
        except TrainingStopped as error:
            raise TrainingStopped(f"{error} The same command goes on.") from None
        except Exception as error:  # whatever it was, the other seeds are not to be lost by it
            words = str(error) if isinstance(error, ConvNCFError) else f"{type(error).__name__}: {error}"
            say(f"{run.name} failed and is left out: {words}")
            failed = True
    if detach:
        say(f"watch them: convncf runs. Sum them up when they have ended: convncf seeds {name}")
    show_group(group(runs), as_json=as_json)
    if failed:
        raise typer.Exit(1)


def _tell(runs: int) -> Callable[[Estimate], None]:
    return lambda found: say(f"estimate of each of {runs} runs: {found.words}")


def _work(run: Run, home: Path, on_estimate: Callable[[Estimate], None] | None) -> None:
    from convncf import jobs

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor)
    with display.shown():
        jobs.work(run, home, on_status=display.status, on_record=display.record, on_estimate=on_estimate)
