"""A column of text whose words recur, as its distinct words and which of them each row has.

Shapes: n rows, m words. Work on a column's text is work on its words: of 25 million ratings ten differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
    def joined(cls, pieces: Sequence[Coded]) -> Self:
        """The rows of several columns, one after the other."""
        words = pc.dictionary_encode(pa.concat_arrays([piece.words for piece in pieces]))
        meaning = np.asarray(words.indices)
        codes = np.empty(sum(map(len, pieces)), np.int32)
        word = row = 0
        for piece in pieces:
            np.take(meaning[word : word + len(piece.words)], piece.codes, out=codes[row : row + len(piece)])
            word, row = word + len(piece.words), row + len(piece)
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
