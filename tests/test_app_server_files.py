"""Files on the server: read in place inside allowed folders, and nothing outside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from convncf.data import catalogue
from tests.app_pages import field, open_page, texts


def server(at: AppTest, path: str) -> AppTest:
    field(at, "Or a file or folder on the server").set_value(path)
    return at.run()


@pytest.fixture
def lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the server that the app may read, with a link out of it, beside one that it may not."""
    folder = tmp_path / "lent"
    (folder / "set").mkdir(parents=True)
    (folder / "links").mkdir()
    (tmp_path / "secret.csv").write_text("user,item\n1,2\n")
    for name in ("a.csv", "set/ratings.csv"):
        (folder / name).write_text("user,item\n1,2\n2,3\n")
    (folder / "set" / "movies.csv").write_text("item,title\n2,Heat\n")
    (folder / "links" / "out.csv").symlink_to(tmp_path / "secret.csv")
    monkeypatch.setenv("CONVNCF_DATA_FOLDERS", os.pathsep.join(("", str(tmp_path / "none"), str(folder))))
    return folder


def test_without_allowed_folders_nothing_on_the_server_can_be_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item\n1,2\n")
    at = open_page("data", upload=str(tmp_path / "a.csv"))
    assert not at.exception
    assert not [box for box in at.text_input if "server" in box.label]
    assert "no longer exist" in texts(at)


@pytest.mark.parametrize(("named", "titled"), [("a.csv", 0), ("set", 1)])
def test_files_on_the_server_are_read_where_they_lie(named: str, titled: int, lent: Path, home: Path) -> None:
    at = server(open_page("data"), named)
    assert not at.exception
    assert "Kept: 2" in texts(at)
    assert at.query_params["upload"] == str(lent / named)
    at.button(key="upload:save").click().run()
    assert not at.exception
    assert catalogue.names(home)[-1] == catalogue.stem(Path(named))
    (saved,) = [entry for entry in catalogue.entries(home) if not entry.embedded]
    assert catalogue.load(saved.name, home).items.n_titled == titled
    assert (lent / named).exists()  # ours are removed, theirs are not
    assert "upload" not in at.query_params


def test_a_file_on_the_server_that_changes_is_read_again(lent: Path) -> None:
    at = server(open_page("data"), "a.csv")
    (lent / "a.csv").write_text("user,item\n1,2\n2,3\n3,4\n")
    at.run()
    assert "Kept: 3" in texts(at)


@pytest.mark.parametrize(
    "named", ["../secret.csv", "{tmp}/secret.csv", "links/out.csv", "links", "/etc/passwd", "\0", "~"]
)
def test_nothing_outside_the_allowed_folders_is_read(named: str, lent: Path, tmp_path: Path) -> None:
    wished = named.replace("{tmp}", str(tmp_path))
    typed, linked = server(open_page("data"), wished), open_page("data", upload=wished)
    for at in (typed, linked):
        assert not at.exception
        assert at.error
        assert not any(button.key == "upload:save" for button in at.button)
        assert "Kept" not in texts(at)
