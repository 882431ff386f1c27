"""Datasets by name: those that come with the workbench, and those that were added to the home.

`list` says what there is, `load` opens one, `add` keeps files or a Dataset under a name, `fetch` gets a published one,
`delete` removes one; what data look like is told by `long_tail`, `activity` and `picture`.
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
from convncf.data.statistics import activity, long_tail, picture
from convncf.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["activity", "add", "delete", "fetch", "list", "load", "long_tail", "picture", "sample_candidates"]


def list() -> pd.DataFrame:
    """What there is: a row a dataset, by name; users, items, interactions, embedded, source, and what is wrong.

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
        DatasetNotFoundError: there is none; the message names those that are like it.
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
        The dataset as it is kept.

    Raises:
        DatasetExistsError: the name is taken; the message proposes a free one.
        DataError, ReadError: the name cannot be, or a file cannot be read.

    Example:
        >>> import convncf, pandas as pd
        >>> frame = pd.DataFrame({"user_id": ["u1", "u2"], "item_id": ["a", "b"]})
        >>> convncf.datasets.add(convncf.Dataset.from_frame(frame), "two-pairs").name
        'two-pairs'
    """
    if isinstance(what, Dataset):
        if options:
            raise DataError(f"{next(iter(options))}= is an option of reading files, and a Dataset is read already.")
        made = what if name is None else replace(what, name=name)
    else:
        paths = [what] if isinstance(what, str | Path) else builtins.list(what)
        made = read(
            paths, name=name or (catalogue.free_name(catalogue.stem(Path(paths[0]))) if paths else None), **options
        )
    catalogue.save(made)
    return load(made.name)


def fetch(name: str, *, as_name: str | None = None, file: str | Path | None = None) -> Dataset:
    """Fetch a published dataset from its makers, hold it against its checksum, and keep it.

    Args:
        name: such as "ml-1m"; a name that is unknown is refused with those that are known.
        as_name: what to keep it as; its own name unless given.
        file: an archive that is here already, to be taken in its place.

    Returns:
        The dataset as it is kept.

    Raises:
        DatasetNotFoundError, DatasetExistsError, DataError: it is unknown, kept already, or could not be fetched.

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
