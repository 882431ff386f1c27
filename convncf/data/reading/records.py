"""Delimited text -> records, each with the physical line that it begins on.

A field may stand in double quotes, with "" (or, where the file does so, \\") for a quote inside, and may then hold the
delimiter and line ends. A field that begins with a quote which is not closed right before a delimiter or a line end is
plain text, quotes included, such as the title '"Great Performances" Cats' in MovieLens files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BACKSLASHED = re.compile(r'\\(["\\])')
_BLANKS = " \t"
_CHUNK = 500_000  # fields in a list before they go to Arrow, where they need a tenth of the memory


@dataclass(frozen=True, eq=False)
class Records:
    """The records of a file: N of them, the header included."""

    flat: pa.ChunkedArray
    """All fields, record after record."""
    offsets: Int64s
    """(N + 1,) fields of record r are flat[offsets[r]:offsets[r + 1]]."""
    line: Int64s
    """(N,) physical line, from 1, on which each begins."""
    lines: int
    """Physical lines in the file."""
    blank: int
    """Lines without a record."""
    continuation: int
    """Lines that continue a quoted field."""
    first_continuation: int | None
    plain_quotes: int
    """Fields that begin with a quote and are plain text."""
    first_plain_quote: int | None
    escaped: int = 0
    """Fields in which a backslash stood before a quote or a backslash, and was removed."""
    undecided: bool = False
    """Whether a field begins with a quote that later text might close."""

    def __len__(self) -> int:
        return len(self.line)

    @cached_property
    def widths(self) -> Int64s:
        """(N,) fields of each record."""
        return np.diff(self.offsets)

    def record(self, index: int) -> list[str]:
        """The fields of one record."""
        start, end = int(self.offsets[index]), int(self.offsets[index + 1])
        return [str(field) for field in self.flat.slice(start, end - start).to_pylist()]

    def column(self, position: int, rows: Int64s) -> pa.LargeStringArray:
        """One field of each of the records `rows`, all of which must be wide enough."""
        fields = self.flat.take(pa.array(self.offsets[rows] + position))
        return fields.combine_chunks() if isinstance(fields, pa.ChunkedArray) else fields


def split_records(text: str, delimiter: str) -> Records:
    """Split text into records. A delimiter of one blank means any number of blanks."""
    return _with_quotes(text, delimiter) if '"' in text else _without_quotes(text, delimiter)


def _without_quotes(text: str, delimiter: str) -> Records:
    """Without quotes a line is a record, and Arrow splits all lines at once."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = text.split("\n")
    if raw[-1] == "":
        raw.pop()
    lines = pa.array(raw, pa.large_string())
    filled = np.asarray(pc.not_equal(pc.utf8_trim(lines, characters=_BLANKS), ""), bool)
    filled_lines = lines.filter(pa.array(filled))
    if delimiter == " ":
        fields = pc.split_pattern_regex(pc.utf8_trim(filled_lines, characters=" "), pattern=" +")
    else:
        fields = pc.split_pattern(filled_lines, pattern=delimiter)
    return Records(
        pa.chunked_array([fields.flatten()], pa.large_string()),
        np.concatenate([[0], np.cumsum(np.asarray(pc.list_value_length(fields), np.int64))]).astype(np.int64),
        np.flatnonzero(filled).astype(np.int64) + 1,
        lines=len(raw),
        blank=int((~filled).sum()),
        continuation=0,
        first_continuation=None,
        plain_quotes=0,
        first_plain_quote=None,
    )


def _with_quotes(text: str, delimiter: str) -> Records:
    """Line by line; only a record that holds a quote is read field by field."""
    grammar = _Grammar(delimiter, text)
    chunks: list[pa.LargeStringArray] = []
    flat: list[str] = []
    widths: list[int] = []
    starts: list[int] = []
    blank = continuation = plain_quotes = number = 0
    first_continuation = first_plain_quote = None
    resume_at = position = 0
    for match in _LINE.finditer(text):
        number += 1
        position = match.start()
        if position < resume_at:  # this line continues a record of an earlier one
            continuation += 1
            first_continuation = first_continuation or number
            continue
        body = match[0].rstrip("\r\n")
        if not body.strip(_BLANKS):
            blank += 1
            continue
        if '"' in body:
            fields, end, plain = grammar.read(text, position)
            resume_at = end
            if plain:
                plain_quotes += plain
                first_plain_quote = first_plain_quote or number
        else:
            fields = grammar.split(body)
        flat.extend(fields)
        widths.append(len(fields))
        starts.append(number)
        if len(flat) >= _CHUNK:
            chunks.append(pa.array(flat, pa.large_string()))
            flat = []
    chunks.append(pa.array(flat, pa.large_string()))
    return Records(
        pa.chunked_array(chunks, pa.large_string()),
        np.concatenate([[0], np.cumsum(np.asarray(widths, np.int64))]).astype(np.int64),
        np.asarray(starts, np.int64),
        number,
        blank,
        continuation,
        first_continuation,
        plain_quotes,
        first_plain_quote,
        grammar.escaped,
        grammar.undecided,
    )


class _Grammar:
    """How a record with quotes is read with one delimiter."""

    def __init__(self, delimiter: str, text: str) -> None:
        self._delimiter = delimiter
        self._blank = delimiter == " "
        between = " +" if self._blank else re.escape(delimiter)
        around = "" if self._blank else " *"
        self._between = re.compile(between)
        # Possessive (*+): text inside quotes is read once, so a quote that is never closed costs one pass.
        self._quoted = re.compile(rf'{around}"((?:[^"]++|"")*+)"{around}(?={between}|[\r\n]|\Z)')
        # A backslash before a quote within a field: the file escapes quotes, as MySQL does.
        self._escapes = re.search(rf'\\"(?!"|{between}|[\r\n]|\Z)', text) is not None
        inside = r'[^"\\]++|\\.|""'
        self._backslashed = re.compile(rf'{around}"((?:{inside})*+)"{around}(?={between}|[\r\n]|\Z)', re.DOTALL)
        self._never_closed = re.compile(r' *"(?:[^"]++|"")*+\Z')
        self.escaped = 0
        self.undecided = False
        single = f"[^{between}\r\n]*+" if len(delimiter) == 1 and not self._blank else ""
        self._plain = re.compile(single or rf"(?:(?!{between})[^\r\n])*+")

    def split(self, body: str) -> list[str]:
        """The fields of a line that holds no quote."""
        return self._between.split(body.strip(" ")) if self._blank else body.split(self._delimiter)

    def read(self, text: str, position: int) -> tuple[list[str], int, int]:
        """The fields of the record at `position`, where it ends, and how many fields kept a leading quote as text."""
        fields: list[str] = []
        n_plain = 0
        if self._blank and (lead := self._between.match(text, position)):
            position = lead.end()
        while True:
            quoted = self._backslashed.match(text, position) if self._escapes else None
            if quoted:
                raw = quoted[1].replace('""', '"')
                unescaped = _BACKSLASHED.sub(r"\1", raw)
                self.escaped += unescaped != raw
                fields.append(unescaped)
                position = quoted.end()
            elif quoted := self._quoted.match(text, position):
                fields.append(quoted[1].replace('""', '"'))
                position = quoted.end()
            else:
                field = self._plain.match(text, position)
                assert field is not None  # it matches the empty text too
                fields.append(field[0])
                if field[0].lstrip(" ").startswith('"'):
                    n_plain += 1
                    self.undecided = self.undecided or self._never_closed.match(text, position) is not None
                position = field.end()
            between = self._between.match(text, position)
            if not between:
                return fields, position, n_plain
            position = between.end()
            if self._blank and (position == len(text) or _LINE_END.match(text, position)):
                return fields, position, n_plain
