"""The folder of one dataset: its only reader and writer.

interactions.parquet  user_id, item_id (text) and, where known, rating (float32), timestamp (int64), in source order;
                      part (int8: 0 training, 1 validation, 2 test) of a predefined split
items.parquet         item_id, title (text), year (int16 or null), genres (texts), one row an item, in index order
candidates.parquet    user_id, item_id (the positive), negatives (texts), where the data has candidate sets
dataset.json          name, source, counts, time unit, fingerprint, and the report of reading it
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from convncf.data.candidates import CandidateSets
from convncf.data.dataset import DESCRIPTION, Dataset
from convncf.data.formats import UNITS, TimeUnit
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError
from convncf.runtime import files

_INTERACTIONS = "interactions.parquet"
_ITEMS = "items.parquet"
_CANDIDATES = "candidates.parquet"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """An entry of the catalogue: the content of dataset.json, without the data."""

    name: str
    n_users: int
    n_items: int
    n_interactions: int
    fingerprint: str
    embedded: bool
    source: str
    problem: str | None = None
    """Why the dataset cannot be used; None where it can. The counts are 0 then."""


def read_entry(folder: Path, *, embedded: bool) -> DatasetEntry:
    """The catalogue's entry of a folder; damage becomes its `problem`, so that one folder does not hide the others."""
    try:
        description = _description(folder)
        missing = next((name for name in (_INTERACTIONS, _ITEMS) if not (folder / name).is_file()), None)
        if missing:
            raise DataError(f"{folder / missing} is missing. Delete the dataset and import it again.")
        counts = (description["n_users"], description["n_items"], description["n_interactions"])
        return DatasetEntry(folder.name, *counts, description["fingerprint"], embedded, description["source"])
    except DataError as error:
        return DatasetEntry(folder.name, 0, 0, 0, "", embedded, "", str(error))


def read_folder(folder: Path) -> Dataset:
    """Load and validate a dataset. Raises DataError naming the file that is damaged or missing."""
    description = _description(folder)
    items = _read_items(folder / _ITEMS)
    path = folder / _INTERACTIONS
    table = _read_table(path, ("user_id", "item_id"), dictionary=["user_id", "item_id"])
    try:
        user_ids, user = _encoded(table, "user_id")
        item_ids, item = _encoded(table, "item_id")
        users = Vocabulary("user", tuple(user_ids))
        table_index = np.asarray([items.items.index(raw) for raw in item_ids], np.int32)
        interactions = Interactions(
            users,
            items.items,
            user,
            table_index[item],
            _numbers(table, "timestamp", pa.int64()),
            _numbers(table, "rating", pa.float32()),
            cast(TimeUnit, description["time_unit"]),
        )
        part = _numbers(table, "part", pa.int8())
        candidates = _read_candidates(folder / _CANDIDATES, interactions)
    except (DataError, pa.ArrowException) as error:
        raise DataError(f"{path} is damaged: {error} Delete the dataset and import it again.") from None
    if len(interactions) != description["n_interactions"]:
        raise DataError(
            f"{path} holds {len(interactions):,} interactions, {folder / DESCRIPTION} says "
            f"{description['n_interactions']:,}. Delete the dataset and import it again."
        )
    metadata = (description["source"], description["report"], description["fingerprint"])
    return Dataset(folder.name, interactions, items, *metadata, part=part, candidates=candidates)


def write_folder(dataset: Dataset, folder: Path) -> None:
    """Write a dataset into an empty folder. Raises DataError where a user of the vocabulary has no interaction."""
    interactions, items = dataset.interactions, dataset.items
    n_of_user = np.bincount(interactions.user, minlength=interactions.n_users)
    if not n_of_user.all():
        raise DataError(
            f"dataset {dataset.name!r}: {int((n_of_user == 0).sum()):,} users have no interaction, such as "
            f"{interactions.users.id(int(np.flatnonzero(n_of_user == 0)[0]))!r}. Remove them from the vocabulary."
        )
    columns: dict[str, pa.Array] = {
        "user_id": pc.take(pa.array(interactions.users.ids, pa.string()), pa.array(interactions.user)),
        "item_id": pc.take(pa.array(interactions.items.ids, pa.string()), pa.array(interactions.item)),
    }
    if interactions.rating is not None:
        columns["rating"] = pa.array(interactions.rating)
    if interactions.timestamp is not None:
        columns["timestamp"] = pa.array(interactions.timestamp)
    if dataset.part is not None:
        columns["part"] = pa.array(dataset.part)
    _write_table(pa.table(columns), folder / _INTERACTIONS)
    names = {
        "item_id": pa.array(items.items.ids, pa.string()),
        "title": pa.array(items.titles, pa.string()),
        "year": pa.array(items.years, pa.int16()),
        "genres": pa.array(items.genres, pa.list_(pa.string())),
    }
    _write_table(pa.table(names), folder / _ITEMS)
    if dataset.candidates is not None:
        _write_table(_candidates_table(dataset.candidates, interactions), folder / _CANDIDATES)
    description = {
        "format": _FORMAT,
        "name": dataset.name,
        "source": dataset.source,
        "n_users": interactions.n_users,
        "n_items": interactions.n_items,
        "n_interactions": len(interactions),
        "time_unit": interactions.time_unit,
        "fingerprint": dataset.fingerprint,
        "report": dataset.report,
    }
    files.write_json(folder / DESCRIPTION, description)


def _description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}. Delete the dataset and import it again.") from None
    kinds = {"n_users": int, "n_items": int, "n_interactions": int, "fingerprint": str, "source": str, "time_unit": str}
    wrong = next(
        (
            key
            for key, kind in kinds.items()
            if not isinstance(description, dict) or type(description.get(key)) is not kind
        ),
        None,
    )
    if (
        wrong is not None
        or description["time_unit"] not in UNITS
        or not isinstance(description.get("report"), dict | None)
    ):
        raise DataError(
            f"{path} is damaged at {(wrong or 'time_unit or report')!r}. Delete the dataset and import it again."
        )
    return cast(dict[str, Any], description)


def _read_items(path: Path) -> ItemTable:
    table = _read_table(path, ("item_id", "title", "year", "genres"))
    try:
        ids = cast(list[str], table["item_id"].to_pylist())
        titles, years = table["title"].to_pylist(), table["year"].to_pylist()
        genres = tuple(tuple(genres or ()) for genres in table["genres"].to_pylist())
        return ItemTable(Vocabulary("item", tuple(ids)), tuple(title or "" for title in titles), tuple(years), genres)
    except (DataError, TypeError) as error:
        raise DataError(f"{path} is damaged: {error} Delete the dataset and import it again.") from None


def _candidates_table(candidates: CandidateSets, interactions: Interactions) -> pa.Table:
    items = pa.array(interactions.items.ids, pa.string())
    columns = {
        "user_id": pc.take(pa.array(interactions.users.ids, pa.string()), pa.array(candidates.user)),
        "item_id": items.take(pa.array(candidates.answer)),
        "negatives": pa.LargeListArray.from_arrays(candidates.offsets, items.take(pa.array(candidates.negatives))),
    }
    return pa.table(columns)


def _read_candidates(path: Path, interactions: Interactions) -> CandidateSets | None:
    if not path.is_file():
        return None
    table = _read_table(path, ("user_id", "item_id", "negatives"))
    lists = table["negatives"].combine_chunks()
    sizes = pc.list_value_length(lists).to_numpy()
    items = interactions.items
    return CandidateSets(
        np.asarray([interactions.users.index(raw) for raw in table["user_id"].to_pylist()], np.int32),
        np.asarray([items.index(raw) for raw in table["item_id"].to_pylist()], np.int32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.asarray([items.index(raw) for raw in lists.flatten().to_pylist()], np.int32),
    )


def _read_table(path: Path, needed: tuple[str, ...], dictionary: list[str] | None = None) -> pa.Table:
    try:
        # Opened here: with a path, pyarrow would read a folder as a partitioned dataset. And by pyarrow: its threads
        # would call back into a Python file, which aborts a process that is about to end.
        with pa.OSFile(str(path)) as stream:
            table = pq.read_table(stream, read_dictionary=dictionary)
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Delete the dataset and import it again.") from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}. Delete the dataset and import it again.") from None
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]!r}. Delete the dataset and import it again.")
    return table


def _encoded(table: pa.Table, name: str) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int32]]]:
    """A text column as its distinct values in order of first appearance, and (n,) indices into them."""
    column = table[name].unify_dictionaries().combine_chunks()
    if column.null_count:
        raise DataError(f"{name} is empty in {column.null_count} rows.")
    if pa.types.is_dictionary(column.type):
        stored, codes = column.dictionary.to_pylist(), column.indices.to_numpy()
    else:
        encoded = column.dictionary_encode()
        stored, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    # A file written in chunks has a dictionary per chunk, in no fixed order.
    used, first = np.unique(codes, return_index=True)
    appearance = used[np.argsort(first)]
    rank = np.zeros(len(stored), np.int32)
    rank[appearance] = np.arange(len(appearance), dtype=np.int32)
    return [stored[code] for code in appearance], rank[codes]


def _numbers(table: pa.Table, name: str, kind: pa.DataType) -> Any:
    if name not in table.column_names:
        return None
    column = table[name].combine_chunks()
    if column.null_count or column.type != kind:
        raise DataError(
            f"{name} holds {column.type} with {column.null_count} missing values; {kind} without them is needed."
        )
    return column.to_numpy(zero_copy_only=False)


def _write_table(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", compression_level=19)
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
