"""Datasets that their makers offer: fetched over HTTP, held against a checksum, and read like any other file.

Nothing of them comes with the project. Checksums: of ml-100k and ml-1m as GroupLens publishes them beside the archives;
of ml-latest-small, which is issued anew from time to time, that of the issue of September 2018 as TensorFlow Datasets
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
"""Told the bytes that have come, and how many there will be where the server says."""

_MOVIELENS: Final = "https://files.grouplens.org/datasets/movielens"
_CITATION: Final = (
    "cite F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: History and Context, "
    "ACM TiiS 5(4), 2015, https://doi.org/10.1145/2827872"
)
_NO_REDISTRIBUTION: Final = (
    "for research; neither redistributed nor used commercially without the permission of GroupLens; " + _CITATION
)
_BLOCK: Final = 1 << 16
_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Download:
    """An archive that its maker offers."""

    name: str
    title: str
    url: str
    algorithm: Literal["md5", "sha256"]
    checksum: str
    counts: tuple[int, int, int]
    """Users, items and interactions that reading it gives."""
    licence: str
    """What may be done with it, in words."""


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
                f"for research, not commercially; redistributed under the same terms alone; {_CITATION}",
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A dataset that was fetched."""

    entry: DatasetEntry
    download: Download
    verified: bool
    """Whether the archive is the one that the checksum is of."""
    notes: tuple[str, ...]
    """How it was verified, and in what it differs from the known one; each a sentence."""


def known(name: str) -> Download:
    """The download of that name. Raises DatasetNotFoundError with the names that there are."""
    if name not in DOWNLOADS:
        raise DatasetNotFoundError(
            f"{name!r} cannot be fetched. {did_you_mean(name, DOWNLOADS)} There are {', '.join(DOWNLOADS)}. "
            "A file that you have becomes a dataset with: convncf datasets add FILE"
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
    """Fetch an archive, hold it against its checksum, and keep it as the dataset `as_name`, else under its own name.

    A `file` that is here already is taken instead; `url` is another address of the archive, such as a mirror.
    `any_version` takes an archive with another checksum, and says so. Raises DataError saying what did not work;
    nothing half-fetched is left.
    """
    download = known(name)
    made = as_name or download.name
    catalogue.check_name(made, home)  # before anything is fetched
    if file is not None:
        if not file.is_file():
            raise DataError(f"{file} {'is no file' if file.exists() else 'does not exist'}. Give the archive itself.")
        return _kept(download, file, file.name, made, home, any_version)
    address = url or download.url
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise DataError(f"{address!r} is no http or https address. A file that is here is taken with --from FILE.")
    parent = (home or files.home()) / "datasets"
    parent.mkdir(parents=True, exist_ok=True)
    with catalogue.full_disk_in_words(parent), tempfile.TemporaryDirectory(dir=parent, prefix=".part-") as folder:
        archive = Path(folder) / f"{download.name}.zip"
        _download(download, address, archive, on_bytes or (lambda done, total: None))
        return _kept(download, archive, address, made, home, any_version)


def _download(download: Download, address: str, archive: Path, on_bytes: OnBytes) -> None:
    done = 0
    with archive.open("wb") as out:
        for block, total in _blocks(download, address):
            out.write(block)
            done += len(block)
            on_bytes(done, total)
    if total is not None and done != total:
        raise _failed(download, address, f"the connection ended after {done:,} of {total:,} bytes")


def _blocks(download: Download, address: str) -> Iterator[tuple[bytes, int | None]]:
    """What a server sends, block by block and at least one, with the total that it announced."""
    request = urllib.request.Request(address, headers={"User-Agent": "convncf"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            yield answer.read(_BLOCK), total
            while block := answer.read(_BLOCK):
                yield block, total
    except urllib.error.HTTPError as error:
        with error:  # it is an open connection, too
            raise _failed(download, address, f"the server answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _failed(download, address, f"it could not be reached ({error.reason})") from None
    except TimeoutError:
        raise _failed(download, address, f"nothing came for {_SECONDS:.0f} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        raise _failed(download, address, f"the connection broke ({error!r})") from None


def _failed(download: Download, address: str, why: str) -> DataError:
    return DataError(
        f"{address}: {why}. Nothing was kept. Try again later, or fetch the file elsewhere and take it with: "
        f"convncf datasets fetch {download.name} --from FILE"
    )


def _kept(download: Download, archive: Path, where: str, made: str, home: Path | None, any_version: bool) -> Fetched:
    """Verify an archive, then read and keep it."""
    digest = hashlib.new(download.algorithm, usedforsecurity=False)
    with archive.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    found = digest.hexdigest()
    verified = found == download.checksum
    if not verified and not any_version:
        raise DataError(
            f"{where} is not the archive of {download.title} that is known: its {download.algorithm} is {found}, "
            f"expected is {download.checksum} ({archive.stat().st_size:,} bytes came). Nothing was kept. It may be "
            "damaged, a page that asks to log in, or another issue, which --any-version takes all the same."
        )
    notes = [
        f"The archive's {download.algorithm} is the known one, {found}."
        if verified
        else f"The archive is another than the known one, taken as asked: its {download.algorithm} is {found}."
    ]
    how = "" if verified else ", another issue than the known one"
    entry = catalogue.add(archive, made, home, source=f"{download.title}, {where}{how}; {download.licence}")
    counts = (entry.n_users, entry.n_items, entry.n_interactions)
    if counts != download.counts:
        notes.append(f"It holds {_counts(counts)}; the known one {_counts(download.counts)}.")
    return Fetched(entry, download, verified, tuple(notes))


def _counts(counts: tuple[int, int, int]) -> str:
    return "{:,} users, {:,} items and {:,} interactions".format(*counts)
