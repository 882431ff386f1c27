"""What items are called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Titles, years and genres, one entry per item index; text is kept as the source has it, to the character."""

    items: Vocabulary
    titles: tuple[str, ...]
    """Empty where an item has no title."""
    years: tuple[int | None, ...]
    genres: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        for name in ("titles", "years", "genres"):
            if len(getattr(self, name)) != len(self.items):
                raise DataError(f"{name} has {len(getattr(self, name))} entries for {len(self.items)} items.")

    @classmethod
    def untitled(cls, items: Vocabulary) -> Self:
        """A table in which every item shows its id."""
        return cls(items, ("",) * len(items), (None,) * len(items), ((),) * len(items))

    def __len__(self) -> int:
        return len(self.items)

    @property
    def n_titled(self) -> int:
        """Items that have a title."""
        return sum(bool(title.strip()) for title in self.titles)

    def label(self, index: int) -> str:
        """'Heat (1995)'; the year only once where the title holds it already; an untitled item shows its id."""
        title, year = self.titles[index], self.years[index]
        if not title.strip():
            return self.items.id(index)
        if year is None or title.rstrip().endswith(f"({year})"):
            return title
        return f"{title} ({year})"

    def distinct_label(self, index: int) -> str:
        """The label, with the raw id where another item has the same label: 'Hamlet (2000) · 3598'."""
        label = self.label(index)
        return f"{label} · {self.items.id(index)}" if label in self._shared_labels else label

    @cached_property
    def _shared_labels(self) -> frozenset[str]:
        seen: set[str] = set()
        shared: set[str] = set()
        for index in range(len(self)):
            label = self.label(index)
            (shared if label in seen else seen).add(label)
        return frozenset(shared)
