"""Options of reading, each detected where it is not set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from convncf.data.formats import FORMAT_WORDS
from convncf.data.timestamps import UNITS, DateOrder, TimeUnit
from convncf.errors import ReadError, did_you_mean

Format = str
"""One of FORMAT_WORDS."""
Decimal = Literal[".", ","]
Ids = Literal["text", "number"]
Keep = Literal["latest", "first"]

FORMATS: Final = tuple(FORMAT_WORDS)
READABLE: Final = (
    "Readable are: delimited text (CSV, TSV and the like), Parquet, JSON lines, RecBole's atomic files, MovieLens' "
    "files, the NCF triple (.train.rating, .test.rating, .test.negative) and LightGCN's lists, each also as .gz or "
    "in a .zip."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """None means: detect it, and report it. Raises ReadError for a value that is not allowed."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Role -> column, for roles user_id, item_id, rating, timestamp, title; None or "" where it is not to be read.
    Columns of a file without a header are named by number, from "1"."""
    format: Format | None = None
    delimiter: str | None = None
    """A character, or a word such as tab."""
    encoding: str | None = None
    """A name that Python knows, such as latin-1."""
    decimal: Decimal | None = None
    time_unit: TimeUnit | None = None
    """What numbers in the time column count since 1970."""
    date_order: DateOrder | None = None
    """Which number of a date such as 01/05/2014 is the day."""
    header: bool | None = None
    """Whether the first line names the columns."""
    titles: Path | None = None
    """A file with the titles of the items."""
    titles_key: str | None = None
    """The column of that file with the item ids."""
    ids: Ids = "text"
    """"number" reads 7, 7.0 and 007 as the one id 7."""
    keep: Keep = "latest"
    """Which row of a pair that occurs again is kept, by time; without times it is the first in the file."""
    companions: bool = True
    """Whether files of the same set in the same folder are read too."""

    def __post_init__(self) -> None:
        _one_of("format", self.format, FORMATS)
        _one_of("decimal sign", self.decimal, get_args(Decimal))
        _one_of("time unit", self.time_unit, UNITS)
        _one_of("order of dates", self.date_order, get_args(DateOrder))
        _one_of("way to read ids", self.ids, get_args(Ids))
        _one_of("row to keep", self.keep, get_args(Keep))
        if self.encoding is not None:
            known_encoding(self.encoding)


def known_encoding(name: str) -> str:
    """The encoding by its usual name. Raises ReadError where Python has none of that name."""
    import codecs

    try:
        codec = codecs.lookup(name.strip())
        "a".encode(codec.name)  # LookupError for base64 and the like, which are not text encodings
    except (LookupError, UnicodeError, ValueError):
        raise ReadError(
            f"no encoding is called {name!r}. {did_you_mean(name, ('utf-8', 'latin-1', 'windows-1252', 'utf-16'))} "
            "Every encoding that Python knows can be named, such as iso-8859-2 or cp932."
        ) from None
    return codec.name


def _one_of(what: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ReadError(f"no {what} is called {value!r}. {did_you_mean(str(value), allowed)}")
