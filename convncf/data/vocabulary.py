"""Raw ids and their indices. Raw ids are text; identity goes by raw id, never by position."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from convncf.errors import DataError, UnknownIdError, nearest

Kind = Literal["user", "item"]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The raw ids of one kind and their indices: `ids[index]` is the raw id of `index`."""

    kind: Kind
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        wrong = next((raw for raw in self.ids if not isinstance(raw, str) or not raw), None)
        if wrong is not None:
            raise DataError(f"{self.kind} id {wrong!r} is not text, or is empty. Ids are non-empty text, such as '7'.")
        if len(self._index_of) < len(self.ids):
            twice = next(raw for index, raw in enumerate(self.ids) if self._index_of[raw] != index)
            raise DataError(f"{self.kind} id {twice!r} occurs twice in the vocabulary. Give each id once.")

    @classmethod
    def of(cls, kind: Kind, raw: Iterable[str]) -> Self:
        """The distinct ids in order of first appearance."""
        return cls(kind, tuple(dict.fromkeys(raw)))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.ids[:3]))
        return f"Vocabulary: {len(self):,} {self.kind}s, {shown}{' …' if len(self) > 3 else ''}"

    def __contains__(self, raw: object) -> bool:
        return raw in self._index_of

    def index(self, raw: str) -> int:
        """The index of a raw id. Raises UnknownIdError, with the most similar ids."""
        index = self._index_of.get(raw)
        if index is None:
            raise UnknownIdError(self._unknown(raw))
        return index

    def get(self, raw: str) -> int | None:
        """The index of a raw id, or None where the data has no such id."""
        return self._index_of.get(raw)

    def id(self, index: int) -> str:
        """The raw id of an index."""
        if not 0 <= index < len(self.ids):
            raise UnknownIdError(f"{self.kind} index {index} is outside 0 to {len(self.ids) - 1}.")
        return self.ids[index]

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {raw: index for index, raw in enumerate(self.ids)}

    def _unknown(self, raw: str) -> str:
        bare = _bare(raw)
        similar = [known_id for known_id in self.ids if _bare(known_id) == bare][:3]
        if not similar:
            # Comparing with every id of a large catalogue would take too long for an error message.
            likely = (
                known_id for known_id in self.ids if known_id[:1] == raw[:1] and abs(len(known_id) - len(raw)) <= 1
            )
            similar = nearest(raw, [known_id for known_id, _ in zip(likely, range(20_000), strict=False)])
        proposal = (
            f" Nearest: {', '.join(map(repr, similar))}."
            if similar
            else f" Ids look like {self.ids[0]!r}."
            if self.ids
            else ""
        )
        return (
            f"no {self.kind} of the {len(self):,} in the data has the id {raw!r}.{proposal} Ids are compared as text."
        )


def _bare(raw: str) -> str:
    """An id without what is often lost: blanks, case, leading zeros, a trailing .0"""
    return raw.strip().casefold().removesuffix(".0").lstrip("0")
