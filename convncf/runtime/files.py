"""Files: the home folder, atomic writing, strict JSON."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

# ---------------------------------------------------------------- home and files
PACKAGE: Final = Path(__file__).parents[1]
"""The folder of the package itself."""


def home() -> Path:
    """The folder that holds runs and imported datasets: CONVNCF_HOME, else the platform's data folder."""
    chosen = os.environ.get("CONVNCF_HOME")
    if chosen:
        return Path(chosen).expanduser().resolve()
    import platformdirs

    return platformdirs.user_data_path("convncf", appauthor=False)


def strict_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that every parser accepts: NaN and infinity raise ValueError, text is not escaped."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, indent=indent)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it after the block; a reader sees the old file or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o644)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file so that it is complete or absent, also after a power cut."""
    with atomic_path(path) as part:
        part.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write strict, indented JSON atomically."""
    atomic_write(path, (strict_json(value, indent=1) + "\n").encode())
