"""Uploaded files on their way to a dataset, kept by content; their limits; and files that lie on the server.

uploads/<first 16 hex digits of SHA-256>-<8 random ones>/<the files' own names>
They are removed once they are a dataset, or after a day. The id stands in the address (`?upload=…`); it differs for
each upload, so that of two people with the same file neither removes the other's.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from app.ui import address, widgets
from convncf.data.catalogue import full_disk_in_words
from convncf.data.reading.sources import files_at
from convncf.errors import ReadError

LIMIT_MB: Final = 200
"""Of one file. Larger ones go through the command line, which reads them where they are."""
TOTAL_MB: Final = 400
FILES: Final = 20
UNPACKED_MB: Final = 1024
"""Of one file, unpacked: a few kilobytes can unpack to more than any memory holds."""
_MEMBERS: Final = 1000
_CHUNK: Final = 1 << 20
_ROWS: Final = 4096


def refuse_bomb(path: Path) -> None:
    """Raises ReadError where a file holds too many files, or unpacks to more than UNPACKED_MB."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                members = len(archive.infolist())
        except zipfile.BadZipFile:
            return
        if members > _MEMBERS:
            raise ReadError(f"{path} holds {members:,} files, and at most {_MEMBERS:,} are looked at here. Pack fewer.")
    total = 0
    for size in _unpacked(path):
        total += size
        if total > UNPACKED_MB << 20:
            raise ReadError(
                f"{path} is {path.stat().st_size / 2**20:,.1f} MB and unpacks to more than {UNPACKED_MB:,} MB, which "
                "is refused here. If that is what it should hold: convncf datasets add FILE --name NAME"
            )


def _unpacked(path: Path) -> Iterator[int]:
    """Bytes as they are unpacked, held only a piece at a time. What cannot be unpacked ends it: reading says why."""
    try:
        for source in files_at(path).sources:
            if source.member is not None or _is_gzip(path):
                yield from map(len, source.chunks(_CHUNK))
            if source.start.startswith(b"PAR1"):
                rows = pq.ParquetFile(pa.BufferReader(source.read()[0]))
                yield from (batch.nbytes for batch in rows.iter_batches(_ROWS))
    except (ReadError, zipfile.BadZipFile, pa.ArrowException, OSError):
        return


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


FOLDERS: Final = "CONVNCF_DATA_FOLDERS"
"""Names the folders, divided as in PATH; without it nothing on the server can be named."""
_FIELD: Final = "upload:server"


def folders() -> tuple[Path, ...]:
    """The allowed folders that are there, without links in their paths."""
    named = [Path(text).resolve() for text in os.environ.get(FOLDERS, "").split(os.pathsep) if text.strip()]
    return tuple(folder for folder in named if folder.is_dir())


def path(chosen: str) -> Path:
    """The file or folder that is meant. Raises ReadError where it, or a file in it, is not inside an allowed folder.

    A relative path is one within the first of the folders that has it.
    """
    allowed = folders()
    if "\0" in chosen:
        raise ReadError(f"{chosen!r} is no path.")
    for folder in allowed:
        found = (folder / chosen).resolve()
        if found.is_relative_to(folder) and found.exists():
            if found.is_dir():
                _refuse_links_out(found, allowed)
            return found
    names = " or ".join(map(str, allowed)) or "any folder: none is allowed here"
    raise ReadError(f"there is no {chosen!r} inside {names}.")


def ask() -> None:
    """A field for the path, where folders are allowed; what is typed is chosen as an upload is."""
    allowed = folders()
    if not allowed:
        return
    st.text_input(
        "Or a file or folder on the server",
        key=_FIELD,
        placeholder=f"a path inside {' or '.join(map(str, allowed))}",
        help="For files too large to upload: they are read where they lie. A folder stands for the files in it.",
        on_change=_typed,
    )


def _typed() -> None:
    text = str(st.session_state[_FIELD]).strip()
    if not text:
        return
    try:
        found = path(text)
    except ReadError as error:
        widgets.tell(str(error), "problem")
        return
    before = address.chosen("upload")
    if before is not None:
        forget(before)
    address.choose(upload=str(found))


def _refuse_links_out(folder: Path, allowed: tuple[Path, ...]) -> None:
    for file in sorted(folder.iterdir()):
        if not any(file.resolve().is_relative_to(within) for within in allowed):
            raise ReadError(f"{folder.name} holds {file.name}, a link to outside the allowed folders. Give one file.")


ID: Final = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
_PART: Final = ".part-"
_KEPT_SECONDS: Final = 24 * 3600
Named = tuple[str, IO[bytes]]
"""A file's name as the browser says it, and its content."""


def store(files: Sequence[Named]) -> str:
    """Keep files that belong together; returns their id. Raises ReadError, with nothing kept, where they may not be."""
    _clear_old()
    names = [_file_name(name) for name, _ in files]
    _refuse(files, names)
    parent = address.home() / "uploads"
    parent.mkdir(parents=True, exist_ok=True)
    with full_disk_in_words(parent):
        part = Path(tempfile.mkdtemp(dir=parent, prefix=_PART))
        try:
            digest = hashlib.sha256()
            for name, (_, content) in zip(names, files, strict=True):
                digest.update(_write(content, part / name))
                refuse_bomb(part / name)
            upload = f"{digest.hexdigest()[:16]}-{secrets.token_hex(4)}"
            os.replace(part, parent / upload)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            if isinstance(error, ReadError):  # by the file's own name: its folder was ours, and is gone
                raise ReadError(str(error).replace(f"{part}/", "")) from None
            raise
    return upload


def paths(upload: str | None) -> tuple[Path, ...]:
    """Where the files of an upload lie, by name; none where the id is no id, or they are gone."""
    if upload is None or not ID.fullmatch(upload):
        return ()
    try:
        return tuple(sorted(file for file in _folder(upload).iterdir() if file.is_file()))
    except FileNotFoundError:
        return ()


def forget(upload: str) -> None:
    """Remove an upload."""
    if ID.fullmatch(upload):
        shutil.rmtree(_folder(upload), ignore_errors=True)


def _folder(upload: str) -> Path:
    return address.home() / "uploads" / upload


def _refuse(files: Sequence[Named], names: Sequence[str]) -> None:
    if len(files) > FILES:
        raise ReadError(f"{len(files):,} files are more than the {FILES} that belong together at most. Pack them.")
    folded = [name.casefold() for name in names]
    twice = next((name for name, same in zip(names, folded, strict=True) if folded.count(same) > 1), None)
    if twice is not None:
        raise ReadError(f"two of the files are called {twice!r}. Rename one, or leave one out.")
    total = sum(content.seek(0, os.SEEK_END) for _, content in files)
    if total > TOTAL_MB << 20:
        raise ReadError(
            f"the files are {total / 2**20:,.0f} MB together, and at most {TOTAL_MB} are taken here. "
            "Larger ones are read where they lie: convncf datasets add FILE --name NAME"
        )


def _write(content: IO[bytes], target: Path) -> bytes:
    """Copy a file; returns the digest of its name and content."""
    digest = hashlib.sha256(target.name.encode() + b"\0")
    content.seek(0)
    with target.open("xb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.digest()


def _file_name(name: str) -> str:
    """The last part of the name, without what a file system cannot hold; the endings, which say much, stay."""
    kept = re.sub(r'[\x00-\x1f/\\:*?"<>|]', "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    while len(kept.encode("utf-8", "replace")) > 200:
        kept = kept[1:]
    return kept.encode("utf-8", "replace").decode() or "upload"


def _clear_old() -> None:
    now = time.time()
    try:
        folders = list((address.home() / "uploads").iterdir())
    except FileNotFoundError:
        return
    for folder in folders:
        ours = ID.fullmatch(folder.name) or folder.name.startswith(_PART)
        if ours and now - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
