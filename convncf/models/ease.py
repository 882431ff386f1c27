"""EASE: a linear autoencoder of a user's items, whose weights have a closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8: with X the training matrix and
P = (XᵀX + λ·1)⁻¹, the weights B are B[j, i] = -P[j, i] / P[i, i], and 0 on the diagonal.

Shapes: U users, I items.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from scipy.linalg import lapack
from scipy.sparse import csc_array, csr_array
from torch import Tensor

from convncf.errors import DataError
from convncf.models.computed import Floats, Int64s, ItemModel

_BYTES_TO_COMPUTE: Final = 12
"""A pair of items: 8 to invert the matrix in its place, 4 for the weights."""
_COLUMNS: Final = 256
"""Items worked on at a time."""


class EASE(ItemModel):
    """Σ of the weights between the items that a user has and the one that is scored."""

    name = "ease"
    between: Tensor
    """(I, I) float32 weights B: row of an item that the user has, column of the scored one."""

    def __init__(self, n_users: int, n_items: int, l2: float = 300.0) -> None:
        super().__init__(n_users, n_items)
        if l2 <= 0:
            raise ValueError(f"l2 {l2:g} must be above 0, or the matrix may have no inverse")
        self.l2 = l2
        self.register_buffer("between", torch.zeros(0, 0))

    def _compute(self, train: csr_array) -> None:
        refuse_unless_it_fits(self.n_items)
        n = self.n_items
        gram = np.empty((n, n), order="F")  # what LAPACK works on in place
        columns, by_item = csc_array(train), csr_array(train.T)
        for block in _blocks(n):
            gram[:, block] = (by_item @ columns[:, block]).toarray()
        gram[np.arange(n), np.arange(n)] += self.l2
        factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=0)
        if not failed:
            factor, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
        if failed:
            raise DataError(f"the item-item matrix has no inverse with model.ease_l2 {self.l2:g}: give more.")
        diagonal = factor.diagonal().copy()
        weights = np.empty((n, n), dtype=np.float32)
        for block in _blocks(n):  # only the lower half is filled: row and column of an item hold it together
            rows = np.arange(n)[block]
            inverse = np.where(rows[:, None] >= np.arange(n), factor[block], factor[:, block].T)  # (b, I)
            weights[block] = -inverse / diagonal
            weights[rows, rows] = 0.0
        self.between = torch.from_numpy(weights)

    def _sum_of_rows(self, items: Int64s) -> Floats:
        total, between = np.zeros(self.n_items), self.between.numpy()
        for item in items.tolist() if len(between) else ():
            total += between[item]
        return total

    def _refuse_misfits(self, given: Mapping[str, Tensor]) -> None:
        super()._refuse_misfits(given)
        got = list(given["between"].shape)
        if got not in ([self.n_items, self.n_items], [0, 0]):
            raise RuntimeError(f"between: shape {got}, {self.n_items} items need {[self.n_items, self.n_items]}")


def refuse_unless_it_fits(n_items: int, available: int | None = None) -> None:
    """Raises DataError where the item-item matrix of so many items would not fit in memory; `available` in bytes.

    Without `available`, what this machine has left is asked for; where it does not say, nothing is refused.
    """
    free = available_memory() if available is None else available
    needed = _BYTES_TO_COMPUTE * n_items**2
    if free is not None and needed > free:
        raise DataError(
            f"EASE holds a matrix of items by items: for {n_items:,} items it needs {needed / 1e9:.1f} GB of memory, "
            f"and {free / 1e9:.1f} GB are free. Leave rare items out (data.min_item), or take itemknn."
        )


def available_memory() -> int | None:
    """Bytes that a process can still take, its control group's limit included; None where the system does not say."""
    found = [] if (free := _number_in("/proc/meminfo", "MemAvailable:")) is None else [free * 1024]
    for folder, limit, used, cache in _CONTROL_GROUPS:
        most, now = _number_in(f"{folder}/{limit}"), _number_in(f"{folder}/{used}")
        if most is not None and now is not None:
            found.append(most - now + (_number_in(f"{folder}/memory.stat", cache) or 0))
    return max(0, min(found)) if found else None


_CONTROL_GROUPS: Final = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Folder, and in it the files of the limit and of what is taken, and the name of the cache that is given up first."""


def _number_in(file: str, name: str = "") -> int | None:
    """The number that follows `name` at the beginning of a line; None where there is no such file, line or number."""
    try:
        lines = Path(file).read_text(encoding="ascii").splitlines()
        return next(
            (int(line.split()[-2 if line.endswith(" kB") else -1]) for line in lines if line.startswith(name)), None
        )
    except (OSError, ValueError, IndexError):
        return None


def _blocks(n: int) -> list[slice]:
    return [slice(begin, min(n, begin + _COLUMNS)) for begin in range(0, n, _COLUMNS)]
