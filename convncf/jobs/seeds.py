"""Seeds: one configuration under several seeds, as runs NAME-seedN that are made and queued together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from filelock import FileLock

from convncf.config import Resolved
from convncf.errors import ConfigError, RunError
from convncf.jobs.launching import checked, located, start_worker
from convncf.runs import Run, RunStore

_MOST: Final = 1_000
_SEEDS: Final = re.compile(r"([0-9]{1,10})(?:\s*-\s*([0-9]{1,10}))?")


def parse_seeds(text: str, option: str = "--seeds") -> tuple[int, ...]:
    """'1,2,3' or '1-3' -> (1, 2, 3). Raises ConfigError where it is neither, a seed occurs twice, or there are many.

    `option` is what the error calls the place where they were written.
    """
    found: list[int] = []
    for part in map(str.strip, text.split(",")):
        matched = _SEEDS.fullmatch(part)
        if matched is None:
            problem = f"{part!r} is no seed, a whole number from 0" if part else "there is an empty place in it"
            raise _no_seeds(text, problem, option)
        first, last = int(matched[1]), int(matched[2] or matched[1])
        if last < first:
            raise _no_seeds(text, f"{part} runs backwards", option)
        if len(found) + last - first >= _MOST:
            raise _no_seeds(text, f"these are more than {_MOST:,} seeds, a run each", option)
        found += range(first, last + 1)
    twice = next((seed for seed in found if found.count(seed) > 1), None)
    if twice is not None:
        raise _no_seeds(text, f"seed {twice} occurs twice", option)
    return tuple(found)


def _no_seeds(text: str, problem: str, option: str) -> ConfigError:
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return ConfigError(f"{option} {shown!r}: {problem}. Write different whole numbers: 1,2,3 or 1-3.")


def runs_of_seeds(wanted: Mapping[str, Resolved], home: Path) -> list[Run]:
    """The run of each name, new or as it is there, once everything that can be refused of any has been refused."""
    from convncf.experiment import refuse_unresumable

    store = RunStore(home)
    there = {name: store.open(name) for name in store.names() if name in wanted}
    new: dict[str, tuple[Resolved, str]] = {}
    for name, settings in wanted.items():
        if name not in there:
            store.refuse_name(name)
            new[name] = checked(settings, home)
            continue
        if there[name].config() != located(settings, home).config:
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


def launch_seeds(wanted: Mapping[str, Resolved], home: Path) -> tuple[list[Run], list[Run]]:
    """Queue a run for each name, in order: (all of them, those whose worker was started now).

    A run that is there already with the same settings is taken as it is, or goes on where it was interrupted. All are
    checked before the first is made; the errors are those of `runs_of_seeds`.
    """
    store = RunStore(home)
    store.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(store.folder / ".launch.lock"):
        runs = runs_of_seeds(wanted, home)
        idle = [
            run for run in runs if run.status().state != "finished" and not run.locked() and not run.status().awaited
        ]
        for run in idle:
            start_worker(run, home)
    return runs, idle
