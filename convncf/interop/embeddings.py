"""Embeddings as the TensorBoard projector reads them: for each row a line of numbers, and a line of metadata.

The projector splits its files at line feeds and tabs alone, knows no quotes, strips each line of metadata and skips
empty ones; with one column of metadata every line is a label, even a first line of headings
(tensorflow/tensorflow#9330; TensorBoard's data-provider). So what would shift a line or a column is written as in a
Python string (\\t, \\n, \\x20), and counted; a backslash is then doubled everywhere, so that all can be read back.

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
from convncf.inspection.trace import frozen, model_with_embeddings
from convncf.runtime.files import atomic_write

ITEM_COLUMNS: Final = ("title", "item_id", "genres", "training_interactions")
"""Headings of the items' metadata. The last is a number, so that no line ends in an empty cell."""
_ESCAPED: Final = {ord(sign): sign.encode("unicode_escape").decode() for sign in "\\\t\n\r\v\f\x1c\x1d\x1e\x85\0"} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


@dataclass(frozen=True, slots=True)
class ProjectorFiles:
    """The files' content, and how many cells had to be escaped."""

    files: Mapping[str, bytes]
    """Name in the folder -> content: users/ and items/, each with vectors.tsv and metadata.tsv, and the
    projector_config.pbtxt by which TensorBoard finds them."""
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

    Users have one column, their id, and so no headings; items have `ITEM_COLUMNS`.
    Raises ConfigError for a model without embeddings.
    """
    try:
        embedded = model_with_embeddings(model, "table of embeddings to export")
    except TypeError as error:
        raise ConfigError(str(error)) from None
    p, q = frozen(embedded.user_embedding.weight), frozen(embedded.item_embedding.weight)  # (U, D), (I, D)
    users = [[raw] for raw in split.interactions.users.ids]
    counts = np.bincount(split.train.indices, minlength=len(items)).tolist()  # (I,)
    rows = [
        [items.label(index), raw, "|".join(items.genres[index]), f"{counts[index]}"]
        for index, raw in enumerate(items.items.ids)
    ]
    (user_lines, users_escaped), (item_lines, items_escaped) = _lines(users), _lines([ITEM_COLUMNS, *rows])
    files = {
        "users/vectors.tsv": _vectors(p),
        "users/metadata.tsv": user_lines,
        "items/vectors.tsv": _vectors(q),
        "items/metadata.tsv": item_lines,
        "projector_config.pbtxt": "".join(map(_config_of, ("users", "items"))).encode(),
    }
    return ProjectorFiles(files, len(p), len(q), users_escaped + items_escaped)


def write_folder(files: ProjectorFiles, folder: Path) -> None:
    """Write them into `folder`, each file atomically."""
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
        cell != raw for row, raw_row in zip(written, rows, strict=True) for cell, raw in zip(row, raw_row, strict=True)
    )
    text = "".join("\t".join(row) + "\n" for row in written)
    return text.encode("utf-8", "backslashreplace"), changed


def _vectors(table: npt.NDArray[Any]) -> bytes:
    """(N, D) -> N lines; nine digits identify every float32."""
    pattern = "\t".join(["%.9g"] * table.shape[1]) + "\n"
    return "".join(pattern % tuple(row) for row in table.tolist()).encode()


def _config_of(name: str) -> str:
    return (
        f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{name}/vectors.tsv"\n'
        f'  metadata_path: "{name}/metadata.tsv"\n}}\n'
    )
