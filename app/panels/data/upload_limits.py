"""How much may be uploaded, and how much it may be once it is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from convncf.data.reading.sources import find
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
        for source in find(path).sources:
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
