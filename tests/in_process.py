"""The command line in this process: what `convncf …` says and how it ends, in milliseconds."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from convncf import cli


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


class Commands:
    """`convncf …` with `home` as its home; an exception that would be a traceback fails the test by itself."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.home, self._patch, self._captured = home, monkeypatch, capfd

    def __call__(self, *arguments: str) -> Said:
        """Run a command to its end."""
        self._captured.readouterr()
        with self._patch.context() as patch:
            patch.setenv("CONVNCF_HOME", str(self.home))
            patch.setattr(sys, "argv", ["convncf", *arguments])
            code: object = 0
            try:
                cli.main()
            except SystemExit as ended:
                code = ended.code or 0
        said = self._captured.readouterr()
        assert isinstance(code, int), code
        assert "Traceback" not in said.err
        return Said(code, said.out, said.err)

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused, with nothing on stdout; what stderr says."""
        said = self(*arguments)
        assert said.code == 1, f"{arguments} ended with {said.code}: {said.out} {said.err}"
        assert said.out == ""
        return said.err
