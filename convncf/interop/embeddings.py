"""Embeddings as the TensorBoard projector reads them: a line of numbers for each row, and a line of words for each.

The projector divides its files at line feeds and tabs alone, knows no quotes, strips each line of words and skips
empty ones; with one column of words it takes every line for a label, a first line of headings among them
(tensorflow/tensorflow#9330; TensorBoard's data-provider). So what would move a line or a column is written as Python
writes it in a string (\\t, \\n, \\x20), and counted; a backslash is then doubled in all words, which can be read back.

Shapes: U users, I items, D embedding size.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convncf.data.items import ItemTable
from convncf.data.split import Split
from convncf.errors import ConfigError
from convncf.evaluation.ranking import Scorer
from convncf.inspection.trace import frozen, opened
from convncf.runtime.files import atomic_write

ITEM_COLUMNS: Final = ("title", "item_id", "genres", "training_interactions")
"""Headings of the items' words. The last is a number, so that no line ends in nothing."""
_ESCAPED: Final = {ord(sign): sign.encode("unicode_escape").decode() for sign in "\\\t\n\r\v\f\x1c\x1d\x1e\x85\0"} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


@dataclass(frozen=True, slots=True)
class ProjectorFiles:
    """What is written, and what of the words had to be written otherwise."""

    files: Mapping[str, bytes]
    """Name in the folder -> content: users/ and items/, each with vectors.tsv and metadata.tsv, and the
    projector_config.pbtxt by which TensorBoard finds them all."""
    users: int
    items: int
    escaped: int
    """Ids and titles that hold a tab, a line break, a backslash or a blank at an edge, which were escaped."""

    @property
    def words(self) -> str:
        """Such as "610 users and 8,911 items, in the data's order; 2 ids or titles were escaped"."""
        counted = f"{self.users:,} users and {self.items:,} items, in the order of the run's indices"
        if not self.escaped:
            return counted
        return (
            f"{counted}; {self.escaped:,} ids or titles hold a tab, a line break, a backslash or a blank at an edge, "
            "and are written with backslashes as in a Python string"
        )


def projector_files(model: Scorer, split: Split, items: ItemTable) -> ProjectorFiles:
    """Both tables of embeddings with raw ids; line n + 1 of the vectors is user or item n.

    Users have one column of words, their id, and so no headings; items have `ITEM_COLUMNS`.
    Raises ConfigError for a model without embeddings.
    """
    try:
        known = opened(model, "table of embeddings to export")
    except TypeError as error:
        raise ConfigError(str(error)) from None
    p, q = frozen(known.user_embedding.weight), frozen(known.item_embedding.weight)  # (U, D), (I, D)
    users = [[raw] for raw in split.interactions.users.ids]
    counts = np.bincount(split.train.indices, minlength=len(items)).tolist()  # (I,)
    rows = [
        [items.label(index), raw, "|".join(items.genres[index]), f"{counts[index]}"]
        for index, raw in enumerate(items.items.ids)
    ]
    words = [_lines(users), _lines([ITEM_COLUMNS, *rows])]
    files = {
        "users/vectors.tsv": _vectors(p),
        "users/metadata.tsv": words[0][0],
        "items/vectors.tsv": _vectors(q),
        "items/metadata.tsv": words[1][0],
        "projector_config.pbtxt": "".join(map(_entry, ("users", "items"))).encode(),
    }
    return ProjectorFiles(files, len(p), len(q), words[0][1] + words[1][1])


def write_folder(files: ProjectorFiles, folder: Path) -> None:
    """Write them below `folder`, each file whole or not at all."""
    for name, content in files.files.items():
        atomic_write(folder / name, content)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Files as a zip, the same bytes for the same content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def escape(text: str) -> str:
    """A cell that holds neither tab nor line break, nor begins or ends in a blank; see the head of this file."""
    inner = text.translate(_ESCAPED)
    stripped = inner.strip()
    if stripped == inner:
        return inner
    start = inner.index(stripped) if stripped else len(inner)
    return _blanks(inner[:start]) + stripped + _blanks(inner[start + len(stripped) :])


def _blanks(text: str) -> str:
    return "".join(f"\\x{ord(blank):02x}" if ord(blank) < 256 else f"\\u{ord(blank):04x}" for blank in text)


def _lines(rows: Sequence[Sequence[str]]) -> tuple[bytes, int]:
    """Rows as lines, and how many cells were escaped."""
    written = [[escape(cell) for cell in row] for row in rows]
    changed = sum(
        cell != given for row, raw in zip(written, rows, strict=True) for cell, given in zip(row, raw, strict=True)
    )
    text = "".join("\t".join(row) + "\n" for row in written)
    return text.encode("utf-8", "backslashreplace"), changed


def _vectors(table: npt.NDArray[Any]) -> bytes:
    """(N, D) -> N lines; nine digits give every float32 back."""
    pattern = "\t".join(["%.9g"] * table.shape[1]) + "\n"
    return "".join(pattern % tuple(row) for row in table.tolist()).encode()


def _entry(name: str) -> str:
    return (
        f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{name}/vectors.tsv"\n'
        f'  metadata_path: "{name}/metadata.tsv"\n}}\n'
    )
