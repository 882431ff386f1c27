"""Reading options, which override what is detected: columns, delimiter, dates and others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import streamlit as st

from app.views.data.first_rows import Preview
from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading import DELIMITER_WORDS, DELIMITERS, FORMATS, ReadOptions
from convncf.data.timestamps import UNIT_WORDS

ROLE_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "user_id": ("User", "The user's id: a customer, a reader, a session."),
    "item_id": ("Item", "The item's id: a film, a product, a song."),
    "rating": (
        "Rating",
        "Stored with the data. All ratings count as positive; to exclude low ones, set Lowest rating later.",
    ),
    "timestamp": ("Time", "Timestamp: seconds, milliseconds or a date. Needed to hold out the latest interactions."),
    "title": ("Title", "The item's name on the pages; without it, items show their ids."),
}
REQUIRED: Final = ("user_id", "item_id")
_DETECT: Final = ""


@dataclass(frozen=True)
class _Field:
    label: str
    labels: Mapping[str, str]
    """Value -> its label; the first value is the default where `detect` is empty."""
    help: str
    detect: str = "detect automatically"
    free: bool = False
    """Whether other values can be typed."""


_FIELDS: Final[Mapping[str, _Field]] = {
    "delimiter": _Field(
        "Delimiter", {sign: DELIMITER_WORDS[sign] for sign in DELIMITERS}, "The character between two fields of a line."
    ),
    "header": _Field(
        "Header", {"yes": "first line", "no": "none"}, "Whether the first line names the columns or is data."
    ),
    "decimal": _Field("Decimal sign", {".": "point", ",": "comma"}, "In ratings: 4.5 or 4,5."),
    "time_unit": _Field("Time unit", dict(UNIT_WORDS), "Unit of numbers in the time column, which count from 1970."),
    "date_order": _Field(
        "Date order", {"day-first": "day first", "month-first": "month first"}, "Which number of 01/05/2014 is the day."
    ),
    "encoding": _Field(
        "Encoding",
        {name: name for name in ("utf-8", "windows-1252", "latin-1", "iso-8859-2", "cp932")},
        "Character encoding of the file; any name that Python knows can be typed.",
        free=True,
    ),
    "format": _Field("Format", {name: FORMAT_WORDS[name] for name in FORMATS}, "File format."),
    "ids": _Field(
        "Ids", {"text": "text", "number": "numbers"}, "As numbers, 7, 7.0 and 007 are the same id.", detect=""
    ),
    "keep": _Field(
        "Duplicates",
        {"latest": "keep latest", "first": "keep first"},
        "Of several rows with one user and item.",
        detect="",
    ),
}


def chosen(upload: str) -> ReadOptions:
    """The options in the fields, without columns. Raises ReadError for an invalid value."""
    values: dict[str, Any] = {name: st.session_state.get(_key(upload, name)) or None for name in _FIELDS}
    values["header"] = {"yes": True, "no": False}.get(values["header"] or "")
    for name in ("ids", "keep"):
        values[name] = values[name] or next(iter(_FIELDS[name].labels))
    return ReadOptions(**values, companions=False)


def columns(upload: str, preview: Preview) -> dict[str, str | None]:
    """Role -> column where it differs from the guess, as `ReadOptions.columns` takes it; None: not to be read."""
    changes: dict[str, str | None] = {}
    for role in ROLE_LABELS:
        guessed = preview.guess.get(role, "")
        picked = st.session_state.get(_column_key(upload, role, preview), guessed)
        if picked != guessed:
            changes[role] = picked or None
    return changes


def missing(upload: str, preview: Preview) -> list[str]:
    """The labels of required columns that are neither guessed nor chosen; files without columns need none."""
    if not preview.files[0].header:
        return []
    columns = {
        role: st.session_state.get(_column_key(upload, role, preview), preview.guess.get(role)) for role in REQUIRED
    }
    return [ROLE_LABELS[role][0] for role, name in columns.items() if not name]


def show(upload: str, preview: Preview, *, expanded: bool) -> None:
    """The fields, folded unless something must be chosen."""
    with st.expander("Columns and reading options", expanded=expanded):
        if preview.files[0].header:
            with st.grid(5, min_column_width=130):
                for role, (label, help) in ROLE_LABELS.items():
                    _column(upload, role, label, help, preview)
        with st.grid(5, min_column_width=130):
            for name, field in _FIELDS.items():
                _setting(upload, name, field)


def _column(upload: str, role: str, label: str, help: str, preview: Preview) -> None:
    options = ["", *preview.columns(role)]
    guessed = preview.guess.get(role, "")
    st.selectbox(
        label,
        options,
        index=options.index(guessed) if guessed in options else 0,
        format_func=partial(_column_label, role),
        key=_column_key(upload, role, preview),
        help=help,
        persist_state="session",
    )


def _column_label(role: str, name: str) -> str:
    return name or ("choose" if role in REQUIRED else "not read")


def _setting(upload: str, name: str, field: _Field) -> None:
    options = [_DETECT, *field.labels] if field.detect else list(field.labels)
    st.selectbox(
        field.label,
        options,
        format_func=lambda value: field.labels.get(value, value) or field.detect,
        accept_new_options=field.free,
        key=_key(upload, name),
        help=field.help,
        persist_state="session",
    )


def _key(upload: str, name: str) -> str:
    return f"upload:{upload}:{name}"


def _column_key(upload: str, role: str, preview: Preview) -> str:
    """Differs for each set of columns, which another delimiter changes."""
    columns = hashlib.sha256("\0".join(preview.columns(role)).encode("utf-8", "replace")).hexdigest()[:12]
    return f"upload:{upload}:{role}:{columns}"


# ---------------------------------------------------------------- messages of the reader, in terms of the fields
_OPTION_FIELDS: Final[Mapping[str, str]] = {
    "user-column": "User",
    "item-column": "Item",
    "rating-column": "Rating",
    "time-column": "Time",
    "title-column": "Title",
    "date-order": _FIELDS["date_order"].label,
    "time-unit": _FIELDS["time_unit"].label,
    **{name: _FIELDS[name].label for name in ("delimiter", "encoding", "decimal", "format", "ids", "keep")},
    "header": "Header (first line)",
    "no-header": "Header (none)",
}
_OPTION: Final = re.compile(
    rf"(?:(?<=say )|(?<=Say ))?--({'|'.join(_OPTION_FIELDS)})\b"
    r"( NAME| NUMBER| \"\"| number\b| adjacency\b| utf-8\b| day-first or month-first\b)?"
)
_VALUE_TEXTS: Final[Mapping[str, str]] = {
    '""': ": not read",
    "number": " (numbers)",
    "utf-8": " (utf-8)",
    "adjacency": f" ({FORMAT_WORDS['adjacency']})",
}


def reword(text: object, folders: Sequence[str] = ()) -> str:
    """A message of the reader for this page: files by their names, options by the fields above."""
    message = str(text)
    for folder in folders:
        message = message.replace(f"{folder}/", "")
    return _OPTION.sub(lambda match: f"the field {_OPTION_FIELDS[match[1]]}{_value(match[2])}", message)


def _value(value: str | None) -> str:
    return _VALUE_TEXTS.get((value or "").strip(), "")
