"""Adding a dataset from uploaded files: first rows, columns, the reading report, a name, Save."""

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
from app.ui.commands import READ_ONLY
from app.ui.text import plain
from app.ui.uploads import LIMIT_MB
from app.views.data import first_rows, reading_options
from app.views.data.dataset import show_report
from convncf.data import catalogue
from convncf.data.reading.api import ReadResult, read
from convncf.data.reading.options import ReadOptions
from convncf.errors import ConvNCFError, DataError

_READ: Final = "upload:read"
"""In the session: the key under which the content of its files is cached."""
_ROOM: Final = 2


def show() -> None:
    """The steps from files to a dataset, one below the other."""
    generation = st.session_state.setdefault("upload:generation", 0)
    uploaded = st.file_uploader(
        f"A file, or several that belong together, up to {LIMIT_MB} MB each",
        accept_multiple_files=True,
        max_upload_size=LIMIT_MB,
        key=f"upload:{generation}",
        help="CSV and other delimited text, Parquet, JSON lines, RecBole's, MovieLens', NCF's and LightGCN's files, "
        "also as .gz or in a .zip. Titles and a predefined split may be files of their own. "
        "All stays on this machine.",
    )
    _store(uploaded)
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
        st.error(plain(_reword(error, paths)))
        _discard_button(upload)


def _paths(upload: str | None) -> tuple[Path, ...]:
    """Paths of the chosen files: uploaded ones by their id, those on the server by their path."""
    stored = uploads.paths(upload)
    if stored or upload is None or uploads.ID.fullmatch(upload) or not uploads.folders():
        return stored
    return (uploads.path(upload),)


def _store(uploaded: Sequence[UploadedFile]) -> None:
    """Store the files that were just dropped, in place of earlier ones."""
    files = [file.file_id for file in uploaded]
    if not files:
        _forget_uploader()
        return
    if st.session_state.get("upload:files") == files:
        if refusal := st.session_state.get("upload:refusal"):
            widgets.problem(refusal)
        return
    st.session_state["upload:files"] = files
    previous = address.chosen("upload")
    try:
        with st.spinner("Storing the files"):
            upload: str | None = uploads.store([(file.name, file) for file in uploaded])
        st.session_state.pop("upload:refusal", None)
    except ConvNCFError as error:
        upload = None
        st.session_state["upload:refusal"] = str(error)
        widgets.problem(st.session_state["upload:refusal"])
    if previous is not None:
        uploads.forget(previous)
    address.choose(upload=upload)


def _without_files(upload: str | None) -> None:
    saved = st.session_state.get("upload:saved")
    if upload is not None and saved is not None and saved[0] == upload:  # saved by a click that was interrupted
        widgets.notify(_saved(saved[1]))
        st.rerun()
    if upload is not None:
        st.caption("The uploaded files of this address no longer exist; upload them again.")
    st.caption("For larger files, on the command line:")
    st.code("convncf datasets add FILE --name NAME", language=None, wrap_lines=True)


def _steps(upload: str, paths: tuple[Path, ...]) -> None:
    options = reading_options.chosen(upload)
    preview = first_rows.preview(paths, options)
    options = replace(options, columns=reading_options.columns(upload, preview))
    missing = reading_options.missing(upload, preview)
    result, refusal = (None, "") if missing else _try_to_read(paths, options)
    unfold = f"upload:{upload}:unfold"  # once something had to be chosen, the fields stay open
    if missing or refusal:
        st.session_state[unfold] = True
    first_rows.show(preview)
    if missing:
        st.warning(f"Choose the {' and the '.join(label.lower() for label in missing)} column.")
    if refusal:
        st.error(plain(refusal))
    reading_options.show(upload, preview, expanded=bool(st.session_state.get(unfold)))
    if result is None:
        _discard_button(upload)
        return
    show_report(result.report.to_json(), partial(_reword, paths=paths))
    _save(upload, result)


def _try_to_read(paths: tuple[Path, ...], options: ReadOptions) -> tuple[ReadResult | None, str]:
    """The content of the files, or why they cannot be read, in terms of this page's fields."""
    key = (*_stamped(paths), json.dumps(asdict(options), sort_keys=True))
    if st.session_state.get(_READ) != key:  # other files, or other options: the earlier result is freed
        _free_result()
    st.session_state[_READ] = key
    try:
        return shelf.keep("read", key, lambda: read(paths, options), room=_ROOM, spinner="Reading the files"), ""
    except ConvNCFError as error:
        return None, _reword(error, paths)
    except MemoryError:
        return None, "Reading these files takes more memory than is available. Split them, or use a larger machine."


def _free_result() -> None:
    """Free what this session has read: about four times the size of the files."""
    key = st.session_state.pop(_READ, None)
    if key is not None:
        shelf.of("read", _ROOM).drop(key)
        memory.free()


def _stamped(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """Each file with its size and time: files on the server may change meanwhile."""
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return tuple(map(str, files)) + shelf.stamped(*files)


def _reword(text: object, paths: Sequence[Path]) -> str:
    return reading_options.reword(text, sorted({str(path.parent) for path in paths}))


def _save(upload: str, result: ReadResult) -> None:
    home = address.home()
    widget = f"upload:{upload}:name"
    if widget not in st.session_state:
        st.session_state[widget] = catalogue.free_name(_proposed_name(upload, result), home)
    name_column, button_column = st.columns([3, 3], vertical_alignment="bottom")
    name = str(name_column.text_input("Name of the dataset", key=widget, persist_state="session") or "")
    refusal = ""
    try:
        catalogue.check_name(name, home)
    except ConvNCFError as error:
        refusal = str(error)
    with button_column.container(horizontal=True):
        pressed = widgets.main_button("Save as dataset", key="upload:save", disabled=bool(refusal))
        _discard_button(upload)
    if refusal:
        widgets.problem(refusal)
    elif pressed:  # not in a callback, which would not see a name typed just now
        with st.spinner("Saving"):
            widgets.attempt(partial(_save_dataset, upload, result, name))
        st.rerun()


def _proposed_name(upload: str, result: ReadResult) -> str:
    """A name after the file with interactions, or the folder on the server; an upload's own folder is no name."""
    paths = _paths(upload)
    stem = catalogue.stem(paths[0] if len(paths) == 1 else paths[0].with_name(result.report.file))
    return "uploaded" if stem == upload else stem


def _save_dataset(upload: str, result: ReadResult, name: str) -> str:
    """Save the dataset and remove the files. Raises DataError on a read-only server."""
    if address.read_only():
        raise DataError(READ_ONLY)
    # Recorded first: a second click interrupts this script at its next call of Streamlit, and must find the record.
    st.session_state["upload:saved"] = (upload, name)
    catalogue.save(catalogue.as_dataset(name, result), address.home())
    uploads.forget(upload)
    _free_result()
    return _saved(name)


def _saved(name: str) -> str:
    _discard(None)
    address.choose(dataset=name)
    return f"{name} is saved. Models can be trained on it now."


def _discard_button(upload: str | None) -> None:
    st.button("Discard the files", key="upload:discard", on_click=_discard, args=(upload,))


def _discard(upload: str | None) -> None:
    """Remove the files from session and disk, and empty the uploader."""
    if upload is not None:
        uploads.forget(upload)
    memory.drop_files(st.session_state.get("upload:files", ()))
    _free_result()
    address.choose(upload=None)
    st.session_state.pop("upload:server", None)
    st.session_state["upload:generation"] = st.session_state.get("upload:generation", 0) + 1
    _forget_uploader()


def _forget_uploader() -> None:
    """The uploader is empty."""
    for key in ("upload:files", "upload:refusal"):
        st.session_state.pop(key, None)
