"""The pieces of a file, one after the other -> its Table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from convncf.data.reading.coded import Coded
from convncf.data.reading.dialect import is_binary
from convncf.data.reading.layout import Oddities, format_words
from convncf.data.reading.ledger import Lines
from convncf.data.reading.pieces import Numbers, OnlyAsAWholeError, Piece, Wanted
from convncf.data.reading.report import FIRST_LINES, Dropped
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Int64s, Table, in_a_row


class Gathered:
    """What the pieces so far hold."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._columns: dict[str, list[Any]] = {role: [] for role in wanted.positions}
        self._lines: list[tuple[int, int, Int64s | None]] = []  # what stands before, how many rows, their lines
        self._odd = Oddities()
        self._widths = np.zeros(0, np.int64)
        self._dropped, self._first_dropped = 0, list[int]()
        self._n_bytes = self._n_controls = 0

    def add(self, piece: Piece) -> None:
        """The next piece of the file."""
        before = self._odd.lines
        if piece.records is None:
            self._odd.lines += piece.rows
        else:
            self._odd.add(piece.records)
        self._lines.append((before, piece.rows, piece.line))
        if piece.dropped is not None and len(piece.dropped):
            self._dropped += len(piece.dropped)
            missing = FIRST_LINES - len(self._first_dropped)
            self._first_dropped += (piece.dropped[:missing] + before).tolist()
        longer, shorter = sorted((self._widths, piece.widths), key=len, reverse=True)
        self._widths = longer.copy()
        self._widths[: len(shorter)] += shorter
        self._n_bytes += piece.n_bytes
        self._n_controls += piece.n_controls
        for role, column in piece.columns.items():
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
            pieces = self._columns.pop(role)
            if role != "timestamp":
                packed[position] = _coded(pieces)
            else:
                clock = in_a_row(pieces)
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


def _coded(pieces: list[Coded | Numbers]) -> Coded:
    """The words of all pieces, of which some, or all, are numbers."""
    numbers = [piece for piece in pieces if isinstance(piece, np.ndarray)]
    if len(numbers) == len(pieces):
        return Coded.of_integers(np.concatenate(numbers))
    return Coded.joined([Coded.of_integers(p) if isinstance(p, np.ndarray) else p for p in pieces])
