"""Titles, years and genres of items, and the search for an item by its title."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError, UnknownIdError, nearest


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Titles, years and genres, one entry per item index; text is kept exactly as in the source."""

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

    def __repr__(self) -> str:
        return f"ItemTable: {len(self):,} items, {self.n_titled:,} with a title"

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


_SHOWN: Final = 5
"""Most items that an error names."""
_YEAR: Final = re.compile(r"\s*\(\d{4}\)\s*$")


def find_item(items: ItemTable, text: str) -> int:
    """Index of the item with this id, else with this title, else with this part of its title.

    Case, accents and a year at the title's end do not matter. Raises UnknownIdError where several items match, or
    none does; it names some of them, or the most similar titles.
    """
    exact = items.items.get(text)
    folded = fold(text).strip()
    if exact is not None:
        return exact
    if not folded or not items.n_titled:
        return items.items.index(text)  # raises with the most similar ids
    labels = [fold(items.label(index)).strip() if title.strip() else "" for index, title in enumerate(items.titles)]
    exact_titles = [index for index, label in enumerate(labels) if folded in (label, _YEAR.sub("", label))]
    matches = exact_titles or [index for index, label in enumerate(labels) if folded in label]
    if len(matches) == 1:
        return matches[0]
    if matches:
        verb = "have the title" if exact_titles else "have in their title"
        more = f" and {len(matches) - _SHOWN:,} more" if len(matches) > _SHOWN else ""
        raise UnknownIdError(
            f"{len(matches):,} items {verb} {text!r}: {_named(items, matches[:_SHOWN])}{more}. "
            "Give the id of one of them."
        )
    by_form = {form: index for index, label in enumerate(labels) if label for form in (label, _YEAR.sub("", label))}
    similar = list(dict.fromkeys(by_form[form] for form in nearest(folded, by_form, _SHOWN)))
    hint = f"Nearest titles: {_named(items, similar)}." if similar else f"Ids look like {items.items.ids[0]!r}."
    raise UnknownIdError(
        f"no item of the {len(items):,} in the data has the id {text!r}, or a title with these words. {hint}"
    )


def fold(text: str) -> str:
    """Text without case and accents: 'Amélie' -> 'amelie'."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def _named(items: ItemTable, indices: list[int]) -> str:
    return ", ".join(f"{items.label(index)} (id {items.items.id(index)})" for index in indices)
