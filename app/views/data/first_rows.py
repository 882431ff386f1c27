"""The first rows of files, as they stand, to choose columns by; nothing of them is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from app.ui.text import plain
from convncf.data.reading import ReadOptions, guess_columns
from convncf.data.reading.candidate_lists import holds_candidates
from convncf.data.reading.delimited import preview_source
from convncf.data.reading.dialect import roles_by_position
from convncf.data.reading.readers import detect_format
from convncf.data.reading.roles import make_read_plan
from convncf.data.reading.sources import Source, files_at
from convncf.errors import ReadError
from convncf.figures.theme import plural

ROWS: Final = 8
_FILES: Final = 6
_BEGINNING: Final = 1 << 16
_WIDTH: Final = 200
"""Signs of a line or a field that are shown."""
_COLUMNS: Final = 60
"""Columns that are shown."""
_CHOICES: Final = 500
"""Columns that can be chosen."""


@dataclass(frozen=True)
class FirstRows:
    """The beginning of one file."""

    file: str
    header: list[str] = field(default_factory=list)
    """Names of the columns, or their numbers; none where a line is a list."""
    rows: list[list[str]] = field(default_factory=list)
    guess: Mapping[str, str] = field(default_factory=dict)
    """Role -> column name."""
    lines: tuple[str, ...] = ()
    """The lines themselves, where they have no columns."""


@dataclass(frozen=True)
class Seen:
    """The beginning of each file that would be read, that with interactions first."""

    files: tuple[FirstRows, ...]
    titles: FirstRows | None = None
    """That of the file with titles, where there is one."""

    @property
    def guess(self) -> dict[str, str]:
        """Role -> column name."""
        guess = dict(self.files[0].guess)
        if self.titles:
            guess |= {role: name for role, name in self.titles.guess.items() if role == "title"}
        return guess

    def columns(self, role: str) -> list[str]:
        """Names of the columns that may play a role."""
        of = self.titles if role == "title" and self.titles else self.files[0]
        names = dict.fromkeys(name for name in of.header if name)
        return list(names)[:_CHOICES]


def look(paths: Sequence[Path], options: ReadOptions) -> Seen:
    """Look at the beginnings. Raises ReadError where there is nothing to look at."""
    try:
        plan = make_read_plan(list(paths), options)
        titles = plan.titles
        sources = [*(source for source, _ in plan.interactions), *([titles] if titles else [])]
        sources += [plan.candidates] if plan.candidates else []
    except ReadError:  # reading says why; the rows may show it
        titles, sources = None, [source for path in paths for source in files_at(path).sources]
    files = {source: _look(source, options) for source in sources[:_FILES]}
    return Seen(tuple(files.values()), files.get(titles) if titles else None)


def _look(source: Source, options: ReadOptions) -> FirstRows:
    kind = "lists" if options.format is None and holds_candidates(source) else detect_format(source, options)
    if kind == "parquet":
        return _parquet(source)
    if kind == "json-lines":
        return _json_lines(source)
    if kind != "delimited":
        return FirstRows(source.file, lines=_lines(source))
    seen = preview_source(source, ROWS, delimiter=options.delimiter, encoding=options.encoding)
    numbers = [str(number + 1) for number in range(len(seen.header))]
    if options.header is True and seen.header == numbers and seen.rows:
        header = [name.strip() for name in seen.rows[0]]
        return FirstRows(source.file, header, seen.rows[1:], guess_columns(header))
    if options.header is False and seen.header != numbers:
        rows = [seen.header, *seen.rows]
        return FirstRows(source.file, numbers, rows[:ROWS], roles_by_position(rows))
    return FirstRows(source.file, seen.header, seen.rows, seen.guess)


def _parquet(source: Source) -> FirstRows:
    try:
        packed = source.member is not None or source.path.name != source.name
        file = pq.ParquetFile(pa.BufferReader(source.read()[0]) if packed else str(source.path))
        first = next(file.iter_batches(ROWS), None)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{source} is Parquet that cannot be read: {error}. Write or fetch it again.") from None
    names = [str(name) for name in file.schema_arrow.names]
    columns = [column.to_pylist() for column in first.columns] if first is not None else []
    rows = [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
    return FirstRows(source.file, names, rows, guess_columns(names))


def _json_lines(source: Source) -> FirstRows:
    found = []
    for line in _lines(source, width=_BEGINNING):
        try:
            value = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            continue
        found += [value] if isinstance(value, dict) else []
    if not found:
        return FirstRows(source.file, lines=_lines(source))
    names = list(dict.fromkeys(name for value in found for name in value))
    rows = [[_text(value.get(name)) for name in names] for value in found]
    return FirstRows(source.file, names, rows, guess_columns(names))


def _text(value: object) -> str:
    """As it will be read; half of a surrogate pair is JSON, but no text."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()


def _lines(source: Source, width: int = _WIDTH) -> tuple[str, ...]:
    lines = source.read(_BEGINNING)[0].decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    first = [line for line in lines if line.strip()][:ROWS]
    return tuple(_cut(line, width) for line in first)


# ---------------------------------------------------------------- shown
def show(seen: Seen) -> None:
    """Each file under a tab of its own."""
    if len(seen.files) == 1:
        _show(seen.files[0])
        return
    for tab, rows in zip(st.tabs([plain(rows.file) for rows in seen.files]), seen.files, strict=True):
        with tab:
            _show(rows)


def _show(rows: FirstRows) -> None:
    if rows.lines:
        st.code("\n".join(rows.lines), language=None)
        st.caption(f"First {plural(len(rows.lines), 'line')}, as they stand.")
        return
    width = max([len(rows.header), *map(len, rows.rows)])
    columns = _distinct([*rows.header, *[""] * (width - len(rows.header))][:_COLUMNS])
    cells = [[_cut(text, _WIDTH) for text in [*row, *[""] * width][: len(columns)]] for row in rows.rows]
    st.dataframe(
        pd.DataFrame(cells, columns=columns, dtype="object"),
        hide_index=True,
        column_config={name: st.column_config.TextColumn() for name in columns},
        alt=f"First {plural(len(rows.rows), 'row')} of the file, as they stand",
    )
    of = f" and {len(columns)} of {width:,} columns" if width > len(columns) else ""
    st.caption(f"First {plural(len(rows.rows), 'row')}{of}, as they stand.")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[:width]} …"


def _distinct(names: Sequence[str]) -> list[str]:
    """Heads for the table: it needs each once, and none empty."""
    heads: list[str] = []
    for number, name in enumerate(names, start=1):
        head = _cut(name, _WIDTH) or f"(column {number})"
        heads.append(head if head not in heads else f"{head} ({number})")
    return heads
