"""A trial: the tests on a copy of the tree with a fault in it, and which of them notices."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from tools.faults.fault import Fault, NotApplicableError
from tools.faults.tree import part_of

_PYTEST: Final = (sys.executable, "-m", "pytest", "-n", "0")
_MORE: Final = ("-x", "-q", "-p", "no:cacheprovider")
_NOTICED: Final = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)
"""A line of pytest's summary; a captured log has more than one blank behind its level."""
_GREEN, _FAILED, _NOT_COLLECTED = 0, (1, 2), (4, 5)
"""Exit codes of pytest: 2 also where a test file could not be imported."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one fault."""

    name: str
    whole: bool
    """Whether every test was asked, rather than those that were expected to notice."""
    caught_by: str
    """The first test that fails with the fault, and passes without it; empty where none does."""
    problem: str
    """Why nothing is known, such as a fault that no longer applies; empty where something is."""
    seconds: float

    @property
    def words(self) -> str:
        """What stands in the row of the fault."""
        return (
            f"caught by {self.caught_by}"
            if self.caught_by
            else f"NOT KNOWN: {self.problem}"
            if self.problem
            else "MISSED"
        )

    def to_json(self) -> dict[str, Any]:
        """A line of a file of outcomes."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(**row)


def tried(fault: Fault, tree: Path, *, whole: bool, limit: float, before: str = "") -> Outcome:
    """Put the fault into the copy at `tree`, run the tests, and take it out; no command takes longer than `limit`.

    Where not the whole is asked, the test that caught it `before` is asked first, if it is there still.
    """
    began = time.monotonic()
    caught_by = problem = ""
    try:
        with part_of(fault, tree):
            if before and not whole and _run([*_PYTEST, before], tree, limit)[0] == _FAILED[0]:
                caught_by = before
            else:
                caught_by = _first_to_notice(_whole(tree) if whole else [[*_PYTEST, *fault.tests]], tree, limit)
        if caught_by and not _passes(caught_by, tree, limit):
            caught_by, problem = "", f"{caught_by} fails without the fault too"
    except (NotApplicableError, _UnknownError) as error:
        problem = str(error)
    return Outcome(fault.name, whole, caught_by, problem, round(time.monotonic() - began, 1))


class _UnknownError(Exception):
    """The tests said neither that all is well nor what is wrong."""


def _first_to_notice(commands: Sequence[Sequence[str]], tree: Path, limit: float) -> str:
    """The id of the first test that fails; empty where all pass. Raises _UnknownError."""
    for command in commands:
        code, said = _run(command, tree, limit)
        if code == _GREEN:
            continue
        found = _NOTICED.search(said)
        if code not in _FAILED or found is None:
            raise _UnknownError(f"pytest ended with {code}: {said.strip()[-300:]}")
        return found[1]
    return ""


def _passes(test: str, tree: Path, limit: float) -> bool:
    """Whether a test passes; where its id cannot be asked for, whether its file does."""
    code, _ = _run([*_PYTEST, test], tree, limit)
    if code in _NOT_COLLECTED:
        code, _ = _run([*_PYTEST, test.partition("::")[0]], tree, limit)
    return code == _GREEN


def _whole(tree: Path) -> list[list[str]]:
    """The commands by which `make test` runs every test."""
    said = subprocess.run(
        ["make", "-n", f"PY={sys.executable}", "test"], cwd=tree, check=True, capture_output=True, text=True
    )
    commands = [shlex.split(line) for line in said.stdout.splitlines() if " -m pytest" in line]
    if not commands:
        raise _UnknownError("make test has no line with `-m pytest`")
    return commands


def _run(command: Sequence[str], tree: Path, limit: float) -> tuple[int, str]:
    """Exit code and output of pytest in the copy, with the copy's own code. Raises _UnknownError beyond the limit."""
    room = tree.parent / "tmp"
    room.mkdir(exist_ok=True)
    # the test that holds this very list would notice every fault
    own = [path.relative_to(tree).as_posix() for path in sorted((tree / "tests").rglob("test_*.py")) if _is_own(path)]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(tree),
        "PYTEST_ADDOPTS": " ".join(f"--ignore={name}" for name in own),
        "TMPDIR": str(room),
    }
    process = subprocess.Popen(
        [*command, *_MORE],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise _UnknownError(f"no answer within {limit:g} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _end_workers(room)
        shutil.rmtree(tree / ".hypothesis", ignore_errors=True)  # one fault's examples would be tried on the next
    return process.returncode, said


def _end_workers(room: Path) -> None:
    """End what tests have launched and left running, as they may where a fault cuts them short: known by its TMPDIR."""
    mark = f"TMPDIR={room}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of another user, or ended meanwhile
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def _is_own(path: Path) -> bool:
    return "tools.faults" in path.read_text(encoding="utf-8")
