"""What a user may insist on where reading finds out by itself: columns, delimiter, dates and the like."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import streamlit as st

from app.views.data.first_rows import Seen
from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading import DELIMITER_WORDS, DELIMITERS, FORMATS, ReadOptions
from convncf.data.timestamps import UNIT_WORDS

ROLE_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "user_id": ("User", "Who: a customer, a reader, a session."),
    "item_id": ("Item", "What: a film, a product, a song."),
    "rating": ("Rating", "Kept beside the data; every row counts as an interaction until a lowest rating is set."),
    "timestamp": ("Time", "When: seconds, milliseconds or a date. Needed to hold out the latest."),
    "title": ("Title", "What the item is called on the pages; without it, items show their ids."),
}
REQUIRED: Final = ("user_id", "item_id")
_DETECT: Final = ""


@dataclass(frozen=True)
class _Field:
    label: str
    words: Mapping[str, str]
    """Value -> its words; the first value is the default where `detect` is empty."""
    help: str
    detect: str = "find out"
    free: bool = False
    """Whether other values than those can be typed."""


_FIELDS: Final[Mapping[str, _Field]] = {
    "delimiter": _Field(
        "Divided by", {sign: DELIMITER_WORDS[sign] for sign in DELIMITERS}, "What stands between two fields of a line."
    ),
    "header": _Field("First line", {"yes": "names the columns", "no": "is data"}, "What the first line is."),
    "decimal": _Field("Decimal sign", {".": "point", ",": "comma"}, "Of ratings: 4.5 or 4,5."),
    "time_unit": _Field("Times count", dict(UNIT_WORDS), "What numbers in the time column count since 1970."),
    "date_order": _Field(
        "Dates", {"day-first": "day first", "month-first": "month first"}, "Which number of 01/05/2014 is the day."
    ),
    "encoding": _Field(
        "Encoding",
        {name: name for name in ("utf-8", "windows-1252", "latin-1", "iso-8859-2", "cp932")},
        "How letters are written in bytes; any name that Python knows can be typed.",
        free=True,
    ),
    "format": _Field("Format", {name: FORMAT_WORDS[name] for name in FORMATS}, "What kind of file it is."),
    "ids": _Field("Ids", {"text": "text", "number": "numbers"}, "As numbers, 7, 7.0 and 007 are one id.", detect=""),
    "keep": _Field(
        "Of a repeated pair", {"latest": "the latest stays", "first": "the first stays"}, "By time.", detect=""
    ),
}


def chosen(upload: str) -> ReadOptions:
    """What the fields say but for the columns. Raises ReadError where a value cannot be."""
    given: dict[str, Any] = {name: st.session_state.get(_key(upload, name)) or None for name in _FIELDS}
    given["header"] = {"yes": True, "no": False}.get(given["header"] or "")
    for name in ("ids", "keep"):
        given[name] = given[name] or next(iter(_FIELDS[name].words))
    return ReadOptions(**given, companions=False)


def columns(upload: str, seen: Seen) -> dict[str, str | None]:
    """Role -> column for what departs from the guess, as `ReadOptions.columns` takes it; None where it is not read."""
    departs: dict[str, str | None] = {}
    for role in ROLE_WORDS:
        guessed = seen.guess.get(role, "")
        picked = st.session_state.get(_column_key(upload, role, seen), guessed)
        if picked != guessed:
            departs[role] = picked or None
    return departs


def missing(upload: str, seen: Seen) -> list[str]:
    """The labels of required columns that are neither guessed nor chosen; files without columns need none."""
    if not seen.files[0].header:
        return []
    of = {role: st.session_state.get(_column_key(upload, role, seen), seen.guess.get(role)) for role in REQUIRED}
    return [ROLE_WORDS[role][0] for role, name in of.items() if not name]


def show(upload: str, seen: Seen, *, expanded: bool) -> None:
    """The fields, folded unless something must be chosen."""
    with st.expander("Columns, and how the file is read", expanded=expanded):
        if seen.files[0].header:
            with st.grid(5, min_column_width=130):
                for role, (label, help) in ROLE_WORDS.items():
                    _column(upload, role, label, help, seen)
        with st.grid(5, min_column_width=130):
            for name, field in _FIELDS.items():
                _setting(upload, name, field)


def _column(upload: str, role: str, label: str, help: str, seen: Seen) -> None:
    options = ["", *seen.columns(role)]
    guessed = seen.guess.get(role, "")
    st.selectbox(
        label,
        options,
        index=options.index(guessed) if guessed in options else 0,
        format_func=partial(_column_words, role),
        key=_column_key(upload, role, seen),
        help=help,
        persist_state="session",
    )


def _column_words(role: str, name: str) -> str:
    return name or ("choose" if role in REQUIRED else "not read")


def _setting(upload: str, name: str, field: _Field) -> None:
    options = [_DETECT, *field.words] if field.detect else list(field.words)
    st.selectbox(
        field.label,
        options,
        format_func=lambda value: field.words.get(value, value) or field.detect,
        accept_new_options=field.free,
        key=_key(upload, name),
        help=field.help,
        persist_state="session",
    )


def _key(upload: str, name: str) -> str:
    return f"upload:{upload}:{name}"


def _column_key(upload: str, role: str, seen: Seen) -> str:
    """Of its own for each set of columns, which another delimiter changes."""
    columns = hashlib.sha256("\0".join(seen.columns(role)).encode("utf-8", "replace")).hexdigest()[:12]
    return f"upload:{upload}:{role}:{columns}"


# ---------------------------------------------------------------- what the reader says, in the words of this page
_OPTION_FIELDS: Final[Mapping[str, str]] = {
    "user-column": "User",
    "item-column": "Item",
    "rating-column": "Rating",
    "time-column": "Time",
    "title-column": "Title",
    "date-order": _FIELDS["date_order"].label,
    "time-unit": _FIELDS["time_unit"].label,
    **{name: _FIELDS[name].label for name in ("delimiter", "encoding", "decimal", "format", "ids", "keep")},
    "header": "First line (names the columns)",
    "no-header": "First line (is data)",
}
_OPTION: Final = re.compile(
    rf"(?:(?<=say )|(?<=Say ))?--({'|'.join(_OPTION_FIELDS)})\b"
    r"( NAME| NUMBER| \"\"| number\b| adjacency\b| utf-8\b| day-first or month-first\b)?"
)
_VALUE_WORDS: Final[Mapping[str, str]] = {
    '""': ": not read",
    "number": " (numbers)",
    "utf-8": " (utf-8)",
    "adjacency": f" ({FORMAT_WORDS['adjacency']})",
}


def in_words(text: object, folders: Sequence[str] = ()) -> str:
    """A reader's sentence as this page's reader needs it: files by their names, options by the fields above."""
    words = str(text)
    for folder in folders:
        words = words.replace(f"{folder}/", "")
    return _OPTION.sub(lambda found: f"the field {_OPTION_FIELDS[found[1]]}{_value(found[2])}", words)


def _value(value: str | None) -> str:
    return _VALUE_WORDS.get((value or "").strip(), "")
