"""A large file of delimited text -> Table, some megabytes at a time: chunks of whole lines, then all of them together.

A regular block is one that Arrow cannot read otherwise than the careful reader: valid UTF-8, one kind of line end, each
line of the usual width, and quotes, if any, around whole fields on one line.

Reading it as a whole would take thirty times its size. Each block is whole lines; where it is regular, Arrow reads it,
else the careful reader, and both say the same of it. What only the whole file can tell is left to the careful reader:
a quote whose end is not in its block, quotes written with a backslash.
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
    Oddities,
    format_words,
    is_binary,
    lay_out,
    n_controls,
    plain_utf8,
    read_text,
    refuse_lists,
)
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.report import FIRST_LINES, Dropped, Lines, counted
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Coded, Int64s, Table, in_a_row
from convncf.errors import ReadError
from convncf.runtime.devices import cpu_count

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
class ChunkColumns:
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
class Chunk:
    """Some lines of a file."""

    raw: bytes
    last: bool

    def text(self) -> str:
        """Decoded. Raises NotUtf8Error where it cannot be."""
        try:
            return self.raw.decode()
        except UnicodeDecodeError:
            raise NotUtf8Error from None

    def chunk(self, wanted: Wanted) -> ChunkColumns:
        """The columns of its rows. Raises NotUtf8Error or OnlyAsAWholeError where they cannot be had by themselves."""
        if b"\0" in self.raw:
            raise OnlyAsAWholeError("it holds a zero byte")
        if not self.raw.isascii():
            self.text()
        table = _by_arrow(self.raw, wanted)
        columns = None if table is None else _columns(table, wanted)
        if columns is None:
            return self.columns_of(split_records(self.text(), wanted.layout.delimiter), wanted)
        rows = len(columns["user_id"])
        widths = np.zeros(wanted.layout.width + 1, np.int64)
        widths[-1] = rows
        return ChunkColumns(columns, rows, len(self.raw), self._n_controls(), widths)

    def columns_of(self, records: Records, wanted: Wanted, skip: int = 0) -> ChunkColumns:
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


class ChunkCollector:
    """What the pieces so far hold."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._columns: dict[str, list[Any]] = {role: [] for role in wanted.positions}
        self._lines: list[tuple[int, int, Int64s | None]] = []  # what stands before, how many rows, their lines
        self._odd = Oddities()
        self._widths = np.zeros(0, np.int64)
        self._dropped, self._first_dropped = 0, list[int]()
        self._n_bytes = self._n_controls = 0

    def add(self, chunk: ChunkColumns) -> None:
        """The next piece of the file."""
        before = self._odd.lines
        if chunk.records is None:
            self._odd.lines += chunk.rows
        else:
            self._odd.add(chunk.records)
        self._lines.append((before, chunk.rows, chunk.line))
        if chunk.dropped is not None and len(chunk.dropped):
            self._dropped += len(chunk.dropped)
            missing = FIRST_LINES - len(self._first_dropped)
            self._first_dropped += (chunk.dropped[:missing] + before).tolist()
        longer, shorter = sorted((self._widths, chunk.widths), key=len, reverse=True)
        self._widths = longer.copy()
        self._widths[: len(shorter)] += shorter
        self._n_bytes += chunk.n_bytes
        self._n_controls += chunk.n_controls
        for role, column in chunk.columns.items():
            self._columns[role].append(column)

    def table(self, source: Source, encoding: str, notes: tuple[str, ...]) -> Table:
        """The table of all. Raises OnlyAsAWholeError where the beginning misled."""
        layout, odd = self._wanted.layout, self._odd
        other_width = not layout.headed and int(self._widths.argmax()) != layout.width
        if other_width or layout.ragged(self._widths) or is_binary(self._n_bytes, self._n_controls):
            raise OnlyAsAWholeError("most of it is not as its beginning")
        packed: dict[int, Coded | Int64s] = {}
        texts: dict[int, pa.LargeStringArray] = {}
        for role, position in self._wanted.positions.items():
            chunks = self._columns.pop(role)
            if role != "timestamp":
                packed[position] = _coded(chunks)
            else:
                clock = in_a_row(chunks)
                (packed if isinstance(clock, np.ndarray) else texts)[position] = clock
        dropped = Dropped(layout.wanted_fields, self._dropped, tuple(self._first_dropped))
        return Table(
            source=source,
            format=format_words(source.name, layout.header or ()),
            header=layout.header,
            width=layout.width,
            line=self._line(),
            column=texts.__getitem__,
            lines=odd.lines,
            blank=odd.blank,
            continuation=odd.continuation,
            encoding=encoding,
            delimiter=layout.delimiter,
            header_line=layout.line,
            dropped=(dropped,) if dropped.count else (),
            notes=(*notes, *odd.notes(layout)),
            guess=layout.guess,
            packed=packed,
        )

    def _line(self) -> Lines:
        """(n,) the line of each row."""
        n = sum(rows for _, rows, _ in self._lines)
        small = self._odd.lines < 2**31
        line: Lines = np.empty(n, np.int32) if small else np.empty(n, np.int64)
        start = 0
        for before, rows, within in self._lines:
            line[start : start + rows] = before + (np.arange(1, rows + 1) if within is None else within)
            start += rows
        return line


def _coded(chunks: list[Coded | Numbers]) -> Coded:
    """The words of all pieces, of which some, or all, are numbers."""
    numbers = [chunk for chunk in chunks if isinstance(chunk, np.ndarray)]
    if len(numbers) == len(chunks):
        return Coded.of_integers(np.concatenate(numbers))
    return Coded.joined([Coded.of_integers(p) if isinstance(p, np.ndarray) else p for p in chunks])


_MOST_WORKERS = 8
_LONGEST_LINE = 64 * 2**20  # in bytes


@dataclass(frozen=True, slots=True)
class Sizes:
    """In bytes."""

    small: int = 8 * 2**20
    """Files up to here are read as a whole."""
    head: int = 2 * 2**20
    """The first block, by which the layout is told."""
    chunk: int = 8 * 2**20


def read_in_chunks(source: Source, options: ReadOptions, sizes: Sizes | None = None) -> Table | None:
    """The table of a large file; None where it is small.

    Raises OnlyAsAWholeError where it must be read as a whole, and ReadError naming file and line, as that does.
    """
    sizes = sizes or Sizes()
    if source.read(sizes.small)[1]:
        return None
    utf8 = None if options.encoding else plain_utf8(source.start)
    if utf8 is not None:
        words, mark = utf8
        try:
            return _read(source, options, _lines(source.chunks(sizes.chunk), sizes.head, mark), words)
        except NotUtf8Error:
            pass  # then what it is shows only when all of it is seen
    text = read_text(source, encoding=options.encoding)
    chunks = (text.content[at : at + sizes.chunk].encode() for at in range(0, len(text.content), sizes.chunk))
    try:
        return _read(source, options, _lines(chunks, sizes.head, 0), text.encoding, text.notes)
    except UnicodeEncodeError:
        raise OnlyAsAWholeError("its text holds half of a surrogate pair") from None


def _lines(chunks: Iterable[bytes], head: int, mark: int) -> Iterator[Chunk]:
    """Blocks of whole lines; the first has up to `head` bytes, after the `mark`."""
    rest, is_head = b"", True
    for number, chunk in enumerate(chunks):
        rest += chunk if number else chunk[mark:]
        if is_head and len(rest) < head:
            continue
        cut = _end_of_lines(rest, head if is_head else len(rest))
        if cut:
            yield Chunk(rest[:cut], last=False)
            rest, is_head = rest[cut:], False
        elif len(rest) > _LONGEST_LINE:
            raise OnlyAsAWholeError(f"a line, or a quoted field, is longer than {_LONGEST_LINE // 2**20} MB")
    if rest:
        yield Chunk(rest, last=True)


def _end_of_lines(text: bytes, limit: int) -> int:
    """Where the last line within the limit ends; 0 where none does.

    If it can be, it is a line after which quotes are in pairs, so that no field of several lines is cut in two.
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
        raise OnlyAsAWholeError("it is one line, or one quoted field over many")
    try:
        layout, records = lay_out(head.text(), source, options)
    except ReadError:
        if b'"' not in head.raw and head.raw.count(b"\n") > SAMPLE:
            raise  # the whole would be judged by the same lines
        raise OnlyAsAWholeError("a quote cuts its beginning short") from None
    if len(records) <= SAMPLE:  # then the whole would give a larger sample
        raise OnlyAsAWholeError(f"its first {len(head.raw) / 2**20:.0f} MB hold {counted(len(records), 'row')}")
    widths = records.widths[int(layout.headed) :]
    if layout.ragged(np.bincount(widths, minlength=layout.width + 1)):
        raise refuse_lists(source, layout.line, int(widths.min()), int(widths.max()))
    where = f"{source}, line {layout.line}"
    wanted = Wanted(layout, resolve_columns(layout.names, options.columns, where, layout.guess))
    collected = ChunkCollector(wanted)
    collected.add(head.columns_of(records, wanted, int(layout.headed)))
    for chunk in _in_order(chunks, lambda chunk: chunk.chunk(wanted)):
        collected.add(chunk)
    return collected.table(source, encoding, notes)


def _in_order(chunks: Iterator[Chunk], work: Callable[[Chunk], ChunkColumns]) -> Iterator[ChunkColumns]:
    """The work on each, on all processors and in order; only as many blocks are held as are worked on, and one."""
    workers = min(cpu_count(), _MOST_WORKERS)
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(work, chunk) for chunk in islice(chunks, workers + 1))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, chunk) for chunk in islice(chunks, 1))
        finally:
            pool.shutdown(cancel_futures=True)
