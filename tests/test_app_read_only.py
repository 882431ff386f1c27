"""A read-only server: every page can be viewed, and nothing on it launches, changes, uploads or deletes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.ui import address, commands
from app.views.data import add_dataset, dataset
from convncf.errors import ConvNCFError
from convncf.runs import RunStore, Status
from tests.app_pages import open_page, texts

ACTS = ("demo", "row:resume", "dataset:delete", "dataset:train", "upload", "launch", "watch:", "new:", "run:delete")
WORDS = (
    "delete",
    "launch",
    "start training",
    "resume",
    "stop",
    "kill",
    "save",
    "train",
    "rename",
    "archive",
    "discard",
)


@pytest.fixture
def shown(copied_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with finished, waiting, stopped and broken runs, on a read-only server."""
    shutil.copytree(copied_home / "runs" / "tiny-42", copied_home / "runs" / "halted")
    RunStore(copied_home).open("halted").write_status(Status(state="stopped", message="stopped"))
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    return copied_home


def contents(home: Path) -> dict[str, str]:
    """Every file below a folder, by what it holds; the locks aside."""
    files = (file for file in sorted(home.rglob("*")) if file.is_file() and file.suffix != ".lock")
    return {str(file.relative_to(home)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def acting(app: AppTest) -> list[str]:
    """Buttons and fields of a page that do something to the home."""
    named = [f"{button.key}: {button.label}" for button in app.button]
    acting = [name for name in named if name.startswith(ACTS) or any(word in name.lower() for word in WORDS)]
    return acting + ["upload: a field for files" for _ in app.get("file_uploader")]


@pytest.mark.parametrize("page", sorted(address.PAGES))
def test_no_page_has_a_button_that_acts(shown: Path, page: str) -> None:
    before = contents(shown)
    app = open_page(page, run="halted", dataset="tiny-films")
    assert not app.exception, app.exception
    assert acting(app) == []
    assert contents(shown) == before


@pytest.mark.parametrize("page", ["start", "data", "train", "inspect"])
def test_an_empty_home_says_so_on_each_page_that_would_act(
    home: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("CONVNCF_READ_ONLY", "1")
    app = open_page(page)
    assert not app.exception, app.exception
    assert acting(app) == []
    assert "read-only" in texts(app)


def test_the_same_pages_have_such_buttons_otherwise(home: Path) -> None:
    assert any(name.startswith("demo") for name in acting(open_page("start")))
    assert any(name.startswith("upload") for name in acting(open_page("data")))


@pytest.mark.parametrize(
    "act",
    [
        commands.start_demo,
        lambda: commands.resume(address.store().open("halted")),
        lambda: commands.stop(address.store().open("halted")),
        lambda: commands.kill(address.store().open("halted")),
        lambda: commands.delete(address.store().open("halted")),
        lambda: dataset._delete("tiny-films"),
        lambda: add_dataset._save_dataset("none", None, "new"),  # type: ignore[arg-type]
    ],
    ids=["demo", "resume", "stop", "kill", "delete", "delete a dataset", "save a dataset"],
)
def test_what_a_button_would_do_is_refused(shown: Path, act: Callable[[], object]) -> None:
    before = contents(shown)
    with pytest.raises(ConvNCFError, match="read-only"):
        act()
    assert contents(shown) == before
