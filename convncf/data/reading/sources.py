"""Where bytes come from: a plain file, one compressed with gzip, or a member of a .zip or of a folder.

Nothing is unpacked to disk. Files in an archive that are not data are not read, and the report names them.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from convncf.errors import ReadError

_GZIP = b"\x1f\x8b"
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # the second: with nothing in it
_ENDINGS = (".gz", ".gzip")
_DOCUMENTS = (".md", ".html", ".htm", ".pdf", ".doc", ".docx", ".rst", ".py", ".pl", ".sh", ".bib", ".yaml", ".yml")
_DOCUMENT_NAMES = ("readme", "license", "licence", "copying", "changelog", "citation", "terms", "checksums")


@dataclass(frozen=True)
class Source:
    """One file to read, in a folder or an archive."""

    path: Path
    """The file, or the archive that holds it."""
    member: str | None = None
    """Its name within a .zip."""

    @property
    def name(self) -> str:
        """The file's name, without folders and without .gz."""
        name = (self.member or str(self.path)).replace("\\", "/").rsplit("/", 1)[-1]
        ending = next((ending for ending in _ENDINGS if name.lower().endswith(ending)), "")
        return name[: len(name) - len(ending)]

    @property
    def file(self) -> str:
        """The file's name in its folder or archive, for the report."""
        return self.member or self.path.name

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}: {self.member}"

    def read(self, limit: int = -1) -> tuple[bytes, bool]:
        """The first `limit` bytes, unpacked, and whether they are all. Raises ReadError where they cannot be read."""
        with self._named(), ExitStack() as stack:
            stream = self._open(stack)
            raw = stream.read(limit)
            return raw, limit < 0 or not stream.read(1)

    def chunks(self, size: int) -> Iterator[bytes]:
        """All bytes, unpacked, `size` at a time. Raises ReadError where they cannot be read."""
        with self._named(), ExitStack() as stack:
            stream = self._open(stack)
            while chunk := stream.read(size):
                yield chunk

    @contextmanager
    def _named(self) -> Iterator[None]:
        """A failure inside becomes a ReadError that names the file."""
        try:
            yield
        except FileNotFoundError:
            raise ReadError(f"{self} does not exist. Check the path.") from None
        except IsADirectoryError:
            raise ReadError(f"{self} is a folder. Give a file in it.") from None
        except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise ReadError(f"{self} is cut short or damaged: {error}. Fetch or pack it again.") from None
        except RuntimeError as error:  # zipfile raises it for encrypted members
            raise ReadError(f"{self} cannot be unpacked: {error}. Unpack it yourself and give the file.") from None
        except (OSError, NotImplementedError, ValueError) as error:  # ValueError: a NUL in the path
            raise ReadError(f"{self} cannot be read: {error}.") from None

    @cached_property
    def start(self) -> bytes:
        """The first bytes, to recognise the format by."""
        return self.read(4096)[0]

    def _open(self, stack: ExitStack) -> IO[bytes]:
        if self.member is None:
            stream = cast(IO[bytes], stack.enter_context(self.path.open("rb")))
            magic = stream.read(2)
            stream.seek(0)
        else:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            magic = stack.enter_context(archive.open(self.member)).read(2)
            stream = stack.enter_context(archive.open(self.member))
        return cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=stream))) if magic == _GZIP else stream


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that was there and not read."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class PathFiles:
    """The files that one path names."""

    sources: tuple[Source, ...]
    ignored: tuple[Ignored, ...]
    collected: bool
    """Whether they come from an archive or a folder, so that they were not named one by one."""


def files_at(path: Path) -> PathFiles:
    """The file itself, or the data files of a .zip or folder. Raises ReadError where there is none."""
    if path.is_dir():
        files = [Source(file) for file in sorted(path.iterdir()) if file.is_file()]
        return _without_clutter(path, files, "folder")
    source = Source(path)
    if not source.start.startswith(_ZIPS):
        return PathFiles((source,), (), collected=False)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ReadError(f"{path} is a ZIP archive that is cut short or damaged: {error}. Fetch it again.") from None
    if "[Content_Types].xml" in names:
        raise ReadError(f"{path} is an Excel workbook or another office file. Save the sheet as CSV and read that.")
    return _without_clutter(path, [Source(path, name) for name in sorted(names)], "ZIP archive")


def _without_clutter(path: Path, inside: list[Source], kind: str) -> PathFiles:
    ignored = tuple(Ignored(source.file, why) for source in inside if (why := why_not_data(source)))
    unread = {file.file for file in ignored}
    sources = tuple(source for source in inside if source.file not in unread)
    if not sources:
        content = f"only {', '.join(file.file for file in ignored[:5])}" if ignored else "nothing"
        raise ReadError(f"{path} is a {kind} that holds {content}. It should hold a file with interactions.")
    return PathFiles(sources, ignored, collected=True)


def why_not_data(source: Source) -> str:
    """Why a file is not data, by its name; "" where it may be."""
    where = (source.member or source.path.name).replace("\\", "/")
    name = source.name.lower()
    if where.startswith("__MACOSX/") or "/__MACOSX/" in where or name.startswith("._") or name == ".ds_store":
        return "written by macOS"
    if name.startswith(".") or name in ("thumbs.db", "desktop.ini"):
        return "a hidden file"
    stem = name.split(".")[0]
    if name.endswith(_DOCUMENTS) or (stem in _DOCUMENT_NAMES and name.endswith((stem, ".txt"))):
        return "a document"
    return ""
