"""A Parquet file -> Table. Its types hold what text cannot: times keep their unit, ids their digits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading.columns import guess_columns
from convncf.data.reading.first_rows import FirstRows
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.errors import ReadError

_LARGEST_EXACT = 2**53


def read_parquet(source: Source, options: ReadOptions) -> Table:
    """The table in a Parquet file. Raises ReadError where it is damaged or holds no row."""
    try:
        table = pq.read_table(_open(source))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(source, error) from None
    if not table.num_rows:
        raise ReadError(f"{source} holds columns ({', '.join(table.column_names)}) and no row.")
    names = table.column_names
    kinds = [field.type for field in table.schema]
    return Table(
        source=source,
        format=FORMAT_WORDS["parquet"],
        header=tuple(names),
        width=len(names),
        line=np.arange(1, table.num_rows + 1),
        column=lambda position: _as_text(table.column(position)),
        lines=table.num_rows,
        notes=tuple(_notes(table, options)),
        units={position: kind.unit for position, kind in enumerate(kinds) if pa.types.is_timestamp(kind)},
    )


def column_names(source: Source) -> list[str]:
    """Names of the columns, without the rows."""
    try:
        return [str(name) for name in pq.read_schema(_open(source)).names]
    except (pa.ArrowException, OSError) as error:
        raise _damaged(source, error) from None


def _open(source: Source) -> pa.NativeFile:
    raw, _ = source.read()
    return pa.BufferReader(raw)


def _damaged(source: Source, error: Exception) -> ReadError:
    return ReadError(f"{source} is Parquet that cannot be read: {error}. Write or fetch it again.")


def _notes(table: pa.Table, options: ReadOptions) -> Iterator[str]:
    roles: dict[str, str | None] = {**guess_columns(table.column_names), **options.columns}
    for role in ("user_id", "item_id"):
        name = roles.get(role)
        if name in table.column_names and table.column_names.count(name) == 1:
            column = table.column(name)
            if pa.types.is_floating(column.type) and _is_whole(column):
                yield f"column {name!r} holds decimals that are all whole: 7.0 was read as the id 7"


def _as_text(column: pa.ChunkedArray) -> pa.LargeStringArray:
    """Exact text: times as counts, decimals without .0 where all of a column are whole."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_date(kind):
        column = column.cast(pa.date32())
    elif pa.types.is_floating(kind) and _is_whole(column):
        column = _nan_as_null(column).cast(pa.int64())
    try:
        text = column.cast(pa.large_string())
    except pa.ArrowException:
        text = pa.array([_plain(value) for value in column.to_pylist()], pa.large_string())
    whole = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    if isinstance(whole, pa.ChunkedArray):  # what older versions of pyarrow return
        whole = pa.concat_arrays(whole.chunks)
    return pc.fill_null(whole, "")


def _nan_as_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN as null: pandas writes either for a missing value."""
    wide = column.cast(pa.float64())
    return pc.if_else(pc.is_nan(wide), pa.scalar(None, pa.float64()), wide)


def _is_whole(column: pa.ChunkedArray) -> bool:
    values = _nan_as_null(column).drop_null().to_numpy()
    return bool(len(values) and (np.abs(values) < _LARGEST_EXACT).all() and (values == np.trunc(values)).all())


def _plain(value: Any) -> str:
    """The text of a value that Arrow cannot cast: a list, a structure, raw bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def first_rows(source: Source, n: int) -> FirstRows:
    """The first n rows, as text. Raises ReadError where it cannot be read."""
    try:
        compressed = source.member is not None or source.path.name != source.name
        file = pq.ParquetFile(pa.BufferReader(source.read()[0]) if compressed else str(source.path))
        batch = next(file.iter_batches(n), None)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{source} is Parquet that cannot be read: {error}. Write or download it again.") from None
    names = [str(name) for name in file.schema_arrow.names]
    columns = [column.to_pylist() for column in batch.columns] if batch is not None else []
    rows = [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
    return FirstRows(source.file, names, rows, guess_columns(names))
