"""The command line as a person uses it: a process of its own, a home of its own, and a small shop to train on."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]

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

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command and return at once; its stdout and stderr are pipes."""
        settings = os.environ | {"CONVNCF_HOME": str(self.home), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "convncf", *arguments],
            cwd=ROOT,
            env=settings | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __call__(self, *arguments: str, code: int = 0, typed: str = "", **environment: str) -> Answer:
        """Run a command to its end, which must be `code`; `typed` is what the person answers."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(typed, timeout=120)
        assert process.returncode == code, f"{arguments} ended with {process.returncode}:\n{out}\n{err}"
        assert "Traceback" not in err, err
        return Answer(process.returncode, out, err)

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
        self.home.mkdir(parents=True, exist_ok=True)
        file = self.home / "shop.csv"
        file.write_text(shop_csv(), encoding="utf-8")
        self("datasets", "add", str(file))


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until it is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not become true in time"
        time.sleep(0.05)
