"""Who has any of some items: a user is found by what they have.

Shapes: U users, I items, m items asked for, n users found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse


@dataclass(frozen=True, slots=True, eq=False)
class Owners:
    """Users who have at least one of the items, those with most of them first, else in the order of their indices."""

    users: npt.NDArray[np.int64]
    """(n,)."""
    items: npt.NDArray[np.int64]
    """(n,) the first of the items asked for that each of them has."""


def owners(held: sparse.csc_array, items: Sequence[int]) -> Owners:
    """`held` is (U, I), whatever is stored counts as had; `items` are indices, (m,)."""
    columns = [held.indices[held.indptr[item] : held.indptr[item + 1]] for item in items]
    if not columns:
        return Owners(np.zeros(0, np.int64), np.zeros(0, np.int64))
    users = np.concatenate(columns).astype(np.int64)
    which = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    found, first, counts = np.unique(users, return_index=True, return_counts=True)
    order = np.lexsort((found, -counts))
    return Owners(found[order], np.asarray(items, np.int64)[which[first]][order])
