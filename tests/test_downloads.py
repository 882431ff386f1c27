"""Downloads: the right archive becomes a dataset; anything else is refused in words, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from convncf.data import catalogue, downloads
from convncf.data.downloads import DOWNLOADS, fetch
from convncf.errors import DataError, DatasetExistsError, DatasetNotFoundError
from tests.archives import MAKERS, N_ITEMS, N_USERS, ROWS, served


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive in the layout of ml-100k."""
    return MAKERS["ml-100k"](tmp_path / "ml-100k.zip")


@pytest.fixture
def known(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where its checksum and counts are the known ones of ml-100k."""
    own = replace(
        DOWNLOADS["ml-100k"],
        checksum=hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest(),
        counts=(N_USERS, N_ITEMS, len(ROWS)),
    )
    monkeypatch.setattr(downloads, "DOWNLOADS", MappingProxyType({**DOWNLOADS, "ml-100k": own}))
    return archive


@pytest.fixture
def server(archive: Path) -> Iterator[str]:
    """The address of a server that offers it."""
    with served(archive.read_bytes()) as address:
        yield address


def left(home: Path) -> list[str]:
    """Whatever lies among the datasets, hidden or not."""
    return sorted(path.name for path in (home / "datasets").glob("*")) if (home / "datasets").exists() else []


# ---------------------------------------------------------------- what works


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_each_layout_is_read_without_an_option(tmp_path: Path, home: Path, name: str) -> None:
    got = fetch(name, home, file=MAKERS[name](tmp_path / f"{name}.zip"), any_version=True)
    assert (got.entry.n_users, got.entry.n_items, got.entry.n_interactions) == (N_USERS, N_ITEMS, len(ROWS))
    data = catalogue.load(name, home)
    assert data.items.n_titled == N_ITEMS
    assert data.items.titles[data.items.items.index("7")].startswith("Café")
    assert data.items.genres[0]
    assert data.interactions.timestamp is not None
    assert data.interactions.rating is not None
    assert data.part is None
    assert not got.verified
    assert got.notes[0].partition(":")[0].endswith("--any-version")
    assert got.notes[1].startswith(f"It holds {N_USERS} users, {N_ITEMS} items and {len(ROWS)} interactions; the known")
    assert "another version" in data.source


@pytest.mark.parametrize("path", ["whole.zip", "moved.zip", "unknown.zip"])
def test_what_a_server_sends_becomes_a_dataset(known: Path, server: str, home: Path, path: str) -> None:
    told: list[tuple[int, int | None]] = []
    got = fetch("ml-100k", home, url=f"{server}/{path}", on_bytes=lambda done, total: told.append((done, total)))
    size = known.stat().st_size
    assert got.verified
    assert [downloads.known("ml-100k").checksum in note for note in got.notes] == [True]
    assert told[-1] == (size, None if path == "unknown.zip" else size)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert left(home) == ["ml-100k"]
    source = catalogue.load("ml-100k", home).source
    assert "MovieLens 100K" in source
    assert "neither redistributed" in source


def test_a_file_that_is_here_under_another_name(known: Path, home: Path) -> None:
    got = fetch("ml-100k", home, file=known, as_name="films")
    assert (got.entry.name, got.verified) == ("films", True)
    assert known.exists()
    assert left(home) == ["films"]


def test_what_is_known_is_what_its_makers_say() -> None:
    assert {name: d.counts for name, d in DOWNLOADS.items()} == {
        "ml-100k": (943, 1682, 100_000),
        "ml-1m": (6040, 3706, 1_000_209),
        "ml-latest-small": (610, 9724, 100_836),
    }
    for name, download in DOWNLOADS.items():
        assert download.url == f"https://files.grouplens.org/datasets/movielens/{name}.zip"
        assert len(download.checksum) == hashlib.new(download.algorithm, usedforsecurity=False).digest_size * 2
        assert "redistributed" in download.licence
        assert "Harper" in download.licence


# ---------------------------------------------------------------- what does not


def test_another_archive_is_refused(archive: Path, server: str, home: Path) -> None:
    found = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    with pytest.raises(DataError) as refused:
        fetch("ml-100k", home, url=f"{server}/whole.zip")
    words = str(refused.value)
    assert f"its md5 is {found}, expected is 0e33842e24a9c977be4e0107933c0723" in words
    assert "--any-version" in words
    assert left(home) == []
    with pytest.raises(DataError, match=r"ml-100k.zip is not"):
        fetch("ml-100k", home, file=archive)


@pytest.mark.parametrize(("path", "words"), [("cut.zip", "connection ended"), ("none.zip", "404 Not Found")])
def test_a_server_that_fails_is_told(known: Path, server: str, home: Path, path: str, words: str) -> None:
    with pytest.raises(DataError) as refused:
        fetch("ml-100k", home, url=f"{server}/{path}", any_version=True)
    assert words in str(refused.value)
    assert f"{server}/{path}: " in str(refused.value)
    assert "ml-100k --from FILE" in str(refused.value)
    assert left(home) == []


def test_nobody_there_is_told(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound and not listening: whoever connects is refused
        with pytest.raises(DataError, match=r"reached .*--from FILE"):
            fetch("ml-1m", home, url=f"http://127.0.0.1:{port}/ml-1m.zip")
    assert left(home) == []


def test_a_connection_that_answers_nonsense_is_told(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 a mail server\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DataError, match="the connection broke"):
            fetch("ml-1m", home, url=f"http://127.0.0.1:{listening.getsockname()[1]}/ml-1m.zip")
        thread.join()
    assert left(home) == []


def test_silence_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(DataError, match=r"nothing was received|\(timed out\)"),
    ):
        fetch("ml-1m", home, url=f"http://127.0.0.1:{listening.getsockname()[1]}/ml-1m.zip")
    assert left(home) == []


def test_stopping_half_way_leaves_nothing(known: Path, server: str, home: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("ml-100k", home, url=f"{server}/whole.zip", on_bytes=stop)
    assert left(home) == []


def test_a_file_that_is_no_archive_leaves_nothing(tmp_path: Path, home: Path) -> None:
    page = tmp_path / "ml-100k.zip"
    page.write_text("<html>please log in</html>", encoding="utf-8")
    with pytest.raises(DataError, match=r"26 bytes"):
        fetch("ml-100k", home, file=page)
    with pytest.raises(DataError):
        fetch("ml-100k", home, file=page, any_version=True)
    assert left(home) == []


def test_what_is_refused_before_anything_is_fetched(known: Path, home: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"'ml-10m' .*ml-1m"):
        fetch("ml-10m", home)
    with pytest.raises(DataError, match=r"absent.zip"):
        fetch("ml-1m", home, file=tmp_path / "absent.zip")
    with pytest.raises(DataError, match=r"is not a file"):
        fetch("ml-1m", home, file=tmp_path)
    for address in ("file:///etc/hosts", "ftp://example.org/a.zip", "ml-1m.zip"):
        with pytest.raises(DataError, match=r"http.*--from FILE"):
            fetch("ml-1m", home, url=address)
    fetch("ml-100k", home, file=known)
    with pytest.raises(DatasetExistsError, match="Free: 'ml-100k-2'"):
        fetch("ml-100k", home, url="http://no-such-host.invalid/")
    assert left(home) == ["ml-100k"]
