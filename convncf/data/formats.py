"""The file formats that reading knows, by name. How each is recognised and read: `convncf.data.reading.readers`.

It is a module of its own so that the command line can list them before the readers are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FORMAT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delimited": "delimited text",
        "parquet": "Parquet",
        "json-lines": "JSON lines",
        "adjacency": "lists of a user and then its items",
        "counted-adjacency": "lists of a count and then that many items, one user a line",
    }
)
"""Name, as --format takes it -> description; a test compares the names with the readers."""
