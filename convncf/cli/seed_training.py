"""convncf train --seeds: one configuration under several seeds, one after the other, summed up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import typer

from convncf.cli.console import TrainingDisplay, say
from convncf.cli.seeds import show_group
from convncf.config import Resolved
from convncf.errors import ConfigError, ConvNCFError, RunError, TrainingStopped
from convncf.runs import Run, RunStore

_MOST: Final = 1_000
_SEEDS: Final = re.compile(r"([0-9]{1,10})(?:\s*-\s*([0-9]{1,10}))?")


def parse_seeds(text: str) -> tuple[int, ...]:
    """'1,2,3' or '1-3' -> (1, 2, 3). Raises ConfigError where it is neither, a seed occurs twice, or there are many."""
    found: list[int] = []
    for part in map(str.strip, text.split(",")):
        matched = _SEEDS.fullmatch(part)
        if matched is None:
            problem = f"{part!r} is no seed, a whole number from 0" if part else "there is an empty place in it"
            raise _no_seeds(text, problem)
        first, last = int(matched[1]), int(matched[2] or matched[1])
        if last < first:
            raise _no_seeds(text, f"{part} runs backwards")
        if len(found) + last - first >= _MOST:
            raise _no_seeds(text, f"these are more than {_MOST:,} seeds, a run each")
        found += range(first, last + 1)
    twice = next((seed for seed in found if found.count(seed) > 1), None)
    if twice is not None:
        raise _no_seeds(text, f"seed {twice} occurs twice")
    return tuple(found)


def _no_seeds(text: str, problem: str) -> ConfigError:
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return ConfigError(f"--seeds {shown!r}: {problem}. Write different whole numbers: 1,2,3 or 1-3.")


def train_seeds(
    resolved: Callable[..., Resolved], asked: Sequence[int], name: str, home: Path, *, detach: bool, as_json: bool
) -> None:
    """Train NAME-seedN for each seed, one after the other, and sum them up.

    What is finished already is taken as it is, what was interrupted is resumed. All of them are checked before the
    first is trained. One that fails does not end the others: it is named, and the exit code is 1 in the end.
    """
    from convncf import jobs
    from convncf.grouping import group

    runs = _runs({f"{name}-seed{seed}": resolved(seed=seed) for seed in asked}, home)
    failed = False
    for run in runs:
        if run.status().state == "finished" or run.locked():
            say(f"{run.name}: {run.status().state} already")
            continue
        try:
            if detach:
                jobs.start_worker(run, home)
            else:
                _work(run, home)
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


def _runs(wanted: dict[str, Resolved], home: Path) -> list[Run]:
    """The run of each name, new or as it is there, once everything that can be refused of any has been refused."""
    from convncf import jobs
    from convncf.experiment import refuse_unresumable

    store = RunStore(home)
    there = {name: store.open(name) for name in store.names() if name in wanted}
    new: dict[str, tuple[Resolved, str]] = {}
    for name, settings in wanted.items():
        if name not in there:
            store.refuse_name(name)
            new[name] = jobs.checked(settings, home)
            continue
        if there[name].config() != jobs.located(settings, home).config:
            raise RunError(f"run {name!r} exists already, with other settings. Choose another --name.")
        if there[name].status().state != "finished":
            refuse_unresumable(there[name], home)
    prints = {run.fingerprint: name for name, run in there.items()} | {data: name for name, (_, data) in new.items()}
    if len(prints) > 1:
        one, other = list(prints.values())[:2]
        raise RunError(
            f"runs {one!r} and {other!r} would be of different data: the dataset has changed in between. Bring the old "
            "data back under its name, or choose another --name."
        )
    for name, (settings, fingerprint) in new.items():
        there[name] = store.create(name, settings, fingerprint=fingerprint)
    return [there[name] for name in wanted]


def _work(run: Run, home: Path) -> None:
    from convncf import jobs

    say(f"run folder: {run.path}")
    display = TrainingDisplay(run.config().eval.monitor)
    with display.shown():
        jobs.work(run, home, on_status=display.status, on_record=display.record)
