"""What every test stands on: a home of its own, few threads, and a browser or the reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from convncf.data.split import Split
    from convncf.runs import Run, RunStore
    from tests.command_line import CommandLine

pytest_plugins = ["tests.app_home"]

# Before torch is loaded: workers that each take every core wait for one another more than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A loaded machine is slow, not wrong. The examples of a test may share its folder.
_SHARED = [hypothesis.HealthCheck.function_scoped_fixture]
hypothesis.settings.register_profile("usual", deadline=None, suppress_health_check=_SHARED, max_examples=30)
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("usual"), max_examples=200)
hypothesis.settings.load_profile("usual")  # `make full` asks for the other: --hypothesis-profile=thorough

LONGEST: Final[tuple[str, ...]] = (
    "test_story.py",
    "test_every_page.py",
    "test_notebooks.py",
    "test_previous_version.py",
    "test_app_plots.py",
    "test_app_compare.py",
    "test_app_inspect.py",
    "test_workers.py",
    "test_resume.py",
    "test_disk.py",
    "test_cli_runs.py",
    "test_app_train.py",
    "test_app_inspect_counterfactual.py",
    "test_app_inspect_why.py",
    "test_kills.py",
)
"""Files of tests that take longest, those first: a worker that begins one of them last would work on alone."""


SLOW: Final[tuple[str, ...]] = (
    "test_before_any_work.py",
    "test_benchmark_quality.py",
    "test_cli_per_user.py",
    "test_cli_recommending.py",
    "test_cli_runs.py",
    "test_demo.py",
    "test_disk.py",
    "test_experiment.py",
    "test_extending.py",
    "test_faults.py",
    "test_figures_notebook.py",
    "test_fold_in.py",
    "test_garbage.py",
    "test_history.py",
    "test_jobs.py",
    "test_known_runs.py",
    "test_launching.py",
    "test_leakage.py",
    "test_one_worker.py",
    "test_previous_version.py",
    "test_reading_chunks.py",
    "test_resume.py",
    "test_seed_training.py",
    "test_significance.py",
    "test_starting_points.py",
    "test_trainer_state.py",
    "test_within_epoch.py",
)
"""Files that take many seconds in all, whatever a test of them takes; the app's pages are more, but for Start."""


@pytest.hookimpl(tryfirst=True)  # before `-m` asks for the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow; let the files that take longest come first. Within a file, and otherwise, the order stays."""
    for item in items:
        name = item.path.name
        if name in SLOW or (name.startswith("test_app_") and name != "test_app_start.py"):
            item.add_marker(pytest.mark.slow)
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for this test alone, inherited by the processes it starts."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CONVNCF_HOME", str(folder))
    return folder


@pytest.fixture
def convncf(home: Path) -> CommandLine:
    """The command line on this test's home."""
    from tests.command_line import CommandLine

    return CommandLine(home)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A command line whose home holds the shop; the tests of a file share it."""
    from tests.command_line import CommandLine

    line = CommandLine(tmp_path_factory.mktemp("shop"))
    line.add_shop()
    return line


@pytest.fixture
def toy(home: Path) -> None:
    """The toy, a checkerboard, is a dataset of this test's home."""
    from tests.worlds import save_dataset

    save_dataset(home)


@pytest.fixture(scope="session")
def parts() -> Split:
    """The toy divided 8:1:1, made once. Nothing may change it."""
    from tests.toy_training import toy_split

    return toy_split()


@pytest.fixture
def store(home: Path) -> RunStore:
    """The runs of this test's home."""
    from convncf.runs import RunStore

    return RunStore(home)


@pytest.fixture
def run(store: RunStore) -> Run:
    """The run "first", which has not begun."""
    from tests.worlds import created

    return created(store, "first")


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
