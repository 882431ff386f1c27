"""Two processes that work in turns: each waits on its stdin while the other is measured.

A request is one line of JSON, {"do": "train", …}, and so is its answer. An answer {"error": …} raises WorkerError;
{"unavailable": reason} says that this cannot be measured here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

Answer = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


class WorkerError(Exception):
    """A side ended, or answered with an error."""


class Worker:
    """One side, in a process of its own from the first request to the last."""

    def __init__(self, name: str, command: Sequence[str], cwd: Path = ROOT) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd)

    def ask(self, do: str, **arguments: Any) -> Answer:
        """Send a request, wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.name} ended with status {self._process.wait()} on the request to {do}")
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name} failed on the request to {do}:\n{answer['error']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.close()  # its loop ends
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def ours() -> Worker:
    """Our side, on this interpreter."""
    return Worker("our side", [sys.executable, "-m", "benchmarks.speed.ours"])


def recbole(python: Path) -> Worker:
    """RecBole's side, on its own interpreter."""
    return Worker(
        "RecBole's side", [str(python), "-W", "ignore", str(ROOT / "benchmarks" / "speed" / "recbole_side.py")]
    )


def serve(answer: Callable[[Answer], Answer], quiet: type[Exception]) -> None:
    """The other end: answer each line of stdin. An exception of type `quiet` is a reason, any other an error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes to stderr
    for line in sys.stdin:
        try:
            response = answer(json.loads(line))
        except quiet as reason:
            response = {"unavailable": str(reason)}
        except Exception:
            response = {"error": traceback.format_exc()}
        print(json.dumps(response), file=answers, flush=True)
