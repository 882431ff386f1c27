"""The command line as a person uses it: a home of its own, and a small shop to train on.

A command runs in this process, which takes milliseconds, with what it may change put back behind it. Where a process is
what the test is about (signals, pipes that close, an interpreter's own settings), `process` and `start` make one.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

from convncf import cli
from tests.worlds import folder_for_all

ROOT = Path(__file__).resolve().parents[1]

LONGEST: Final = 120
"""Seconds that a command may take."""

SMALL = (
    *("--set", "model.embedding_size=8"),
    *("--set", "model.cnn_channels=[1,4,4,4]"),
    *("--set", "model.cnn_kernels=[2,2,2]"),
    *("--set", "model.cnn_strides=[2,2,2]"),
    *("--set", "pretrain.epochs=4"),
    *("--set", "train.epochs=2"),
)
"""Settings under which a ConvNCF trains on the shop in less than a second."""

ODD_TITLES = {
    "b0": '[REC] <b>bold</b> & "quoted", by R&D </script>',
    "b1": "=1+1",
    "b2": "Amélie 🎬 東京",
    "b3": "a tab\tand $9.99 %{x}",
}
"""Titles that some surface could take for its own syntax."""


def shop_csv() -> str:
    """24 users u000 …, 30 items b0 …: a user has every item of their own half but two, and some of the other."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["user", "item", "title", "time"])
    for user in range(24):
        liked = [item for item in range(30) if (item + user) % 2 == 0 and (item // 2 + user) % 7]
        others = [item for item in range(30) if (item + user) % 2 and (item + 3 * user) % 11 == 0]
        for place, item in enumerate(sorted(liked + others)):
            title = ODD_TITLES.get(f"b{item}", f"Thing {item}")
            rows.writerow([f"{user:03}", f"b{item}", title, 1_700_000_000 + 60 * place])
    return written.getvalue()


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """stdout as exactly one strict JSON object on one line; anything else fails."""

        def refuse(constant: str) -> NoReturn:
            raise AssertionError(f"{constant} is no JSON")

        assert self.out.endswith("}\n"), self.out
        assert self.out.count("\n") == 1, self.out
        found = json.loads(self.out, parse_constant=refuse)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class CommandLine:
    """`convncf …` with `home` as its home."""

    home: Path

    def __call__(self, *arguments: str, code: int | None = 0, typed: str = "", **environment: str) -> Answer:
        """Run a command to its end in this process, and end with `code` (None: any); `typed` is the person's answer.

        An exception that would be a traceback leaves as it is, and fails the test by itself.
        """
        settings = self._environment() | environment
        with _put_back(), _streams(typed, settings.get("PYTHONIOENCODING", "utf-8")) as said, _in_time(arguments):
            os.environ.update(settings)
            sys.argv = ["convncf", *arguments]
            ended: object = 0
            try:
                cli.main()
            except SystemExit as left:
                ended = left.code or 0
        assert isinstance(ended, int), ended
        return self._answer(arguments, code, ended, *said)

    def process(self, *arguments: str, code: int | None = 0, typed: str = "", **environment: str) -> Answer:
        """The same in a process of its own."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(typed, timeout=LONGEST)
        return self._answer(arguments, code, process.returncode, out, err)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command as a process and return at once; its stdout and stderr are pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "convncf", *arguments],
            cwd=ROOT,
            env=os.environ | self._environment() | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def refused(self, *arguments: str, code: int = 1, typed: str = "") -> str:
        """Run a command that is to be refused: nothing on stdout, and no run made. Returns what stderr says."""
        before = self.runs()
        answer = self(*arguments, code=code, typed=typed)
        assert answer.out == "", answer.out
        assert self.runs() == before, f"{arguments} left {self.runs()}"
        return answer.err

    def runs(self) -> list[str]:
        """Whatever lies in the folder of runs but for locks: unfinished and hidden folders too."""
        return sorted(path.name for path in (self.home / "runs").glob("*") if path.suffix != ".lock")

    def add_shop(self) -> None:
        """Make the shop a dataset."""
        shutil.copytree(_shop(), self.home, dirs_exist_ok=True)

    def _environment(self) -> dict[str, str]:
        return {"CONVNCF_HOME": str(self.home), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}

    @staticmethod
    def _answer(arguments: tuple[str, ...], wanted: int | None, code: int, out: str, err: str) -> Answer:
        assert wanted is None or code == wanted, f"{arguments} ended with {code}:\n{out}\n{err}"
        assert "Traceback" not in err, err
        return Answer(code, out, err)


@cache
def _shop() -> Path:
    """A home that holds the shop as a dataset, made once by the command itself."""
    home = folder_for_all("convncf-shop-")
    file = home / "shop.csv"
    file.write_text(shop_csv(), encoding="utf-8")
    CommandLine(home)("datasets", "add", str(file))
    return home


# ---------------------------------------------------------------- in this process


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _put_back() -> Iterator[None]:
    """Put back what a command may change, as the end of its process would."""
    environment, folder, argv = os.environ.copy(), os.getcwd(), sys.argv
    loggers = [logging.getLogger(name) for name in ("", "convncf")]
    logged = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    torch = sys.modules.get("torch")
    threads, random = (torch.get_num_threads(), torch.get_rng_state()) if torch else (0, None)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        if torch:
            torch.set_num_threads(threads)
            torch.set_rng_state(random)
        for number, handler in handlers.items():
            if main and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        for logger, level, kept in logged:
            logger.setLevel(level)
            logger.handlers[:] = kept
        sys.argv = argv
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)


class _TooLong(BaseException):
    """What no handler of a command expects."""


@contextmanager
def _in_time(arguments: tuple[str, ...]) -> Iterator[None]:
    """Fail where a command takes longer than LONGEST, as when it waits for a device that another run holds."""

    def late(number: int, frame: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    except _TooLong:
        raise AssertionError(f"{arguments} did not end within {LONGEST} seconds") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _streams(typed: str, encoding: str) -> Iterator[list[str]]:
    """stdin that holds `typed`; stdout and stderr, of Python and of the process, go to files.

    The list gets what was written there in the end, byte for byte.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    for stream in before[1:]:
        stream.flush()
    numbers = os.dup(1), os.dup(2)
    said: list[str] = []
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.stdin = io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8")
            sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
            yield said
        finally:
            for made in (sys.stdout, sys.stderr):
                if not made.closed:
                    made.flush()
            sys.stdin, sys.stdout, sys.stderr = before
            for place, number in enumerate(numbers, start=1):
                os.dup2(number, place)
                os.close(number)
            for written in (out, err):
                written.seek(0)
                said.append(written.read().decode("utf-8"))
