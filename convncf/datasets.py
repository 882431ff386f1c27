"""Datasets by name: those that come with the workbench, and those that were added to the home.

`list` lists them, `load` opens one, `add` keeps files or a Dataset under a name, `fetch` downloads a published one,
`delete` removes one; `long_tail`, `activity` and `density_grid` describe the distribution of interactions.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf.api.dataset import Dataset, read
from convncf.data import catalogue
from convncf.data.candidate_sampling import sample_candidates
from convncf.data.statistics import activity, density_grid, long_tail
from convncf.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["activity", "add", "delete", "density_grid", "fetch", "list", "load", "long_tail", "sample_candidates"]


def list() -> pd.DataFrame:
    """A table of the datasets: a row each, by name; users, items, interactions, embedded, source and problem.

    Example:
        >>> import convncf
        >>> convncf.datasets.list().loc["movielens-small", ["users", "items", "interactions"]].tolist()
        [671, 9066, 100004]
    """
    import pandas as pd

    rows = [
        {
            "name": entry.name,
            "users": entry.n_users,
            "items": entry.n_items,
            "interactions": entry.n_interactions,
            "embedded": entry.embedded,
            "source": entry.source,
            "problem": entry.problem or "",
        }
        for entry in catalogue.entries()
    ]
    return pd.DataFrame(rows).set_index("name")


def load(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        DatasetNotFoundError: there is none; the message names similar ones.
        DataError: a file of it is damaged.

    Example:
        >>> import convncf
        >>> convncf.datasets.load("movielens-small").n_users
        671
    """
    return Dataset.of(catalogue.load(str(name)))


def add(what: Dataset | str | Path | Sequence[str | Path], name: str | None = None, **options: Any) -> Dataset:
    """Keep files, or a Dataset, in the home under a name, where the app and the command line find it.

    Args:
        what: a Dataset, or one path or several, which are read as by `convncf.read`.
        name: letters, digits, '.', '_' and '-'; the Dataset's own, or by the file's name, unless given.
        **options: those of `convncf.read`: user, item, time, rating, title, delimiter, …

    Returns:
        The dataset as it is stored.

    Raises:
        DatasetExistsError: the name is in use; the message proposes a free one.
        DataError, ReadError: the name is not allowed, or a file cannot be read.

    Example:
        >>> import convncf, pandas as pd
        >>> frame = pd.DataFrame({"user_id": ["u1", "u2"], "item_id": ["a", "b"]})
        >>> convncf.datasets.add(convncf.Dataset.from_frame(frame), "two-pairs").name
        'two-pairs'
    """
    if isinstance(what, Dataset):
        if options:
            raise DataError(f"{next(iter(options))}= is an option of reading files, and a Dataset is read already.")
        dataset = what if name is None else replace(what, name=name)
    else:
        paths = [what] if isinstance(what, str | Path) else builtins.list(what)
        dataset = read(
            paths, name=name or (catalogue.free_name(catalogue.stem(Path(paths[0]))) if paths else None), **options
        )
    catalogue.save(dataset)
    return load(dataset.name)


def fetch(name: str, *, as_name: str | None = None, file: str | Path | None = None) -> Dataset:
    """Download a published dataset, verify its checksum, and keep it.

    Args:
        name: such as "ml-1m"; an unknown name is refused, and the message lists the known ones.
        as_name: the name to keep it under; its own name unless given.
        file: an archive that was downloaded already, to be read instead.

    Returns:
        The dataset as it is stored.

    Raises:
        DatasetNotFoundError, DatasetExistsError, DataError: it is unknown, kept already, or could not be downloaded.

    Example:
        >>> import convncf
        >>> try:
        ...     convncf.datasets.fetch("ml-1k")
        ... except convncf.errors.DatasetNotFoundError as error:
        ...     "ml-1m" in str(error)
        True
    """
    from convncf.data import downloads

    fetched = downloads.fetch(str(name), as_name=as_name, file=None if file is None else Path(file))
    return load(fetched.entry.name)


def delete(name: str) -> None:
    """Remove a dataset from the home.

    Raises:
        DatasetNotFoundError: there is none of that name.
        DataError: it came with the workbench.

    Example:
        >>> import convncf
        >>> try:
        ...     convncf.datasets.delete("movielens-small")
        ... except convncf.errors.DataError as error:
        ...     print(error)
        dataset 'movielens-small' is part of the project and cannot be deleted. Imported ones can.
    """
    catalogue.delete(str(name))
