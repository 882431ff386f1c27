"""Matrix products inside compiled loops, so that no number leaves the processor's cache between two steps.

A block of the result stays in registers while the depth of the product passes by. (Goto and van de Geijn, "Anatomy of
High-Performance Matrix Multiplication", 2008, without the packing: what is multiplied here fits in the cache as it is.)

A tile is 16 rows of 64 bytes. Left: (16, 32) bfloat16. Right: 32 rows of 16 bfloat16, where two rows lie interleaved
as (16, 16, 2). Result: (16, 16) float32. See Intel's "Architecture Instruction Set Extensions Programming Reference",
chapter "Intel Advanced Matrix Extensions".
"""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import llvmlite.binding as llvm
import torch
from llvmlite import ir

from convncf.models.compiled.vectors import LANES, Function, Named

SIDE: Final = 16
DEPTH: Final = 32
_REQUEST_TILES: Final = (158, 0x1023, 18)
"""Linux: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA). Tiles are off until a process requests them."""
_TILE, _I16, _I64 = Named("x86_amx"), ir.IntType(16), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


@cache
def available() -> bool:
    """Whether this process may use tiles of bfloat16; requests them from Linux."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    if not llvm.get_host_cpu_features().get("amx-bf16"):
        return False
    return bool(ctypes.CDLL(None).syscall(*(ctypes.c_long(number) for number in _REQUEST_TILES)) == 0)


def zero(f: Function) -> Any:
    """A result of zeros."""
    return _call(f, "tilezero", _TILE, [], [_count(SIDE), _count(64)])


def load(f: Function, pointer: Any, at: Any, row: Any, *, depth: int = DEPTH, right: bool = False) -> Any:
    """(16, depth) of the left, or depth rows of the right, bfloat16, from `at` on; rows of memory are `row` apart.

    On the right, two interleaved rows are one row of memory.
    """
    rows, width = (depth // 2, 64) if right else (SIDE, 2 * depth)
    return _loaded(f, f.place16(pointer, at), f.times(row, 2), rows, width)


def load_sums(f: Function, pointer: Any, at: Any, row: Any) -> Any:
    """(16, 16) float32 from `at` on."""
    return _loaded(f, f.shift(pointer, at), f.times(row, 4), SIDE, 64)


def store(f: Function, tile: Any, pointer: Any, at: Any, row: Any) -> None:
    """Write (16, 16) float32 from `at` on."""
    place = f.builder.bitcast(f.shift(pointer, at), _BYTES)
    _call(
        f,
        "tilestored64",
        ir.VoidType(),
        [_BYTES, _I64, _TILE],
        [_count(SIDE), _count(64), place, f.times(row, 4), tile],
    )


def multiply(f: Function, sums: Any, left: Any, right: Any, *, depth: int = DEPTH) -> Any:
    """sums + left · right."""
    counts = [_count(SIDE), _count(64), _count(2 * depth)]
    return _call(f, "tdpbf16ps", _TILE, [_I16, _TILE, _TILE, _TILE], [*counts, sums, left, right])


def depths(total: int) -> list[tuple[int, int]]:
    """A depth in chunks that tiles hold: (first, how many); `total` is a multiple of 16."""
    return [(at, min(DEPTH, total - at)) for at in range(0, total, DEPTH)]


def interleaved(matrix: torch.Tensor) -> torch.Tensor:
    """(depth, columns) as the right of a product: (depth / 2, columns, 2) bfloat16."""
    depth, columns = matrix.shape
    return matrix.to(torch.bfloat16).view(depth // 2, 2, columns).transpose(1, 2).contiguous()


def _loaded(f: Function, pointer: Any, row: Any, rows: int, width: int) -> Any:
    arguments = [_count(rows), _count(width), f.builder.bitcast(pointer, _BYTES), row]
    return _call(f, "tileloadd64", _TILE, [_BYTES, _I64], arguments)


def _call(f: Function, name: str, result: Any, kinds: list[Any], arguments: list[Any]) -> Any:
    return f.builder.call(f.intrinsic(f"llvm.x86.{name}.internal", result, [_I16, _I16, *kinds]), arguments)


def _count(value: int) -> Any:
    return ir.Constant(_I16, value)


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

    bias: added to each row. relu: of the result. mask: 0 where it is not positive. add: to what is there.
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
                    mask_at = mask.at(f, f.add(row, i), f.add(first, LANES * v))
                    value = f.where_positive(f.vector(mask.pointer, mask_at), value)
                f.store(value, out.pointer, at[i][v])

    def strip(first: Any, vectors: int) -> None:
        full = f.quotient(rows, _ROWS)
        with f.loop(full) as i:
            block(f.times(i, _ROWS), _ROWS, first, vectors)
        with f.loop(f.minus(rows, f.times(full, _ROWS))) as i:
            block(f.add(f.times(full, _ROWS), i), 1, first, vectors)

    full_strips, rest = divmod(columns // LANES, _VECTORS)
    with f.loop(full_strips) as i:
        strip(f.times(i, LANES * _VECTORS), _VECTORS)
    if rest:
        strip(full_strips * LANES * _VECTORS, rest)


def add_rows(f: Function, matrix: Matrix, rows: Any, columns: int, total: Any) -> None:
    """total (columns,) += the sum over the rows of a matrix."""
    for c in range(0, columns, LANES):
        so_far = f.variable(f.vector(total, c))
        with f.loop(rows) as row:
            so_far.value = f.plus(so_far.value, f.vector(matrix.pointer, matrix.at(f, row, c)))
        f.store(so_far.value, total, c)
