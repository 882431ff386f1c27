"""What reading knows by name: file formats, delimiters, units of time, orders of dates.

It stands here so that the command line can list them before anything that reads is loaded. How a format is recognised
and read: `convncf.data.reading.readers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

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

DELIMITER_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "::": "double colon", " ": "blank"}
)
"""Delimiter -> its word, the first of equally likely ones first."""
TimeUnit = Literal["s", "ms", "us", "ns"]
UNITS: Final[tuple[TimeUnit, ...]] = get_args(TimeUnit)
UNIT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
)
DateOrder = Literal["day-first", "month-first"]
"""Which number of a date such as 01/05/2014 is the day."""
