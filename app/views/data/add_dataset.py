"""From uploaded files to a dataset: first rows, columns, what would be kept and left out, a name, Save."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.ui import address, memory, shelf, uploads, widgets
from app.ui.commands import ONLY_SHOWS
from app.ui.text import plain
from app.ui.uploads import LIMIT_MB
from app.views.data import first_rows, reading_options
from app.views.data.dataset import show_report
from convncf.data import catalogue
from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ConvNCFError, DataError

_READ: Final = "upload:read"
"""In the session: the key under which its files' content is kept in memory."""
_ROOM: Final = 2


def show() -> None:
    """The way from files to a dataset, one step under the other."""
    generation = st.session_state.setdefault("upload:generation", 0)
    given = st.file_uploader(
        f"A file, or several that belong together, up to {LIMIT_MB} MB each",
        accept_multiple_files=True,
        max_upload_size=LIMIT_MB,
        key=f"upload:{generation}",
        help="CSV and other delimited text, Parquet, JSON lines, RecBole's, MovieLens', NCF's and LightGCN's files, "
        "also as .gz or in a .zip. Titles and a predefined split may come along as files of their own. "
        "All stays on this machine.",
    )
    _take(given)
    uploads.ask()
    upload = address.chosen("upload")
    paths: tuple[Path, ...] = ()
    try:
        paths = _paths(upload)
        if upload is None or not paths:
            _without_files(upload)
            return
        st.caption(", ".join(f"**{plain(path.name)}**" for path in paths))
        _steps(upload, paths)
    except ConvNCFError as error:
        st.error(plain(_in_words(error, paths)))
        _leave(upload)


def _paths(upload: str | None) -> tuple[Path, ...]:
    """Where the chosen files lie: uploaded ones by their id, those on the server by their path."""
    found = uploads.paths(upload)
    if found or upload is None or uploads.ID.fullmatch(upload) or not uploads.folders():
        return found
    return (uploads.path(upload),)


def _take(given: Sequence[UploadedFile]) -> None:
    """Keep what was just dropped, in place of what was before."""
    files = [file.file_id for file in given]
    if not files:
        _forget_field()
        return
    if st.session_state.get("upload:files") == files:
        if refusal := st.session_state.get("upload:refusal"):
            widgets.problem(refusal)
        return
    st.session_state["upload:files"] = files
    before = address.chosen("upload")
    try:
        with st.spinner("Taking the files in"):
            upload: str | None = uploads.store([(file.name, file) for file in given])
        st.session_state.pop("upload:refusal", None)
    except ConvNCFError as error:
        upload = None
        st.session_state["upload:refusal"] = str(error)
        widgets.problem(st.session_state["upload:refusal"])
    if before is not None:
        uploads.forget(before)
    address.choose(upload=upload)


def _without_files(upload: str | None) -> None:
    saved = st.session_state.get("upload:saved")
    if upload is not None and saved is not None and saved[0] == upload:  # by a click that was interrupted
        widgets.tell(_saved(saved[1]))
        st.rerun()
    if upload is not None:
        st.caption("The uploaded files of this address are no longer here; upload them again.")
    st.caption("For larger files, in a terminal:")
    st.code("convncf datasets add FILE --name NAME", language=None, wrap_lines=True)


def _steps(upload: str, paths: tuple[Path, ...]) -> None:
    options = reading_options.chosen(upload)
    seen = first_rows.look(paths, options)
    options = replace(options, columns=reading_options.columns(upload, seen))
    missing = reading_options.missing(upload, seen)
    result, refusal = (None, "") if missing else _attempt(paths, options)
    unfold = f"upload:{upload}:unfold"  # once something had to be chosen, the fields stay open
    if missing or refusal:
        st.session_state[unfold] = True
    first_rows.show(seen)
    if missing:
        st.warning(f"Choose the {' and the '.join(label.lower() for label in missing)} column.")
    if refusal:
        st.error(plain(refusal))
    reading_options.show(upload, seen, expanded=bool(st.session_state.get(unfold)))
    if result is None:
        _leave(upload)
        return
    show_report(result.report.to_json(), partial(_in_words, paths=paths))
    _save(upload, result)


def _attempt(paths: tuple[Path, ...], options: ReadOptions) -> tuple[ReadResult | None, str]:
    """What the files hold, or why they cannot be read, in the words of this page."""
    key = (*_stamped(paths), json.dumps(asdict(options), sort_keys=True))
    if st.session_state.get(_READ) != key:  # other files, or read in another way: what was read before goes
        _let_go()
    st.session_state[_READ] = key
    try:
        return shelf.keep("read", key, lambda: read(paths, options), room=_ROOM, words="Reading the files"), ""
    except ConvNCFError as error:
        return None, _in_words(error, paths)
    except MemoryError:
        return None, "Reading these files takes more memory than there is. Divide them, or use a larger machine."


def _let_go() -> None:
    """Free what this session has read: some four times the size of the files."""
    key = st.session_state.pop(_READ, None)
    if key is not None:
        shelf.of("read", _ROOM).drop(key)
        memory.free()


def _stamped(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """Each file with its size and time: those on the server may change while they are looked at."""
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return tuple(map(str, files)) + shelf.stamped(*files)


def _in_words(text: object, paths: Sequence[Path]) -> str:
    return reading_options.in_words(text, sorted({str(path.parent) for path in paths}))


def _save(upload: str, result: ReadResult) -> None:
    home = address.home()
    widget = f"upload:{upload}:name"
    if widget not in st.session_state:
        st.session_state[widget] = catalogue.free_name(_wish(upload, result), home)
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
            widgets.attempt(partial(_keep, upload, result, name))
        st.rerun()


def _wish(upload: str, result: ReadResult) -> str:
    """A name after the file with interactions, or the folder on the server; the folder of an upload says nothing."""
    paths = _paths(upload)
    stem = catalogue.stem(paths[0] if len(paths) == 1 else paths[0].with_name(result.report.file))
    return "uploaded" if stem == upload else stem


def _keep(upload: str, result: ReadResult, name: str) -> str:
    """Save the dataset and let go of the files. Raises DataError on a server that only shows."""
    if address.read_only():
        raise DataError(ONLY_SHOWS)
    # Noted first: a second click interrupts this script at its next word to Streamlit, and must find the note.
    st.session_state["upload:saved"] = (upload, name)
    catalogue.save(catalogue.as_dataset(name, result), address.home())
    uploads.forget(upload)
    _let_go()
    return _saved(name)


def _saved(name: str) -> str:
    _away(None)
    address.choose(dataset=name)
    return f"{name} is saved. It can be trained on now."


def _leave(upload: str | None) -> None:
    st.button("Discard the files", key="upload:discard", on_click=_away, args=(upload,))


def _away(upload: str | None) -> None:
    """Forget the files here and on disk, and empty the field that they were dropped on."""
    if upload is not None:
        uploads.forget(upload)
    memory.drop_files(st.session_state.get("upload:files", ()))
    _let_go()
    address.choose(upload=None)
    st.session_state.pop("upload:server", None)
    st.session_state["upload:generation"] = st.session_state.get("upload:generation", 0) + 1
    _forget_field()


def _forget_field() -> None:
    """Nothing lies on the field."""
    for note in ("upload:files", "upload:refusal"):
        st.session_state.pop(note, None)
