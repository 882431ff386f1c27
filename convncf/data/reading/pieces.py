"""A block of whole lines of delimited text -> the columns that are wanted of it, as words and integers.

A regular block is one that Arrow cannot read otherwise than the careful reader: valid UTF-8, one kind of line end, each
line of the usual width, and quotes, if any, around whole fields on one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from convncf.data.reading.coded import Coded
from convncf.data.reading.dialect import n_controls
from convncf.data.reading.layout import Layout
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.tables import Int64s

_BOM = b"\xef\xbb\xbf"
_QUOTE, _LINE_END = ord('"'), ord("\n")
_STAND_INS = (b"\x1f", b"\x1e", b"\x1d", b"\x1c")  # for a delimiter that is more than a byte
_DIGITS_LIKELY = ("user_id", "item_id", "timestamp")
_LONGEST_COUNT = 18  # digits that fit 64 bits whatever they are
_DIGITS_OF_32_BITS = 10  # of their largest number

Numbers: TypeAlias = npt.NDArray[np.int32] | Int64s
Column: TypeAlias = Coded | Numbers | pa.LargeStringArray


class NotUtf8Error(Exception):
    """A block is not UTF-8: the file is in another encoding."""


class OnlyAsAWholeError(Exception):
    """What a block says depends on what stands in others; the message says what it is, with the file as "it"."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of each line."""

    layout: Layout
    positions: Mapping[str, int]
    """Role -> position of its column."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a block holds."""

    columns: Mapping[str, Column]
    """Role -> the column of its r well-formed rows: integers where all are plain digits, else words, for times text."""
    rows: int
    n_bytes: int
    n_controls: int
    widths: Int64s
    """How many records have so many fields."""
    records: Records | None = None
    """Where the careful reader read it; None where each line is a well-formed row."""
    line: Int64s | None = None
    """(r,) the line of each row within the block; None where each line is one."""
    dropped: Int64s | None = None
    """Lines, within the block, of records of another width."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a file."""

    raw: bytes
    last: bool

    def text(self) -> str:
        """Decoded. Raises NotUtf8Error where it cannot be."""
        try:
            return self.raw.decode()
        except UnicodeDecodeError:
            raise NotUtf8Error from None

    def piece(self, wanted: Wanted) -> Piece:
        """The columns of its rows. Raises NotUtf8Error or OnlyAsAWholeError where they cannot be had by themselves."""
        if b"\0" in self.raw:
            raise OnlyAsAWholeError("it holds a zero byte")
        if not self.raw.isascii():
            self.text()
        table = _by_arrow(self.raw, wanted)
        columns = None if table is None else _columns(table, wanted)
        if columns is None:
            return self.piece_of(split_records(self.text(), wanted.layout.delimiter), wanted)
        rows = len(columns["user_id"])
        widths = np.zeros(wanted.layout.width + 1, np.int64)
        widths[-1] = rows
        return Piece(columns, rows, len(self.raw), self._n_controls(), widths)

    def piece_of(self, records: Records, wanted: Wanted, skip: int = 0) -> Piece:
        """The columns of its records as the careful reader divided it, without the first `skip` of them."""
        if records.undecided and not self.last:
            raise OnlyAsAWholeError("it holds a quote that is not closed within its block")
        if b'\\"' in self.raw:
            raise OnlyAsAWholeError("it holds quotes written with a backslash")
        layout = wanted.layout
        widths = records.widths[skip:]
        right = widths == layout.width
        kept = np.flatnonzero(right) + skip
        columns: dict[str, Column] = {}
        for role, position in wanted.positions.items():
            texts = records.column(position, kept)
            columns[role] = _column(role, texts)
        return Piece(
            columns,
            len(kept),
            len(self.raw),
            self._n_controls(),
            np.bincount(widths, minlength=layout.width + 1),
            records,
            records.line[kept],
            records.line[skip:][~right],
        )

    def _n_controls(self) -> int:
        data = np.frombuffer(self.raw, np.uint8)
        low = data[data < 32]
        usual = (low == ord("\n")) | (low == ord("\t")) | (low == ord("\r"))
        return 0 if usual.all() else n_controls(self.raw)


def _by_arrow(raw: bytes, wanted: Wanted) -> pa.Table | None:
    """The columns of a regular block, ids and the like by their words; None where the block is not regular."""
    delimiter = wanted.layout.delimiter
    quoted = b'"' in raw
    if raw.startswith(_BOM):  # Arrow would take it off, in the middle of a file
        return None
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw.startswith(b"\n") or b"\n\n" in raw:  # blank lines, which Arrow may take for rows of nothing
        return None
    sign = delimiter.encode()
    if delimiter == " " and (quoted or b"  " in raw or b"\n " in raw or b" \n" in raw or b" " in (raw[:1], raw[-1:])):
        return None  # blanks that divide nothing
    if len(sign) > 1:
        stand_in = next((byte for byte in _STAND_INS if byte not in raw), None)
        if quoted or stand_in is None:
            return None
        raw, sign = raw.replace(sign, stand_in), stand_in
    if quoted and not _simply_quoted(raw, sign[0]):
        return None
    names = [str(position) for position in range(wanted.layout.width)]
    words = pa.dictionary(pa.int32(), pa.string())
    types = {
        str(position): pa.string() if role in _DIGITS_LIKELY else words for role, position in wanted.positions.items()
    }
    try:
        return pa.csv.read_csv(
            pa.BufferReader(raw),
            pa.csv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=names),
            pa.csv.ParseOptions(
                delimiter=sign.decode("latin-1"), quote_char='"' if quoted else False, ignore_empty_lines=False
            ),
            pa.csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[], strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeError):  # a line of another width
        return None


def _simply_quoted(raw: bytes, sign: int) -> bool:
    """Whether quotes stand in pairs around whole fields, each on one line."""
    data = np.frombuffer(raw, np.uint8)
    at = np.flatnonzero(data == _QUOTE)
    if len(at) % 2:
        return False
    opening, closing = at[::2], at[1::2]
    before, after = data[opening - 1], data[np.minimum(closing + 1, len(data) - 1)]
    before[opening == 0] = after[closing == len(data) - 1] = _LINE_END
    ends = np.flatnonzero(data == _LINE_END)
    return bool(
        ((before == sign) | (before == _LINE_END)).all()
        and ((after == sign) | (after == _LINE_END)).all()
        and (np.searchsorted(ends, opening) == np.searchsorted(ends, closing)).all()
    )


def _columns(table: pa.Table, wanted: Wanted) -> dict[str, Column] | None:
    """Role -> column; None where a line may hold nothing but blanks, which then is no row."""
    columns: dict[str, Column] = {}
    for role, position in wanted.positions.items():
        column = table.column(str(position)).combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # what older versions of pyarrow return
            column = column.chunk(0)
        if role in _DIGITS_LIKELY:
            columns[role] = _column(role, column)
        else:
            columns[role] = Coded(column.dictionary.cast(pa.large_string()), np.asarray(column.indices))
    users = columns["user_id"]
    by_blanks = not wanted.layout.delimiter.strip(" \t")
    if by_blanks and isinstance(users, Coded):
        trimmed = pc.utf8_trim(users.words, characters=" \t")
        if np.asarray(pc.equal(trimmed, "")).any():
            return None
    return columns


def _column(role: str, texts: pa.StringArray | pa.LargeStringArray) -> Column:
    """The column of a role; integers only of what they are to the character."""
    if role in _DIGITS_LIKELY:
        integers = _integers(texts)
        if integers is not None:
            return integers
    texts = texts.cast(pa.large_string())
    return texts if role == "timestamp" else Coded.of(texts)


def _integers(texts: pa.StringArray | pa.LargeStringArray) -> Numbers | None:
    """The numbers, where each text is the plain digits of one, without a zero before them; else None."""
    n = len(texts)
    if not n:
        return None
    _, offsets, data = texts.buffers()
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, kind)[texts.offset : texts.offset + n + 1]
    lengths = np.diff(ends)
    if lengths.min() < 1 or lengths.max() > _LONGEST_COUNT:
        return None
    signs: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8)
    zero = np.uint8(ord("0"))
    if ((signs[ends[0] : ends[-1]] - zero) > 9).any() or ((signs[ends[:-1]] == zero) & (lengths > 1)).any():
        return None
    short = lengths.max() < _DIGITS_OF_32_BITS
    integers: Numbers = np.asarray(pc.cast(texts, pa.int32() if short else pa.int64()))
    return integers
