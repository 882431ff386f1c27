"""A file as a table of text: what every reader returns, whatever the format was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from convncf.data.reading.report import Dropped, FileRead, Role
from convncf.data.reading.sources import Source
from convncf.data.timestamps import TimeUnit

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """The well-formed rows of a file, n of them, and an account of its lines."""

    source: Source
    format: str
    """In words."""
    header: tuple[str, ...] | None
    """Names of the columns as they stand; None where no line names them."""
    width: int
    line: Int64s
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

    @property
    def names(self) -> list[str]:
        """Names of the columns; their numbers from 1 where no header names them."""
        if self.header is None:
            return [str(number) for number in range(1, self.width + 1)]
        return [name.strip() for name in self.header]

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
        )
