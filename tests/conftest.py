"""What every test stands on: a home of its own, few threads, and a browser or the reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ["tests.app_home"]

# Before torch is loaded: workers that each take every core wait for one another more than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A loaded machine is slow, not wrong.
hypothesis.settings.register_profile("workbench", deadline=None)
hypothesis.settings.load_profile("workbench")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for this test alone, inherited by the processes it starts."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CONVNCF_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """An installed Chromium or Chrome. Without one the test is skipped, with the reason; under CI=true it fails."""
    return chromium_or_outcome()


def chromium_or_outcome() -> Path:
    """Where it is, else pytest's own way to skip or to fail."""
    from tests.browser import NoChromiumError, find_chromium

    try:
        return find_chromium()
    except NoChromiumError as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser, and CI=true allows no skipping: {reason}")
        pytest.skip(f"no browser: {reason}")


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A headless browser; use it with tests.browser.open_page.

    Per module, not per session: while it is open, nothing else in the process can run an event loop.
    """
    from tests.browser import open_browser

    with open_browser(chromium) as opened:
        yield opened
