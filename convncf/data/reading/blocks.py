"""A large file of delimited text -> Table, some megabytes at a time: what is kept is numbers and each word once.

Reading it as a whole would take thirty times its size. Each block is whole lines; where it is regular, Arrow reads it,
else the careful reader, and both say the same of it. What only the whole file can tell is left to the careful reader:
a quote whose end is not in its block, quotes written with a backslash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from convncf.data.reading.columns import resolve_columns
from convncf.data.reading.dialect import plain_utf8, read_text
from convncf.data.reading.gathered import Gathered
from convncf.data.reading.layout import SAMPLE, lay_out, refuse_lists
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.pieces import Block, NotUtf8Error, OnlyAsAWholeError, Piece, Wanted
from convncf.data.reading.report import counted
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.errors import ReadError
from convncf.runtime import cpu_count

_MOST_WORKERS = 8
_LONGEST_LINE = 64 * 2**20  # in bytes


@dataclass(frozen=True, slots=True)
class Sizes:
    """In bytes."""

    small: int = 8 * 2**20
    """Files up to here are read as a whole."""
    head: int = 2 * 2**20
    """The first block, by which the layout is told."""
    block: int = 8 * 2**20


def read_in_blocks(source: Source, options: ReadOptions, sizes: Sizes | None = None) -> Table | None:
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
            return _read(source, options, _lines(source.chunks(sizes.block), sizes.head, mark), words)
        except NotUtf8Error:
            pass  # then what it is shows only when all of it is seen
    text = read_text(source, encoding=options.encoding)
    chunks = (text.content[at : at + sizes.block].encode() for at in range(0, len(text.content), sizes.block))
    try:
        return _read(source, options, _lines(chunks, sizes.head, 0), text.encoding, text.notes)
    except UnicodeEncodeError:
        raise OnlyAsAWholeError("its text holds half of a surrogate pair") from None


def _lines(chunks: Iterable[bytes], head: int, mark: int) -> Iterator[Block]:
    """Blocks of whole lines; the first has up to `head` bytes, after the `mark`."""
    rest, is_head = b"", True
    for number, chunk in enumerate(chunks):
        rest += chunk if number else chunk[mark:]
        if is_head and len(rest) < head:
            continue
        cut = _end_of_lines(rest, head if is_head else len(rest))
        if cut:
            yield Block(rest[:cut], last=False)
            rest, is_head = rest[cut:], False
        elif len(rest) > _LONGEST_LINE:
            raise OnlyAsAWholeError(f"a line, or a quoted field, is longer than {_LONGEST_LINE // 2**20} MB")
    if rest:
        yield Block(rest, last=True)


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
    source: Source, options: ReadOptions, blocks: Iterator[Block], encoding: str, notes: tuple[str, ...] = ()
) -> Table:
    head = next(blocks, None)
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
    gathered = Gathered(wanted)
    gathered.add(head.piece_of(records, wanted, int(layout.headed)))
    for piece in _in_order(blocks, lambda block: block.piece(wanted)):
        gathered.add(piece)
    return gathered.table(source, encoding, notes)


def _in_order(blocks: Iterator[Block], work: Callable[[Block], Piece]) -> Iterator[Piece]:
    """The work on each, on all processors and in order; only as many blocks are held as are worked on, and one."""
    workers = min(cpu_count(), _MOST_WORKERS)
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(work, block) for block in islice(blocks, workers + 1))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, block) for block in islice(blocks, 1))
        finally:
            pool.shutdown(cancel_futures=True)
