"""Renaming: a run's folder gets another name, and the runs that began from its embeddings name it by the new one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from convncf import runtime
from convncf.errors import RunBrokenError, RunBusyError, RunError
from convncf.runs.jsonl import read_object

if TYPE_CHECKING:
    from convncf.runs.run import Run

_SOURCE: Final = "model.pre_model_path"


@dataclass(frozen=True, slots=True)
class Renamed:
    """What renaming a run did."""

    run: Run
    followed: tuple[str, ...]
    """Names of the runs whose model.pre_model_path named it, and now has the new name."""
    unread: tuple[str, ...]
    """Names of the runs whose config.json cannot be read: whether they name it is not known."""

    @property
    def words(self) -> str:
        """What else changed, sentences for a person; empty where nothing did."""
        said = []
        if self.followed:
            said.append(f"{_SOURCE} names it so in {', '.join(self.followed)} too.")
        if self.unread:
            said.append(f"Whether {', '.join(self.unread)} began from it is not known: config.json cannot be read.")
        return " ".join(said)


def begun_from(run: Run, others: Sequence[Run]) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """The runs among `others` whose model.pre_model_path is `run`, by name or folder; and those that cannot be read."""
    found, unread = [], []
    for other in others:
        try:
            path = str(other.settings().get(_SOURCE) or "")
        except RunBrokenError:
            unread.append(other)
            continue
        if path and (path == run.name or _same(Path(path).expanduser(), run.path)):
            found.append(other)
    return tuple(found), tuple(unread)


def rename(run: Run, target: Path, others: Sequence[Run]) -> Renamed:
    """Move the folder of `run` to `target`, which is free; `others` are all other runs.

    Raises RunBusyError, and changes nothing, while a worker holds the run or one that begins from it, or is to come.
    """
    dependents, unread = begun_from(run, others)
    with ExitStack() as held:
        for each in (run, *dependents):
            if each.locked() or _awaits_worker(each):
                why = "" if each is run else f", and begins from {run.name}"
                raise RunBusyError(
                    f"run {each.name!r} is being worked on or waits for its worker{why}: stop it first "
                    f"(convncf runs stop {each.name}), or rename when it has ended."
                )
            held.callback(each.hold(timeout=0).release)
        old = run.name
        os.rename(run.path, target)
        renamed = type(run)(target)
        left = [each.name for each in dependents if not _follow(each.path / "config.json", target.name)]
        for file, key in (("config.json", "name"), ("report.json", "run")):
            _name_within(target / file, key, target.name)
    renamed.note("renamed", f"from {old} to {target.name}")
    if left:
        raise RunError(
            f"run {old!r} is now {target.name!r}, but {_SOURCE} of {', '.join(left)} could not be written and still "
            f"names {old!r}. Free some space and rename {target.name!r} to {old!r} and back."
        )
    return Renamed(renamed, tuple(each.name for each in dependents), tuple(each.name for each in unread))


def _awaits_worker(run: Run) -> bool:
    try:
        return run.status().active
    except RunBrokenError:
        return False


def _same(one: Path, other: Path) -> bool:
    return one.is_absolute() and one.resolve() == other.resolve()


def _follow(config: Path, name: str) -> bool:
    """Name the source anew in a config.json; False where that cannot be written."""
    try:
        value = read_object(config)
        value["settings"][_SOURCE]["value"] = name
        runtime.write_json(config, value)
    except OSError:
        return False
    return True


def _name_within(file: Path, key: str, name: str) -> None:
    """The name that a reader finds inside; a damaged file or a full disk leaves it, for the folder's counts."""
    try:
        value = read_object(file)
        if key in value:
            runtime.write_json(file, value | {key: name})
    except (OSError, RunBrokenError):
        return
