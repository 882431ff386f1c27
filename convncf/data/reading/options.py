"""What a user may insist on where reading would find out by itself: once, for Python, the command line and the app.

An option stands here with its label and its help; the command line and the app make their own of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from convncf.data.formats import DELIMITER_WORDS, FORMAT_WORDS, UNIT_WORDS, UNITS, DateOrder, TimeUnit
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


@dataclass(frozen=True, slots=True)
class RoleWords:
    """How the column of a role is called and explained."""

    label: str
    option: str
    """On the command line."""
    holds: str
    """What stands in the column: "the user's id"."""
    help: str
    required: bool = False


ROLES: Final[Mapping[str, RoleWords]] = MappingProxyType(
    {
        "user_id": RoleWords(
            "User", "user-column", "the user's id", "The user's id: a customer, a reader, a session.", required=True
        ),
        "item_id": RoleWords(
            "Item", "item-column", "the item's id", "The item's id: a film, a product, a song.", required=True
        ),
        "rating": RoleWords(
            "Rating",
            "rating-column",
            "the rating",
            "Stored with the data. All ratings count as positive; to exclude low ones, set Lowest rating later.",
        ),
        "timestamp": RoleWords(
            "Time",
            "time-column",
            "the time",
            "Timestamp: seconds, milliseconds or a date. Needed to hold out the latest interactions.",
        ),
        "title": RoleWords(
            "Title",
            "title-column",
            "the item's title",
            "The item's name on the pages; without it, items show their ids.",
        ),
    }
)
"""Role -> the words of its column."""


@dataclass(frozen=True, slots=True)
class OptionWords:
    """How an option of reading is called and explained."""

    label: str
    help: str
    """Sentences."""
    values: Mapping[Any, str]
    """Value -> its words, where there are few; the default first, unless the default is to find out."""
    free: bool = False
    """Whether other values than those are taken too."""


def _words(label: str, help: str, values: Mapping[Any, str] = MappingProxyType({}), *, free: bool = False) -> Any:
    """The metadata of a field of ReadOptions."""
    return {"words": OptionWords(label, help, values, free)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """None means: detect it, and report it. Raises ReadError for a value that is not allowed."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Role -> column, for the roles of ROLES; None or "" where it is not to be read. Columns of a file without a header
    are called by number, from "1"."""
    titles: Path | None = field(default=None, metadata=_words("Titles", "A file that says what the items are called."))
    titles_key: str | None = field(
        default=None, metadata=_words("Ids of the titles", "Name of the titles' column that holds the items' ids.")
    )
    format: Format | None = field(default=None, metadata=_words("Format", "The file format.", FORMAT_WORDS))
    delimiter: str | None = field(
        default=None,
        metadata=_words(
            "Delimiter",
            "The character between two fields of a line, or a word for it such as tab.",
            DELIMITER_WORDS,
            free=True,
        ),
    )
    header: bool | None = field(
        default=None,
        metadata=_words(
            "Header", "Whether the first line names the columns.", {True: "names the columns", False: "is data"}
        ),
    )
    encoding: str | None = field(
        default=None,
        metadata=_words(
            "Encoding",
            "Character encoding of the file, such as latin-1: any name that Python knows.",
            {name: name for name in ("utf-8", "windows-1252", "latin-1", "iso-8859-2", "cp932")},
            free=True,
        ),
    )
    decimal: Decimal | None = field(
        default=None,
        metadata=_words("Decimal sign", "The decimal sign of ratings: 4.5 or 4,5.", {".": "point", ",": "comma"}),
    )
    time_unit: TimeUnit | None = field(
        default=None,
        metadata=_words("Time unit", "What numbers in the time column count since 1970.", UNIT_WORDS),
    )
    date_order: DateOrder | None = field(
        default=None,
        metadata=_words(
            "Date order",
            "Which number of a date such as 01/05/2014 is the day.",
            {"day-first": "day first", "month-first": "month first"},
        ),
    )
    ids: Ids = field(
        default="text",
        metadata=_words("Ids", "As numbers, 7, 7.0 and 007 are the same id.", {"text": "text", "number": "numbers"}),
    )
    keep: Keep = field(
        default="latest",
        metadata=_words(
            "Duplicates",
            "Which of several rows with one user and item is kept, by time; without times the first in the file.",
            {"latest": "keep the latest", "first": "keep the first"},
        ),
    )
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


def option_words() -> dict[str, OptionWords]:
    """Field of ReadOptions -> its words, for those that have any."""
    return {each.name: each.metadata["words"] for each in fields(ReadOptions) if "words" in each.metadata}


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
