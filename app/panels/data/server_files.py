"""Files that lie on the server, for those too large to upload: inside the folders of CONVNCF_DATA_FOLDERS alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import streamlit as st

from app import state, widgets
from app.panels.data import uploads
from convncf.errors import ReadError

FOLDERS: Final = "CONVNCF_DATA_FOLDERS"
"""Names the folders, divided as in PATH; without it nothing on the server can be named."""
_FIELD: Final = "upload:server"


def folders() -> tuple[Path, ...]:
    """The allowed folders that are there, without links in their paths."""
    named = [Path(text).resolve() for text in os.environ.get(FOLDERS, "").split(os.pathsep) if text.strip()]
    return tuple(folder for folder in named if folder.is_dir())


def path(chosen: str) -> Path:
    """The file or folder that is meant. Raises ReadError where it, or a file in it, is not inside an allowed folder.

    A relative path is one within the first of the folders that has it.
    """
    allowed = folders()
    if "\0" in chosen:
        raise ReadError(f"{chosen!r} is no path.")
    for folder in allowed:
        found = (folder / chosen).resolve()
        if found.is_relative_to(folder) and found.exists():
            if found.is_dir():
                _refuse_links_out(found, allowed)
            return found
    names = " or ".join(map(str, allowed)) or "any folder: none is allowed here"
    raise ReadError(f"there is no {chosen!r} inside {names}.")


def ask() -> None:
    """A field for the path, where folders are allowed; what is typed is chosen as an upload is."""
    allowed = folders()
    if not allowed:
        return
    st.text_input(
        "Or a file or folder on the server",
        key=_FIELD,
        placeholder=f"a path inside {' or '.join(map(str, allowed))}",
        help="For files too large to upload: they are read where they lie. A folder stands for the files in it.",
        on_change=_typed,
    )


def _typed() -> None:
    text = str(st.session_state[_FIELD]).strip()
    if not text:
        return
    try:
        found = path(text)
    except ReadError as error:
        widgets.tell(str(error), "problem")
        return
    before = state.chosen("upload")
    if before is not None:
        uploads.forget(before)
    state.choose(upload=str(found))


def _refuse_links_out(folder: Path, allowed: tuple[Path, ...]) -> None:
    for file in sorted(folder.iterdir()):
        if not any(file.resolve().is_relative_to(within) for within in allowed):
            raise ReadError(f"{folder.name} holds {file.name}, a link to outside the allowed folders. Give one file.")
