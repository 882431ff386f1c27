"""Named datasets: those embedded in the project and those that a user imported.

Embedded ones are in the package (`convncf/_datasets/<name>`) or, in a clone, in `datasets/<name>`; imported ones in
`<home>/datasets/<name>`. Only `convncf.data.storage` reads and writes the content of a folder.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from convncf.data.dataset import DESCRIPTION, Dataset
from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import ReadOptions
from convncf.data.storage import DatasetEntry, read_entry, read_folder, write_folder
from convncf.errors import DataError, DatasetExistsError, DatasetNotFoundError, did_you_mean
from convncf.runtime import files

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST_NAME = 64
# Windows refuses these as file names, and a home folder may be shared with it.
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def names(home: Path | None = None) -> tuple[str, ...]:
    """Names of all datasets: embedded first, then imported, each in alphabetical order."""
    return tuple(entry.name for entry in entries(home))


def entries(home: Path | None = None) -> list[DatasetEntry]:
    """The entries of all datasets, without loading them; a damaged folder is listed with its `problem`."""
    embedded = [read_entry(folder, embedded=True) for folder in _embedded_folders()]
    embedded_names = {entry.name for entry in embedded}
    imported = (read_entry(folder, embedded=False) for folder in _folders_in(_imported(home)))
    return embedded + [entry for entry in imported if entry.name not in embedded_names]


def load(name: str, home: Path | None = None) -> Dataset:
    """The dataset of that name. Raises DatasetNotFoundError, or DataError naming the file that is damaged."""
    folder = _folder(name, home)
    if folder is None:
        known = names(home)
        raise DatasetNotFoundError(
            f"no dataset is named {name!r}. {did_you_mean(name, known)} "
            "Add a file of your own with: convncf datasets add FILE --name NAME"
        )
    return read_folder(folder)


def add(
    paths: Path | str | Sequence[Path | str],
    name: str,
    home: Path | None = None,
    *,
    mapping: Mapping[str, str | None] | None = None,
    options: ReadOptions | None = None,
    source: str | None = None,
) -> DatasetEntry:
    """Read files that belong together and keep them as a dataset; `mapping` replaces the columns of the options.

    Raises ReadError, DatasetExistsError; after a failure nothing remains.
    """
    check_name(name, home)  # before the file is read: a large one is slow
    read_options = options or ReadOptions()
    result = read(paths, read_options if mapping is None else replace(read_options, columns=mapping))
    return save(as_dataset(name, result, source), home)


def as_dataset(name: str, result: ReadResult, source: str | None = None) -> Dataset:
    """A dataset of what was read, under a name."""
    return Dataset(
        name,
        result.interactions,
        result.items,
        source or f"imported from {result.report.file}",
        result.report.to_json(),
        part=result.part,
        candidates=result.candidates,
    )


def save(dataset: Dataset, home: Path | None = None) -> DatasetEntry:
    """Keep a dataset under its name: written to a temporary folder, then moved, so it is complete or absent."""
    check_name(dataset.name, home)
    parent = _imported(home)
    parent.mkdir(parents=True, exist_ok=True)
    with full_disk_in_words(parent):
        part = Path(tempfile.mkdtemp(dir=parent, prefix=".part-"))
        try:
            write_folder(dataset, part)
            part.chmod(0o755)
            try:
                os.replace(part, parent / dataset.name)
            except OSError:
                check_name(dataset.name, home)  # another import of this name may have come first
                raise
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return read_entry(parent / dataset.name, embedded=False)


@contextmanager
def full_disk_in_words(folder: Path) -> Iterator[None]:
    """A full disk while writing inside becomes a DataError that says so; other errors are unchanged."""
    try:
        yield
    except OSError as error:
        number = re.search(r"\[errno (\d+)\]", str(error))  # Arrow gives the number only in its text
        if (error.errno or int(number[1] if number else 0)) not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(folder).free / 2**20
        raise DataError(
            f"the disk of {folder} is full: {free:,.1f} MiB are free now. Nothing was kept. Free some space, or choose "
            "another folder for runs and datasets with CONVNCF_HOME."
        ) from None


def delete(name: str, home: Path | None = None) -> None:
    """Remove an imported dataset. Raises DatasetNotFoundError, and DataError for an embedded one."""
    folder = _folder(name, home)
    if folder is None:
        raise DatasetNotFoundError(f"no dataset is named {name!r}. {did_you_mean(name, names(home))}")
    if folder.parent != _imported(home):
        raise DataError(f"dataset {name!r} is part of the project and cannot be deleted. Imported ones can.")
    # Moved first: a deletion that is interrupted must not leave half a dataset under its name.
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
    os.replace(folder, aside / folder.name)
    shutil.rmtree(aside)


def check_name(name: str, home: Path | None = None) -> None:
    """Raises DataError where the name cannot be a folder, DatasetExistsError where it is in use; each proposes one."""
    fits = _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME and not _RESERVED.fullmatch(name) and name[-1] != "."
    if not fits:
        raise DataError(
            f"{name!r} cannot name a dataset. Use up to {_LONGEST_NAME} letters, digits, '.', '_' and '-', "
            f"beginning with a letter or digit, such as {free_name(name, home)!r}."
        )
    if _taken(name, home):
        raise DatasetExistsError(f"a dataset named {name!r} exists already. Free: {free_name(name, home)!r}.")


def stem(path: Path) -> str:
    """The name of a file without its endings: 'ml-1m.train.rating' -> 'ml-1m'; for 'train.txt' its folder's name."""
    name = re.sub(r"(?i)\.(gz|zip)$", "", path.name)
    base = re.sub(r"(?i)(\.(train|valid|test))?\.[a-z][a-z0-9]{0,9}$", "", name)
    return path.resolve().parent.name if base.lower() in ("train", "valid", "test") else base or name


def free_name(wish: str, home: Path | None = None) -> str:
    """The wish, or the nearest name that is allowed and not in use: 'Été 2024' -> 'Ete-2024'."""
    plain = unicodedata.normalize("NFKD", wish).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[: _LONGEST_NAME - 5].rstrip("-._")
    if not slug or _RESERVED.fullmatch(slug):
        slug = f"dataset-{slug}".rstrip("-")
    number = 1
    while _taken(slug if number == 1 else f"{slug}-{number}", home):
        number += 1
    return slug if number == 1 else f"{slug}-{number}"


def _taken(name: str, home: Path | None) -> bool:
    # To some file systems "A" and "a" are one name.
    return name.casefold() in (
        folder.name.casefold() for folder in (*_embedded_folders(), *_folders_in(_imported(home)))
    )


def _folder(name: str, home: Path | None) -> Path | None:
    """The folder of that name among those that exist; a name is never joined to a path, so '../x' is not found."""
    return next(
        (folder for folder in (*_embedded_folders(), *_folders_in(_imported(home))) if folder.name == name), None
    )


def _imported(home: Path | None) -> Path:
    return (home or files.home()) / "datasets"


def _embedded_folders() -> list[Path]:
    package = files.PACKAGE
    packaged = package / "_datasets"
    if packaged.is_dir():
        return [folder for folder in _folders_in(packaged) if (folder / DESCRIPTION).is_file()]
    # In a clone. A folder `datasets` beside an installed package belongs to another project.
    if (package.parent / "pyproject.toml").is_file():
        return [folder for folder in _folders_in(package.parent / "datasets") if (folder / DESCRIPTION).is_file()]
    return []


def _folders_in(parent: Path) -> list[Path]:
    try:
        return sorted(folder for folder in parent.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    except FileNotFoundError:
        return []
