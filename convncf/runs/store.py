"""RunStore: all runs under one home; creates, finds, renames and deletes their folders."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from convncf.errors import (
    RunBrokenError,
    RunBusyError,
    RunError,
    RunExistsError,
    RunNameError,
    RunNotFoundError,
    did_you_mean,
)
from convncf.models.settings import Resolved
from convncf.runs.files import read_object
from convncf.runs.run import FOLDER, Run
from convncf.runs.status import Status
from convncf.runtime import files

_SOURCE: Final = "model.pre_model_path"
_RELEASE_SECONDS: Final = 2.0
"""Seconds from a worker's last status until it has let go of its run, at most."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """What renaming a run did."""

    run: Run
    followed: tuple[str, ...]
    """Names of the runs whose model.pre_model_path named it, and now has the new name."""
    unread: tuple[str, ...]
    """Names of the runs whose config.json cannot be read, so that they may name it or not."""

    @property
    def words(self) -> str:
        """What else changed, in sentences; empty where nothing did."""
        sentences = []
        if self.followed:
            sentences.append(f"{_SOURCE} has the new name in {', '.join(self.followed)} too.")
        if self.unread:
            sentences.append(
                f"Whether {', '.join(self.unread)} began from it is not known: config.json cannot be read."
            )
        return " ".join(sentences)


def begun_from(run: Run, others: Sequence[Run]) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """The runs among `others` whose model.pre_model_path is `run`, by name or folder; and those that cannot be read."""
    dependents, unread = [], []
    for other in others:
        try:
            path = str(other.settings().get(_SOURCE) or "")
        except RunBrokenError:
            unread.append(other)
            continue
        if path and (path == run.name or _same(Path(path).expanduser(), run.path)):
            dependents.append(other)
    return tuple(dependents), tuple(unread)


def rename(run: Run, target: Path, others: Sequence[Run]) -> Renamed:
    """Move the folder of `run` to `target`, which is free; `others` are all other runs.

    Raises RunBusyError, and changes nothing, while the run or one that starts from it has a worker, or awaits one.
    """
    dependents, unread = begun_from(run, others)
    with ExitStack() as locks:
        for affected in (run, *dependents):
            if _busy(affected) or _awaits_worker(affected):
                reason = "" if affected is run else f", and starts from {run.name}"
                raise RunBusyError(
                    f"run {affected.name!r} is being worked on or waits for its worker{reason}: stop it first "
                    f"(convncf runs stop {affected.name}), or rename when it has ended."
                )
            locks.callback(affected.hold(timeout=0).release)
        old = run.name
        os.rename(run.path, target)
        renamed = type(run)(target)
        unchanged = [other.name for other in dependents if not _follow(other.path / "config.json", target.name)]
        for file, key in (("config.json", "name"), ("report.json", "run")):
            _rename_within(target / file, key, target.name)
    renamed.note("renamed", f"from {old} to {target.name}")
    if unchanged:
        raise RunError(
            f"run {old!r} is now {target.name!r}, but {_SOURCE} of {', '.join(unchanged)} could not be written and "
            f"still names {old!r}. Free some space and rename {target.name!r} to {old!r} and back."
        )
    return Renamed(renamed, tuple(other.name for other in dependents), tuple(other.name for other in unread))


def _awaits_worker(run: Run) -> bool:
    try:
        return run.status().active
    except RunBrokenError:
        return False


def _same(path: Path, folder: Path) -> bool:
    return path.is_absolute() and path.resolve() == folder.resolve()


def _follow(config: Path, name: str) -> bool:
    """Put the source's new name into a config.json; False where that cannot be written."""
    try:
        value = read_object(config)
        value["settings"][_SOURCE]["value"] = name
        files.write_json(config, value)
    except OSError:
        return False
    return True


def _rename_within(file: Path, key: str, name: str) -> None:
    """Put the new name into a file; a damaged file or a full disk keeps the old one: the folder's name counts."""
    try:
        value = read_object(file)
        if key in value:
            files.write_json(file, value | {key: name})
    except (OSError, RunBrokenError):
        return


_LONGEST_NAME: Final = 80
_MOST_BYTES: Final = 200
"""Of a name in UTF-8: file systems allow 255, and a place in the queue is a file of that name and 28 bytes more."""
_RESERVED: Final = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")


def slug(text: str) -> str:
    """The nearest name that can be a folder everywhere: 'a/b' -> 'a-b'; empty text -> 'run'."""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in unicodedata.normalize("NFC", text))
    name = re.sub(r"-{2,}", "-", name).strip("-.")
    return _shortened(f"run-{name}" if _RESERVED.match(name) else name or "run")


def _shortened(name: str, room: int = 0) -> str:
    """As much of a name as is allowed, with `room` for so many ASCII characters more."""
    return name[: _LONGEST_NAME - room].encode()[: _MOST_BYTES - room].decode(errors="ignore").rstrip("-.")


class RunStore:
    """The runs under `home`/runs."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / FOLDER

    def names(self) -> tuple[str, ...]:
        """Names of all runs, a broken one too, sorted."""
        try:
            return tuple(sorted(e.name for e in os.scandir(self.folder) if e.is_dir() and not e.name.startswith(".")))
        except FileNotFoundError:
            return ()

    def all(self) -> tuple[Run, ...]:
        """Every run, newest first; broken ones last."""
        runs = [Run(self.folder / name) for name in self.names()]
        return tuple(sorted(runs, key=lambda run: (-run.created, run.name)))

    def open(self, name: str) -> Run:
        """The run of that name. Raises RunNotFoundError with the nearest names."""
        if name and name in self.names():
            return Run(self.folder / name)
        names = self.names()
        hint = (
            did_you_mean(name, names) if names else "There is none yet: make one with convncf demo, or convncf train."
        )
        raise RunNotFoundError(f"run {name!r} does not exist under {self.folder}. {hint}".strip())

    def free_name(self, name: str) -> str:
        """`name` made fit for a folder, with -2, -3, … where it is taken."""
        base, taken = slug(name), {existing.casefold() for existing in self.names()}
        name, n = base, 2
        while name.casefold() in taken:
            name, n = f"{_shortened(base, len(f'-{n}'))}-{n}", n + 1
        return name

    def create(self, name: str, resolved: Resolved, *, fingerprint: str, request_id: str = "") -> Run:
        """A new run folder, whole or absent. The same `request_id` twice returns the existing run.

        Raises RunNameError or RunExistsError, each proposing a name.
        """
        self.refuse_name(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".create.lock"):
            if request_id:
                for run in self.all():
                    if run.request_id == request_id:
                        return run
            if name.casefold() in {other.casefold() for other in self.names()}:
                raise RunExistsError(f"run {name!r} exists already. {self.free_name(name)!r} is free.")
            return self._write(name, resolved, fingerprint, request_id)

    def refuse_name(self, name: str) -> None:
        """Raises RunNameError, proposing a name, for one that cannot be a folder's on every system."""
        if slug(name) != name:
            raise RunNameError(
                f"run name {name[:100]!r} cannot be a folder name everywhere. Use letters, digits, '-', '_' and '.', "
                f"at most {_LONGEST_NAME}: {self.free_name(name)!r} would do."
            )

    def _write(self, name: str, resolved: Resolved, fingerprint: str, request_id: str) -> Run:
        part = Path(tempfile.mkdtemp(dir=self.folder, prefix=".new-"))
        try:
            part.chmod(0o755)
            run = Run(part)
            run.write_config(
                resolved,
                name=name,
                created=time.time(),
                fingerprint=fingerprint,
                request_id=request_id,
                number=self._next_number(),
            )
            run.write_status(Status(updated=time.time(), message="waiting for a worker"))
            os.rename(part, self.folder / name)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return Run(self.folder / name)

    def _next_number(self) -> int:
        """Above that of every run, and not below their count, by which runs of older versions are numbered."""
        runs = self.all()
        return max([len(runs), *(run.number + 1 for run in runs if run.number is not None)])

    def rename(self, name: str, new: str) -> Renamed:
        """Give a run another name; the runs that started from it follow. Its colour on the pages stays.

        Raises RunNotFoundError, RunNameError, RunExistsError or RunBusyError, and then nothing is changed; RunError
        where the disk took the new name and not all that follows from it.
        """
        run = self.open(name)
        self.refuse_name(new)
        with FileLock(self.folder / ".create.lock"):
            if new.casefold() in {other.casefold() for other in self.names() if other != name}:
                raise RunExistsError(f"run {new!r} exists already. {self.free_name(new)!r} is free.")
            if new == name:
                return Renamed(run, (), ())
            return rename(run, self.folder / new, [other for other in self.all() if other.name != name])

    def begun_from(self, name: str) -> tuple[str, ...]:
        """Names of the runs that started from this one's embeddings."""
        run = self.open(name)
        dependents, _ = begun_from(run, [other for other in self.all() if other.name != name])
        return tuple(other.name for other in dependents)

    def delete(self, name: str) -> None:
        """Remove a run's folder. Raises RunBusyError while a worker holds it."""
        run = self.open(name)
        if _busy(run):
            raise RunBusyError(f"run {name!r} is being worked on: stop it first (convncf runs stop {name}).")
        deleted = Path(tempfile.mkdtemp(dir=self.folder, prefix=".deleted-"))
        os.rename(run.path, deleted / name)
        shutil.rmtree(deleted, ignore_errors=True)


def _busy(run: Run) -> bool:
    """Whether a worker holds the run. One that has written its last status lets go soon: it is waited for."""
    until = time.monotonic() + _RELEASE_SECONDS
    while run.locked():
        if run.broken() or run.status().active or time.monotonic() > until:
            return True
        time.sleep(0.05)
    return False


def default_store() -> RunStore:
    """The store under CONVNCF_HOME, or under the platform's data folder."""
    return RunStore(files.home())
