"""Uploaded files on their way to a dataset: kept by content under home/uploads, so that a reload loses nothing.

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
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from app import state
from app.panels.data.upload_limits import FILES, TOTAL_MB, refuse_bomb
from convncf.data.catalogue import full_disk_in_words
from convncf.errors import ReadError

ID: Final = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
_PART: Final = ".part-"
_KEPT_SECONDS: Final = 24 * 3600
_CHUNK: Final = 1 << 20

Named = tuple[str, IO[bytes]]
"""A file's name as the browser says it, and its content."""


def store(files: Sequence[Named]) -> str:
    """Keep files that belong together; returns their id. Raises ReadError, with nothing kept, where they may not be."""
    _clear_old()
    names = [_file_name(name) for name, _ in files]
    _refuse(files, names)
    parent = state.home() / "uploads"
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
    return state.home() / "uploads" / upload


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
        folders = list((state.home() / "uploads").iterdir())
    except FileNotFoundError:
        return
    for folder in folders:
        ours = ID.fullmatch(folder.name) or folder.name.startswith(_PART)
        if ours and now - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
