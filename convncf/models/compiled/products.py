"""Matrix products inside compiled loops, so that a piece of work never leaves the processor's cache between two steps.

A block of the answer stays in registers while the depth of the product passes by. (Goto and van de Geijn, "Anatomy of
High-Performance Matrix Multiplication", 2008, without the packing: what is multiplied here fits in the cache as it is.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from convncf.models.compiled.vectors import LANES, Function

_ROWS: Final = 8
_VECTORS: Final = 2
"""8 rows of 2 vectors: 16 sums in registers, enough to keep both multipliers of a core busy."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers in memory: element (i, j) lies at i·`row` + j·`column`."""

    pointer: Any
    row: int
    column: int = 1

    def at(self, f: Function, i: Any, j: Any) -> Any:
        """Where element (i, j) lies."""
        return f.add(f.times(i, self.row), f.times(j, self.column))

    @property
    def transposed(self) -> Matrix:
        """The same numbers, read the other way round."""
        return Matrix(self.pointer, self.column, self.row)


def product(
    f: Function,
    a: Matrix,
    b: Matrix,
    out: Matrix,
    rows: Any,
    depth: Any,
    columns: int,
    *,
    bias: Any = None,
    relu: bool = False,
    mask: Matrix | None = None,
    add: bool = False,
) -> None:
    """out = a·b, (rows, depth) times (depth, columns); `columns` is a multiple of 16, b and out have rows of vectors.

    bias: added to each row. relu: of the answer. mask: 0 where it is not positive. add: to what is there.
    """

    def block(row: Any, height: int, first: Any, vectors: int) -> None:
        at = [[out.at(f, f.add(row, i), f.add(first, LANES * v)) for v in range(vectors)] for i in range(height)]
        if add:
            start = [[f.vector(out.pointer, here) for here in line] for line in at]
        elif bias is not None:
            of_bias = [f.vector(bias, f.add(first, LANES * v)) for v in range(vectors)]
            start = [of_bias] * height
        else:
            start = [[f.splat(0.0)] * vectors] * height
        sums = [[f.variable(value) for value in line] for line in start]
        with f.loop(depth) as k:
            right = [f.vector(b.pointer, b.at(f, k, f.add(first, LANES * v))) for v in range(vectors)]
            for i in range(height):
                left = f.number(a.pointer, a.at(f, f.add(row, i), k))
                for v in range(vectors):
                    sums[i][v].value = f.fma(left, right[v], sums[i][v].value)
        for i in range(height):
            for v in range(vectors):
                value = sums[i][v].value
                if relu:
                    value = f.relu(value)
                if mask is not None:
                    there = mask.at(f, f.add(row, i), f.add(first, LANES * v))
                    value = f.where_positive(f.vector(mask.pointer, there), value)
                f.store(value, out.pointer, at[i][v])

    def strip(first: Any, vectors: int) -> None:
        full = f.quotient(rows, _ROWS)
        with f.loop(full) as i:
            block(f.times(i, _ROWS), _ROWS, first, vectors)
        with f.loop(f.minus(rows, f.times(full, _ROWS))) as i:
            block(f.add(f.times(full, _ROWS), i), 1, first, vectors)

    wide, rest = divmod(columns // LANES, _VECTORS)
    with f.loop(wide) as i:
        strip(f.times(i, LANES * _VECTORS), _VECTORS)
    if rest:
        strip(wide * LANES * _VECTORS, rest)


def add_rows(f: Function, matrix: Matrix, rows: Any, columns: int, total: Any) -> None:
    """total (columns,) += the sum over the rows of a matrix."""
    for c in range(0, columns, LANES):
        so_far = f.variable(f.vector(total, c))
        with f.loop(rows) as row:
            so_far.value = f.plus(so_far.value, f.vector(matrix.pointer, matrix.at(f, row, c)))
        f.store(so_far.value, total, c)
