"""Fixtures of the app's tests: a home with runs, made once for a whole test session, and pages opened once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import filelock
import pytest

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.app_pages import Opened


@pytest.fixture(scope="session")
def runs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with runs, made once for all workers of the test session. Nothing may change it."""
    from tests.app_runs import make_home

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = shared / "app-home"
    with filelock.FileLock(shared / "app-home.lock"):
        if not home.exists():
            begun = shared / "app-home-begun"
            shutil.rmtree(begun, ignore_errors=True)  # of a worker that was ended in the middle of it
            make_home(begun)
            begun.rename(home)
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


@pytest.fixture(scope="module")
def _pages(runs_home: Path) -> Iterator[Opened]:
    """Pages of the made home by their address, each opened once in a module."""
    from tests.app_pages import fine, open_page

    pages: dict[str, AppTest] = {}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("several tests read this page: press on one that open_page has opened")

    def page_of(name: str, **parameters: str | list[str]) -> AppTest:
        address = repr((name, sorted(parameters.items())))
        if address not in pages:
            pages[address] = fine(open_page(name, **parameters))
            vars(pages[address])["_run"] = refuse
        return pages[address]

    yield page_of
    pages.clear()


@pytest.fixture
def opened(at_home: Path, _pages: Opened) -> Opened:
    """Open a page of the made home that is only read: the same address is drawn once for all tests of a module."""
    return _pages


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of workers that would have been started; none is."""
    started: list[list[str]] = []

    class Worker:
        returncode: int | None = None
        pid = os.getpid()  # no child of this process: there is nothing to reap

        def __init__(self, command: list[str], **more: Any) -> None:
            started.append(command)

    monkeypatch.setattr("convncf.jobs.launching.subprocess", SimpleNamespace(Popen=Worker, DEVNULL=subprocess.DEVNULL))
    return started
