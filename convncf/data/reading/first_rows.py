"""The beginning of a file, unchanged, to choose columns by; what a reader shows of its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convncf.data.reading.sources import Source

BEGINNING = 1 << 16
"""Bytes of a file that its first lines are looked for in."""


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The beginning of one file."""

    file: str
    header: list[str] = field(default_factory=list)
    """Names of the columns, or their numbers; none where a line is a list."""
    rows: list[list[str]] = field(default_factory=list)
    guess: Mapping[str, str] = field(default_factory=dict)
    """Role -> column name."""
    lines: tuple[str, ...] = ()
    """The lines themselves, where they have no columns."""


def first_lines(source: Source, n: int) -> FirstRows:
    """The first n lines that hold anything, of a file without columns."""
    text = source.read(BEGINNING)[0].decode("utf-8", "replace").removeprefix("\ufeff")
    return FirstRows(source.file, lines=tuple([line for line in text.splitlines() if line.strip()][:n]))
