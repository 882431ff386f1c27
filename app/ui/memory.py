"""Memory of the server: what is kept out of garbage collections, and uploads that are given back.

They walk through every object of the process, holding the interpreter; with torch, pandas and Plotly loaded that takes
longer than drawing a page (docs/pages.md).
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Sequence

import pyarrow as pa
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

_seen = 0
"""Modules that were loaded when objects were last set aside."""


def set_aside() -> None:
    """Once new modules have been loaded: collect, then leave all that lives out of later collections.

    Reference counts still free it; only a cycle made before this would be kept.
    """
    global _seen
    if len(sys.modules) != _seen:
        gc.collect()
        gc.freeze()
        _seen = len(sys.modules)


def drop_files(ids: Sequence[str]) -> None:
    """Free the bytes of files that lay on an uploader which is gone; a later drop is a file of its own."""
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for one in ids:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=one)


def free() -> None:
    """Hand what is no longer used back to the system; without this it stays with the process for later reads."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none
        if trim is not None:
            trim(0)
