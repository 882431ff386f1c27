"""Files written for a test of reading, and what reading them gave in plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convncf.data.reading.api import ReadResult


def write(folder: Path, files: dict[str, str | bytes]) -> list[Path]:
    """Write files, text as UTF-8, and return their paths in that order."""
    paths = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    return paths


def rows(result: ReadResult) -> list[tuple[Any, ...]]:
    """(user_id, item_id[, rating][, timestamp]) of each interaction, in order."""
    return list(result.interactions.to_frame().itertuples(index=False, name=None))


def parts(result: ReadResult) -> dict[str, list[tuple[str, str]]]:
    """Pairs of each part that holds any."""
    assert result.part is not None
    pairs = [row[:2] for row in rows(result)]
    found: dict[str, list[tuple[str, str]]] = {}
    for pair, part in zip(pairs, result.part.tolist(), strict=True):
        found.setdefault(("training", "validation", "test")[part], []).append(pair)
    return found


def dropped(result: ReadResult) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Reason -> count and first lines."""
    return {drop.reason: (drop.count, drop.first_lines) for drop in result.report.dropped}


def said(result: ReadResult) -> str:
    """The whole report in words."""
    return "\n".join(result.report.sentences())


def titles(result: ReadResult) -> dict[str, str]:
    """Item id -> title, '' where there is none."""
    return dict(zip(result.items.items.ids, result.items.titles, strict=True))
