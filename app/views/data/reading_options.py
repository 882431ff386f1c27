"""What a user may insist on where reading finds out by itself: columns, delimiter, dates and the like."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import streamlit as st

from app.views.data.first_rows import Preview
from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading.options import ROLES, OptionWords, ReadOptions, RoleWords, option_words

_OPTIONS: Final = {
    name: words for name, words in option_words().items() if name not in ("titles", "titles_key")
}  # a file of titles is uploaded with the others, and found out
_DETECT: Final = ""


def chosen(upload: str) -> ReadOptions:
    """What the fields say but for the columns. Raises ReadError where a value cannot be."""
    given = {name: st.session_state.get(_key(upload, name), _DETECT) for name in _OPTIONS}
    return ReadOptions(**{name: value for name, value in given.items() if value != _DETECT}, companions=False)


def columns(upload: str, preview: Preview) -> dict[str, str | None]:
    """Role -> column where it differs from the guess, as `ReadOptions.columns` takes it; None where it is not read."""
    changes: dict[str, str | None] = {}
    for role in ROLES:
        guessed = preview.guess.get(role, "")
        picked = st.session_state.get(_column_key(upload, role, preview), guessed)
        if picked != guessed:
            changes[role] = picked or None
    return changes


def missing(upload: str, preview: Preview) -> list[str]:
    """The labels of required columns that are neither guessed nor chosen; files without columns need none."""
    if not preview.files[0].header:
        return []
    of = {
        role: st.session_state.get(_column_key(upload, role, preview), preview.guess.get(role))
        for role, words in ROLES.items()
        if words.required
    }
    return [ROLES[role].label for role, name in of.items() if not name]


def show(upload: str, preview: Preview, *, expanded: bool) -> None:
    """The fields, folded unless something must be chosen."""
    with st.expander("Columns and reading options", expanded=expanded):
        if preview.files[0].header:
            with st.grid(5, min_column_width=130):
                for role, words in ROLES.items():
                    _column(upload, role, words, preview)
        with st.grid(5, min_column_width=130):
            for name, option in _OPTIONS.items():
                _option(upload, name, option)


def _column(upload: str, role: str, words: RoleWords, preview: Preview) -> None:
    options = ["", *preview.columns(role)]
    guessed = preview.guess.get(role, "")
    st.selectbox(
        words.label,
        options,
        index=options.index(guessed) if guessed in options else 0,
        format_func=partial(_column_label, role),
        key=_column_key(upload, role, preview),
        help=words.help,
        persist_state="session",
    )


def _column_label(role: str, name: str) -> str:
    return name or ("choose" if ROLES[role].required else "not read")


def _option(upload: str, name: str, words: OptionWords) -> None:
    detected = getattr(ReadOptions(), name) is None
    st.selectbox(
        words.label,
        [_DETECT, *words.values] if detected else list(words.values),
        format_func=lambda value: "detect automatically" if value == _DETECT else words.values.get(value, value),
        accept_new_options=words.free,
        key=_key(upload, name),
        help=words.help,
        persist_state="session",
    )


def _key(upload: str, name: str) -> str:
    return f"upload:{upload}:{name}"


def _column_key(upload: str, role: str, preview: Preview) -> str:
    """Of its own for each set of columns, which another delimiter changes."""
    columns = hashlib.sha256("\0".join(preview.columns(role)).encode("utf-8", "replace")).hexdigest()[:12]
    return f"upload:{upload}:{role}:{columns}"


# ---------------------------------------------------------------- messages of the reader, in terms of the fields
_OPTION_FIELDS: Final[Mapping[str, str]] = {
    **{words.option: words.label for words in ROLES.values()},
    **{name.replace("_", "-"): words.label for name, words in _OPTIONS.items()},
    "header": f"{_OPTIONS['header'].label} (names the columns)",
    "no-header": f"{_OPTIONS['header'].label} (is data)",
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


def reword(text: object, folders: Sequence[str] = ()) -> str:
    """A reader's sentence as this page's reader needs it: files by their names, options by the fields above."""
    words = str(text)
    for folder in folders:
        words = words.replace(f"{folder}/", "")
    return _OPTION.sub(lambda found: f"the field {_OPTION_FIELDS[found[1]]}{_value(found[2])}", words)


def _value(value: str | None) -> str:
    return _VALUE_WORDS.get((value or "").strip(), "")
