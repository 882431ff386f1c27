"""The rows of the files while they are read: which are still in, and why the others left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convncf.data.reading.report import FIRST_LINES, Dropped, on_lines

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Lines = npt.NDArray[np.int32] | Int64s


class Ledger:
    """Every row leaves at most once, with a reason."""

    def __init__(self, line: Lines, file: npt.NDArray[np.int16] | None = None, names: Sequence[str] = ("",)) -> None:
        """`line` (n,): the physical line of each row; `file` (n,): which of `names` it stands in."""
        self.line = line
        self.file = np.zeros(len(line), np.int16) if file is None else file
        self.rows: Int64s = np.arange(len(line))
        """Rows still in, in the order of the files."""
        self._names = names if len(names) > 1 else ("",)
        self._dropped: list[Dropped] = []

    def drop(self, reason: str, leaving: Bools) -> Bools:
        """Drop those of the `rows` that are `leaving` (m,); returns which stay (m,), to narrow columns by."""
        if leaving.any():
            for file, name in enumerate(self._names):
                here = leaving & (self.file[self.rows] == file) if len(self._names) > 1 else leaving
                if here.any():
                    self._dropped.append(Dropped(reason, int(here.sum()), self.first_lines(here), name))
            self.rows = self.rows[~leaving]
        return ~leaving

    def note(self, dropped: Sequence[Dropped]) -> None:
        """Rows that left before there was a ledger."""
        self._dropped.extend(dropped)

    def first_lines(self, among: Bools) -> tuple[int, ...]:
        """Physical lines of the first of the `rows` that are `among` (m,)."""
        return tuple(int(line) for line in self.line[self.rows[np.flatnonzero(among)[:FIRST_LINES]]])

    def where(self, among: Bools) -> str:
        """'lines 3, 5, … of b.csv': the first of the `rows` that are `among`, in the first file that has any."""
        file = self.file[self.rows]
        first = int(file[np.flatnonzero(among)[0]])
        here = among & (file == first)
        more = "" if here.sum() == among.sum() else " and others"
        return on_lines(self.first_lines(here), int(here.sum()), self._names[first]) + more

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What left, the most frequent reason first."""
        return tuple(sorted(self._dropped, key=lambda dropped: -dropped.count))
