"""The rows of a file while it is read: which are still in, and why the others left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convncf.data.reading.report import FIRST_LINES, Dropped

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


class Ledger:
    """Every row leaves at most once, with a reason."""

    def __init__(self, line: Int64s) -> None:
        """`line` (n,): the physical line of each row."""
        self.line = line
        self.rows: Int64s = np.arange(len(line))
        """Rows still in, in the order of the file."""
        self._dropped: list[Dropped] = []

    def drop(self, reason: str, leaving: Bools) -> Bools:
        """Drop those of the `rows` that are `leaving` (m,); returns which stay (m,), to narrow columns by."""
        if leaving.any():
            self._dropped.append(Dropped(reason, int(leaving.sum()), self.first_lines(leaving)))
            self.rows = self.rows[~leaving]
        return ~leaving

    def first_lines(self, among: Bools) -> tuple[int, ...]:
        """Physical lines of the first of the `rows` that are `among` (m,)."""
        return tuple(int(line) for line in self.line[self.rows[np.flatnonzero(among)[:FIRST_LINES]]])

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What left, the most frequent reason first."""
        return tuple(sorted(self._dropped, key=lambda dropped: -dropped.count))
