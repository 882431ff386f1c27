"""Edits of an interaction map: what "what if" can change about the pairs of a user.

Shapes: D embedding size.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from convncf.inspection.trace import Array

Keep = Literal["all", "diagonal", "off-diagonal"]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the interaction map, counted as slices are: rows top:bottom, which are dimensions of p, and columns
    left:right, which are dimensions of q."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def words(self) -> str:
        """Such as "rows 0 to 15, columns 16 to 31"."""
        rows, columns = _run(self.top, self.bottom, "row"), _run(self.left, self.right, "column")
        return f"{rows}, {columns}"


@dataclass(frozen=True, slots=True)
class Edit:
    """What is changed, all of it together: first who is looked at, then dimensions, then cells of the map.

    It goes to every item's map of the user; `item` alone says whose score and rank are looked at instead.
    """

    zero_user: frozenset[int] = frozenset()
    """Dimensions of p that are set to 0, from 0."""
    zero_item: frozenset[int] = frozenset()
    """Dimensions of every q that are set to 0."""
    keep: Keep = "all"
    """Which cells of the map keep their value; the others are 0."""
    block: Block | None = None
    """A block of the map that is set to 0."""
    user: int | None = None
    """Another user, whose embedding stands in for this one's; the candidates stay this user's."""
    item: int | None = None
    """Another item, looked at beside this one."""

    def __post_init__(self) -> None:
        if self.keep not in ("all", "diagonal", "off-diagonal"):
            raise ValueError(f"keep {self.keep!r} is not one of all, diagonal, off-diagonal")
        for name in ("zero_user", "zero_item"):  # a list or tuple of them will do
            object.__setattr__(self, name, frozenset(int(dimension) for dimension in getattr(self, name)))

    @property
    def masks(self) -> bool:
        """Whether cells of the map are masked, which no embedding can express."""
        return self.keep != "all" or self.block is not None

    def refuse_outside(self, size: int) -> None:
        """Raises IndexError where a dimension or a block is not within an embedding size."""
        for name, dimensions in (("p", self.zero_user), ("q", self.zero_item)):
            outside = sorted(dimension for dimension in dimensions if not 0 <= dimension < size)
            if outside:
                raise IndexError(f"dimension {outside[0]} of {name} does not exist: they are 0 to {size - 1}")
        block = self.block
        if block and not (0 <= block.top < block.bottom <= size and 0 <= block.left < block.right <= size):
            raise IndexError(
                f"rows {block.top}:{block.bottom}, columns {block.left}:{block.right} are no block of a {size}×{size} "
                f"map: give at least one row and one column, ends after starts, from 0 to {size}"
            )

    def of_p(self, size: int) -> Array:
        """What a p is multiplied by, (D,) of 0 and 1."""
        return _without(self.zero_user, size)

    def of_q(self, size: int) -> Array:
        """What every q is multiplied by, (D,) of 0 and 1."""
        return _without(self.zero_item, size)

    def mask(self, size: int) -> Array:
        """What every map is multiplied by besides, (D, D) of 0 and 1."""
        diagonal = np.eye(size, dtype=np.float32)
        cells = {"all": np.ones_like(diagonal), "diagonal": diagonal, "off-diagonal": 1 - diagonal}[self.keep]
        if self.block:
            cells[self.block.top : self.block.bottom, self.block.left : self.block.right] = 0
        return cells

    @property
    def words(self) -> str:
        """What is changed, such as "dimensions 3 and 7 of p are 0"; "nothing is changed" where nothing is."""
        parts = [
            f"the embedding of user {self.user} (by index) in place of this user's" if self.user is not None else "",
            _zeros(self.zero_user, "p"),
            _zeros(self.zero_item, "every q"),
            {"all": "", "diagonal": "only the diagonal is kept", "off-diagonal": "the diagonal is 0"}[self.keep],
            f"{self.block.words} are 0" if self.block else "",
            f"item {self.item} (by index) in place of this item" if self.item is not None else "",
        ]
        return "; ".join(part for part in parts if part) or "nothing is changed"


def _without(dimensions: Collection[int], size: int) -> Array:
    kept = np.ones(size, dtype=np.float32)
    kept[sorted(dimensions)] = 0
    return kept


def _zeros(dimensions: Collection[int], name: str) -> str:
    listed = [str(dimension) for dimension in sorted(dimensions)]
    if not listed:
        return ""
    if len(listed) == 1:
        return f"dimension {listed[0]} of {name} is 0"
    return f"dimensions {', '.join(listed[:-1])} and {listed[-1]} of {name} are 0"


def _run(first: int, end: int, name: str) -> str:
    return f"{name} {first}" if end - first == 1 else f"{name}s {first} to {end - 1}"
