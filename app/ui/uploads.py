"""Uploads: files that become a dataset, stored by content; their limits; and files that are on the server already.

uploads/<first 16 hex digits of SHA-256>-<8 random ones>/<the files' own names>
They are removed once they are a dataset, or after a day. The id is in the address (`?upload=…`); it differs for each
upload, so that of two visitors with the same file neither removes the other's.
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
"""Of one file. Larger ones are added on the command line, which reads them in place."""
TOTAL_MB: Final = 400
FILES: Final = 20
UNPACKED_MB: Final = 1024
"""Of one file, unpacked: a few kilobytes can unpack to more than the memory of any machine."""
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
            raise ReadError(f"{path} holds {members:,} files, and at most {_MEMBERS:,} are read here. Pack fewer.")
    total = 0
    for size in _unpacked(path):
        total += size
        if total > UNPACKED_MB << 20:
            raise ReadError(
                f"{path} is {path.stat().st_size / 2**20:,.1f} MB and unpacks to more than {UNPACKED_MB:,} MB, which "
                "is refused here. If it should hold that much: convncf datasets add FILE --name NAME"
            )


def _unpacked(path: Path) -> Iterator[int]:
    """Sizes of unpacked chunks, one in memory at a time; ends at damage, for which reading gives the reason."""
    try:
        for source in files_at(path).sources:
            if source.member is not None or _is_gzip(path):
                yield from map(len, source.chunks(_CHUNK))
            if source.start.startswith(b"PAR1"):
                table = pq.ParquetFile(pa.BufferReader(source.read()[0]))
                yield from (batch.nbytes for batch in table.iter_batches(_ROWS))
    except (ReadError, zipfile.BadZipFile, pa.ArrowException, OSError):
        return


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


FOLDERS: Final = "CONVNCF_DATA_FOLDERS"
"""Environment variable with the allowed folders, separated as in PATH; without it no path on the server is allowed."""
_FIELD: Final = "upload:server"


def folders() -> tuple[Path, ...]:
    """The allowed folders that exist, with links in their paths resolved."""
    resolved = [Path(text).resolve() for text in os.environ.get(FOLDERS, "").split(os.pathsep) if text.strip()]
    return tuple(folder for folder in resolved if folder.is_dir())


def path(chosen: str) -> Path:
    """The chosen file or folder. Raises ReadError where it, or a file in it, is not inside an allowed folder.

    A relative path is resolved in the first of the folders that contains it.
    """
    allowed = folders()
    if "\0" in chosen:
        raise ReadError(f"{chosen!r} is no path: it contains a null character. Give another one.")
    for folder in allowed:
        resolved = (folder / chosen).resolve()
        if resolved.is_relative_to(folder) and resolved.exists():
            if resolved.is_dir():
                _refuse_links_out(resolved, allowed)
            return resolved
    names = " or ".join(map(str, allowed)) or "any folder: none is allowed here"
    raise ReadError(f"there is no {chosen!r} inside {names}. Give a path inside.")


def ask() -> None:
    """A field for the path, where folders are allowed; a path that is typed is chosen as an upload is."""
    allowed = folders()
    if not allowed:
        return
    st.text_input(
        "Or a file or folder on the server",
        key=_FIELD,
        placeholder=f"a path inside {' or '.join(map(str, allowed))}",
        help="For files too large to upload: they are read in place. A folder means the files in it.",
        on_change=_typed,
    )


def _typed() -> None:
    text = str(st.session_state[_FIELD]).strip()
    if not text:
        return
    try:
        resolved = path(text)
    except ReadError as error:
        widgets.notify(str(error), "problem")
        return
    previous = address.chosen("upload")
    if previous is not None:
        forget(previous)
    address.choose(upload=str(resolved))


def _refuse_links_out(folder: Path, allowed: tuple[Path, ...]) -> None:
    for file in sorted(folder.iterdir()):
        if not any(file.resolve().is_relative_to(within) for within in allowed):
            raise ReadError(f"{folder.name} holds {file.name}, a link to outside the allowed folders. Give one file.")


ID: Final = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
_PART: Final = ".part-"
_KEPT_SECONDS: Final = 24 * 3600
Named = tuple[str, IO[bytes]]
"""A file's name as the browser sends it, and its content."""


def store(files: Sequence[Named]) -> str:
    """Store files that belong together; returns their id. Raises ReadError, and stores none, where they are refused."""
    _clear_old()
    names = [_file_name(name) for name, _ in files]
    _refuse(files, names)
    parent = address.home() / "uploads"
    parent.mkdir(parents=True, exist_ok=True)
    with full_disk_in_words(parent):
        temporary = Path(tempfile.mkdtemp(dir=parent, prefix=_PART))
        try:
            digest = hashlib.sha256()
            for name, (_, content) in zip(names, files, strict=True):
                digest.update(_write(content, temporary / name))
                refuse_bomb(temporary / name)
            upload = f"{digest.hexdigest()[:16]}-{secrets.token_hex(4)}"
            os.replace(temporary, parent / upload)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, ReadError):  # names the file alone: its temporary folder is gone
                raise ReadError(str(error).replace(f"{temporary}/", "")) from None
            raise
    return upload


def paths(upload: str | None) -> tuple[Path, ...]:
    """The files of an upload, by name; none where the id is invalid, or they are gone."""
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
        raise ReadError(
            f"{len(files):,} files are more than the {FILES} that one dataset may have. Put them into one archive."
        )
    folded = [name.casefold() for name in names]
    duplicate = next((name for name, other in zip(names, folded, strict=True) if folded.count(other) > 1), None)
    if duplicate is not None:
        raise ReadError(f"two of the files are called {duplicate!r}. Rename or remove one.")
    total = sum(content.seek(0, os.SEEK_END) for _, content in files)
    if total > TOTAL_MB << 20:
        raise ReadError(
            f"the files are {total / 2**20:,.0f} MB in total, and the limit is {TOTAL_MB}. "
            "Larger ones are read in place: convncf datasets add FILE --name NAME"
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
    """The last part of the name, without characters that a file system refuses; the suffixes, which matter, stay."""
    cleaned = re.sub(r'[\x00-\x1f/\\:*?"<>|]', "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    while len(cleaned.encode("utf-8", "replace")) > 200:
        cleaned = cleaned[1:]
    return cleaned.encode("utf-8", "replace").decode() or "upload"


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
