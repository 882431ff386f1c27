"""A file as a table of text: what every reader returns, whatever the format was.

Shapes: n rows, m distinct values. Work on a column's text is done once a distinct value: 25 million ratings have ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convncf.data.formats import TimeUnit
from convncf.data.reading.report import Dropped, FileRead, Lines, Role
from convncf.data.reading.sources import Source

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
_DENSE = 4


@dataclass(frozen=True, eq=False, slots=True)
class EncodedColumn:
    """A column of text as distinct values: row r holds values[codes[r]]. No value occurs twice; some may be unused."""

    values: pa.LargeStringArray
    """(m,)"""
    codes: Int32s
    """(n,)"""

    @classmethod
    def of(cls, texts: pa.LargeStringArray) -> Self:
        """The column of these texts."""
        encoded = pc.dictionary_encode(texts)
        return cls(encoded.dictionary, np.asarray(encoded.indices))

    @classmethod
    def of_integers(cls, values: npt.NDArray[np.integer[Any]]) -> Self:
        """The column of the digits of these numbers, none of them negative."""
        top = int(values.max(initial=0))
        if top <= _DENSE * len(values):  # then an array as long as the largest number costs less than a search
            occurs = np.zeros(top + 1, bool)
            occurs[values] = True
            distinct = np.flatnonzero(occurs)
            place = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
            codes = place[values]
        else:
            encoded = pc.dictionary_encode(pa.array(values))
            distinct, codes = np.asarray(encoded.dictionary), np.asarray(encoded.indices)
        return cls(pc.cast(pa.array(distinct), pa.large_string()), codes)

    @classmethod
    def joined(cls, chunks: Sequence[EncodedColumn]) -> Self:
        """The rows of several columns, one after the other."""
        encoded = pc.dictionary_encode(pa.concat_arrays([chunk.values for chunk in chunks]))
        new_code = np.asarray(encoded.indices)
        codes = np.empty(sum(map(len, chunks)), np.int32)
        first = row = 0
        for chunk in chunks:
            np.take(new_code[first : first + len(chunk.values)], chunk.codes, out=codes[row : row + len(chunk)])
            first, row = first + len(chunk.values), row + len(chunk)
        return cls(encoded.dictionary, codes)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Bools | Int64s) -> EncodedColumn:
        """The rows that are true in a mask (n,), or those of these numbers."""
        return EncodedColumn(self.values, self.codes[rows])

    def with_values(self, values: pa.LargeStringArray) -> EncodedColumn:
        """The same rows after each value (m,) became another; some may now be equal."""
        if values.equals(self.values):
            return self
        encoded = pc.dictionary_encode(values)
        return EncodedColumn(encoded.dictionary, np.asarray(encoded.indices)[self.codes])

    def rows_with(self, mask: Bools) -> Bools:
        """(n,) whether the value of each row is true in `mask` (m,)."""
        return mask[self.codes] if mask.any() else np.zeros(len(self), bool)

    def counts(self) -> Int64s:
        """(m,) rows of each value."""
        return np.bincount(self.codes, minlength=len(self.values))

    def by_appearance(self) -> EncodedColumn:
        """The same rows; only values that some row has, in the order of their first row."""
        encoded = pc.dictionary_encode(pa.array(self.codes))
        return EncodedColumn(self.values.take(encoded.dictionary), np.asarray(encoded.indices))

    def texts(self) -> pa.LargeStringArray:
        """(n,) the text of each row."""
        return self.values.take(pa.array(self.codes))


@dataclass(frozen=True, eq=False)
class Table:
    """The well-formed rows of a file, n of them, and a count of its lines."""

    source: Source
    format: str
    """A phrase for the report."""
    header: tuple[str, ...] | None
    """Names of the columns as they stand; None where no line names them."""
    width: int
    line: Lines
    """(n,) physical line of each row."""
    column: Callable[[int], pa.LargeStringArray]
    """Position -> (n,) the text of that column; '' where a field is empty."""
    lines: int
    blank: int = 0
    continuation: int = 0
    encoding: str = ""
    delimiter: str = ""
    header_line: int = 1
    """Line of the header, or of the first row."""
    dropped: tuple[Dropped, ...] = ()
    """Records that are not rows, by reason."""
    notes: tuple[str, ...] = ()
    units: Mapping[int, TimeUnit] = field(default_factory=dict)
    """Position -> unit, where the format itself says in which unit its times count."""
    guess: Mapping[str, str] | None = None
    """Role -> column number, where the position shows the roles; None to guess by names."""
    packed: Mapping[int, EncodedColumn | Int64s] = field(default_factory=dict)
    """Position -> the column as its distinct values, or as integers where each row is a plain one, without a leading
    zero. A large file has its columns here, and only those that are read as some role."""

    @property
    def names(self) -> list[str]:
        """Names of the columns; their numbers from 1 where no header names them."""
        if self.header is None:
            return [str(number) for number in range(1, self.width + 1)]
        return [name.strip() for name in self.header]

    def coded(self, position: int) -> EncodedColumn:
        """(n,) a column as its distinct values."""
        packed = self.packed.get(position)
        if isinstance(packed, EncodedColumn):
            return packed
        return EncodedColumn.of(self.column(position) if packed is None else digits(packed))

    def plain(self, position: int) -> pa.LargeStringArray | Int64s:
        """(n,) the text of a column, or its integers."""
        packed = self.packed.get(position)
        if packed is None:
            return self.column(position)
        return packed.texts() if isinstance(packed, EncodedColumn) else packed

    @property
    def where(self) -> str:
        """The file and line that a message about the columns names."""
        return f"{self.source}, line {self.header_line}"

    def file_read(self, role: Role, columns: dict[str, str]) -> FileRead:
        """The file's entry in the report."""
        has_header = int(self.header is not None and bool(self.delimiter))
        rows = len(self.line) + sum(dropped.count for dropped in self.dropped)
        return FileRead(
            file=self.source.file,
            role=role,
            format=self.format,
            encoding=self.encoding,
            delimiter=self.delimiter,
            columns=columns,
            header=has_header,
            lines=self.lines,
            blank=self.blank,
            continuation=self.continuation,
            records=self.lines - has_header - self.blank - self.continuation,
            rows=rows,
            unused=tuple(name for name in self.names if name not in self._used(columns)),
        )

    def _used(self, columns: dict[str, str]) -> set[str]:
        if self.header is not None:
            return set(columns.values())
        spans = [value.split(" to ") for value in columns.values()]  # '3', or '6 to 24' for MovieLens' flags
        return {str(number) for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


def digits(integers: Int64s) -> pa.LargeStringArray:
    """The digits of integers."""
    return pc.cast(pa.array(integers), pa.large_string())


def concatenated(columns: Sequence[pa.LargeStringArray | Int64s]) -> pa.LargeStringArray | Int64s:
    """Several columns as one; integers only where all are."""
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns).astype(np.int64, copy=False)
    return pa.concat_arrays([digits(column) if isinstance(column, np.ndarray) else column for column in columns])
