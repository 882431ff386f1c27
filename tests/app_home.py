"""Fixtures for the tests of Inspect and Compare: a plugin, so that the runs are made once for all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app_runs import make_home


@pytest.fixture(scope="session")
def runs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with runs, made once. Nothing may change it."""
    home = tmp_path_factory.mktemp("app-home")
    make_home(home)
    return home


@pytest.fixture
def at_home(runs_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The made home is this test's home."""
    monkeypatch.setenv("CONVNCF_HOME", str(runs_home))
    return runs_home


@pytest.fixture
def copied_home(runs_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as this test's home, to change."""
    home = tmp_path / "copy"
    shutil.copytree(runs_home, home)
    monkeypatch.setenv("CONVNCF_HOME", str(home))
    return home
