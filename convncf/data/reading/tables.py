"""A file as a table of text: what every reader returns, whatever the format was.

Shapes: n rows, m words. Work on a column's text is work on its words: of 25 million ratings ten differ.
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
class Coded:
    """Row r holds words[codes[r]]. No word stands twice; some may be left that no row has any more."""

    words: pa.LargeStringArray
    """(m,)"""
    codes: Int32s
    """(n,)"""

    @classmethod
    def of(cls, texts: pa.LargeStringArray) -> Self:
        """The column of these texts."""
        found = pc.dictionary_encode(texts)
        return cls(found.dictionary, np.asarray(found.indices))

    @classmethod
    def of_integers(cls, values: npt.NDArray[np.integer[Any]]) -> Self:
        """The column of the digits of these numbers, none of them negative."""
        top = int(values.max(initial=0))
        if top <= _DENSE * len(values):  # then a place for each number up to the largest costs less than finding them
            occurs = np.zeros(top + 1, bool)
            occurs[values] = True
            distinct = np.flatnonzero(occurs)
            place = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
            codes = place[values]
        else:
            found = pc.dictionary_encode(pa.array(values))
            distinct, codes = np.asarray(found.dictionary), np.asarray(found.indices)
        return cls(pc.cast(pa.array(distinct), pa.large_string()), codes)

    @classmethod
    def joined(cls, chunks: Sequence[Coded]) -> Self:
        """The rows of several columns, one after the other."""
        words = pc.dictionary_encode(pa.concat_arrays([chunk.words for chunk in chunks]))
        meaning = np.asarray(words.indices)
        codes = np.empty(sum(map(len, chunks)), np.int32)
        word = row = 0
        for chunk in chunks:
            np.take(meaning[word : word + len(chunk.words)], chunk.codes, out=codes[row : row + len(chunk)])
            word, row = word + len(chunk.words), row + len(chunk)
        return cls(words.dictionary, codes)

    def __len__(self) -> int:
        return len(self.codes)

    def taken(self, rows: Bools | Int64s) -> Coded:
        """The rows that are true in a mask (n,), or those of these numbers."""
        return Coded(self.words, self.codes[rows])

    def changed(self, words: pa.LargeStringArray) -> Coded:
        """The same rows after each word (m,) became another; some may now be one."""
        if words.equals(self.words):
            return self
        found = pc.dictionary_encode(words)
        return Coded(found.dictionary, np.asarray(found.indices)[self.codes])

    def where(self, words: Bools) -> Bools:
        """(n,) the rows whose word is among `words` (m,)."""
        return words[self.codes] if words.any() else np.zeros(len(self), bool)

    def counts(self) -> Int64s:
        """(m,) rows of each word."""
        return np.bincount(self.codes, minlength=len(self.words))

    def by_appearance(self) -> Coded:
        """The same rows; only words that some row has, in the order in which they come up."""
        found = pc.dictionary_encode(pa.array(self.codes))
        return Coded(self.words.take(found.dictionary), np.asarray(found.indices))

    def texts(self) -> pa.LargeStringArray:
        """(n,) the text of each row."""
        return self.words.take(pa.array(self.codes))


@dataclass(frozen=True, eq=False)
class Table:
    """The well-formed rows of a file, n of them, and an account of its lines."""

    source: Source
    format: str
    """In words."""
    header: tuple[str, ...] | None
    """Names of the columns as they stand; None where no line names them."""
    width: int
    line: Lines
    """(n,) physical line of each row."""
    column: Callable[[int], pa.LargeStringArray]
    """Position -> (n,) its text; where there is nothing, ''."""
    lines: int
    blank: int = 0
    continuation: int = 0
    encoding: str = ""
    delimiter: str = ""
    header_line: int = 1
    """Where the header stands, or the first row."""
    dropped: tuple[Dropped, ...] = ()
    """Records that are no rows."""
    notes: tuple[str, ...] = ()
    units: Mapping[int, TimeUnit] = field(default_factory=dict)
    """Position -> unit, where the format itself says in which unit its times count."""
    guess: Mapping[str, str] | None = None
    """Role -> column number, where position tells the roles; None to guess by names."""
    packed: Mapping[int, Coded | Int64s] = field(default_factory=dict)
    """Position -> the column as its words, or as integers where each row is a plain one, without a zero before it.
    A large file has its columns here, and only those that are read as some role."""

    @property
    def names(self) -> list[str]:
        """Names of the columns; their numbers from 1 where no header names them."""
        if self.header is None:
            return [str(number) for number in range(1, self.width + 1)]
        return [name.strip() for name in self.header]

    def coded(self, position: int) -> Coded:
        """(n,) the words of a column."""
        packed = self.packed.get(position)
        if isinstance(packed, Coded):
            return packed
        return Coded.of(self.column(position) if packed is None else plain_text(packed))

    def plain(self, position: int) -> pa.LargeStringArray | Int64s:
        """(n,) the text of a column, or its integers."""
        packed = self.packed.get(position)
        if packed is None:
            return self.column(position)
        return packed.texts() if isinstance(packed, Coded) else packed

    @property
    def where(self) -> str:
        """The file and line that a message about the columns speaks of."""
        return f"{self.source}, line {self.header_line}"

    def account(self, role: Role, columns: dict[str, str]) -> FileRead:
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
        spans = [value.split(" to ") for value in columns.values()]  # '3', and '6 to 24' for MovieLens' flags
        return {str(number) for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


def plain_text(integers: Int64s) -> pa.LargeStringArray:
    """The digits of integers."""
    return pc.cast(pa.array(integers), pa.large_string())


def in_a_row(columns: Sequence[pa.LargeStringArray | Int64s]) -> pa.LargeStringArray | Int64s:
    """Several columns as one; integers only where all are."""
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns).astype(np.int64, copy=False)
    return pa.concat_arrays([plain_text(each) if isinstance(each, np.ndarray) else each for each in columns])
