"""Published datasets: downloaded over HTTP, verified by a checksum, and read like any other file.

The project contains none of their data. Checksums: of ml-100k and ml-1m as GroupLens publishes them beside the
archives; of ml-latest-small, of which new versions appear, that of the version of September 2018 as TensorFlow Datasets
lists it.
"""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from convncf.data import catalogue
from convncf.data.storage import DatasetEntry
from convncf.errors import DataError, DatasetNotFoundError, did_you_mean
from convncf.runtime import files

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes received, and with the total where the server gives it."""

_MOVIELENS: Final = "https://files.grouplens.org/datasets/movielens"
_CITATION: Final = (
    "cite F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: History and Context, "
    "ACM TiiS 5(4), 2015, https://doi.org/10.1145/2827872"
)
_NO_REDISTRIBUTION: Final = (
    "for research; neither redistributed nor used commercially without the permission of GroupLens; " + _CITATION
)
_CHUNK: Final = 1 << 16
_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Download:
    """An archive that is published for download."""

    name: str
    title: str
    url: str
    algorithm: Literal["md5", "sha256"]
    checksum: str
    counts: tuple[int, int, int]
    """Users, items and interactions in it."""
    licence: str
    """The terms of its use."""


DOWNLOADS: Final = MappingProxyType(
    {
        download.name: download
        for download in (
            Download(
                "ml-100k",
                "MovieLens 100K",
                f"{_MOVIELENS}/ml-100k.zip",
                "md5",
                "0e33842e24a9c977be4e0107933c0723",
                (943, 1682, 100_000),
                _NO_REDISTRIBUTION,
            ),
            Download(
                "ml-1m",
                "MovieLens 1M",
                f"{_MOVIELENS}/ml-1m.zip",
                "md5",
                "c4d9eecfca2ab87c1945afe126590906",
                (6040, 3706, 1_000_209),
                _NO_REDISTRIBUTION,
            ),
            Download(
                "ml-latest-small",
                "MovieLens latest small, September 2018",
                f"{_MOVIELENS}/ml-latest-small.zip",
                "sha256",
                "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
                (610, 9724, 100_836),
                f"for research, not commercially; redistributed only under the same terms; {_CITATION}",
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A dataset that was downloaded."""

    entry: DatasetEntry
    download: Download
    verified: bool
    """Whether the archive has the known checksum."""
    notes: tuple[str, ...]
    """How it was verified, and how it differs from the known one; each a sentence."""


def known(name: str) -> Download:
    """The download of that name. Raises DatasetNotFoundError with the known names."""
    if name not in DOWNLOADS:
        raise DatasetNotFoundError(
            f"{name!r} cannot be downloaded. {did_you_mean(name, DOWNLOADS)} There are {', '.join(DOWNLOADS)}. "
            "Add a file of your own with: convncf datasets add FILE"
        )
    return DOWNLOADS[name]


def fetch(
    name: str,
    home: Path | None = None,
    *,
    as_name: str | None = None,
    file: Path | None = None,
    url: str | None = None,
    any_version: bool = False,
    on_bytes: OnBytes | None = None,
) -> Fetched:
    """Download an archive, verify its checksum, and keep it as the dataset `as_name`, else under its own name.

    A `file` that was downloaded already is read instead; `url` is another address of the archive, such as a mirror.
    `any_version` accepts an archive with another checksum, and notes it. Raises DataError with the reason of a failure;
    no partial download remains.
    """
    download = known(name)
    dataset_name = as_name or download.name
    catalogue.check_name(dataset_name, home)  # before the download
    if file is not None:
        if not file.is_file():
            raise DataError(
                f"{file} {'is not a file' if file.exists() else 'does not exist'}. Give the archive itself."
            )
        return _verified_and_kept(download, file, file.name, dataset_name, home, any_version)
    address = url or download.url
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise DataError(f"{address!r} is not an http or https address. Read a file on this machine with --from FILE.")
    parent = (home or files.home()) / "datasets"
    parent.mkdir(parents=True, exist_ok=True)
    with catalogue.full_disk_in_words(parent), tempfile.TemporaryDirectory(dir=parent, prefix=".part-") as folder:
        archive = Path(folder) / f"{download.name}.zip"
        _download(download, address, archive, on_bytes or (lambda done, total: None))
        return _verified_and_kept(download, archive, address, dataset_name, home, any_version)


def _download(download: Download, address: str, archive: Path, on_bytes: OnBytes) -> None:
    done = 0
    with archive.open("wb") as out:
        for chunk, total in _chunks(download, address):
            out.write(chunk)
            done += len(chunk)
            on_bytes(done, total)
    if total is not None and done != total:
        raise _failed(download, address, f"the connection ended after {done:,} of {total:,} bytes")


def _chunks(download: Download, address: str) -> Iterator[tuple[bytes, int | None]]:
    """The chunks that a server sends, at least one, with the total that it announced."""
    request = urllib.request.Request(address, headers={"User-Agent": "convncf"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            yield answer.read(_CHUNK), total
            while chunk := answer.read(_CHUNK):
                yield chunk, total
    except urllib.error.HTTPError as error:
        with error:  # it is an open connection too
            raise _failed(download, address, f"the server answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _failed(download, address, f"it could not be reached ({error.reason})") from None
    except TimeoutError:
        raise _failed(download, address, f"nothing was received for {_SECONDS:.0f} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        raise _failed(download, address, f"the connection broke ({error!r})") from None


def _failed(download: Download, address: str, why: str) -> DataError:
    return DataError(
        f"{address}: {why}. Nothing was kept. Try again later, or download the file elsewhere and read it with: "
        f"convncf datasets fetch {download.name} --from FILE"
    )


def _verified_and_kept(
    download: Download, archive: Path, origin: str, dataset_name: str, home: Path | None, any_version: bool
) -> Fetched:
    """Verify an archive, then read and keep it."""
    digest = hashlib.new(download.algorithm, usedforsecurity=False)
    with archive.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    checksum = digest.hexdigest()
    verified = checksum == download.checksum
    if not verified and not any_version:
        raise DataError(
            f"{origin} is not the known archive of {download.title}: its {download.algorithm} is {checksum}, "
            f"expected is {download.checksum} ({archive.stat().st_size:,} bytes received). Nothing was kept. It may be "
            "damaged, a login page, or another version, which --any-version accepts."
        )
    notes = [
        f"The archive's {download.algorithm} is the known one, {checksum}."
        if verified
        else "The archive is another version than the known one, accepted with --any-version: "
        f"its {download.algorithm} is {checksum}."
    ]
    version_note = "" if verified else ", another version than the known one"
    entry = catalogue.add(
        archive, dataset_name, home, source=f"{download.title}, {origin}{version_note}; {download.licence}"
    )
    counts = (entry.n_users, entry.n_items, entry.n_interactions)
    if counts != download.counts:
        notes.append(f"It holds {_counts(counts)}; the known one {_counts(download.counts)}.")
    return Fetched(entry, download, verified, tuple(notes))


def _counts(counts: tuple[int, int, int]) -> str:
    return "{:,} users, {:,} items and {:,} interactions".format(*counts)
