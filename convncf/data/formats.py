"""The file formats that reading knows, by name. How each is recognised and read: `convncf.data.reading.readers`.

It stands here, not there, so that the command line can list them before anything that reads is loaded.
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
"""Name, as --format takes it -> what it is; a test holds the names against the readers."""
