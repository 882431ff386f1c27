"""A large file of delimited text -> Table, some megabytes at a time: chunks of whole lines, then all of them together.

Reading it as a whole would take thirty times its size. A regular chunk is one that Arrow reads exactly as the record
reader does (`split_records`): valid UTF-8, one kind of line end, each line of the usual width, and quotes, if any,
around whole fields on one line. Arrow reads regular chunks, the record reader the others, and both give the same rows.
Two cases need the whole file: a quote whose end is not in its chunk, and quotes written with a backslash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from convncf.data.reading.columns import resolve_columns
from convncf.data.reading.dialect import (
    SAMPLE,
    Layout,
    LineCounts,
    detect_layout,
    format_words,
    is_binary,
    n_controls,
    read_text,
    refuse_lists,
    utf8_by_start,
)
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.report import FIRST_LINES, Dropped, Lines, counted
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import EncodedColumn, Int64s, Table, concatenated
from convncf.errors import ReadError
from convncf.runtime.devices import cpu_count

_BOM = b"\xef\xbb\xbf"
_QUOTE, _LINE_END = ord('"'), ord("\n")
_STAND_INS = (b"\x1f", b"\x1e", b"\x1d", b"\x1c")  # for a delimiter that is more than a byte
_DIGITS_LIKELY = ("user_id", "item_id", "timestamp")
_LONGEST_COUNT = 18  # digits that fit 64 bits whatever they are
_DIGITS_OF_32_BITS = 10  # in their largest number
Numbers: TypeAlias = npt.NDArray[np.int32] | Int64s
Column: TypeAlias = EncodedColumn | Numbers | pa.LargeStringArray


class NotUtf8Error(Exception):
    """A chunk is not UTF-8: the file is in another encoding."""


class NeedsWholeFileError(Exception):
    """A chunk cannot be read without the others; the message gives the reason, with the file as "it"."""


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """The columns that are read of each line."""

    layout: Layout
    positions: Mapping[str, int]
    """Role -> position of its column."""


@dataclass(frozen=True, slots=True)
class ChunkColumns:
    """The columns of a chunk."""

    columns: Mapping[str, Column]
    """Role -> the column of its r well-formed rows: integers of plain digits, else distinct values; times as text."""
    rows: int
    n_bytes: int
    n_controls: int
    widths: Int64s
    """(w,) records by their number of fields."""
    records: Records | None = None
    """The records where the record reader read it; None where each line is a well-formed row."""
    line: Int64s | None = None
    """(r,) the line of each row within the chunk; None where each line is one."""
    dropped: Int64s | None = None
    """Lines, within the chunk, of records of another width."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file."""

    raw: bytes
    last: bool

    def text(self) -> str:
        """The decoded text. Raises NotUtf8Error where it is not UTF-8."""
        try:
            return self.raw.decode()
        except UnicodeDecodeError:
            raise NotUtf8Error from None

    def columns(self, target: ReadColumns) -> ChunkColumns:
        """The columns of its rows. Raises NotUtf8Error or NeedsWholeFileError where it cannot be read by itself."""
        if b"\0" in self.raw:
            raise NeedsWholeFileError("it holds a zero byte")
        if not self.raw.isascii():
            self.text()
        table = _by_arrow(self.raw, target)
        columns = None if table is None else _columns(table, target)
        if columns is None:
            return self.columns_of(split_records(self.text(), target.layout.delimiter), target)
        rows = len(columns["user_id"])
        widths = np.zeros(target.layout.width + 1, np.int64)
        widths[-1] = rows
        return ChunkColumns(columns, rows, len(self.raw), self._n_controls(), widths)

    def columns_of(self, records: Records, target: ReadColumns, skip: int = 0) -> ChunkColumns:
        """The columns of its records, as the record reader split them, without the first `skip` of them."""
        if records.undecided and not self.last:
            raise NeedsWholeFileError("it holds a quote that is not closed within its chunk")
        if b'\\"' in self.raw:
            raise NeedsWholeFileError("it holds quotes written with a backslash")
        layout = target.layout
        widths = records.widths[skip:]
        right = widths == layout.width
        kept = np.flatnonzero(right) + skip
        columns: dict[str, Column] = {}
        for role, position in target.positions.items():
            texts = records.column(position, kept)
            columns[role] = _column(role, texts)
        return ChunkColumns(
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


def _by_arrow(raw: bytes, target: ReadColumns) -> pa.Table | None:
    """The columns of a regular chunk; None where the chunk is not regular."""
    delimiter = target.layout.delimiter
    quoted = b'"' in raw
    if raw.startswith(_BOM):  # Arrow would remove it, even in the middle of a file
        return None
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw.startswith(b"\n") or b"\n\n" in raw:  # blank lines, which Arrow may read as empty rows
        return None
    sign = delimiter.encode()
    if delimiter == " " and (quoted or b"  " in raw or b"\n " in raw or b" \n" in raw or b" " in (raw[:1], raw[-1:])):
        return None  # blanks that are not delimiters
    if len(sign) > 1:
        stand_in = next((byte for byte in _STAND_INS if byte not in raw), None)
        if quoted or stand_in is None:
            return None
        raw, sign = raw.replace(sign, stand_in), stand_in
    if quoted and not _simply_quoted(raw, sign[0]):
        return None
    names = [str(position) for position in range(target.layout.width)]
    values = pa.dictionary(pa.int32(), pa.string())
    types = {
        str(position): pa.string() if role in _DIGITS_LIKELY else values for role, position in target.positions.items()
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
    """Whether quotes enclose whole fields, each on one line."""
    data = np.frombuffer(raw, np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before, after = data[opening - 1], data[np.minimum(closing + 1, len(data) - 1)]
    before[opening == 0] = after[closing == len(data) - 1] = _LINE_END
    ends = np.flatnonzero(data == _LINE_END)
    return bool(
        ((before == sign) | (before == _LINE_END)).all()
        and ((after == sign) | (after == _LINE_END)).all()
        and (np.searchsorted(ends, opening) == np.searchsorted(ends, closing)).all()
    )


def _columns(table: pa.Table, target: ReadColumns) -> dict[str, Column] | None:
    """Role -> column; None where a line may hold only blanks, which is not a row."""
    columns: dict[str, Column] = {}
    for role, position in target.positions.items():
        column = table.column(str(position)).combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # what older versions of pyarrow return
            column = column.chunk(0)
        if role in _DIGITS_LIKELY:
            columns[role] = _column(role, column)
        else:
            columns[role] = EncodedColumn(column.dictionary.cast(pa.large_string()), np.asarray(column.indices))
    users = columns["user_id"]
    by_blanks = not target.layout.delimiter.strip(" \t")
    if by_blanks and isinstance(users, EncodedColumn):
        trimmed = pc.utf8_trim(users.values, characters=" \t")
        if np.asarray(pc.equal(trimmed, "")).any():
            return None
    return columns


def _column(role: str, texts: pa.StringArray | pa.LargeStringArray) -> Column:
    """The column of a role; integers only where their digits give the text back exactly."""
    if role in _DIGITS_LIKELY:
        integers = _integers(texts)
        if integers is not None:
            return integers
    texts = texts.cast(pa.large_string())
    return texts if role == "timestamp" else EncodedColumn.of(texts)


def _integers(texts: pa.StringArray | pa.LargeStringArray) -> Numbers | None:
    """The numbers, where each text is the plain digits of one, without a leading zero; else None."""
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


class ChunkCollector:
    """The columns of the chunks so far."""

    def __init__(self, target: ReadColumns) -> None:
        self._target = target
        self._columns: dict[str, list[Any]] = {role: [] for role in target.positions}
        self._lines: list[tuple[int, int, Int64s | None]] = []  # lines before, number of rows, their lines
        self._counts = LineCounts()
        self._widths = np.zeros(0, np.int64)
        self._dropped, self._first_dropped = 0, list[int]()
        self._n_bytes = self._n_controls = 0

    def add(self, chunk: ChunkColumns) -> None:
        """Add the next chunk of the file."""
        before = self._counts.lines
        if chunk.records is None:
            self._counts.lines += chunk.rows
        else:
            self._counts.add(chunk.records)
        self._lines.append((before, chunk.rows, chunk.line))
        if chunk.dropped is not None and len(chunk.dropped):
            self._dropped += len(chunk.dropped)
            n_more = FIRST_LINES - len(self._first_dropped)
            self._first_dropped += (chunk.dropped[:n_more] + before).tolist()
        longer, shorter = sorted((self._widths, chunk.widths), key=len, reverse=True)
        self._widths = longer.copy()
        self._widths[: len(shorter)] += shorter
        self._n_bytes += chunk.n_bytes
        self._n_controls += chunk.n_controls
        for role, column in chunk.columns.items():
            self._columns[role].append(column)

    def table(self, source: Source, encoding: str, notes: tuple[str, ...]) -> Table:
        """The table of all chunks. Raises NeedsWholeFileError where the rest differs from the beginning."""
        layout, counts = self._target.layout, self._counts
        other_width = not layout.has_header and int(self._widths.argmax()) != layout.width
        if other_width or layout.is_ragged(self._widths) or is_binary(self._n_bytes, self._n_controls):
            raise NeedsWholeFileError("most of it differs from its beginning")
        packed: dict[int, EncodedColumn | Int64s] = {}
        texts: dict[int, pa.LargeStringArray] = {}
        for role, position in self._target.positions.items():
            chunks = self._columns.pop(role)
            if role != "timestamp":
                packed[position] = _coded(chunks)
            else:
                times = concatenated(chunks)
                (packed if isinstance(times, np.ndarray) else texts)[position] = times
        dropped = Dropped(layout.width_reason, self._dropped, tuple(self._first_dropped))
        return Table(
            source=source,
            format=format_words(source.name, layout.header or ()),
            header=layout.header,
            width=layout.width,
            line=self._line(),
            column=texts.__getitem__,
            lines=counts.lines,
            blank=counts.blank,
            continuation=counts.continuation,
            encoding=encoding,
            delimiter=layout.delimiter,
            header_line=layout.line,
            dropped=(dropped,) if dropped.count else (),
            notes=(*notes, *counts.notes(layout)),
            guess=layout.guess,
            packed=packed,
        )

    def _line(self) -> Lines:
        """(n,) the line of each row."""
        n = sum(rows for _, rows, _ in self._lines)
        small = self._counts.lines < 2**31
        line: Lines = np.empty(n, np.int32) if small else np.empty(n, np.int64)
        start = 0
        for before, rows, within in self._lines:
            line[start : start + rows] = before + (np.arange(1, rows + 1) if within is None else within)
            start += rows
        return line


def _coded(chunks: list[EncodedColumn | Numbers]) -> EncodedColumn:
    """The column of all chunks; some of them, or all, may be numbers."""
    numbers = [chunk for chunk in chunks if isinstance(chunk, np.ndarray)]
    if len(numbers) == len(chunks):
        return EncodedColumn.of_integers(np.concatenate(numbers))
    return EncodedColumn.joined(
        [EncodedColumn.of_integers(chunk) if isinstance(chunk, np.ndarray) else chunk for chunk in chunks]
    )


_MOST_WORKERS = 8
_LONGEST_LINE = 64 * 2**20  # in bytes


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """Limits, in bytes."""

    small: int = 8 * 2**20
    """Files up to here are read as a whole."""
    head: int = 2 * 2**20
    """The first chunk, by which the layout is detected."""
    chunk: int = 8 * 2**20


def read_in_chunks(source: Source, options: ReadOptions, sizes: ChunkSizes | None = None) -> Table | None:
    """The table of a large file; None where it is small.

    Raises NeedsWholeFileError where it must be read as a whole, and ReadError naming file and line.
    """
    sizes = sizes or ChunkSizes()
    if source.read(sizes.small)[1]:
        return None
    utf8 = None if options.encoding else utf8_by_start(source.start)
    if utf8 is not None:
        encoding, mark_length = utf8
        try:
            return _read(source, options, _lines(source.chunks(sizes.chunk), sizes.head, mark_length), encoding)
        except NotUtf8Error:
            pass  # the encoding is detected from the whole file
    text = read_text(source, encoding=options.encoding)
    chunks = (text.content[start : start + sizes.chunk].encode() for start in range(0, len(text.content), sizes.chunk))
    try:
        return _read(source, options, _lines(chunks, sizes.head, 0), text.encoding, text.notes)
    except UnicodeEncodeError:
        raise NeedsWholeFileError("its text holds half of a surrogate pair") from None


def _lines(chunks: Iterable[bytes], head: int, mark_length: int) -> Iterator[Chunk]:
    """Chunks of whole lines; the first has up to `head` bytes, after the byte-order mark."""
    buffer, is_head = b"", True
    for number, chunk in enumerate(chunks):
        buffer += chunk if number else chunk[mark_length:]
        if is_head and len(buffer) < head:
            continue
        cut = _end_of_lines(buffer, head if is_head else len(buffer))
        if cut:
            yield Chunk(buffer[:cut], last=False)
            buffer, is_head = buffer[cut:], False
        elif len(buffer) > _LONGEST_LINE:
            raise NeedsWholeFileError(f"a line, or a quoted field, is longer than {_LONGEST_LINE // 2**20} MB")
    if buffer:
        yield Chunk(buffer, last=True)


def _end_of_lines(text: bytes, limit: int) -> int:
    """Where the last line within the limit ends; 0 where none does.

    Preferably a line after which the number of quotes is even, so that no field of several lines is cut in two.
    """
    last = end = text.rfind(b"\n", 0, limit) + 1
    n_quotes = text.count(b'"', 0, end)
    while n_quotes % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        n_quotes -= text.count(b'"', before, end)
        end = before
    return end or last


def _read(
    source: Source, options: ReadOptions, chunks: Iterator[Chunk], encoding: str, notes: tuple[str, ...] = ()
) -> Table:
    head = next(chunks, None)
    if head is None or head.last:
        raise NeedsWholeFileError("it is one line, or one quoted field over many")
    try:
        layout, records = detect_layout(head.text(), source, options)
    except ReadError:
        if b'"' not in head.raw and head.raw.count(b"\n") > SAMPLE:
            raise  # the whole file would be refused by the same lines
        raise NeedsWholeFileError("a quote cuts its beginning short") from None
    if len(records) <= SAMPLE:  # the whole file gives a larger sample
        raise NeedsWholeFileError(f"its first {len(head.raw) / 2**20:.0f} MB hold {counted(len(records), 'row')}")
    widths = records.widths[int(layout.has_header) :]
    if layout.is_ragged(np.bincount(widths, minlength=layout.width + 1)):
        raise refuse_lists(source, layout.line, int(widths.min()), int(widths.max()))
    where = f"{source}, line {layout.line}"
    target = ReadColumns(layout, resolve_columns(layout.names, options.columns, where, layout.guess))
    collector = ChunkCollector(target)
    collector.add(head.columns_of(records, target, int(layout.has_header)))
    for chunk in _in_order(chunks, lambda chunk: chunk.columns(target)):
        collector.add(chunk)
    return collector.table(source, encoding, notes)


def _in_order(chunks: Iterator[Chunk], work: Callable[[Chunk], ChunkColumns]) -> Iterator[ChunkColumns]:
    """The result of each chunk, in order, on all processors; the chunks in memory are those being read, and one."""
    workers = min(cpu_count(), _MOST_WORKERS)
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(work, chunk) for chunk in islice(chunks, workers + 1))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, chunk) for chunk in islice(chunks, 1))
        finally:
            pool.shutdown(cancel_futures=True)
