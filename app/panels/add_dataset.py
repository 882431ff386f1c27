"""From an uploaded file to a dataset: preview, columns, what would be kept and left out, a name, Save."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from app import state, widgets
from app.panels import uploads
from app.panels.reading_report import show as show_report
from app.wording import plain, plural
from convncf.data import catalogue
from convncf.data.reading import DELIMITER_WORDS, DELIMITERS, OPTIONS, Preview, ReadResult, preview, read_delimited
from convncf.data.storage import Dataset
from convncf.errors import ConvNCFError

ROLE_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "user_id": ("User", "Who: a customer, a reader, a session."),
    "item_id": ("Item", "What: a film, a product, a song."),
    "rating": ("Rating", "Kept beside the data; every row counts as an interaction, whatever its rating."),
    "timestamp": ("Time", "When: seconds, milliseconds or a date. Needed for the leave-one-out split."),
    "title": ("Title", "What the item is called on the pages; without it, items show their ids."),
}
_REQUIRED: Final = ("user_id", "item_id")
_NOT_READ: Final = ""
_PREVIEW_ROWS: Final = 8


def show() -> None:
    """The way from a file to a dataset, one step under the other."""
    generation = st.session_state.setdefault("upload:generation", 0)
    given = st.file_uploader(
        f"A CSV or other delimited text with a header line, up to {uploads.LIMIT_MB} MB",
        type=["csv", "tsv", "txt", "dat", "data", "inter"],
        max_upload_size=uploads.LIMIT_MB,
        key=f"upload:{generation}",
        help="It stays on this machine.",
    )
    if given is not None and st.session_state.get("upload:file") != given.file_id:
        st.session_state["upload:file"] = given.file_id
        state.choose(upload=uploads.store(given.name, given))
    upload = state.chosen("upload")
    path = uploads.path(upload)
    if upload is None or path is None:
        _without_a_file(upload)
        return
    try:
        _steps(upload, path)
    except ConvNCFError as error:
        st.error(plain(in_words(error, path)))
        _leave(upload)


def _without_a_file(upload: str | None) -> None:
    saved = st.session_state.get("upload:saved")
    if upload is not None and saved is not None and saved[0] == upload:  # by a click that was interrupted
        widgets.tell(_saved(saved[1]))
        st.rerun()
    if upload is not None:
        st.caption("The uploaded file of this address is no longer here; upload it again.")
    st.caption("For a larger file, or one that lies on the server:")
    st.code("convncf datasets add FILE --name NAME", language=None, wrap_lines=True)


def _steps(upload: str, path: Path) -> None:
    delimiter = _delimiter(upload, path)
    seen = preview(path, _PREVIEW_ROWS, delimiter=delimiter)
    _show_preview(path, seen)
    mapping = _mapping(upload, seen)
    missing = [ROLE_WORDS[role][0].lower() for role in _REQUIRED if not mapping[role]]
    if missing:
        st.warning(f"Choose the {' and the '.join(missing)} column.")
        _leave(upload)
        return
    result = _read(str(path), tuple(mapping.items()), seen.delimiter)
    show_report(result.report.to_json())
    _save(upload, path, result)


def _delimiter(upload: str, path: Path) -> str | None:
    """The delimiter that the user insists on; none to detect it."""
    widget = f"upload:{upload}:delimiter"
    chosen = st.session_state.get(widget)
    st.caption(f"**{plain(path.name)}**")
    return chosen if chosen in DELIMITERS else None


def _show_preview(path: Path, seen: Preview) -> None:
    width = max([len(seen.header), *map(len, seen.rows)])
    columns = _distinct([*seen.header, *[""] * (width - len(seen.header))])
    cells = [[*row, *[""] * (width - len(row))] for row in seen.rows]
    st.dataframe(
        pd.DataFrame(cells, columns=columns, dtype="object"),
        hide_index=True,
        column_config={name: st.column_config.TextColumn() for name in columns},
        alt=f"First {plural(len(seen.rows), 'row')} of the file, as they stand",
    )
    words = DELIMITER_WORDS.get(seen.delimiter, repr(seen.delimiter))
    st.caption(f"First {plural(len(seen.rows), 'row')}, as they stand. {plain(seen.encoding)}; divided by: {words}.")


def _distinct(names: list[str]) -> list[str]:
    """Heads for the preview: a table needs each once, and none empty."""
    heads: list[str] = []
    for number, name in enumerate(names, start=1):
        head = name or f"(column {number})"
        heads.append(head if head not in heads else f"{head} ({number})")
    return heads


def _mapping(upload: str, seen: Preview) -> dict[str, str]:
    """Role -> column, guessed, for the user to correct; "" for a role that is not read."""
    chosen: dict[str, str] = {}
    with st.grid(6, min_column_width=130):
        for role, (label, help) in ROLE_WORDS.items():
            options = [_NOT_READ, *dict.fromkeys(name for name in seen.header if name)]
            guessed = seen.guess.get(role, _NOT_READ)
            picked = st.selectbox(
                label,
                options,
                index=options.index(guessed) if guessed in options else 0,
                format_func=partial(_column_words, role),
                key=f"upload:{upload}:{seen.delimiter}:{role}",
                help=help,
            )
            chosen[role] = picked or _NOT_READ
        st.selectbox(
            "Divided by",
            ["", *DELIMITERS],
            format_func=lambda sign: DELIMITER_WORDS[sign] if sign else "detect",
            key=f"upload:{upload}:delimiter",
            help="What stands between two fields of a line.",
        )
    return chosen


def _column_words(role: str, name: str) -> str:
    return name or ("choose" if role in _REQUIRED else "not read")


@st.cache_resource(max_entries=2, show_spinner="Reading the file")
def _read(path: str, mapping: tuple[tuple[str, str], ...], delimiter: str) -> ReadResult:
    return read_delimited(path, mapping=dict(mapping), delimiter=delimiter)


def _save(upload: str, path: Path, result: ReadResult) -> None:
    home = state.home()
    widget = f"upload:{upload}:name"
    if widget not in st.session_state:
        st.session_state[widget] = catalogue.free_name(path.stem, home)
    name_column, button_column = st.columns([3, 3], vertical_alignment="bottom")
    name = str(name_column.text_input("Name of the dataset", key=widget, persist_state="session") or "")
    refusal = ""
    try:
        catalogue.check_name(name, home)
    except ConvNCFError as error:
        refusal = str(error)
    with button_column.container(horizontal=True):
        pressed = widgets.main_button("Save as dataset", key="upload:save", disabled=bool(refusal))
        _leave(upload)
    if refusal:
        widgets.problem(refusal)
    elif pressed:  # not in a callback, which would not see a name typed just now
        with st.spinner("Saving"):
            widgets.attempt(partial(_keep, upload, path, result, name))
        st.rerun()


def _keep(upload: str, path: Path, result: ReadResult, name: str) -> str:
    """Save the dataset and let go of the file."""
    # Noted first: a second click interrupts this script at its next word to Streamlit, and must find the note.
    st.session_state["upload:saved"] = (upload, name)
    origin = f"imported from {path.name}"
    catalogue.save(Dataset(name, result.interactions, result.items, origin, result.report.to_json()), state.home())
    uploads.forget(upload)
    return _saved(name)


def _saved(name: str) -> str:
    _away(None)
    state.choose(dataset=name)
    return f"{name} is saved. It can be trained on now."


def _leave(upload: str) -> None:
    st.button("Discard the file", key="upload:discard", on_click=_away, args=(upload,))


def _away(upload: str | None) -> None:
    """Forget the file here and on disk, and empty the field that it was dropped on."""
    if upload is not None:
        uploads.forget(upload)
    state.choose(upload=None)
    st.session_state["upload:generation"] = st.session_state.get("upload:generation", 0) + 1
    st.session_state.pop("upload:file", None)


def in_words(error: Exception, path: Path) -> str:
    """A reader's error as this page's reader needs it: the file by its name, options by the fields above."""
    words = str(error).replace(f"{path.parent}/", "")
    for role, option in OPTIONS.items():
        field = ROLE_WORDS[role][0]
        words = words.replace(f'{option} ""', f"{field}: not read").replace(f"{option} NAME", f"the field {field}")
    return words.replace("with --delimiter", "in the field Divided by")
