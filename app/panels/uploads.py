"""Uploaded files on their way to a dataset: kept by content under home/uploads, so that a reload loses nothing.

    uploads/<first 16 hex digits of SHA-256>-<8 random ones>/<the file's own name>
A file is removed once it is a dataset, or after a day. The id stands in the address (`?upload=…`); it differs for each
upload, so that of two people with the same file neither removes the other's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import IO, Final

from app import state
from convncf import runtime

LIMIT_MB: Final = 200
"""Larger files go through the command line, which reads them where they are."""

_ID: Final = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
_KEPT_SECONDS: Final = 24 * 3600
_CHUNK: Final = 1 << 20


def store(name: str, content: IO[bytes]) -> str:
    """Keep an uploaded file; returns its id."""
    _clear_old()
    digest = hashlib.sha256()
    content.seek(0)
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    upload = f"{digest.hexdigest()[:16]}-{secrets.token_hex(4)}"
    content.seek(0)
    with runtime.atomic_path(_folder(upload) / _file_name(name)) as part, part.open("wb") as target:
        shutil.copyfileobj(content, target, _CHUNK)
    return upload


def path(upload: str | None) -> Path | None:
    """Where an upload lies; none where the id is no id, or the file is gone."""
    if upload is None or not _ID.fullmatch(upload):
        return None
    try:
        return next((file for file in sorted(_folder(upload).iterdir()) if not file.name.startswith(".")), None)
    except FileNotFoundError:
        return None


def forget(upload: str) -> None:
    """Remove an upload."""
    if _ID.fullmatch(upload):
        shutil.rmtree(_folder(upload), ignore_errors=True)


def _folder(upload: str) -> Path:
    return state.home() / "uploads" / upload


def _file_name(name: str) -> str:
    """The last part of the name, without what a file system cannot hold."""
    kept = re.sub(r'[\x00-\x1f/\\:*?"<>|]', "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    return kept[-120:] or "upload"


def _clear_old() -> None:
    now = time.time()
    try:
        folders = list((state.home() / "uploads").iterdir())
    except FileNotFoundError:
        return
    for folder in folders:
        if _ID.fullmatch(folder.name) and now - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
